//! The cache: results of an earlier run, so that a run with a few new images costs much less than a whole run.
//!
//! For each image of the last run the cache has its hash and thumbnail, by the digest of its pixels. For each pair that
//! was verified it has the lists of candidates that contain the pair, and how well the two images match. The next run
//! decodes, searches and verifies only what is new. If an image was removed, the lists that contained it are made
//! again. The result is the same as without a cache.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use twinset_manifest::rows::{Image, KnownImage, KnownPair};
use twinset_manifest::{Digest, ManifestError, Provenance, Reader, write_manifest};

use crate::align::Alignment;
use crate::config::Method;
use crate::correlation::{Candidate, Listed, State};
use crate::fingerprint::{hash_bytes, hash_words};
use crate::groups::Groups;
use crate::looked::{Looked, Verdict};
use crate::orientation::Orientation;
use crate::thumbnail::Thumbnail;
use crate::views::Views;
use crate::{Config, Fingerprint};

/// Increase this if anything in the cache is computed in another way.
pub(crate) const VERSION: u32 = 3;

/// The results of an earlier run.
#[derive(Default)]
pub struct Known {
    images: Vec<KnownImage>,
    pairs: Vec<KnownPair>,
    rows: HashMap<Digest, usize>,
}

/// Images by what they share: their pixels, and where splits matter the splits that they are in.
type Key = (Digest, u8);

impl Known {
    /// The cache's folder for runs with this config and method of search, which depends on the number of images.
    pub fn folder(cache: &Path, config: &Config, n_images: u64) -> PathBuf {
        let search = match config.method(n_images) {
            Method::Correlation => format!("correlation-{}", config.orientations.as_str()),
            Method::Hash => format!("radius-{}", config.max_distance),
        };
        let between = if config.between_splits { "-between-splits" } else { "" };
        let verified = if config.verify { "" } else { "-unverified" };
        cache.join(format!("v{VERSION}-{}-{}-{search}{between}{verified}", config.hash, config.n_bits()))
    }

    /// Reads the results of the last run; empty if there are none.
    ///
    /// # Errors
    /// When the files cannot be read, or do not belong together.
    pub fn load(folder: &Path) -> Result<Self, ManifestError> {
        let [images, pairs] = paths(folder);
        if !images.exists() || !pairs.exists() {
            return Ok(Self::default());
        }
        let images = Reader::<KnownImage>::open(&images)?;
        let pairs = Reader::<KnownPair>::open(&pairs)?;
        let is_of_these_images = pairs.provenance().inputs == [images.as_input()?];
        if !is_of_these_images {
            // The last run was interrupted after it wrote the first of the two files.
            return Ok(Self::default());
        }
        let (images, pairs) = (images.read_all()?, pairs.read_all()?);
        let rows = images.iter().enumerate().map(|(row, image)| (image.pixels_blake3, row)).collect();
        Ok(Self { images, pairs, rows })
    }

    /// How many images are known.
    pub fn n_images(&self) -> usize {
        self.images.len()
    }

    /// The hash and thumbnail of an image; none if it is not in the cache, or if a thumbnail is wanted and missing.
    pub fn fingerprint(&self, row: &Image, with_thumbnail: bool) -> Option<Fingerprint> {
        let known = &self.images[*self.rows.get(&row.pixels_blake3)?];
        let thumbnail = known.thumbnail.as_deref().and_then(Thumbnail::from_bytes);
        (thumbnail.is_some() || !with_thumbnail).then(|| Fingerprint {
            image_id: row.image_id,
            split: row.split,
            label: row.label,
            source: row.source.as_str().into(),
            pixels_blake3: row.pixels_blake3,
            has_lost: row.lost.is_some(),
            is_flat: known.is_flat,
            is_large: known.is_large,
            hash: hash_words(&known.hash),
            thumbnail,
            framed: known.framed.as_deref().filter(|_| with_thumbnail).and_then(Thumbnail::from_bytes),
            pdq_quality: known.pdq_quality.map(|quality| quality as u8),
        })
    }

    /// What is known of the images' views, and of pairs of them, in order.
    pub(crate) fn of(
        &self,
        images: &[Fingerprint],
        groups: &Groups,
        views: &Views,
        config: &Config,
    ) -> (Vec<State>, Vec<Looked>) {
        let mut states = vec![State::New; views.len() as usize];
        let places: HashMap<Key, u32> =
            (0..groups.n_searched() as u32).map(|place| (key(images, groups, config, place), place)).collect();
        let place_of = |image: &KnownImage| places.get(&(image.pixels_blake3, image.splits as u8)).copied();
        let place_of: Vec<Option<u32>> = self.images.iter().map(place_of).collect();
        for &place in place_of.iter().flatten() {
            for view in [false, true].into_iter().filter_map(|is_framed| views.view(place, is_framed)) {
                states[view as usize] = State::Known;
            }
        }
        let mut looked = Vec::new();
        for pair in &self.pairs {
            let view = |row: u32, is_framed: bool| views.view(place_of[row as usize]?, is_framed);
            match (view(pair.left, pair.is_left_framed), view(pair.right, pair.is_right_framed)) {
                (Some(left), Some(right)) => looked.push(looked_at(pair, left, right)),
                (Some(left), None) if pair.of_left.is_some() => states[left as usize] = State::Stale,
                (None, Some(right)) if pair.of_right.is_some() => states[right as usize] = State::Stale,
                _ => {}
            }
        }
        looked.sort_unstable_by_key(|looked| looked.listed.candidate);
        (states, looked)
    }

