//! Training throughput on this machine, in images a second: `cargo run --release -p twinset-train --example throughput`.
//!
//! Where Linux counts it, a second is one of processor time, so that other work on the machine disturbs little.
//! The published networks at batch 128, whole epochs of random 32x32 images: gathering, augmentation and steps included.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::json;
use tch::{Kind, Tensor};
use twinset_manifest::rows::Split;
use twinset_model::{DeviceChoice, ImageSet, open_device};
use twinset_stage::Progress;
use twinset_train::{Config, Sample, TrainingData, train};

const N_RUNS: usize = 5;

fn main() -> anyhow::Result<()> {
    let (device, why) = open_device(DeviceChoice::Auto)?;
    println!("device: {why}, {} thread(s); median, least and most of {N_RUNS} runs", tch::get_num_threads());
    let clock = Instant::now();
    let sgd = json!({ "kind": "sgd", "learning-rate": 0.01, "momentum": 0.9, "weight-decay": 5e-4 });
    let adam = json!({ "kind": "adam", "learning-rate": 1e-3 });
    let pgd = json!({ "kind": "pgd", "epsilon": "8/255", "step-size": "2/255", "n-steps": 10, "random-start": true });
    let standard = json!({ "kind": "standard" });
    for (name, n, model, optimizer, regime, augmentation) in [
        ("paper-standard, clean", 128 * 100, "paper-standard", &sgd, &standard, json!(null)),
        (
            "paper-standard, clean, augmented",
            128 * 100,
            "paper-standard",
            &sgd,
            &standard,
            json!({ "crop-padding": 4, "flip": true }),
        ),
        ("paper-robust, PGD-10", 128 * 6, "paper-robust", &adam, &pgd, json!(null)),
    ] {
        let data = random_images(n, device);
        let config: Config = serde_json::from_value(json!({
            "model": model, "seed": 0, "budget": { "epochs": 1 }, "optimizer": optimizer, "regime": regime,
            "augmentation": augmentation,
        }))?;
        let mut rates = Vec::new();
        for _ in 0..=N_RUNS {
            let start = seconds(&clock);
            train(&config, &data, &Progress::hidden())?;
            rates.push(n as f64 / (seconds(&clock) - start));
        }
        rates.remove(0); // Warming up.
        rates.sort_by(f64::total_cmp);
        println!("{name}: {:.0} ({:.0} to {:.0})", rates[N_RUNS / 2], rates[0], rates[N_RUNS - 1]);
    }
    Ok(())
}

/// Processor time of this thread, which on a CPU does all the work; else the time that has passed.
fn seconds(clock: &Instant) -> f64 {
    let on_cpu = std::fs::read_to_string("/proc/self/schedstat").ok();
    let on_cpu = on_cpu.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    match on_cpu {
        Some(nanoseconds) if tch::get_num_threads() == 1 && !tch::Cuda::is_available() => nanoseconds / 1e9,
        _ => clock.elapsed().as_secs_f64(),
    }
}

fn random_images(n: usize, device: tch::Device) -> TrainingData {
    let pixels = Tensor::randint(256, [n as i64, 32, 32, 3], (Kind::Uint8, device));
    let images = ImageSet {
        pixels: pixels.permute([0, 3, 1, 2]),
        labels: Tensor::randint(10, [n as i64], (Kind::Int64, device)),
        image_ids: (0..n as u64).collect(),
        splits: vec![Split::Train; n],
        class_names: BTreeMap::new(),
    };
    let sample = |image| Sample { image, label: (image % 10) as u32, root_id: image as u64, copy: 0 };
    let class_names = (0..10).map(|class| class.to_string()).collect();
    let samples = (0..n).map(sample).collect();
    TrainingData { images, samples, held_out: Vec::new(), class_names, inputs: Vec::new(), warnings: Vec::new() }
}
