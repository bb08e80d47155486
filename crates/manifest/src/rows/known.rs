//! What near-duplicate detection keeps between runs, and what its parts hand on.

use super::Split;
use crate::Digest;
use crate::row::row;

row! {
    /// An image that `twinset-neardup --cache` knows from its last run; identical images have one row. Those that took part in the
    /// search come first.
    pub struct KnownImage = "neardup-known-images/2", row_group_rows = 4096 {
        /// The digest of its decoded pixels.
        pixels_blake3: Digest,
        /// The splits that have such an image, one bit a split (train 1, val 2, test 4), where pairs were searched between
        /// splits; else 0.
        splits: u32,
        /// Whether all its pixels have one colour.
        is_flat: bool,
        /// Whether crops of it were looked for.
        is_large: bool,
        /// The perceptual hash, as `hashes` has it.
        hash: Vec<u8>,
        /// The quality of a PDQ hash; null of another hash.
        pdq_quality: Option<u32>,
        /// The small picture that it is verified by, 32 by 32 pixels, red, green, blue, row by row; null where none was needed.
        thumbnail: Option<Vec<u8>>,
        /// The same of the picture in its frame; null where the image is no picture in a frame.
        framed: Option<Vec<u8>>,
    }
}

row! {
    /// Two images that `twinset-neardup --cache` looked at closely in its last run, or that a part of `twinset-neardup search` or
    /// `verify` has.
    pub struct KnownPair = "neardup-known-pairs/2", row_group_rows = 65536 {
        /// The left image, as a row number in `neardup-known-images`; of parts, its number among the images that are searched.
        left: u32,
        /// The right image, likewise.
        right: u32,
        /// Whether it is the picture in the left image's frame that was looked at.
        is_left_framed: bool,
        /// Whether it is the picture in the right image's frame that was looked at.
        is_right_framed: bool,
        /// Whether the left image was mirrored left to right.
        is_mirrored: bool,
        /// By how many degrees it was then turned clockwise.
        degrees: u32,
        /// The correlation, or the distance in bits, by which the right image is a candidate of the left one; null where it is
        /// none.
        of_left: Option<f32>,
        /// The correlation by which the left image is a candidate of the right one; null where it is none.
        of_right: Option<f32>,
        /// Whether the pair was verified.
        is_verified: bool,
        /// The correlation once aligned; null where the two do not lie on one another, or were not verified.
        correlation: Option<f32>,
        /// The affine map that aligned them, six 32-bit floats in little-endian order; null as `correlation` is.
        alignment: Option<Vec<u8>>,
    }
}

row! {
    /// An image that a part of `twinset-neardup hash` has decoded.
    pub struct PartImage = "neardup-part-images/1", row_group_rows = 4096 {
        /// The image.
        image_id: u64,
        /// The image's split.
        split: Split,
        /// The image's class.
        label: u32,
        /// Where the image comes from.
        source: String,
        /// The digest of its decoded pixels.
        pixels_blake3: Digest,
        /// Whether something of its file is not in its pixels.
        has_lost: bool,
        /// Whether all its pixels have one colour.
        is_flat: bool,
        /// Whether crops of it are looked for.
        is_large: bool,
        /// The perceptual hash, as `hashes` has it.
        hash: Vec<u8>,
        /// The quality of a PDQ hash; null of another hash.
        pdq_quality: Option<u32>,
        /// The small picture that it is verified by, 32 by 32 pixels, red, green, blue, row by row; null where none is needed.
        thumbnail: Option<Vec<u8>>,
        /// The same of the picture in its frame; null where the image is no picture in a frame.
        framed: Option<Vec<u8>>,
    }
}

row! {
    /// A [`PartImage`] without its pictures: they are not read.
    pub struct PartImageFacts = "neardup-part-images/1", row_group_rows = 4096 {
        /// The image.
        image_id: u64,
        /// The image's split.
        split: Split,
        /// The image's class.
        label: u32,
        /// Where the image comes from.
        source: String,
        /// The digest of its decoded pixels.
        pixels_blake3: Digest,
        /// Whether something of its file is not in its pixels.
        has_lost: bool,
        /// Whether all its pixels have one colour.
        is_flat: bool,
        /// Whether crops of it are looked for.
        is_large: bool,
        /// The perceptual hash, as `hashes` has it.
        hash: Vec<u8>,
        /// The quality of a PDQ hash; null of another hash.
        pdq_quality: Option<u32>,
    }
}
