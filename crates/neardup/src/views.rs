//! What of the searched images is looked at: each as it is, and the picture in the frame of those that have one.

use crate::Fingerprint;
use crate::groups::Groups;
use crate::thumbnail::Thumbnail;
use crate::verify::Picture;

/// A *view* is the number of an image as it is (its place), or of the picture in its frame, which come after all places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Views {
    n_searched: u32,
    /// The places of images that have a frame, in order.
    framed: Vec<u32>,
}

impl Views {
    /// All views.
    pub(crate) fn of(images: &[Fingerprint], groups: &Groups) -> Self {
        let n_searched = groups.n_searched() as u32;
        let has_frame = |&place: &u32| images[groups.index(place) as usize].framed.is_some();
        Self { n_searched, framed: (0..n_searched).filter(has_frame).collect() }
    }

    /// Images as they are alone.
    pub(crate) fn without_frames(groups: &Groups) -> Self {
        Self { n_searched: groups.n_searched() as u32, framed: Vec::new() }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u32 {
        self.n_searched + self.framed.len() as u32
    }

    /// The place of the image of a view.
    pub(crate) fn place(&self, view: u32) -> u32 {
        if view < self.n_searched { view } else { self.framed[(view - self.n_searched) as usize] }
    }

    /// Whether it is the picture in the frame.
    pub(crate) fn is_framed(&self, view: u32) -> bool {
        view >= self.n_searched
    }

    /// The view of a place; none of a frame that it does not have.
    pub(crate) fn view(&self, place: u32, is_framed: bool) -> Option<u32> {
        match is_framed {
            false => Some(place),
            true => self.framed.binary_search(&place).ok().map(|number| self.n_searched + number as u32),
        }
    }

    /// Whether a view is large enough for a part of it to be a picture. The picture in a frame is.
    pub(crate) fn is_large(&self, images: &[Fingerprint], groups: &Groups, view: u32) -> bool {
        self.is_framed(view) || images[groups.index(view) as usize].is_large
    }

    /// A view as verification wants it.
    ///
    /// # Panics
    /// When the image has no thumbnail.
    pub(crate) fn picture<'a>(&self, images: &'a [Fingerprint], groups: &Groups, view: u32) -> Picture<'a> {
        Picture { thumbnail: self.thumbnail(images, groups, view), is_large: self.is_large(images, groups, view) }
    }

    /// What a view shows.
    ///
    /// # Panics
    /// When the image has no thumbnail.
    pub(crate) fn thumbnail<'a>(&self, images: &'a [Fingerprint], groups: &Groups, view: u32) -> &'a Thumbnail {
        let image = &images[groups.index(self.place(view)) as usize];
        let shown = if self.is_framed(view) { &image.framed } else { &image.thumbnail };
        shown.as_ref().expect("the image has a thumbnail")
    }
}
