//! A truth given as groups: a row for each image, with the group that it belongs to.

use std::collections::BTreeMap;

use twinset_manifest::rows::PairKind;

use super::listing::{Column, Listing};
use super::values::value;
use super::{Judged, Truth, TruthError};
use crate::ImageIndex;

/// The columns that hold the image, and those that hold its group.
const OF_IMAGE: [&str; 3] = ["image_id", "source", "image"];
const OF_GROUP: [&str; 2] = ["group", "cluster_id"];

/// All columns that are read.
pub(super) const COLUMNS: [&str; 5] = [OF_IMAGE[0], OF_IMAGE[1], OF_IMAGE[2], OF_GROUP[0], OF_GROUP[1]];

/// Whether a file tells of groups.
pub(super) fn is_of_groups(listing: &Listing) -> bool {
    OF_GROUP.iter().any(|name| listing.has(name)) && OF_IMAGE.iter().any(|name| listing.has(name))
}

/// The pairs of each group, all of which are duplicates. An image whose group is empty is in none.
pub(super) fn parse(listing: &Listing, images: Option<&ImageIndex>) -> Result<Truth, TruthError> {
    let first = |names: &[&'static str]| -> Option<(&'static str, Column)> {
        names.iter().find_map(|&name| Some((name, listing.column(name)?)))
    };
    let (Some((image_name, image)), Some((_, group))) = (first(&OF_IMAGE), first(&OF_GROUP)) else {
        return Ok(Truth { judged: Vec::new() });
    };
    let names = match (image_name, images) {
        ("image_id", _) => None,
        (_, Some(images)) => Some(images.names()),
        (_, None) => {
            let detail =
                format!("found names of files in `{image_name}`, expected `image_id`, or the images beside them");
            return Err(TruthError::NeedsImages(detail));
        }
    };
    let mut groups: BTreeMap<&str, Vec<(u64, u64)>> = BTreeMap::new();
    let mut lines = BTreeMap::new();
    for row in listing.rows() {
        let wrong = |detail: String| TruthError::Row { line: row.line, detail };
        let id: u64 = match &names {
            None => value(row, image, image_name, "an image id")?,
            Some(names) => names
                .id(row.field(image), images.map_or(0, ImageIndex::len))
                .map_err(|detail| wrong(format!("found `{}` in `{image_name}`, {detail}", row.field(image))))?,
        };
        if let Some(before) = lines.insert(id, row.line) {
            return Err(wrong(format!("found image {id} again, expected it once: it stands in line {before}, too")));
        }
        if !row.field(group).is_empty() {
            groups.entry(row.field(group)).or_default().push((id, row.line));
        }
    }
    let mut judged = Vec::new();
    for members in groups.values() {
        for (place, &(left, _)) in members.iter().enumerate() {
            for &(right, line) in &members[place + 1..] {
                judged.push(Judged::new(line, (left, right), PairKind::Near, true)?);
            }
        }
    }
    Ok(Truth { judged })
}
