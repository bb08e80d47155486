//! What stays of an image when its pixels are gone.

use twinset_manifest::Digest;
use twinset_manifest::rows::{Hashes, Split};

use crate::thumbnail::Thumbnail;
use crate::{Config, HashKind, NeardupError};

/// What stays of an image when its pixels are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The image.
    pub image_id: u64,
    /// Its split.
    pub split: Split,
    /// Its class.
    pub label: u32,
    /// Where it comes from.
    pub source: Box<str>,
    /// The digest of its decoded pixels.
    pub pixels_blake3: Digest,
    /// Whether something of its file is not in its pixels.
    pub has_lost: bool,
    /// Whether all its pixels have one colour.
    pub is_flat: bool,
    /// Whether it is large enough to look for crops of it: more than 64 pixels along its shorter side.
    pub is_large: bool,
    /// Its perceptual hash: bit `i` is bit `i % 64` of word `i / 64`; bits past the hash's length are 0.
    pub hash: [u64; 4],
    /// The small picture that it is verified by, where it is kept.
    pub thumbnail: Option<Thumbnail>,
    /// The same of the picture in its frame, where it is a picture in a frame and thumbnails are kept.
    pub framed: Option<Thumbnail>,
    /// The quality of a PDQ hash, 0 to 100; none of another hash.
    pub pdq_quality: Option<u8>,
}

impl Fingerprint {
    /// The row of a `hashes` manifest.
    pub fn to_row(&self, config: &Config) -> Hashes {
        let hash = hash_bytes(&self.hash, config);
        let mut row = Hashes {
            image_id: self.image_id,
            pixels_blake3: self.pixels_blake3,
            is_flat: self.is_flat,
            mean: None,
            gradient: None,
            double_gradient: None,
            block: None,
            dct: None,
            pdq: None,
            pdq_quality: self.pdq_quality.map(u32::from),
        };
        let column = match config.hash {
            HashKind::Mean => &mut row.mean,
            HashKind::Gradient => &mut row.gradient,
            HashKind::DoubleGradient => &mut row.double_gradient,
            HashKind::Block => &mut row.block,
            HashKind::Dct => &mut row.dct,
            HashKind::Pdq => &mut row.pdq,
        };
        *column = Some(hash);
        row
    }
}

/// A hash as manifests have it.
pub(crate) fn hash_bytes(words: &[u64; 4], config: &Config) -> Vec<u8> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes[..config.n_bits().div_ceil(8) as usize].to_vec()
}

/// A hash of at most 256 bits as words.
pub(crate) fn hash_words(bytes: &[u8]) -> [u64; 4] {
    let mut padded = [0; 32];
    let n_bytes = bytes.len().min(padded.len());
    padded[..n_bytes].copy_from_slice(&bytes[..n_bytes]);
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(padded.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// Brings fingerprints into the order of their ids.
///
/// # Errors
/// Names an id that occurs twice.
pub fn sort_by_id(images: &mut [Fingerprint]) -> Result<(), NeardupError> {
    images.sort_unstable_by_key(|image| image.image_id);
    match images.windows(2).find(|pair| pair[0].image_id == pair[1].image_id) {
        Some(pair) => Err(NeardupError::RepeatedId { image_id: pair[0].image_id }),
        None => Ok(()),
    }
}
