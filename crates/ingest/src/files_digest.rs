//! The files of a folder as one input.

use std::io::{BufWriter, Write};
use std::path::Path;

use blake3::Hasher;
use twinset_manifest::{Digest, Input};

/// The digest of files in an order: BLAKE3 over each one's path and bytes, both behind their length as little-endian u64.
///
/// Small files are gathered first: BLAKE3 is fast on many KiB at once.
pub(crate) struct FilesDigest(BufWriter<Hasher>);

const BUFFER_BYTES: usize = 64 << 10;

impl FilesDigest {
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(BUFFER_BYTES, Hasher::new()))
    }

    /// Adds a file; one that could not be read has no bytes.
    pub(crate) fn add(&mut self, path: &str, bytes: &[u8]) {
        for part in [path.as_bytes(), bytes] {
            self.0.write_all(&(part.len() as u64).to_le_bytes()).expect(NEVER_FAILS);
            self.0.write_all(part).expect(NEVER_FAILS);
        }
    }

    /// The folder of these files as an input.
    pub(crate) fn into_input(self, folder: &Path) -> Input {
        let hasher = self.0.into_inner().expect(NEVER_FAILS);
        let name = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Input { name, schema: None, blake3: Digest(*hasher.finalize().as_bytes()) }
    }
}

const NEVER_FAILS: &str = "a hasher takes all bytes";

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(files: &[(&str, &[u8])]) -> Digest {
        let mut digest = FilesDigest::new();
        files.iter().for_each(|(path, bytes)| digest.add(path, bytes));
        digest.into_input(Path::new("data/photos")).blake3
    }

    #[test]
    fn the_digest_is_that_of_paths_and_bytes_behind_their_lengths() {
        let large = vec![7; 3 * BUFFER_BYTES];
        // The second file ends where a buffer does.
        let filling = vec![8; BUFFER_BYTES - 4 * 8 - 4];
        let mut expected = Vec::new();
        for part in [b"a".as_slice(), b"xy", b"b", &filling, b"c", b"", b"b/c", &large] {
            expected.extend((part.len() as u64).to_le_bytes());
            expected.extend(part);
        }
        let found = digest(&[("a", b"xy"), ("b", &filling), ("c", b""), ("b/c", &large)]);
        assert_eq!(found, Digest(*blake3::hash(&expected).as_bytes()));
    }

    #[test]
    fn what_parts_two_files_counts() {
        let whole = digest(&[("a", b"xyz"), ("b", b"")]);
        for other in [&[("a", &b"xy"[..]), ("b", b"z")], &[("ax", b"yz"), ("b", b"")], &[("b", b""), ("a", b"xyz")]] {
            assert_ne!(digest(other), whole);
        }
    }
}
