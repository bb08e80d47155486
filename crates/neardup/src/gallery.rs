//! The pairs of a manifest, in groups and given their pictures, for a page to look at.

mod counted;
mod groups;
mod rank;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use twinset_gallery::{Gallery, Picture, large_side_for, pictures};
use twinset_manifest::rows::{Image, Pair, ReferencePair};
use twinset_manifest::{Input, ManifestError, Reader};
use twinset_pixels::{RowError, decode_row};

use counted::Counted;
use groups::Grouping;
use rank::MostSimilar;

/// What a gallery is made from.
#[derive(Clone, Copy, Debug)]
pub struct GallerySource<'a> {
    /// Manifest of the images.
    pub images: &'a Path,
    /// Manifest of the pairs.
    pub pairs: &'a Path,
    /// Folder that the paths of images are relative to.
    pub folder: &'a Path,
    /// Manifest of the images of the reference, and the folder that their paths are relative to, where `pairs` are of images and
    /// those of a reference.
    pub reference: Option<(&'a Path, &'a Path)>,
    /// The most pairs to show.
    pub max_pairs: usize,
    /// The command that searches again without the pairs that are marked on the page.
    pub search_again: &'a str,
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
    /// The pairs are of two other sets.
    #[error("`{}` was made from other images than those of `{}`", .pairs.display(), .images.display())]
    OtherSets {
        /// The manifest of the pairs.
        pairs: PathBuf,
        /// The manifest of images that it was not made from.
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

/// The most similar pairs in their groups, with their pictures. What is kept of the manifests is that alone, and some 150 bytes for
/// each image of an exact or near pair.
///
/// `begin` is told how many images there are and gives the function that is told how many more are read.
///
/// # Errors
/// When a manifest cannot be read, the pairs are not of these images, or no image at all can be decoded.
pub fn gallery<P: Fn(u64)>(source: &GallerySource<'_>, begin: impl Fn(u64) -> P) -> Result<Gallery, GalleryError> {
    match source.reference {
        None => of_pairs(source, begin),
        Some((reference, folder)) => of_reference(source, reference, folder, begin),
    }
}

fn of_pairs<P: Fn(u64)>(source: &GallerySource<'_>, begin: impl Fn(u64) -> P) -> Result<Gallery, GalleryError> {
    let mut images = Reader::<Image>::open(source.images)?;
    let pairs = Reader::<Pair>::open(source.pairs)?;
    let inputs = [images.as_input()?, pairs.as_input()?];
    pairs.expect_made_from(&inputs[0])?;
    let mut most_similar = MostSimilar::new(source.max_pairs, source.pairs);
    let mut grouping = Grouping::default();
    let is_searched_within = pairs.provenance().config["between-splits"] != true;
    for batch in pairs {
        for pair in batch? {
            if grouping.add(&pair) {
                most_similar.add(pair)?;
            }
        }
    }
    let (pairs, n_left_out) = most_similar.finish();
    let wanted: BTreeSet<u64> = pairs.iter().flat_map(|pair| [pair.left_id, pair.right_id]).collect();
    let on_progress = begin(images.n_rows());
    let mut counted = Counted::default();
    let counting = images.by_ref().inspect(|batch| counted.add(batch, |id| grouping.has(id)));
    let pictures = pictures(counting, &wanted, source.folder, large_side_for(wanted.len()), &on_progress)?;
    counted.add_rest(images, |id| grouping.has(id), &on_progress)?;
    expect_all(source, &pairs, &pictures)?;
    let left_out = grouping.left_out(&counted, is_searched_within);
    Ok(Gallery {
        groups: grouping.groups(pairs),
        found: grouping.found(&counted),
        kept: pictures.keys().copied().filter(|id| !left_out.contains(id)).collect(),
        n_left_out,
        n_implied: grouping.n_implied,
        pictures,
        made_from: inputs.into(),
        reference_from: None,
        search_again: source.search_again.to_owned(),
    })
}

/// Images of the reference get ids that no image has.
fn of_reference<P: Fn(u64)>(
    source: &GallerySource<'_>,
    reference: &Path,
    folder: &Path,
    begin: impl Fn(u64) -> P,
) -> Result<Gallery, GalleryError> {
    let pairs = Reader::<ReferencePair>::open(source.pairs)?;
    let [first, second] = [source.images, reference].map(|path| -> Result<(Reader<Image>, Input), GalleryError> {
        let reader = Reader::<Image>::open(path)?;
        let input = reader.as_input()?;
        Ok((reader, input))
    });
    let ((mut images, of_images), (mut reference_images, of_reference)) = (first?, second?);
    let made_from = &pairs.provenance().inputs;
    for (place, (path, input)) in [(source.images, &of_images), (reference, &of_reference)].into_iter().enumerate() {
        if made_from.get(place).is_some_and(|from| from.blake3 != input.blake3) {
            let (pairs, images) = (source.pairs.to_owned(), path.to_owned());
            return Err(GalleryError::OtherSets { pairs, images });
        }
    }
    let inputs = vec![of_images, of_reference, pairs.as_input()?];
    let mut most_similar = MostSimilar::new(source.max_pairs, source.pairs);
    let mut rows = Vec::new();
    for batch in pairs {
        rows.append(&mut batch?);
    }
    // Greater than all ids of pairs: only these are shown.
    let from = rows.iter().map(|row| row.image_id).max().map_or(0, |id| id + 1);
    let mut grouping = Grouping::default();
    for row in rows {
        let pair = as_pair(row, from);
        if grouping.add(&pair) {
            most_similar.add(pair)?;
        }
    }
    let (pairs, n_left_out) = most_similar.finish();
    let wanted: BTreeSet<u64> = pairs.iter().map(|pair| pair.left_id).collect();
    let of_reference: BTreeSet<u64> = pairs.iter().map(|pair| pair.right_id - from).collect();
    let side = large_side_for(wanted.len() + of_reference.len());
    let mut counted = Counted::default();
    let mut read = |images: &mut Reader<Image>, wanted: &BTreeSet<u64>, folder: &Path| {
        let on_progress = begin(images.n_rows());
        let counting = images.by_ref().inspect(|batch| counted.add(batch, |_| false));
        let shown = pictures(counting, wanted, folder, side, &on_progress)?;
        counted.add_rest(images, |_| false, &on_progress)?;
        Ok::<_, GalleryError>(shown)
    };
    let mut shown = read(&mut images, &wanted, source.folder)?;
    let others = read(&mut reference_images, &of_reference, folder)?;
    shown.extend(others.into_iter().map(|(id, picture)| (id + from, picture)));
    expect_all(source, &pairs, &shown)?;
    Ok(Gallery {
        groups: grouping.groups(pairs),
        found: grouping.found(&counted),
        kept: BTreeSet::new(),
        n_left_out,
        n_implied: grouping.n_implied,
        pictures: shown,
        made_from: inputs,
        reference_from: Some(from),
        search_again: source.search_again.to_owned(),
    })
}

/// A pair of an image and one of the reference, whose ids are greater by `from`.
fn as_pair(row: ReferencePair, from: u64) -> Pair {
    Pair {
        left_id: row.image_id,
        right_id: row.reference_id + from,
        left_source: row.source,
        right_source: row.reference_source,
        kind: row.kind,
        found_by: row.found_by,
        hash_distance_bits: row.hash_distance_bits,
        left_split: row.split,
        right_split: row.reference_split,
        left_label: 0,
        right_label: 0,
        label_conflict: false,
        similarity: row.similarity,
        expected_false_pairs: row.expected_false_pairs,
        alignment: row.alignment,
    }
}

/// An error where an image of a pair is not there, or where no image at all can be shown.
fn expect_all(
    source: &GallerySource<'_>,
    pairs: &[Pair],
    pictures: &BTreeMap<u64, Picture>,
) -> Result<(), GalleryError> {
    for pair in pairs {
        for (field, image_id) in [("left_id", pair.left_id), ("right_id", pair.right_id)] {
            if !pictures.contains_key(&image_id) {
                let (pairs, images) = (source.pairs.to_owned(), source.images.to_owned());
                return Err(GalleryError::UnknownImage { pairs, field, image_id, images });
            }
        }
    }
    match pictures.keys().next().filter(|_| pictures.values().all(|picture| picture.uri.is_err())) {
        Some(&first) => expect_picture(source, first, pictures),
        None => Ok(()),
    }
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
