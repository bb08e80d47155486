//! The two images of a row: by their ids, or by the names of their files.

use super::TruthError;
use super::listing::{Column, Listing, Row};
use super::values::value;
use crate::image_index::{ImageIndex, Names};

/// The columns that name two images, each with the column of the other.
const OF_NAMES: [[&str; 2]; 2] = [["left", "right"], ["left_source", "right_source"]];
const OF_IDS: [&str; 2] = ["left_id", "right_id"];

/// All columns that name an image.
pub(super) const COLUMNS: [&str; 6] = [OF_IDS[0], OF_IDS[1], "left", "right", "left_source", "right_source"];

/// Where a file has the two images of each row.
pub(super) struct Ends<'a> {
    columns: [(&'static str, Column); 2],
    /// Where the images are named: they, and how many there are.
    names: Option<(Names<'a>, usize)>,
}

impl<'a> Ends<'a> {
    /// The columns of ids, else those of names.
    ///
    /// # Errors
    /// When there are neither, which says that `header` was expected, and when images are named and none are given.
    pub(super) fn of(listing: &Listing, images: Option<&'a ImageIndex>, header: &str) -> Result<Self, TruthError> {
        let named = OF_NAMES.into_iter().find(|names| names.iter().all(|name| listing.has(name)));
        let is_of_ids = OF_IDS.iter().all(|name| listing.has(name));
        let begun = || OF_NAMES.into_iter().chain([OF_IDS]).find(|names| names.iter().any(|name| listing.has(name)));
        let names = if is_of_ids { Some(OF_IDS) } else { named.or_else(begun) };
        let names = names.ok_or_else(|| listing.without_header(header))?;
        let columns = [(names[0], listing.needed(names[0])?), (names[1], listing.needed(names[1])?)];
        let names = match images {
            _ if names == OF_IDS => None,
            Some(images) => Some((images.names(), images.len())),
            None => {
                let detail = format!(
                    "found names of files in `{}`, expected ids of images, or the images beside them",
                    names[0]
                );
                return Err(TruthError::NeedsImages(detail));
            }
        };
        Ok(Self { columns, names })
    }

    /// Whether images are named by their files.
    pub(super) fn are_names(&self) -> bool {
        self.names.is_some()
    }

    /// Whether both images of a row are there, by their names.
    pub(super) fn are_known(&self, row: &Row) -> bool {
        let is_known = |(_, column)| match &self.names {
            None => true,
            Some((names, _)) => names.contains(row.field(column)),
        };
        self.columns.into_iter().all(is_known)
    }

    /// The ids of a row's two images.
    ///
    /// # Errors
    /// Names the line and the name that no image has.
    pub(super) fn ids(&self, row: &Row) -> Result<(u64, u64), TruthError> {
        let id = |(name, column): (&str, Column)| match &self.names {
            None => value(row, column, name, "an image id"),
            Some((names, n_images)) => names.id(row.field(column), *n_images).map_err(|detail| TruthError::Row {
                line: row.line,
                detail: format!("found `{}` in `{name}`, {detail}", row.field(column)),
            }),
        };
        Ok((id(self.columns[0])?, id(self.columns[1])?))
    }
}
