//! A generator of 32×32 colour images in ten classes, with planted duplicates and the truth about them.
//!
//! An image is a *scene*: a bright shape in a random colour, place, size, stretch and rotation, on a darker textured
//! ground, with some clutter behind it and some before it. What a scene looks like depends on seed, split and its number
//! in the split alone, so a larger training set holds the smaller one, and its test set stays. Positions in a split are
//! shuffled.
//!
//! A *planted duplicate* is a training image once more, as it is (exact) or changed as photos on the web are (near), in
//! the training set itself or in another split, where it is a leak. To the manifest it is an image like any other, as
//! in a collected dataset; `truth.csv` tells. The images are the same on every machine.

mod change;
mod plan;
mod scene;
mod shape;

use std::path::Path;

use serde::{Deserialize, Serialize};
use twinset_manifest::Provenance;
use twinset_manifest::rows::Image;
use twinset_stage::{InvalidField, Progress};

use crate::image_row::Place;
use crate::sink::Sink;
use crate::{Counts, IngestError, Summary};
use plan::{Plan, Planned};
use shape::Shape;

/// How many images, and how many of them are planted duplicates. Counts of a split include the duplicates in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// Training images.
    pub n_train: u32,
    /// Validation images.
    pub n_val: u32,
    /// Test images.
    pub n_test: u32,
    /// What all random choices depend on.
    pub seed: u64,
    /// Training images that are another training image once more; a fiftieth of them by default.
    pub n_exact_in_train: Option<u32>,
    /// Training images that are another training image, changed; a twenty-fifth by default.
    pub n_near_in_train: Option<u32>,
    /// Validation images that are a training image once more; a fiftieth by default.
    pub n_exact_in_val: Option<u32>,
    /// Validation images that are a training image, changed; a twenty-fifth by default.
    pub n_near_in_val: Option<u32>,
    /// Test images that are a training image once more; a fiftieth by default.
    pub n_exact_in_test: Option<u32>,
    /// Test images that are a training image, changed; a twenty-fifth by default.
    pub n_near_in_test: Option<u32>,
    /// Near-duplicates with another label than the image that they show; a twentieth of them all by default.
    pub n_label_conflicts: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            n_train: 2000,
            n_val: 0,
            n_test: 1000,
            seed: 0,
            n_exact_in_train: None,
            n_near_in_train: None,
            n_exact_in_val: None,
            n_near_in_val: None,
            n_exact_in_test: None,
            n_near_in_test: None,
            n_label_conflicts: None,
        }
    }
}

/// Largest number of images of a split: 50 GB of pixels.
const MAX_IMAGES: u32 = 10_000_000;

impl Config {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        let expected = format!("at most {MAX_IMAGES}");
        for (field, n) in [("n-train", self.n_train), ("n-val", self.n_val), ("n-test", self.n_test)] {
            InvalidField::unless(n <= MAX_IMAGES, field, n, &expected)?;
        }
        InvalidField::unless(self.n_train > 0, "n-train", self.n_train, "at least 1")?;
        let plan = Plan::counts(self);
        for split in &plan.splits {
            let limit =
                |n: u32| format!("at most `n-{}` = {n} together with the other planted duplicates", split.split);
            for (kind, n) in [("exact", split.n_exact), ("near", split.n_near)] {
                let field = format!("n-{kind}-in-{}", split.split);
                InvalidField::unless(n <= split.n_images, &field, n, &limit(split.n_images))?;
            }
            let n_both = split.n_exact + split.n_near;
            let field = format!("n-near-in-{}", split.split);
            InvalidField::unless(n_both <= split.n_images, &field, split.n_near, &limit(split.n_images))?;
        }
        let train = &plan.splits[0];
        let n_sources = train.n_images - train.n_exact - train.n_near;
        let n_planted: u64 = plan.splits.iter().map(|split| u64::from(split.n_exact + split.n_near)).sum();
        let expected = format!("at least {n_planted} training images beside the planted ones, one for each of these");
        InvalidField::unless(n_planted <= u64::from(n_sources), "n-train", self.n_train, &expected)?;
        let n_near: u64 = plan.splits.iter().map(|split| u64::from(split.n_near)).sum();
        let expected = format!("at most the {n_near} near-duplicates");
        let n = plan.n_label_conflicts;
        InvalidField::unless(u64::from(n) <= n_near, "n-label-conflicts", n, &expected)
    }

    /// The same with all counts filled in.
    pub fn resolved(&self) -> Self {
        let plan = Plan::counts(self);
        let [train, val, test] = &plan.splits;
        Self {
            n_exact_in_train: Some(train.n_exact),
            n_near_in_train: Some(train.n_near),
            n_exact_in_val: Some(val.n_exact),
            n_near_in_val: Some(val.n_near),
            n_exact_in_test: Some(test.n_exact),
            n_near_in_test: Some(test.n_near),
            n_label_conflicts: Some(plan.n_label_conflicts),
            ..self.clone()
        }
    }

    pub(crate) fn count(&self) -> Counts {
        Counts {
            train: u64::from(self.n_train),
            val: u64::from(self.n_val),
            test: u64::from(self.n_test),
            classes: Shape::ALL.len() as u64,
            ..Counts::default()
        }
    }
}

/// Draws and writes the images, and the truth about their duplicates.
pub(crate) fn ingest(
    config: &Config,
    provenance: Provenance,
    out: &Path,
    progress: &Progress,
) -> Result<Summary, IngestError> {
    let planned = Plan::counts(config).draw(config.seed);
    let mut sink = Sink::create(out, planned.len(), progress)?;
    let ids: Vec<_> = (0..planned.len()).collect();
    sink.write(&ids, |_| scene::N_BYTES, |&id| (Ok(image(id, &planned[id], config.seed)), ()), |()| ())?;

    sink.flush()?;
    let pairs = plan::pairs(&planned);
    let path = out.join("truth.csv");
    twinset_manifest::write_atomically(&path, plan::to_csv(&pairs).as_bytes())
        .map_err(|source| IngestError::Write { path, source })?;

    let class_names = Shape::ALL.iter().map(|shape| shape.name().to_owned()).collect();
    let summary = sink.finish(&provenance.with_seed(Some(config.seed)), class_names)?;
    Ok(Summary { n_planted_pairs: Some(pairs.len() as u64), ..summary })
}

fn image(id: usize, planned: &Planned, seed: u64) -> Image {
    let scene = scene::draw(planned.scene.shape(), seed, planned.scene.stream());
    let pixels = planned.change.as_ref().map_or(scene.clone(), |change| change.apply(&scene));
    let place = Place {
        image_id: id as u64,
        split: planned.split,
        label: planned.label,
        class_name: Shape::ALL[planned.label as usize].name().to_owned(),
        source: format!("shapes#{id}"),
    };
    place.png_row(&pixels)
}
