//! What is known of a set's duplicates: planted, or judged by hand.

mod cifair;
mod ends;
mod groups;
mod listing;
mod not_duplicates;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use twinset_delimited::DelimitedError;
use twinset_manifest::rows::{PairKind, Split};

use crate::{Fingerprint, ImageIndex, Match};
use ends::Ends;
use listing::Listing;
use values::is_duplicate;

pub use not_duplicates::{Missing, NotDuplicates};

/// The pairs that a truth file tells of.
///
/// CSV with a header (see [`twinset_delimited`]), or Parquet, in one of three layouts. Other columns are passed over.
/// - Pairs: `left_id` and `right_id`, or the names of the files, `left` and `right` (or `left_source` and `right_source`); `kind`
///   (`exact`, `near` or `similar`); where they are there `transform` (what was done, its name first) and `is_duplicate` (`true`,
///   or `false` for a pair that was judged and is no duplicate; its `kind` may be empty).
/// - Groups: `image_id`, `image` or `source`, and `group` (or `cluster_id`): images of one group are near-duplicates.
/// - ciFAIR's: `TestID` and `TrainID` (positions in their splits, counted from 0 in the order of ids) and `Judgment` (0 exact, 1
///   near, 2 very similar), every pair of which is a duplicate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    judged: Vec<Judged>,
}

/// A pair of the truth; `left_id` < `right_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    /// Where it stands, counted from 1.
    pub(crate) line: u64,
    pub(crate) left_id: u64,
    pub(crate) right_id: u64,
    pub(crate) kind: PairKind,
    pub(crate) is_duplicate: bool,
    transform: String,
}

/// What is wrong with a truth file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TruthError {
    /// It is no table with the columns that are needed.
    #[error(transparent)]
    Table(#[from] DelimitedError),
    /// It cannot be read.
    #[error("{0}")]
    File(String),
    /// Its images are named in a way that cannot be understood without the images.
    #[error("line 1: {0}")]
    NeedsImages(String),
    /// A row tells of no pair.
    #[error("line {line}: {detail}")]
    Row {
        /// Counted from 1.
        line: u64,
        /// What was found and what was expected.
        detail: String,
    },
}

/// How many of the planted duplicates were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recall {
    /// Found and planted pairs by kind and by the transform's name (empty or `none` where the file has none).
    pub n_found_of: BTreeMap<(PairKind, String), (u64, u64)>,
}

impl Judged {
    fn new(line: u64, (a, b): (u64, u64), kind: PairKind, is_duplicate: bool) -> Result<Self, TruthError> {
        if a == b {
            return Err(TruthError::Row {
                line,
                detail: format!("found image {a} paired with itself, expected two images"),
            });
        }
        Ok(Self { line, left_id: a.min(b), right_id: a.max(b), kind, is_duplicate, transform: String::new() })
    }
}

