//! The official files of both datasets, and their digests.
//!
//! SHA-1 of the binary batches: as MXNet's `gluon.data.vision.datasets` has them. MD5 of the Python ones: as
//! `torchvision.datasets.cifar` has them.

use std::path::Path;

use twinset_manifest::rows::Split;

use crate::SourceError;
use crate::error::wrong;

/// CIFAR-10: one label, ten classes.
pub static CIFAR10: Family = Family {
    name: "CIFAR-10",
    download: "cifar10",
    labels: &[Labels {
        what: "label",
        n_classes: 10,
        key: "labels",
        names_key: "label_names",
        names_file: "batches.meta.txt",
    }],
    binary_folder: "cifar-10-batches-bin",
    binary_archive: "cifar-10-binary.tar.gz",
    python_folder: "cifar-10-batches-py",
    python_archive: "cifar-10-python.tar.gz",
    python_names_file: "batches.meta",
    batches: &[
        Official {
            split: Split::Train,
            n_records: 10_000,
            binary: ("data_batch_1.bin", "aadd24acce27caa71bf4b10992e9e7b2d74c2540"),
            python: ("data_batch_1", "c99cafc152244af753f735de768cd75f"),
        },
        Official {
            split: Split::Train,
            n_records: 10_000,
            binary: ("data_batch_2.bin", "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795"),
            python: ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
        },
        Official {
            split: Split::Train,
            n_records: 10_000,
            binary: ("data_batch_3.bin", "1dd00a74ab1d17a6e7d73e185b69dbf31242f295"),
            python: ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
        },
        Official {
            split: Split::Train,
            n_records: 10_000,
            binary: ("data_batch_4.bin", "aab85764eb3584312d3c7f65fd2fd016e36a258e"),
            python: ("data_batch_4", "634d18415352ddfa80567beed471001a"),
        },
        Official {
            split: Split::Train,
            n_records: 10_000,
            binary: ("data_batch_5.bin", "26e2849e66a845b7f1e4614ae70f4889ae604628"),
            python: ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
        },
        Official {
            split: Split::Test,
            n_records: 10_000,
            binary: ("test_batch.bin", "67eb016db431130d61cd03c7ad570b013799c88c"),
            python: ("test_batch", "40351d587109b95175f43aff81a1287e"),
        },
    ],
};

/// CIFAR-100: a coarse label of twenty superclasses, a fine one of a hundred classes.
pub static CIFAR100: Family = Family {
    name: "CIFAR-100",
    download: "cifar100",
    labels: &[
        Labels {
            what: "coarse label",
            n_classes: 20,
            key: "coarse_labels",
            names_key: "coarse_label_names",
            names_file: "coarse_label_names.txt",
        },
        Labels {
            what: "fine label",
            n_classes: 100,
            key: "fine_labels",
            names_key: "fine_label_names",
            names_file: "fine_label_names.txt",
        },
    ],
    binary_folder: "cifar-100-binary",
    binary_archive: "cifar-100-binary.tar.gz",
    python_folder: "cifar-100-python",
    python_archive: "cifar-100-python.tar.gz",
    python_names_file: "meta",
    batches: &[
        Official {
            split: Split::Train,
            n_records: 50_000,
            binary: ("train.bin", "e207cd2e05b73b1393c74c7f5e7bea451d63e08e"),
            python: ("train", "16019d7e3df5f24257cddd939b257f8d"),
        },
        Official {
            split: Split::Test,
            n_records: 10_000,
            binary: ("test.bin", "8fb6623e830365ff53cf14adec797474f5478006"),
            python: ("test", "f0ef6b0ae62326f3e7ffdfab6717acfc"),
        },
    ],
};

/// One of the two datasets.
#[derive(Debug)]
pub struct Family {
    /// Its name for people.
    pub name: &'static str,
    /// Its name for `twinset-ingest download`.
    pub download: &'static str,
    /// Its labels, in the order of a record's label bytes.
    pub labels: &'static [Labels],
    /// The batches in the order of the images' ids.
    pub batches: &'static [Official],
    /// The folder that the archive of the binary version holds.
    pub binary_folder: &'static str,
    /// That archive.
    pub binary_archive: &'static str,
    /// The folder that the archive of the Python version holds.
    pub python_folder: &'static str,
    /// That archive.
    pub python_archive: &'static str,
    /// The pickle of the classes' names.
    pub python_names_file: &'static str,
}

/// One label of each image.
#[derive(Debug)]
pub struct Labels {
    /// What messages call it.
    pub what: &'static str,
    /// How many classes there are.
    pub n_classes: usize,
    /// Its key in a pickled batch.
    pub key: &'static str,
    /// The key of the classes' names in the pickle of names.
    pub names_key: &'static str,
    /// The file of the classes' names in the binary version, one a line.
    pub names_file: &'static str,
}

/// An official batch.
#[derive(Debug)]
pub struct Official {
    /// The split that it is of.
    pub split: Split,
    /// How many images it has.
    pub n_records: usize,
    /// Name and SHA-1 in the binary version.
    pub binary: (&'static str, &'static str),
    /// Name and MD5 in the Python version.
    pub python: (&'static str, &'static str),
}

/// How the files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Binary,
    Python,
}

impl Version {
    pub(super) const ALL: [Self; 2] = [Self::Binary, Self::Python];
}

impl Labels {
    /// The error of a label that is no class.
    pub(super) fn wrong(&self, path: &Path, record: usize, found: i64) -> SourceError {
        let (path, what, last) = (path.display(), self.what, self.n_classes - 1);
        wrong!("`{path}`, record {record}: {what} {found}, expected 0 to {last}")
    }
}

impl Family {
    /// The error of a file that is no batch of so many records.
    pub(super) fn wrong_size(&self, path: &Path, found: u64, n_records: usize) -> SourceError {
        let (path, record_bytes) = (path.display(), self.record_bytes());
        let expected = n_records * record_bytes;
        wrong!("`{path}` has {found} bytes, expected {expected} ({n_records} records of {record_bytes} bytes)")
    }

    /// Bytes of a record in the binary version.
    pub fn record_bytes(&self) -> usize {
        self.labels.len() + PIXEL_BYTES
    }

    pub(super) fn folder(&self, version: Version) -> &'static str {
        match version {
            Version::Binary => self.binary_folder,
            Version::Python => self.python_folder,
        }
    }

    /// The files of a version that are needed for a label: the batches, then the classes' names.
    pub(super) fn files(&self, labels: &Labels, version: Version) -> Vec<&'static str> {
        let batches = self.batches.iter().map(|batch| batch.name(version));
        batches.chain([self.names_file(labels, version)]).collect()
    }

    pub(super) fn names_file(&self, labels: &Labels, version: Version) -> &'static str {
        match version {
            Version::Binary => labels.names_file,
            Version::Python => self.python_names_file,
        }
    }
}

impl Official {
    pub(super) fn name(&self, version: Version) -> &'static str {
        match version {
            Version::Binary => self.binary.0,
            Version::Python => self.python.0,
        }
    }
}

/// Bytes of one colour's plane.
pub(super) const PLANE_BYTES: usize = 32 * 32;
/// Bytes of an image.
pub(super) const PIXEL_BYTES: usize = 3 * PLANE_BYTES;
