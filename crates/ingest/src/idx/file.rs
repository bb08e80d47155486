//! One IDX file.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::IngestError;
use crate::error::{no_dataset, wrong};

/// The most that is read into memory: EMNIST's greatest file has half of it.
const MAX_BYTES: u64 = 1 << 30;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What a file should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Bytes along three axes: images, rows, columns.
    Images,
    /// Bytes along one axis.
    Labels,
}

impl Content {
    fn n_axes(self) -> usize {
        match self {
            Self::Images => 3,
            Self::Labels => 1,
        }
    }

    fn magic(self) -> [u8; 4] {
        [0, 0, 8, self.n_axes() as u8]
    }

    fn name(self) -> &'static str {
        match self {
            Self::Images => "images of bytes",
            Self::Labels => "labels",
        }
    }
}

/// A file that holds what its header promises.
#[derive(Debug, PartialEq, Eq)]
pub struct Idx {
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The elements, the last axis's next to one another.
    pub elements: Vec<u8>,
}

impl Idx {
    /// Reads a file, plain or gzipped.
    pub(super) fn open(path: &Path, content: Content) -> Result<Self, IngestError> {
        let (file, n_bytes) = open(path)?;
        Self::read(path, content, file, n_bytes)
    }

    /// How many images or labels the file's header promises.
    pub(super) fn count(path: &Path, content: Content) -> Result<u64, IngestError> {
        let (file, _) = open(path)?;
        let mut input = decoded(path, file)?.0;
        Ok(u64::from(header(path, content, &mut input)?[0]))
    }

    /// Reads a file of `n_bytes` from `input`; `path` is for messages.
    ///
    /// # Errors
    /// When the file cannot be read, holds something else than `content`, or more or less than its header promises.
    pub fn read(path: &Path, content: Content, input: impl BufRead, n_bytes: u64) -> Result<Self, IngestError> {
        let (mut input, is_gzipped) = decoded(path, input)?;
        let shape = header(path, content, &mut input)?;
        let (shown, lengths) = (path.display(), shape.iter().map(u32::to_string).collect::<Vec<_>>().join(" x "));
        if shape.contains(&0) {
            return Err(wrong!("`{shown}` promises {lengths}, expected at least 1 along each axis").into());
        }
        let expected = shape.iter().try_fold(1u64, |product, length| product.checked_mul(u64::from(*length)));
        let Some(expected) = expected.filter(|expected| *expected <= MAX_BYTES) else {
            return Err(wrong!("`{shown}` promises {lengths}, expected at most {MAX_BYTES} bytes").into());
        };
        let wrong_size = |found: &dyn Display| {
            let promise = format_args!("the {lengths} that the header promises");
            Err(wrong!("`{shown}` holds {found} bytes after its header, expected {expected}, {promise}").into())
        };
        let after_header = n_bytes.saturating_sub(header_bytes(content) as u64);
        if !is_gzipped && after_header != expected {
            return wrong_size(&after_header);
        }
        // No room is made for a promise: it grows with what there is. One byte more shows that there is more.
        let mut elements = Vec::new();
        let read = input.take(expected + 1).read_to_end(&mut elements);
        read.map_err(|source| IngestError::Read { path: path.to_owned(), source })?;
        match elements.len() as u64 {
            found if found == expected => {
                Ok(Self { shape: shape.into_iter().map(|length| length as usize).collect(), elements })
            }
            found if found > expected => wrong_size(&format_args!("more than {expected}")),
            found => wrong_size(&found),
        }
    }
}

fn open(path: &Path) -> Result<(BufReader<File>, u64), IngestError> {
    let read = |source| IngestError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read)?;
    let metadata = file.metadata().map_err(read)?;
    if !metadata.is_file() {
        return Err(no_dataset(path, "is no file", "an IDX file"));
    }
    Ok((BufReader::new(file), metadata.len()))
}

/// The input without its compression, and whether it had one.
fn decoded<'a>(path: &Path, mut input: impl BufRead + 'a) -> Result<(Box<dyn Read + 'a>, bool), IngestError> {
    let start = input.fill_buf().map_err(|source| IngestError::Read { path: path.to_owned(), source })?;
    if start.starts_with(&GZIP_MAGIC) {
        Ok((Box::new(MultiGzDecoder::new(input)), true))
    } else {
        Ok((Box::new(input), false))
    }
}

fn header_bytes(content: Content) -> usize {
    4 + 4 * content.n_axes()
}