impl Truth {
    /// Reads a truth file's text.
    ///
    /// # Errors
    /// Names the line.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, TruthError> {
        Self::of_pairs(&Listing::csv(text.as_ref(), &wanted())?, None)
    }

    /// The same in any layout, of these images.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn of_images(text: impl AsRef<[u8]>, images: Option<&ImageIndex>) -> Result<Self, TruthError> {
        Self::of(&Listing::csv(text.as_ref(), &wanted())?, images, None)
    }

    /// Reads a truth file in any layout. Where `images` are given, every id must be one of theirs. ciFAIR's columns have positions in
    /// test and train, or both in the one split that `splits` name twice.
    ///
    /// # Errors
    /// Names the line. ciFAIR's layout, or names of files, without images is one.
    pub fn read(path: &Path, images: Option<&ImageIndex>, splits: Option<(Split, Split)>) -> Result<Self, TruthError> {
        Self::of(&Listing::read(path, &wanted())?, images, splits)
    }

    fn of(listing: &Listing, images: Option<&ImageIndex>, splits: Option<(Split, Split)>) -> Result<Self, TruthError> {
        let truth = match images {
            Some(images) if cifair::is_cifair(listing) => {
                let splits = splits.filter(|(one, other)| one == other).unwrap_or((Split::Test, Split::Train));
                return cifair::parse(listing, images, splits);
            }
            None if cifair::is_cifair(listing) => {
                let detail =
                    "found ciFAIR's columns, whose ids are positions in the splits, expected the images beside them";
                return Err(TruthError::NeedsImages(detail.to_owned()));
            }
            _ if groups::is_of_groups(listing) => groups::parse(listing, images)?,
            _ => Self::of_pairs(listing, images)?,
        };
        if let Some(images) = images {
            truth.judged.iter().try_for_each(|pair| known(images, pair.line, [pair.left_id, pair.right_id]))?;
        }
        Ok(truth)
    }

    /// Adds the pairs of another file.
    pub fn extend(&mut self, other: Self) {
        self.judged.extend(other.judged);
    }

    fn of_pairs(listing: &Listing, images: Option<&ImageIndex>) -> Result<Self, TruthError> {
        let (ends, kind) = (Ends::of(listing, images, "left,right,kind")?, listing.needed(KIND)?);
        let (transform, verdict) = (listing.column(TRANSFORM), listing.column(IS_DUPLICATE));
        let mut judged = Vec::new();
        for row in listing.rows() {
            let line = row.line;
            let ids = ends.ids(row)?;
            let is_duplicate = is_duplicate(row, verdict, true)?;
            let kind = match row.field(kind) {
                "" if !is_duplicate => PairKind::Similar,
                text => text.parse().map_err(|found| TruthError::Row { line, detail: format!("found {found}") })?,
            };
            let transform = transform.map_or_else(String::new, |column| name_of(row.field(column)));
            judged.push(Judged { transform, ..Judged::new(line, ids, kind, is_duplicate)? });
        }
        Ok(Self { judged })
    }

    /// All pairs, those that are no duplicates too.
    pub(crate) fn judged(&self) -> &[Judged] {
        &self.judged
    }

    /// Leaves only the pairs of an image of the one split and an image of the other.
    pub fn retain_between(&mut self, splits: (Split, Split), images: &ImageIndex) {
        let split = |id: u64| images.split(id);
        self.judged.retain(|pair| {
            let ends = (split(pair.left_id), split(pair.right_id));
            ends == (Some(splits.0), Some(splits.1)) || ends == (Some(splits.1), Some(splits.0))
        });
    }

    /// How many of the planted pairs are among `matches`. Images are in the order of their ids.
    ///
    /// # Errors
    /// Names an id that no image has.
    pub fn recall(&self, images: &[Fingerprint], matches: &[Match]) -> Result<Recall, TruthError> {
        let mut recall = Recall::default();
        for planted in self.judged.iter().filter(|pair| pair.is_duplicate) {
            let index = |id: u64| {
                let place = images.binary_search_by_key(&id, |image| image.image_id);
                place.map_err(|_| unknown(planted.line, id, images.len()))
            };
            let (left, right) = (index(planted.left_id)?, index(planted.right_id)?);
            // Of a large group of identical images not every pair is told.
            let is_found = images[left].pixels_blake3 == images[right].pixels_blake3
                || matches
                    .binary_search_by_key(&(left as u32, right as u32), |pair| (pair.left, pair.right))
                    .is_ok_and(|place| matches[place].kind != PairKind::Similar);
            let count = recall.n_found_of.entry((planted.kind, planted.transform.clone())).or_default();
            count.0 += u64::from(is_found);
            count.1 += 1;
        }
        Ok(recall)
    }
}

/// The columns of pairs beside those of the images.
const KIND: &str = "kind";
const TRANSFORM: &str = "transform";
const IS_DUPLICATE: &str = "is_duplicate";

/// The columns of a truth file in any layout.
fn wanted() -> Vec<&'static str> {
    let of_pairs = ends::COLUMNS.into_iter().chain([KIND, TRANSFORM, IS_DUPLICATE]);
    of_pairs.chain(groups::COLUMNS).chain(cifair::COLUMNS).collect()
}

/// An error where an id is none of the images'.
fn known(images: &ImageIndex, line: u64, ids: [u64; 2]) -> Result<(), TruthError> {
    match ids.into_iter().find(|&id| images.split(id).is_none()) {
        Some(id) => Err(unknown(line, id, images.len())),
        None => Ok(()),
    }
}

fn unknown(line: u64, id: u64, n_images: usize) -> TruthError {
    TruthError::Row { line, detail: format!("no image has the id {id} ({n_images} images)") }
}

impl fmt::Display for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |kind: PairKind| {
            let of_kind = self.n_found_of.iter().filter(move |((k, _), _)| *k == kind);
            of_kind.fold((0, 0), |sum, (_, count)| (sum.0 + count.0, sum.1 + count.1))
        };
        for &kind in PairKind::ALL {
            let (n_found, n_planted) = sum(kind);
            if n_planted > 0 {
                writeln!(f, "planted {kind} pairs: {n_found} of {n_planted} found")?;
            }
            for ((_, transform), (n_found, n_planted)) in self.n_found_of.iter().filter(|((k, _), _)| *k == kind) {
                if !matches!(transform.as_str(), "" | "none") {
                    writeln!(f, "  {transform}: {n_found} of {n_planted}")?;
                }
            }
        }
        Ok(())
    }
}

