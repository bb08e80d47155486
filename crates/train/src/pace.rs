//! How fast a training is on this machine.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use tch::{Device, Kind, Tensor};
use twinset_manifest::rows::Split;
use twinset_model::ImageSet;
use twinset_stage::Progress;

use crate::{Budget, Config, Sample, TrainError, TrainingData, train};

/// So long the batches take, at least, that are timed, unless they are the most.
const SECONDS: f64 = 2.0;
/// So many of them at first, and at most.
const FEWEST_BATCHES: u64 = 4;
const MOST_BATCHES: u64 = 100;
const N_CLASSES: i64 = 10;

/// The pace of a training on images of one size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pace {
    /// Seconds for one image forward and backward through the network, the steps' other work included.
    pub seconds_a_pass: f64,
    /// Height and width of the images.
    pub image_size: i64,
}

/// Trains for a few seconds on random images of `image_size`×`image_size` pixels, and says how fast that was.
///
/// # Errors
/// As [`train`].
pub fn measure(config: &Config, image_size: i64, device: Device) -> Result<Pace, TrainError> {
    let config = Config { held_out: None, early_stopping: None, ..config.clone() };
    let batch_size = u64::from(config.batch_size);
    // All runs are part of one epoch, so that what an epoch costs at its end is the same in each.
    let data = random_images(batch_size * (1 + MOST_BATCHES), image_size, device);
    let clock = Instant::now();
    let run = |n_batches: u64| {
        let config = Config { budget: Budget::Steps(n_batches), ..config.clone() };
        let start = seconds(&clock, device);
        train(&config, &data, &Progress::hidden()).map(|_| seconds(&clock, device) - start)
    };
    // The first one also makes kernels and finds memory. What an epoch costs at its end may be many batches' time, so
    // that the number of batches cannot be told from one.
    run(1)?;
    let alone_s = run(1)?;
    let mut n_batches = FEWEST_BATCHES;
    let mut more_s = run(1 + n_batches)? - alone_s;
    while more_s < SECONDS && n_batches < MOST_BATCHES {
        n_batches = (4 * n_batches).min(MOST_BATCHES);
        more_s = run(1 + n_batches)? - alone_s;
    }
    let passes = Config { budget: Budget::Steps(n_batches), ..config }.estimate(data.samples.len() as u64);
    let seconds_a_pass = more_s.max(0.0) / passes.n_forward_backward_passes as f64;
    Ok(Pace { seconds_a_pass, image_size })
}

/// On a CPU the processor time of this thread, which does all the work, so that other programs disturb little; else, or where it is
/// not counted, the time that has passed.
fn seconds(clock: &Instant, device: Device) -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok().filter(|_| device == Device::Cpu);
    let nanoseconds = text.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| clock.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn random_images(n: u64, image_size: i64, device: Device) -> TrainingData {
    let size = [n as i64, 3, image_size, image_size];
    let images = ImageSet {
        pixels: Tensor::randint(256, size, (Kind::Uint8, device)),
        labels: Tensor::randint(N_CLASSES, [n as i64], (Kind::Int64, device)),
        image_ids: (0..n).collect(),
        splits: vec![Split::Train; n as usize],
        class_names: BTreeMap::new(),
    };
    let sample = |id: u64| Sample { image: id as usize, label: (id % N_CLASSES as u64) as u32, root_id: id, copy: 0 };
    let class_names = (0..N_CLASSES).map(|class| class.to_string()).collect();
    let samples = (0..n).map(sample).collect();
    TrainingData { images, samples, held_out: Vec::new(), class_names, inputs: Vec::new(), warnings: Vec::new() }
}
