//! Making the copies that a plan asks for.

use std::collections::HashMap;
use std::path::Path;

use image::RgbImage;
use rayon::prelude::*;
use twinset_manifest::rows::{Image, ImageData};
use twinset_pixels::{decode_row, digest, encode_png};

use crate::draw::{Use, generator};
use crate::transform::Transform;
use crate::{Config, Duplicates, InjectError, Planned};

/// The copies to make, by their original.
#[derive(Clone, Debug, Default)]
pub struct Copies(HashMap<u64, Vec<Planned>>);

impl Copies {
    /// Groups a plan's copies.
    pub fn of(planned: &[Planned]) -> Self {
        let mut copies: HashMap<u64, Vec<Planned>> = HashMap::new();
        for copy in planned {
            copies.entry(copy.source_id).or_default().push(*copy);
        }
        Self(copies)
    }
}

/// Makes the copies of a batch of images on all cores: in the order of the images, then of the copies, in the split that they
/// go into. Paths are relative to `folder`.
///
/// # Errors
/// Names the first image that cannot be decoded, or whose pixels are not those that the manifest tells.
pub fn make_copies(rows: &[Image], copies: &Copies, config: &Config, folder: &Path) -> Result<Vec<Image>, InjectError> {
    let made: Vec<_> = rows
        .par_iter()
        .filter_map(|row| copies.0.get(&row.image_id).map(|planned| (row, planned)))
        .map(|(row, planned)| {
            let copies = |make: &dyn Fn(&Planned) -> Image| Ok(planned.iter().map(make).collect::<Vec<_>>());
            match &config.duplicates {
                Duplicates::Exact | Duplicates::Fresh => copies(&|copy| copy_of(row, copy, config)),
                Duplicates::Near { transforms } => {
                    let image = decode_row(row, folder).map_err(InjectError::Image)?;
                    copies(&|copy| changed(row, &image, copy, transforms, config))
                }
            }
        })
        .collect();
    // Collected first, so that of several errors always the same one is told.
    Ok(made.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

/// How many of the copies of a batch of images have their original's pixels: a transform can come to nothing, as a shift
/// of one colour does.
pub fn n_unchanged(rows: &[Image], made: &[Image]) -> u64 {
    let digests: HashMap<_, _> = rows.iter().map(|row| (row.image_id, row.pixels_blake3)).collect();
    let is_unchanged = |copy: &&Image| copy.derived_from.and_then(|id| digests.get(&id)) == Some(&copy.pixels_blake3);
    made.iter().filter(is_unchanged).count() as u64
}

/// The same image under another id.
fn copy_of(row: &Image, planned: &Planned, config: &Config) -> Image {
    Image {
        image_id: planned.image_id,
        split: config.into,
        derived_from: Some(row.image_id),
        transform: None,
        ..row.clone()
    }
}

fn changed(row: &Image, original: &RgbImage, planned: &Planned, transforms: &[Transform], config: &Config) -> Image {
    let mut rng = generator(config.seed, Use::Change { image_id: planned.source_id, copy: planned.copy });
    let changes: Vec<_> = transforms.iter().map(|transform| transform.draw(&mut rng)).collect();
    let image = changes.iter().fold(original.clone(), |image, change| change.apply(&image));
    let texts: Vec<_> = changes.iter().map(ToString::to_string).collect();
    Image {
        width: image.width(),
        height: image.height(),
        pixels_blake3: digest(&image),
        image: ImageData { bytes: Some(encode_png(&image).into()), path: None },
        transform: Some(texts.join("; ")),
        ..copy_of(row, planned, config)
    }
}
