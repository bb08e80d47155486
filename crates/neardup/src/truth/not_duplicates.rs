//! Pairs that a person judged to be no duplicates.

use std::collections::HashSet;
use std::path::Path;

use super::ends::{self, Ends};
use super::listing::Listing;
use super::values::is_duplicate;
use super::{IS_DUPLICATE, TruthError, known};
use crate::ImageIndex;
use crate::identical::Identical;

/// Pairs that a file says are no duplicates.
///
/// CSV with a header, or Parquet, with the columns `left_id` and `right_id`, or the names of the files: `left` and `right`, or
/// `left_source` and `right_source`. A pair whose column `is_duplicate` is true is passed over, so a truth file will do. What is
/// said of one image holds of all that have identical pixels.
#[derive(Clone, Debug, Default)]
pub struct NotDuplicates {
    identical: Identical,
    pairs: HashSet<(u64, u64)>,
    n_told: u64,
    n_missing: u64,
}

/// What becomes of a pair whose images are not all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is an error.
    Refused,
    /// It is passed over and counted. Images are named by their files then: an id may be another image's by now.
    PassedOver,
}

impl NotDuplicates {
    /// Reads a file that tells of pairs of these images.
    ///
    /// # Errors
    /// Names the line, and the name or id that no image has; also a pair of one image, or of two with identical pixels.
    pub fn read(path: &Path, images: &ImageIndex, missing: Missing) -> Result<Self, TruthError> {
        let wanted: Vec<_> = ends::COLUMNS.into_iter().chain([IS_DUPLICATE]).collect();
        Self::of(&Listing::read(path, &wanted)?, images, missing)
    }

    fn of(listing: &Listing, images: &ImageIndex, missing: Missing) -> Result<Self, TruthError> {
        let ends = Ends::of(listing, Some(images), "left,right")?;
        if missing == Missing::PassedOver && !ends.are_names() {
            return Err(listing.without_header("left,right"));
        }
        let verdict = listing.column(IS_DUPLICATE);
        let mut told = Self::default();
        for group in images.identical() {
            group[1..].iter().for_each(|&image| told.identical.tie(group[0], image));
        }
        for row in listing.rows() {
            if missing == Missing::PassedOver && !ends.are_known(row) {
                told.n_missing += 1;
                continue;
            }
            let (left, right) = ends.ids(row)?;
            known(images, row.line, [left, right])?;
            if is_duplicate(row, verdict, false)? {
                continue;
            }
            let pair = told.identical.pair(left, right);
            if pair.0 == pair.1 {
                let why = if left == right { "they are one image" } else { "their pixels are identical" };
                let detail = format!("says that {left} and {right} are no duplicates, but {why}");
                return Err(TruthError::Row { line: row.line, detail });
            }
            told.pairs.insert(pair);
            told.n_told += 1;
        }
        Ok(told)
    }

    /// Whether two images are told to be no duplicates.
    pub fn contains(&self, left_id: u64, right_id: u64) -> bool {
        !self.pairs.is_empty() && self.pairs.contains(&self.identical.pair(left_id, right_id))
    }

    /// How many pairs the file tells of.
    pub fn n_told(&self) -> u64 {
        self.n_told
    }

    /// How many more were passed over because an image of theirs is not there.
    pub fn n_missing(&self) -> u64 {
        self.n_missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matches::tests::image;

    fn read_with(text: &str, missing: Missing) -> Result<NotDuplicates, TruthError> {
        // 1 and 4 are identical.
        let images = [image(1, 1, 0), image(2, 2, 0), image(3, 3, 0), image(4, 1, 0)];
        let images = ImageIndex::of(&images).unwrap();
        let wanted: Vec<_> = ends::COLUMNS.into_iter().chain([IS_DUPLICATE]).collect();
        NotDuplicates::of(&Listing::csv(text.as_bytes(), &wanted)?, &images, missing)
    }

    fn read(text: &str) -> Result<NotDuplicates, TruthError> {
        read_with(text, Missing::Refused)
    }

    #[test]
    fn a_pair_is_told_by_ids_or_names_and_holds_of_identical_images() {
        for text in [
            "left_id,right_id\n2,1\n",
            "left;right\n1.png;2.png\n",
            "similarity,left_source,right_source\n0.9,2.png,4.png\n",
            "left_id,right_id,is_duplicate\n1,2,False\n1,3,true\n",
        ] {
            let told = read(text).unwrap();
            assert_eq!(told.n_told(), 1, "{text}");
            for (left, right, expected) in [(1, 2, true), (2, 1, true), (2, 4, true), (1, 3, false), (1, 4, false)] {
                assert_eq!(told.contains(left, right), expected, "{text} {left} {right}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let check = |text: &str, expected: &str| assert_eq!(read(text).unwrap_err().to_string(), expected);
        check(
            "left,right\n1.png,9.png\n",
            "line 2: found `9.png` in `right`, expected the `source` of an image (4 images)",
        );
        check("left_id,right_id\n1,9\n", "line 2: no image has the id 9 (4 images)");
        check("left_id,right_id\n1,x\n", "line 2: found `x` in `right_id`, expected an image id");
        check(
            "left_id,right_id\n1,2\n1,4\n",
            "line 3: says that 1 and 4 are no duplicates, but their pixels are identical",
        );
        check("left_id,right_id\n2,2\n", "line 2: says that 2 and 2 are no duplicates, but they are one image");
        check("a,b\n", "line 1: found the columns `a`, `b`, expected the header `left,right`");
        check("left,b\n", "line 1: found the columns `left`, `b`, expected the column `right`");
    }

    #[test]
    fn a_name_without_its_folder_or_with_too_many_is_understood() {
        let named = |id, name: &str| crate::Fingerprint { source: name.into(), ..image(id, id as u8, 0) };
        let images = [named(1, "from-phone/1.jpg"), named(2, "2.jpg"), named(3, "a/3.jpg"), named(4, "b/3.jpg")];
        let images = ImageIndex::of(&images).unwrap();
        let check = |name: &str, expected: &str| {
            let text = format!("left,right\n2.jpg,{name}\n");
            let listing = Listing::csv(text.as_bytes(), &["left", "right"]).unwrap();
            let error = NotDuplicates::of(&listing, &images, Missing::Refused).unwrap_err().to_string();
            let begin = format!("line 2: found `{name}` in `right`, expected the `source` of an image (4 images)");
            assert_eq!(error, format!("{begin}{expected}"));
        };
        check("1.jpg", "; did you mean `from-phone/1.jpg`?");
        check("/pictures/pictures/from-phone/1.jpg", "; did you mean `from-phone/1.jpg`?");
        check("3.jpg", "");
        check("phone/1.jpg", "");
        check(".jpg", "");
        check("", "");
    }

    #[test]
    fn pairs_of_images_that_are_gone_can_be_passed_over() {
        let told = read_with("left,right\n1.png,2.png\n1.png,gone.png\n", Missing::PassedOver).unwrap();
        assert_eq!((told.n_told(), told.n_missing()), (1, 1));
        let error = read_with("left_id,right_id\n1,2\n", Missing::PassedOver).unwrap_err().to_string();
        assert_eq!(error, "line 1: found the columns `left_id`, `right_id`, expected the header `left,right`");
    }
}
