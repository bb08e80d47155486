//! The files of a folder as one input.

use std::path::Path;

use blake3::Hasher;
use twinset_manifest::{Digest, Input};

/// The digest of files in an order: BLAKE3 over each one's path and bytes, both behind their length as little-endian u64.
pub(crate) struct FilesDigest {
    hasher: Hasher,
    /// What is to be digested next: less than a block.
    gathered: Vec<u8>,
}

/// BLAKE3 takes the chunks of a block side by side, where blocks begin at multiples of their size.
const BLOCK_BYTES: usize = 64 << 10;

impl FilesDigest {
    pub(crate) fn new() -> Self {
        Self { hasher: Hasher::new(), gathered: Vec::with_capacity(BLOCK_BYTES) }
    }

    /// Adds a file; one that could not be read has no bytes.
    pub(crate) fn add(&mut self, path: &str, bytes: &[u8]) {
        for part in [path.as_bytes(), bytes] {
            self.update(&(part.len() as u64).to_le_bytes());
            self.update(part);
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        let n_missing = BLOCK_BYTES - self.gathered.len();
        let Some((completing, rest)) = bytes.split_at_checked(n_missing) else {
            return self.gathered.extend_from_slice(bytes);
        };
        self.gathered.extend_from_slice(completing);
        self.hasher.update(&self.gathered);
        let (blocks, rest) = rest.split_at(rest.len() / BLOCK_BYTES * BLOCK_BYTES);
        self.hasher.update(blocks);
        self.gathered.clear();
        self.gathered.extend_from_slice(rest);
    }

    /// The folder of these files as an input.
    pub(crate) fn into_input(mut self, folder: &Path) -> Input {
        let blake3 = Digest(*self.hasher.update(&self.gathered).finalize().as_bytes());
        let name = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Input { name, schema: None, blake3 }
    }
}

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
        let large = vec![7; 3 * BLOCK_BYTES];
        // The second file ends where a block does.
        let filling = vec![8; BLOCK_BYTES - 4 * 8 - 4];
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
