//! The pairs of a manifest, chosen and given their pictures, for a page to look at.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::path::{Path, PathBuf};

use twinset_gallery::{Gallery, Picture, pictures};
use twinset_manifest::rows::{Image, Pair};
use twinset_manifest::{ManifestError, Reader};
use twinset_pixels::{RowError, decode_row};

/// What a gallery is made from.
#[derive(Clone, Copy, Debug)]
pub struct GallerySource<'a> {
    /// Manifest of the images.
    pub images: &'a Path,
    /// Manifest of the pairs.
    pub pairs: &'a Path,
    /// Folder that the paths of images are relative to.
    pub folder: &'a Path,
    /// The most pairs to show.
    pub max_pairs: usize,
}

/// Why there is no gallery.
#[derive(Debug, thiserror::Error)]
pub enum GalleryError {
    /// A manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A pair's image is not there.
    #[error("`{pairs}`, `{field}`: image {image_id} is not among the images of `{images}`")]
    UnknownImage {
        /// The manifest of the pairs.
        pairs: PathBuf,
        /// The column.
        field: &'static str,
        /// The image.
        image_id: u64,
        /// The manifest of the images.
        images: PathBuf,
    },
    /// There are images, and none can be shown.
    #[error("none of the {n_images} images of these pairs can be shown: {first}")]
    NoPicture {
        /// How many there are.
        n_images: usize,
        /// What is wrong with the first.
        first: RowError,
    },
    /// A similarity that is none.
    #[error("`{path}`, pair ({left_id}, {right_id}): `similarity` is {found}, expected 0 to 1")]
    Similarity {
        /// The manifest of the pairs.
        path: PathBuf,
        /// The pair's left image.
        left_id: u64,
        /// The pair's right image.
        right_id: u64,
        /// What it says.
        found: f32,
    },
}

/// The most similar pairs with their pictures. What is kept of the manifests is that alone.
///
/// `begin` is told how many images there are and gives the function that is told how many more are read.
///
/// # Errors
/// When a manifest cannot be read, the pairs are not of these images, or no image at all can be decoded.
pub fn gallery<P: Fn(u64)>(source: &GallerySource<'_>, begin: impl FnOnce(u64) -> P) -> Result<Gallery, GalleryError> {
    let images = Reader::<Image>::open(source.images)?;
    let pairs = Reader::<Pair>::open(source.pairs)?;
    let inputs = [images.as_input()?, pairs.as_input()?];
    pairs.expect_made_from(&inputs[0])?;
    let n_pairs = pairs.n_rows();
    let pairs = most_similar(pairs, source)?;
    let wanted: BTreeSet<u64> = pairs.iter().flat_map(|pair| [pair.left_id, pair.right_id]).collect();
    let on_progress = begin(images.n_rows());
    let pictures = pictures(images, &wanted, source.folder, on_progress)?;
    for pair in &pairs {
        for (field, image_id) in [("left_id", pair.left_id), ("right_id", pair.right_id)] {
            if !pictures.contains_key(&image_id) {
                let (pairs, images) = (source.pairs.to_owned(), source.images.to_owned());
                return Err(GalleryError::UnknownImage { pairs, field, image_id, images });
            }
        }
    }
    if let Some(&first) = pictures.keys().next().filter(|_| pictures.values().all(|picture| picture.uri.is_err())) {
        expect_picture(source, first, &pictures)?;
    }
    Ok(Gallery { n_left_out: n_pairs - pairs.len() as u64, pairs, pictures, made_from: inputs.into() })
}

/// An error that says of an image why it is none of the pictures.
fn expect_picture(
    source: &GallerySource<'_>,
    image_id: u64,
    pictures: &BTreeMap<u64, Picture>,
) -> Result<(), GalleryError> {
    for batch in Reader::<Image>::open(source.images)? {
        if let Some(row) = batch?.iter().find(|row| row.image_id == image_id) {
            let decoded = decode_row(row, source.folder);
            return decoded.map(drop).map_err(|first| GalleryError::NoPicture { n_images: pictures.len(), first });
        }
    }
    Ok(())
}

/// At most `max_pairs` pairs, in the order of [`Rank`].
fn most_similar(pairs: Reader<Pair>, source: &GallerySource<'_>) -> Result<Vec<Pair>, GalleryError> {
    let mut kept: BinaryHeap<Ranked> = BinaryHeap::new();
    for batch in pairs {
        for pair in batch? {
            let rank = Rank::of(&pair, source.pairs)?;
            if kept.len() < source.max_pairs {
                kept.push(Ranked { rank, pair });
            } else if let Some(mut last) = kept.peek_mut().filter(|last| rank < last.rank) {
                *last = Ranked { rank, pair };
            }
        }
    }
    Ok(kept.into_sorted_vec().into_iter().map(|ranked| ranked.pair).collect())
}

/// The order of a gallery: the most similar first; what was not verified last, by the distance of the hashes; then by ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// The bits of a similarity, a number from 0 to 1, are in its order.
    similarity: Reverse<Option<u32>>,
    hash_distance_bits: Option<u32>,
    ids: (u64, u64),
}

impl Rank {
    fn of(pair: &Pair, path: &Path) -> Result<Self, GalleryError> {
        let (left_id, right_id) = (pair.left_id, pair.right_id);
        if let Some(found) = pair.similarity.filter(|similarity| !(0.0..=1.0).contains(similarity)) {
            return Err(GalleryError::Similarity { path: path.to_owned(), left_id, right_id, found });
        }
        let similarity = Reverse(pair.similarity.map(|similarity| similarity.abs().to_bits()));
        Ok(Self { similarity, hash_distance_bits: pair.hash_distance_bits, ids: (left_id, right_id) })
    }
}

/// A pair that is compared by its rank alone.
struct Ranked {
    rank: Rank,
    pair: Pair,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}
