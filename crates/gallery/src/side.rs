//! An image of a pair or of a group, as HTML.

use std::collections::{BTreeMap, BTreeSet};

use twinset_manifest::rows::Split;

use crate::Picture;

/// What images look like on a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looks<'a> {
    pub(crate) pictures: &'a BTreeMap<u64, Picture>,
    /// Where ids of the reference begin: its images have their ids there and so much more.
    pub(crate) reference_from: Option<u64>,
    /// The images that stay after cleaning.
    pub(crate) kept: &'a BTreeSet<u64>,
}

static NONE: BTreeSet<u64> = BTreeSet::new();

impl<'a> Looks<'a> {
    pub(crate) fn of(pictures: &'a BTreeMap<u64, Picture>) -> Self {
        Self { pictures, reference_from: None, kept: &NONE }
    }
}

/// An image as it is shown, with what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Side<'a> {
    pub(crate) id: u64,
    pub(crate) shown_id: u64,
    pub(crate) split: Split,
    /// `reference · ` where it is an image of the reference.
    pub(crate) prefix: &'static str,
    /// The same for a screen reader.
    pub(crate) of: &'static str,
    /// None where the image is not among those that were read.
    pub(crate) picture: Option<&'a Picture>,
    /// Whether cleaning keeps it.
    pub(crate) stays: bool,
    /// Width and height in pixels, or empty.
    pub(crate) size: String,
}

impl<'a> Side<'a> {
    pub(crate) fn of(id: u64, split: Split, looks: &Looks<'a>) -> Self {
        let of_reference = looks.reference_from.and_then(|from| id.checked_sub(from));
        let (prefix, of) = if of_reference.is_some() { ("reference · ", " of the reference") } else { ("", "") };
        let shown_id = of_reference.unwrap_or(id);
        let (picture, stays) = (looks.pictures.get(&id), looks.kept.contains(&id));
        Self { id, shown_id, split, prefix, of, picture, stays, size: String::new() }
    }

    /// Tells the sizes of images that are not all of one size.
    pub(crate) fn tell_sizes(sides: &mut [Self]) {
        let sizes: BTreeSet<_> = sides.iter().filter_map(|side| side.picture).map(|p| (p.width, p.height)).collect();
        if sizes.len() > 1 {
            for side in sides {
                side.size = side.picture.map_or_else(String::new, |p| format!("{}×{}", p.width, p.height));
            }
        }
    }

    /// The file's name as HTML that a browser reads back to the letter: it would take a bare carriage return for a line feed.
    pub(crate) fn source(&self) -> String {
        let source = self.picture.map_or("", |picture| &picture.source);
        let mut html = String::with_capacity(source.len());
        for character in source.chars() {
            match character {
                '&' => html.push_str("&#38;"),
                '<' => html.push_str("&#60;"),
                '>' => html.push_str("&#62;"),
                '"' => html.push_str("&#34;"),
                '\'' => html.push_str("&#39;"),
                '\r' => html.push_str("&#13;"),
                // A line may end here.
                '/' => html.push_str("/<wbr>"),
                character => html.push(character),
            }
        }
        html
    }
}
