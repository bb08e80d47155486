//! What a scan has found, as `--json` prints it. The keys are stable: one that goes or changes its meaning counts `format` up.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use twinset_manifest::rows::{PairKind, Split};
use twinset_stage::printable_line;

use super::marks::LeftOut;

/// What a scan has found.
#[derive(Serialize)]
pub(super) struct Findings {
    /// 2.
    pub(super) format: u32,
    pub(super) version: &'static str,
    /// The folder of the pictures.
    pub(super) folder: String,
    /// The other set; null where duplicates within the folder were searched.
    pub(super) reference: Option<String>,
    /// The folder of what was found.
    pub(super) out: String,
    /// Whether nothing had to be done, as the folder is as it was at the last scan.
    pub(super) is_unchanged: bool,
    pub(super) n_images: u64,
    /// Of them, those that no earlier scan has decoded.
    pub(super) n_new: u64,
    pub(super) n_images_of_split: BTreeMap<Split, u64>,
    pub(super) unreadable: Unreadable,
    /// What the file of pairs that are no duplicates did; null where there is none.
    pub(super) not_duplicates: Option<LeftOut>,
    /// Null with a reference.
    pub(super) duplicates: Option<Duplicates>,
    /// Duplicates in two splits, or in the reference; null where there is one split and no reference.
    pub(super) leaks: Option<Leaks>,
    /// What to know of the result.
    pub(super) warnings: Vec<String>,
    pub(super) gallery: String,
    /// The manifest of the pairs.
    pub(super) pairs: String,
    /// The manifest that lists what `clean` removes, where pictures are rows of a dataset and no files.
    #[serde(skip)]
    pub(super) removed_rows: Option<String>,
}

/// Files that are no pictures, or cannot be read.
#[derive(Default, Serialize)]
pub(super) struct Unreadable {
    pub(super) n_files: u64,
    pub(super) by_reason: BTreeMap<String, u64>,
    /// The first of them.
    pub(super) files: Vec<File>,
}

#[derive(Serialize)]
pub(super) struct File {
    pub(super) file: String,
    pub(super) reason: String,
    pub(super) detail: String,
}

/// Pictures that are there more than once.
#[derive(Serialize)]
pub(super) struct Duplicates {
    /// Groups of pictures that are duplicates of one another.
    pub(super) n_groups: u64,
    /// Pictures in them.
    pub(super) n_images: u64,
    /// Pictures that `clean` removes: their pixels are those of a picture that stays.
    pub(super) n_exact_copies: u64,
    /// Pictures that `clean` removes: changed copies of a picture that stays.
    pub(super) n_near_copies: u64,
    /// Groups of pictures with two labels.
    pub(super) n_label_conflicts: u64,
    pub(super) n_pairs: BTreeMap<PairKind, u64>,
    /// The largest groups.
    pub(super) groups: Vec<Group>,
    /// The folders that have duplicates in others; none where there is more than one split.
    pub(super) folders: Vec<Folder>,
}

/// A folder within the scanned one.
#[derive(Serialize)]
pub(super) struct Folder {
    pub(super) folder: String,
    pub(super) n_images: u64,
    /// Of them, those with a duplicate outside of the folder.
    pub(super) n_elsewhere: u64,
}

#[derive(Serialize)]
pub(super) struct Group {
    pub(super) n_images: u64,
    /// The first of its files.
    pub(super) files: Vec<String>,
}

/// Pictures that lie in another split or in the reference, too.
#[derive(Serialize)]
pub(super) struct Leaks {
    pub(super) n_pairs: u64,
    /// By split, pictures with a duplicate in an earlier split (train, val, test), or in the reference.
    pub(super) n_images: BTreeMap<Split, u64>,
    /// The first pairs, those that are most alike before the others.
    pub(super) pairs: Vec<Leak>,
}

#[derive(Serialize)]
pub(super) struct Leak {
    pub(super) left: String,
    pub(super) left_split: Split,
    pub(super) right: String,
    pub(super) right_split: Split,
    pub(super) kind: PairKind,
    pub(super) similarity: Option<f32>,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { left, left_split, right, right_split, kind, similarity } = self;
        let (left, right) = (printable_line(left), printable_line(right));
        write!(f, "{kind}: `{left}` ({left_split}) and `{right}` ({right_split})")?;
        match similarity.filter(|_| *kind != PairKind::Exact) {
            Some(similarity) => write!(f, ", similarity {similarity:.3}"),
            None => Ok(()),
        }
    }
}
