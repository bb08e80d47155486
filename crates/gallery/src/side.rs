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
    /// Whether there are several splits to tell apart.
    pub(crate) shows_splits: bool,
    /// Whether there are several classes to tell apart.
    pub(crate) shows_classes: bool,
}

static NONE: BTreeSet<u64> = BTreeSet::new();

impl<'a> Looks<'a> {
    pub(crate) fn of(pictures: &'a BTreeMap<u64, Picture>) -> Self {
        Self { pictures, reference_from: None, kept: &NONE, shows_splits: true, shows_classes: true }
    }
}

/// An image as it is shown, with what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Side<'a> {
    pub(crate) id: u64,
    pub(crate) shown_id: u64,
    pub(crate) split: Split,
    /// The same for a screen reader.
    pub(crate) of: &'static str,
    /// None where the image is not among those that were read.
    pub(crate) picture: Option<&'a Picture>,
    /// Whether cleaning keeps it.
    pub(crate) stays: bool,
    /// Width and height in pixels, or empty.
    pub(crate) size: String,
    /// Whether it is shown of its group, beside no other.
    pub(crate) is_member: bool,
    /// Whether it is shown of its group only when more are asked for.
    pub(crate) is_more: bool,
    pub(crate) is_of_reference: bool,
    pub(crate) shows_split: bool,
    pub(crate) shows_class: bool,
}

impl<'a> Side<'a> {
    pub(crate) fn of(id: u64, split: Split, looks: &Looks<'a>) -> Self {
        let of_reference = looks.reference_from.and_then(|from| id.checked_sub(from));
        Self {
            id,
            shown_id: of_reference.unwrap_or(id),
            split,
            of: if of_reference.is_some() { " of the reference" } else { "" },
            picture: looks.pictures.get(&id),
            stays: looks.kept.contains(&id),
            size: String::new(),
            is_member: false,
            is_more: false,
            is_of_reference: of_reference.is_some(),
            shows_split: looks.shows_splits,
            shows_class: looks.shows_classes,
        }
    }

    /// Tells the sizes of images that are not all of one size.
    pub(crate) fn tell_sizes(sides: &mut [Self]) {
        let sizes: BTreeSet<_> = sides.iter().filter_map(|side| side.picture).map(Picture::size).collect();
        if sizes.len() > 1 {
            for side in sides {
                side.size = side.picture.map_or_else(String::new, |picture| size(picture.size()));
            }
        }
    }

    /// `reference · test · cat`, as far as it tells images apart.
    pub(crate) fn kind(&self) -> String {
        let split = self.shows_split.then(|| self.split.as_str());
        let parts = [self.is_of_reference.then_some("reference"), split, self.class()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// Its class, where it has one and there are several.
    pub(crate) fn class(&self) -> Option<&'a str> {
        self.picture.map(|picture| picture.class_name.as_str()).filter(|name| self.shows_class && !name.is_empty())
    }

    /// ` of the test split`, where there are several.
    pub(crate) fn of_split(&self) -> String {
        if self.shows_split { format!(" of the {} split", self.split) } else { String::new() }
    }

    /// The file's name and the row in it as HTML.
    pub(crate) fn shown_source(&self) -> String {
        let Some(picture) = self.picture else { return String::new() };
        match picture.row() {
            Some((file, row)) => format!("{} row {row}", escaped(file, true)),
            None => escaped(&picture.source, true),
        }
    }

    /// The source as the manifest has it, as an attribute's value, where it is shown in another way.
    pub(crate) fn exact_source(&self) -> Option<String> {
        let picture = self.picture?;
        picture.row().map(|_| escaped(&picture.source, false))
    }
}

/// `640×480`.
pub(crate) fn size((width, height): (u32, u32)) -> String {
    format!("{width}×{height}")
}

/// A text as HTML that a browser reads back to the letter: it would take a bare carriage return for a line feed. Where it is
/// `breakable`, a line may end behind a slash.
fn escaped(text: &str, breakable: bool) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&#38;"),
            '<' => html.push_str("&#60;"),
            '>' => html.push_str("&#62;"),
            '"' => html.push_str("&#34;"),
            '\'' => html.push_str("&#39;"),
            '\r' => html.push_str("&#13;"),
            '/' if breakable => html.push_str("/<wbr>"),
            character => html.push(character),
        }
    }
    html
}