/// A transform's name without its parameters: `shift(right=1 down=0)` is a `shift`, `flip; jpeg(quality=70)` a `flip; jpeg`.
fn name_of(transform: &str) -> String {
    let name = |step: &str| step.trim().split(['(', ' ']).next().unwrap_or_default().to_owned();
    transform.split(';').map(name).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matches::tests::{image, near};

    #[test]
    fn planted_pairs_are_counted_by_kind_and_transform() {
        let truth = "left_id,right_id,kind,transform\n1,2,exact,none\n1,3,near,\"shift(right=1, down=0)\"\n4,3,near,shift(right=2)\n1,4,near,flip\n";
        let images = [image(1, 1, 0), image(2, 1, 0), image(3, 3, 0), image(4, 4, 0)];
        let recall = Truth::parse(truth).unwrap().recall(&images, &[near(0, 2, 1), near(0, 3, 4)]).unwrap();
        let expected =
            "planted exact pairs: 1 of 1 found\nplanted near pairs: 2 of 3 found\n  flip: 1 of 1\n  shift: 1 of 2\n";
        assert_eq!(recall.to_string(), expected);
    }

    #[test]
    fn a_truth_is_read_as_other_programs_write_it() {
        let read = |text: &str| Truth::parse(text).unwrap();
        let plain = read("left_id,right_id,kind,is_duplicate\n1,2,near,true\n1,3,,false\n");
        assert_eq!(read("\u{feff}left_id,right_id,kind,is_duplicate\r\n1,2,near,True\r\n1,3,,False\r\n"), plain);
        let text = "left_id,right_id,kind,is_duplicate\n1,2,near,true\n1,3,,false\n";
        for (from, to) in [(",", ";"), (",", "\t"), (",", ", "), ("\n", "\r"), ("\n", "\r\n")] {
            assert_eq!(read(&text.replace(from, to)), plain, "{to:?}");
        }
        assert_eq!(read(&format!("{text}\n\n")), plain);
    }

    #[test]
    fn a_pair_that_is_no_duplicate_was_not_planted() {
        let truth = "left_id,right_id,kind,is_duplicate\n1,2,near,true\n1,3,,false\n2,3,near,false\n";
        let images = [image(1, 1, 0), image(2, 2, 0), image(3, 3, 0)];
        let recall = Truth::parse(truth).unwrap().recall(&images, &[near(0, 2, 1)]).unwrap();
        assert_eq!(recall.to_string(), "planted near pairs: 0 of 1 found\n");
    }

    #[test]
    fn what_is_wrong_with_a_truth_file_is_named_with_its_line() {
        let check = |text: &str, expected: &str| {
            let found = Truth::parse(text).and_then(|truth| truth.recall(&[image(1, 1, 0)], &[]));
            assert_eq!(found.unwrap_err().to_string(), expected);
        };
        check("", "line 1: found no column, expected the header `left,right,kind`");
        check("left_id,kind\n", "line 1: found the columns `left_id`, `kind`, expected the column `right_id`");
        check(
            "a,left_id,right_id\n",
            "line 1: found the columns `a`, `left_id`, `right_id`, expected the column `kind`",
        );
        check(
            "left_id,right_id,kind,kind\n",
            "line 1: found columns 3 and 4 both called `kind`, expected one of that name",
        );
        check("left_id,right_id,kind\n1,2\n", "line 2: found 2 fields, expected 3 as in the header");
        check("left_id,right_id,kind\n1,x,near\n", "line 2: found `x` in `right_id`, expected an image id");
        check("left_id,right_id,kind\n7,7,near\n", "line 2: found image 7 paired with itself, expected two images");
        check(
            "left_id,right_id,kind\n1,2,nearly\n",
            "line 2: found `nearly`, expected one of `exact`, `near`, `similar`",
        );
        check("left_id,right_id,kind\n1,9,near\n", "line 2: no image has the id 9 (1 images)");
        check(
            "left_id,right_id,kind,is_duplicate\n1,9,near,no\n",
            "line 2: found `no` in `is_duplicate`, expected `true` or `false`",
        );
    }
}
