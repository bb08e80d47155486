//! Images that were taken from their source, on their way to rows.

use image::RgbImage;
use twinset_manifest::Digest;
use twinset_manifest::rows::{Image, ImageData, Reject, Split};
use twinset_pixels::{Lost, ToDigest};

/// What is known of an image beside its pixels.
pub(crate) struct Place {
    pub(crate) image_id: u64,
    pub(crate) split: Split,
    pub(crate) label: u32,
    pub(crate) class_name: String,
    /// As the manifest will have it.
    pub(crate) source: String,
}

/// An image whose row lacks the digest of its pixels alone: that is made together with those of others.
pub(crate) struct Taken {
    place: Place,
    width: u32,
    height: u32,
    image: ImageData,
    pixels: ToDigest,
    lost: Lost,
}

impl Taken {
    pub(crate) fn new(place: Place, pixels: RgbImage, image: ImageData, lost: Lost) -> Self {
        Self { place, width: pixels.width(), height: pixels.height(), image, pixels: ToDigest::new(pixels), lost }
    }

    /// Pixels that were not encoded in their source, as a PNG.
    pub(crate) fn as_png(place: Place, pixels: RgbImage) -> Self {
        let bytes = twinset_pixels::encode_png(&pixels).into();
        Self::new(place, pixels, ImageData { bytes: Some(bytes), path: None }, Lost::default())
    }

    fn into_row(self, pixels_blake3: Digest) -> Image {
        let Self { place: Place { image_id, split, label, class_name, source }, width, height, image, lost, .. } = self;
        Image {
            image_id,
            split,
            label,
            class_name,
            width,
            height,
            image,
            pixels_blake3,
            source,
            derived_from: None,
            transform: None,
            lost: lost.names(),
        }
    }
}

/// The rows of what was taken, in the same places.
pub(crate) fn rows<N>(made: Vec<(Result<Taken, Reject>, N)>) -> Vec<(Result<Image, Reject>, N)> {
    let taken = made.iter().filter_map(|(taken, _)| taken.as_ref().ok());
    let mut digests = ToDigest::digests(taken.map(|taken| &taken.pixels)).into_iter();
    let mut row = |taken: Taken| taken.into_row(digests.next().expect("each image has its digest"));
    made.into_iter().map(|(taken, noted)| (taken.map(&mut row), noted)).collect()
}