/// The length of each axis.
fn header(path: &Path, content: Content, input: &mut impl Read) -> Result<Vec<u32>, IngestError> {
    let mut header = Vec::new();
    let n = header_bytes(content);
    let read = input.take(n as u64).read_to_end(&mut header);
    read.map_err(|source| IngestError::Read { path: path.to_owned(), source })?;
    let path = path.display();
    let quads: Vec<[u8; 4]> = header.chunks_exact(4).map(|quad| [quad[0], quad[1], quad[2], quad[3]]).collect();
    match quads.split_first() {
        Some((magic, _)) if *magic != content.magic() => {
            let (found, expected, content) = (hex(magic), hex(&content.magic()), content.name());
            Err(wrong!("`{path}` begins with the bytes {found}, expected {expected} as {content} have").into())
        }
        Some((_, lengths)) if header.len() == n => Ok(lengths.iter().map(|quad| u32::from_be_bytes(*quad)).collect()),
        _ => Err(wrong!("`{path}` has {} bytes, expected a header of {n}", header.len()).into()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn images(lengths: [u32; 3], elements: &[u8]) -> Vec<u8> {
        let lengths = lengths.iter().flat_map(|length| length.to_be_bytes()).collect::<Vec<_>>();
        [&[0, 0, 8, 3], lengths.as_slice(), elements].concat()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8], content: Content) -> Result<Idx, String> {
        let idx = Idx::read(Path::new("a"), content, bytes, bytes.len() as u64);
        idx.map_err(|error| error.to_string())
    }

    #[test]
    fn plain_and_gzipped_files_are_the_same() {
        let file = images([2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        let expected = Idx { shape: vec![2, 1, 3], elements: vec![1, 2, 3, 4, 5, 6] };
        assert_eq!(read(&file, Content::Images).unwrap(), expected);
        assert_eq!(read(&gzip(&file), Content::Images).unwrap(), expected);
        // Two gzip members one after another are one file, as for gzip itself.
        assert_eq!(read(&[gzip(&file[..9]), gzip(&file[9..])].concat(), Content::Images).unwrap(), expected);
        let labels = read(&[0, 0, 8, 1, 0, 0, 0, 2, 7, 9], Content::Labels).unwrap();
        assert_eq!(labels, Idx { shape: vec![2], elements: vec![7, 9] });
    }

    #[test]
    fn a_header_is_compared_with_what_is_there() {
        let check = |bytes: &[u8], expected: &str| assert_eq!(read(bytes, Content::Images).unwrap_err(), expected);
        let promise = "that the header promises";
        let six = images([2, 1, 3], &[0; 6]);
        let cut = &six[..21];
        check(cut, &format!("`a` holds 5 bytes after its header, expected 6, the 2 x 1 x 3 {promise}"));
        check(&gzip(cut), &format!("`a` holds 5 bytes after its header, expected 6, the 2 x 1 x 3 {promise}"));
        let more = images([2, 1, 3], &[0; 8]);
        check(&more, &format!("`a` holds 8 bytes after its header, expected 6, the 2 x 1 x 3 {promise}"));
        check(
            &gzip(&more),
            &format!("`a` holds more than 6 bytes after its header, expected 6, the 2 x 1 x 3 {promise}"),
        );
        // A promise of a gigabyte costs nothing, nor does one of more than a number holds.
        let huge = images([1 << 20, 32, 32], &[0; 6]);
        check(
            &huge,
            &format!("`a` holds 6 bytes after its header, expected 1073741824, the 1048576 x 32 x 32 {promise}"),
        );
        check(
            &images([u32::MAX; 3], &[]),
            "`a` promises 4294967295 x 4294967295 x 4294967295, expected at most 1073741824 bytes",
        );
        check(&images([3, 0, 28], &[]), "`a` promises 3 x 0 x 28, expected at least 1 along each axis");
        check(&six[..9], "`a` has 9 bytes, expected a header of 16");
        check(&[], "`a` has 0 bytes, expected a header of 16");
        check(
            &[0, 0, 8, 1, 0, 0, 0, 2, 7, 9],
            "`a` begins with the bytes 00 00 08 01, expected 00 00 08 03 as images of bytes have",
        );
        check(b"PK\x03\x04", "`a` begins with the bytes 50 4b 03 04, expected 00 00 08 03 as images of bytes have");
        let error = read(&gzip(&six)[..20], Content::Images).unwrap_err();
        assert!(error.starts_with("cannot read `a`: "), "{error}");
    }

    #[test]
    fn what_a_small_file_unpacks_to_is_not_taken_beyond_its_promise() {
        let bomb = gzip(&images([1, 8, 8], &vec![0; 200 << 20]));
        assert!(bomb.len() < 300_000);
        let error = read(&bomb, Content::Images).unwrap_err();
        assert!(error.starts_with("`a` holds more than 64 bytes after its header, expected 64"), "{error}");
    }
}
