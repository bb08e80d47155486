//! Fingerprints of images: decoded, hashed, and shrunk to a thumbnail.

use std::collections::BTreeSet;
use std::path::Path;

use image::RgbImage;
use img_hash::{HashAlg, HasherConfig};
use rayon::prelude::*;
use twinset_manifest::Digest;
use twinset_manifest::rows::{Image, Split};
use twinset_pixels::{decode_row, shrunk};

use crate::content::{Part, content};
use crate::fingerprint::hash_words;
use crate::pdq::pdq;
use crate::thumbnail::Thumbnail;
use crate::{Config, Fingerprint, HashKind, Known, NeardupError};

/// Of an image with a shorter side than this no crops are looked for.
const LARGE_SIDE: u32 = 64;

/// Computes one kind of perceptual hash.
pub struct Hasher(Method);

enum Method {
    /// The library measures a hash by its square of cells, which for `double-gradient` has more cells than the hash has
    /// bits, so its container is larger than any hash here.
    Library(img_hash::Hasher<[u8; 64]>),
    Pdq,
}

impl Hasher {
    /// The hasher of a valid config.
    pub fn new(config: &Config) -> Self {
        let side = config.hash.side(config.hash_bits);
        let hasher = HasherConfig::with_bytes_type::<[u8; 64]>().hash_size(side, side);
        let hasher = match config.hash {
            HashKind::Mean => hasher.hash_alg(HashAlg::Mean),
            HashKind::Gradient => hasher.hash_alg(HashAlg::Gradient),
            HashKind::DoubleGradient => hasher.hash_alg(HashAlg::DoubleGradient),
            HashKind::Block => hasher.hash_alg(HashAlg::Blockhash),
            HashKind::Dct => hasher.hash_alg(HashAlg::Median).preproc_dct(),
            HashKind::Pdq => return Self(Method::Pdq),
        };
        Self(Method::Library(hasher.to_hasher()))
    }

    /// The image's hash, as [`Fingerprint::hash`] has it.
    pub fn hash(&self, image: &RgbImage) -> [u64; 4] {
        self.hash_and_quality(image).0
    }

    /// The fingerprint of an image with these pixels, without a name: id 0, label 0, of the training split.
    pub fn fingerprint(&self, image: &RgbImage, pixels_blake3: Digest, with_thumbnail: bool) -> Fingerprint {
        let (hash, pdq_quality) = self.hash_and_quality(image);
        Fingerprint {
            image_id: 0,
            split: Split::Train,
            label: 0,
            source: Box::default(),
            pixels_blake3,
            has_lost: false,
            is_flat: is_flat(image),
            is_large: image.width().min(image.height()) > LARGE_SIDE,
            thumbnail: with_thumbnail.then(|| Thumbnail::of(image)),
            framed: if with_thumbnail { in_frame(image) } else { None },
            hash,
            pdq_quality,
        }
    }

    /// The image's hash, and its quality where the hash has one.
    fn hash_and_quality(&self, image: &RgbImage) -> ([u64; 4], Option<u8>) {
        let image = &*shrunk(image);
        let hasher = match &self.0 {
            Method::Library(hasher) => hasher,
            Method::Pdq => {
                let found = pdq(image);
                return (found.hash, Some(found.quality));
            }
        };
        (hash_words(&hasher.hash_image(image).into_inner()), None)
    }
}

/// Decodes and hashes a batch of images on all cores, those not `known`; paths are relative to `folder`. In the order of `rows`.
///
/// # Errors
/// Names the first image that cannot be decoded, or whose pixels are not those that the manifest tells.
pub fn fingerprints(
    rows: &[Image],
    folder: &Path,
    hasher: &Hasher,
    with_thumbnails: bool,
    known: &Known,
) -> Result<Vec<Fingerprint>, NeardupError> {
    let of = |row| match known.fingerprint(row, with_thumbnails) {
        Some(fingerprint) => Ok(fingerprint),
        None => fingerprint(row, folder, hasher, with_thumbnails),
    };
    let results: Vec<_> = rows.par_iter().map(of).collect();
    // Collected first, so that of several errors always the same one is told.
    results.into_iter().collect()
}

