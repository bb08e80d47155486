//! One batch: as many records as the official one has.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use image::RgbImage;
use md5::Md5;
use sha1::{Digest, Sha1};

use super::family::{Family, Official, PIXEL_BYTES, PLANE_BYTES, Version};
use super::python;
use crate::SourceError;

/// A batch whose size and labels are right, as the binary version has it.
#[derive(Debug)]
pub struct Batch {
    family: &'static Family,
    official: &'static Official,
    version: Version,
    path: PathBuf,
    records: Vec<u8>,
    blake3: blake3::Hash,
    digest: (&'static str, String),
}

impl Batch {
    /// Checks size and labels of the batch at `index` of [`Family::batches`], of the binary version.
    ///
    /// # Errors
    /// When it has not as many bytes as the official one, or a label that is no class.
    pub fn binary(family: &'static Family, index: usize, path: PathBuf, bytes: Vec<u8>) -> Result<Self, SourceError> {
        let official = &family.batches[index];
        let (n_records, record_bytes) = (official.n_records, family.record_bytes());
        if bytes.len() != n_records * record_bytes {
            return Err(family.wrong_size(&path, bytes.len() as u64, n_records));
        }
        for (record, bytes) in bytes.chunks_exact(record_bytes).enumerate() {
            for (label, labels) in bytes.iter().zip(family.labels) {
                if usize::from(*label) >= labels.n_classes {
                    return Err(labels.wrong(&path, record, i64::from(*label)));
                }
            }
        }
        let (blake3, digest) = (blake3::hash(&bytes), ("SHA-1", hex(&Sha1::digest(&bytes))));
        Ok(Self { family, official, version: Version::Binary, path, records: bytes, blake3, digest })
    }

    /// Reads the batch at `index` of [`Family::batches`], of the Python version.
    ///
    /// # Errors
    /// When it is no pickle of a batch, or a label is no class.
    pub fn python(family: &'static Family, index: usize, path: PathBuf, bytes: &[u8]) -> Result<Self, SourceError> {
        let official = &family.batches[index];
        let records = python::records(family, official, &path, bytes)?;
        let (blake3, digest) = (blake3::hash(bytes), ("MD5", hex(&Md5::digest(bytes))));
        Ok(Self { family, official, version: Version::Python, path, records, blake3, digest })
    }

    /// Where it was read, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn name(&self) -> &'static str {
        self.official.name(self.version)
    }

    /// Of the file's bytes.
    pub(super) fn blake3(&self) -> blake3::Hash {
        self.blake3
    }

    pub(super) fn n_records(&self) -> usize {
        self.official.n_records
    }

    /// Whether it is the official one; else which digest it has, and which it should have.
    ///
    /// A pickle that holds the official labels and pixels is as good as the official pickle.
    pub(super) fn verify(&self) -> Result<(), (&'static str, String, String)> {
        let (digest, found) = &self.digest;
        let (is_official, expected) = match self.version {
            Version::Binary => (found == self.official.binary.1, self.official.binary.1),
            Version::Python => {
                let holds_official = || hex(&Sha1::digest(&self.records)) == self.official.binary.1;
                (found == self.official.python.1 || holds_official(), self.official.python.1)
            }
        };
        if is_official { Ok(()) } else { Err((digest, found.clone(), expected.to_owned())) }
    }

    fn record(&self, at: usize) -> &[u8] {
        let n = self.family.record_bytes();
        &self.records[at * n..(at + 1) * n]
    }

    /// The label at a place among [`Family::labels`] of the record at `at`.
    pub fn label(&self, at: usize, label: usize) -> u8 {
        self.record(at)[label]
    }

    /// The image of the record at `at`.
    pub fn pixels(&self, at: usize) -> RgbImage {
        let record = self.record(at);
        let planes = &record[record.len() - PIXEL_BYTES..];
        let interleaved =
            (0..PLANE_BYTES).flat_map(|at| [planes[at], planes[at + PLANE_BYTES], planes[at + 2 * PLANE_BYTES]]);
        RgbImage::from_raw(32, 32, interleaved.collect()).expect("three planes of 32x32 bytes are an image of 32x32")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::super::{CIFAR10, CIFAR100};
    use super::*;

    fn size(family: &Family, index: usize) -> usize {
        family.batches[index].n_records * family.record_bytes()
    }

    #[test]
    fn a_record_is_its_labels_and_three_planes() {
        let check = |family: &'static Family, labels: &[u8]| {
            let mut bytes = vec![0; size(family, 1)];
            let record = &mut bytes[2 * family.record_bytes()..][..family.record_bytes()];
            record[..labels.len()].copy_from_slice(labels);
            let planes = &mut record[labels.len()..];
            (planes[33], planes[33 + PLANE_BYTES], planes[33 + 2 * PLANE_BYTES]) = (10, 20, 30);
            let batch = Batch::binary(family, 1, PathBuf::from("a.bin"), bytes).unwrap();
            for (at, label) in labels.iter().enumerate() {
                assert_eq!((batch.label(1, at), batch.label(2, at), batch.label(3, at)), (0, *label, 0));
            }
            assert_eq!(batch.pixels(2).get_pixel(1, 1).0, [10, 20, 30]);
            assert_eq!(batch.pixels(1), RgbImage::new(32, 32));
        };
        check(&CIFAR10, &[7]);
        check(&CIFAR100, &[19, 99]);
    }

    #[test]
    fn a_batch_of_another_size_or_with_a_label_that_is_no_class_is_refused() {
        let check = |family: &'static Family, bytes: Vec<u8>, expected: &str| {
            let error = Batch::binary(family, 1, PathBuf::from("a.bin"), bytes).err().unwrap();
            assert_eq!(error.to_string(), expected);
        };
        let expected = "`a.bin` has 3073 bytes, expected 30730000 (10000 records of 3073 bytes)";
        check(&CIFAR10, vec![0; 3073], expected);
        let expected = "`a.bin` has 30730000 bytes, expected 30740000 (10000 records of 3074 bytes)";
        check(&CIFAR100, vec![0; 30_730_000], expected);
        let with_label = |family: &Family, at: usize, label: u8| {
            let mut bytes = vec![0; size(family, 1)];
            bytes[5 * family.record_bytes() + at] = label;
            bytes
        };
        check(&CIFAR10, with_label(&CIFAR10, 0, 10), "`a.bin`, record 5: label 10, expected 0 to 9");
        check(&CIFAR100, with_label(&CIFAR100, 0, 20), "`a.bin`, record 5: coarse label 20, expected 0 to 19");
        check(&CIFAR100, with_label(&CIFAR100, 1, 100), "`a.bin`, record 5: fine label 100, expected 0 to 99");
    }
}
