//! Trainings of this crate, measured.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use twinset_manifest::rows::Split;
use twinset_model::{ImageSet, Precision};
use twinset_stage::Progress;
use twinset_train::{Config, Sample, TrainingData, train};

/// Samples in a step; the script has as many.
pub(crate) const BATCH: usize = 128;

/// One epoch of a published network on random 32x32 images.
pub(crate) struct Ours {
    config: Config,
    data: TrainingData,
}

impl Ours {
    /// The standard network, clean images, SGD; with random crops and flips, or as they are.
    pub(crate) fn standard(n_batches: usize, is_augmented: bool) -> Result<Self> {
        let augmentation = if is_augmented { json!({ "crop-padding": 4, "flip": true }) } else { Value::Null };
        Self::new(
            n_batches,
            json!({
                "model": "paper-standard", "regime": { "kind": "standard" }, "augmentation": augmentation,
                "optimizer": { "kind": "sgd", "learning-rate": 0.01, "momentum": 0.9, "weight-decay": 5e-4 },
            }),
        )
    }

    /// The robust network under PGD-10, Adam.
    pub(crate) fn robust(n_batches: usize, precision: Precision) -> Result<Self> {
        precision.check(Device::Cpu)?;
        let pgd =
            json!({ "kind": "pgd", "epsilon": "8/255", "step-size": "2/255", "n-steps": 10, "random-start": true });
        Self::new(
            n_batches,
            json!({
                "model": "paper-robust", "regime": pgd, "precision": precision,
                "optimizer": { "kind": "adam", "learning-rate": 1e-3 },
            }),
        )
    }

    fn new(n_batches: usize, mut config: Value) -> Result<Self> {
        config["seed"] = 0.into();
        config["budget"] = json!({ "epochs": 1 });
        config["batch-size"] = BATCH.into();
        Ok(Self { config: serde_json::from_value(config)?, data: random_images(n_batches * BATCH) })
    }

    /// Images a second of one run.
    pub(crate) fn measure(&self) -> Result<f64> {
        let clock = Instant::now();
        let start = seconds(&clock);
        train(&self.config, &self.data, &Progress::hidden())?;
        Ok(self.data.samples.len() as f64 / (seconds(&clock) - start))
    }
}

/// Processor time of this thread, which does all the work, so that other work disturbs little; where it is not counted, the
/// time that has passed.
fn seconds(clock: &Instant) -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = text.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| clock.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn random_images(n: usize) -> TrainingData {
    let pixels = Tensor::randint(256, [n as i64, 32, 32, 3], (Kind::Uint8, Device::Cpu));
    let images = ImageSet {
        pixels: pixels.permute([0, 3, 1, 2]),
        labels: Tensor::randint(10, [n as i64], (Kind::Int64, Device::Cpu)),
        image_ids: (0..n as u64).collect(),
        splits: vec![Split::Train; n],
        class_names: BTreeMap::new(),
    };
    let sample = |image| Sample { image, label: (image % 10) as u32, root_id: image as u64, copy: 0 };
    let class_names = (0..10).map(|class| class.to_string()).collect();
    let samples = (0..n).map(sample).collect();
    TrainingData { images, samples, held_out: Vec::new(), class_names, inputs: Vec::new(), warnings: Vec::new() }
}