/// Decodes the images that are `wanted`, by their indices among all, and keeps their thumbnails.
///
/// # Errors
/// As [`fingerprints`].
pub fn add_thumbnails(
    images: &mut [Fingerprint],
    wanted: &BTreeSet<u32>,
    rows: &[Image],
    folder: &Path,
) -> Result<(), NeardupError> {
    let index = |row: &Image| images.binary_search_by_key(&row.image_id, |image| image.image_id).ok();
    let rows: Vec<_> = rows.iter().filter_map(|row| Some((index(row)?, row))).collect();
    let rows: Vec<_> = rows.into_iter().filter(|(index, _)| wanted.contains(&(*index as u32))).collect();
    let decode = |row: &Image| decode_row(row, folder).map(|image| Thumbnail::of(&image));
    let thumbnails: Vec<_> = rows.par_iter().map(|(index, row)| (*index, decode(row))).collect();
    for (index, thumbnail) in thumbnails {
        images[index].thumbnail = Some(thumbnail.map_err(NeardupError::Image)?);
    }
    Ok(())
}

fn fingerprint(row: &Image, folder: &Path, hasher: &Hasher, with_thumbnail: bool) -> Result<Fingerprint, NeardupError> {
    let image = decode_row(row, folder).map_err(NeardupError::Image)?;
    Ok(Fingerprint {
        image_id: row.image_id,
        split: row.split,
        label: row.label,
        source: row.source.as_str().into(),
        has_lost: row.lost.is_some(),
        ..hasher.fingerprint(&image, row.pixels_blake3, with_thumbnail)
    })
}

/// The picture in the image's frame.
fn in_frame(image: &RgbImage) -> Option<Thumbnail> {
    let image = &*shrunk(image);
    let Part { x, y, width, height } = content(image)?;
    Some(Thumbnail::of(&image::imageops::crop_imm(image, x, y, width, height).to_image()))
}

fn is_flat(image: &RgbImage) -> bool {
    let mut pixels = image.pixels();
    let first = pixels.next();
    pixels.all(|pixel| Some(pixel) == first)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn photo() -> RgbImage {
        RgbImage::from_fn(32, 24, |x, y| Rgb([(x * 7 % 256) as u8, (y * 10) as u8, ((x * y) % 256) as u8]))
    }

    #[test]
    fn every_hash_has_the_bits_that_it_says() {
        for kind in HashKind::ALL {
            for hash_bits in [64, 256] {
                let config = Config { hash: kind, hash_bits, ..Config::default() };
                let hasher = Hasher::new(&config);
                let (hash, mirrored) =
                    (hasher.hash(&photo()), hasher.hash(&image::imageops::flip_horizontal(&photo())));
                let bits_past_the_end =
                    (config.n_bits()..256).filter(|&bit| hash[bit as usize / 64] >> (bit % 64) & 1 == 1);
                assert_eq!(bits_past_the_end.count(), 0, "{kind} {hash_bits}");
                assert_ne!(hash, mirrored, "{kind} {hash_bits}");
            }
        }
    }

    #[test]
    fn small_and_odd_images_have_hashes_too() {
        for kind in HashKind::ALL {
            for (width, height) in [(1, 1), (2, 1), (1, 7), (3, 3), (13, 33), (100, 1)] {
                let hasher = Hasher::new(&Config { hash: kind, hash_bits: 256, ..Config::default() });
                let image = RgbImage::from_fn(width, height, |x, y| Rgb([(x * 40) as u8, (y * 30) as u8, 9]));
                assert_eq!(hasher.hash(&image), hasher.hash(&image.clone()), "{kind} of {width}x{height}");
            }
        }
    }

    #[test]
    fn one_colour_is_flat() {
        assert!(is_flat(&RgbImage::from_pixel(5, 4, Rgb([1, 2, 3]))));
        assert!(is_flat(&RgbImage::from_pixel(1, 1, Rgb([1, 2, 3]))));
        assert!(!is_flat(&photo()));
    }
}
