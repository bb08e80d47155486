//! One batch file: 10,000 records.

use std::fmt::Write;
use std::path::PathBuf;

use image::RgbImage;
use sha1::{Digest, Sha1};

use crate::IngestError;

/// Records in a batch.
pub(super) const N_RECORDS: usize = 10_000;
/// Classes.
pub(super) const N_CLASSES: usize = 10;
/// Bytes of a batch.
pub(super) const BATCH_BYTES: usize = N_RECORDS * RECORD_BYTES;
const RECORD_BYTES: usize = 1 + 3 * PLANE_BYTES;
const PLANE_BYTES: usize = 32 * 32;

/// Name and SHA-1 of the official batches, in the order of the images' ids.
pub(super) const BATCHES: [(&str, &str); 6] = [
    ("data_batch_1.bin", "aadd24acce27caa71bf4b10992e9e7b2d74c2540"),
    ("data_batch_2.bin", "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795"),
    ("data_batch_3.bin", "1dd00a74ab1d17a6e7d73e185b69dbf31242f295"),
    ("data_batch_4.bin", "aab85764eb3584312d3c7f65fd2fd016e36a258e"),
    ("data_batch_5.bin", "26e2849e66a845b7f1e4614ae70f4889ae604628"),
    ("test_batch.bin", "67eb016db431130d61cd03c7ad570b013799c88c"),
];

/// A batch whose size and labels are right.
pub(super) struct Batch {
    /// Where it was read, for messages.
    pub(super) path: PathBuf,
    /// The SHA-1 of its bytes.
    pub(super) sha1: String,
    index: usize,
    bytes: Vec<u8>,
}

impl Batch {
    /// Checks size and labels of the batch at `index` of [`BATCHES`].
    pub(super) fn new(index: usize, path: PathBuf, bytes: Vec<u8>) -> Result<Self, IngestError> {
        if bytes.len() != BATCH_BYTES {
            return Err(wrong_size(path, bytes.len() as u64));
        }
        let batch = Self { path, sha1: hex(&Sha1::digest(&bytes)), index, bytes };
        match (0..N_RECORDS).find(|&record| usize::from(batch.label(record)) >= N_CLASSES) {
            Some(record) => {
                Err(IngestError::WrongLabel { found: batch.label(record), path: batch.path.clone(), record })
            }
            None => Ok(batch),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        BATCHES[self.index].0
    }

    pub(super) fn expected_sha1(&self) -> &'static str {
        BATCHES[self.index].1
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn label(&self, record: usize) -> u8 {
        self.bytes[record * RECORD_BYTES]
    }

    pub(super) fn pixels(&self, record: usize) -> RgbImage {
        let planes = &self.bytes[record * RECORD_BYTES + 1..(record + 1) * RECORD_BYTES];
        let interleaved =
            (0..PLANE_BYTES).flat_map(|at| [planes[at], planes[at + PLANE_BYTES], planes[at + 2 * PLANE_BYTES]]);
        RgbImage::from_raw(32, 32, interleaved.collect()).expect("three planes of 32x32 bytes are an image of 32x32")
    }
}

pub(super) fn wrong_size(path: PathBuf, found: u64) -> IngestError {
    IngestError::WrongSize { path, found, expected: BATCH_BYTES as u64 }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_label_and_three_planes() {
        let mut bytes = vec![0; BATCH_BYTES];
        let record = &mut bytes[2 * RECORD_BYTES..3 * RECORD_BYTES];
        record[0] = 7;
        record[1 + 33] = 10;
        record[1 + 33 + PLANE_BYTES] = 20;
        record[1 + 33 + 2 * PLANE_BYTES] = 30;
        let batch = Batch::new(0, PathBuf::from("a.bin"), bytes).unwrap();
        assert_eq!(batch.label(2), 7);
        assert_eq!(batch.pixels(2).get_pixel(1, 1).0, [10, 20, 30]);
        assert_eq!(batch.pixels(1), RgbImage::new(32, 32));
    }

    #[test]
    fn a_batch_of_another_size_or_with_a_label_over_9_is_refused() {
        let check = |bytes: Vec<u8>, expected: &str| {
            let error = Batch::new(0, PathBuf::from("a.bin"), bytes).err().unwrap();
            assert_eq!(error.to_string(), expected);
        };
        check(vec![0; 3073], "`a.bin` has 3073 bytes, expected 30730000 (10000 records of 3073 bytes)");
        check(vec![0; BATCH_BYTES + 1], "`a.bin` has 30730001 bytes, expected 30730000 (10000 records of 3073 bytes)");
        let mut bytes = vec![0; BATCH_BYTES];
        bytes[5 * RECORD_BYTES] = 10;
        check(bytes, "`a.bin`, record 5: label 10, expected 0 to 9");
    }
}