    /// Saves the results of a run for the next one.
    pub(crate) fn save(
        folder: &Path,
        images: &[Fingerprint],
        groups: &Groups,
        views: &Views,
        pairs: &[Looked],
        config: &Config,
    ) -> Result<(), ManifestError> {
        let error = |error: std::io::Error| ManifestError::Write { path: folder.to_owned(), detail: error.to_string() };
        fs::create_dir_all(folder).map_err(error)?;
        let row = |index: u32, splits: u8| {
            let image = &images[index as usize];
            KnownImage {
                pixels_blake3: image.pixels_blake3,
                splits: splits.into(),
                is_flat: image.is_flat,
                is_large: image.is_large,
                hash: hash_bytes(&image.hash, config),
                pdq_quality: image.pdq_quality.map(u32::from),
                thumbnail: image.thumbnail.as_ref().map(|thumbnail| thumbnail.bytes().to_vec()),
                framed: image.framed.as_ref().map(|framed| framed.bytes().to_vec()),
            }
        };
        let searched =
            (0..groups.n_searched() as u32).map(|place| row(groups.index(place), key(images, groups, config, place).1));
        let others = groups.not_searched().map(|index| row(index, 0));
        let provenance = Provenance::of_stage("neardup", env!("CARGO_PKG_VERSION")).with_config(config);
        let [images_path, pairs_path] = paths(folder);
        let written = write_manifest(&images_path, searched.chain(others), &provenance)?;
        let provenance = provenance.with_inputs([Reader::<KnownImage>::open(&written.path)?.as_input()?]);
        write_manifest(&pairs_path, pairs.iter().map(|looked| known_pair(looked, views)), &provenance)?;
        Ok(())
    }
}

fn paths(folder: &Path) -> [PathBuf; 2] {
    ["images.parquet", "pairs.parquet"].map(|name| folder.join(name))
}

fn key(images: &[Fingerprint], groups: &Groups, config: &Config, place: u32) -> Key {
    let splits = if config.between_splits { groups.splits(place).bits() } else { 0 };
    (images[groups.index(place) as usize].pixels_blake3, splits)
}

/// A pair of views, as [`known_pair`] tells of it.
pub(crate) fn looked_at(pair: &KnownPair, left: u32, right: u32) -> Looked {
    let &KnownPair { of_left, of_right, is_mirrored, degrees, is_verified, correlation, ref alignment, .. } = pair;
    let orientation = Orientation { is_mirrored, degrees: degrees as u16 };
    if left > right {
        // Ids were given anew, and the other image lies left now: where it was found stays, how it lies has to be seen.
        let candidate = Candidate { left: right, right: left, orientation: orientation.inverse() };
        return Looked { listed: Listed { candidate, of_left: of_right, of_right: of_left }, verdict: None };
    }
    let listed = Listed { candidate: Candidate { left, right, orientation }, of_left, of_right };
    let place = alignment.as_deref().and_then(|bytes| {
        let floats: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        <[f32; 6]>::try_from(floats).ok()
    });
    let verdict = match correlation.zip(place) {
        Some((correlation, at)) => Verdict::Lies { correlation, alignment: Alignment { orientation, at } },
        None => Verdict::DoesNotLie,
    };
    Looked { listed, verdict: is_verified.then_some(verdict) }
}

/// A pair as a row of the cache's file.
pub(crate) fn known_pair(looked: &Looked, views: &Views) -> KnownPair {
    let Looked { listed: Listed { candidate, of_left, of_right }, verdict } = *looked;
    let lies = match verdict {
        Some(Verdict::Lies { correlation, alignment }) => Some((correlation, alignment)),
        _ => None,
    };
    KnownPair {
        left: views.place(candidate.left),
        right: views.place(candidate.right),
        is_left_framed: views.is_framed(candidate.left),
        is_right_framed: views.is_framed(candidate.right),
        is_mirrored: candidate.orientation.is_mirrored,
        degrees: candidate.orientation.degrees.into(),
        of_left,
        of_right,
        is_verified: verdict.is_some(),
        correlation: lies.map(|(correlation, _)| correlation),
        alignment: lies.map(|(_, alignment)| alignment.at.iter().flat_map(|value| value.to_le_bytes()).collect()),
    }
}
