//! A study that nobody ran: manifests with made-up results, written as the stages write them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use twinset_manifest::rows::{
    Cluster, Epoch, Hashes, Image, ImageData, Origin, Pair, PairKind, Prediction, Reject, Split, TrainsetRow,
};
use twinset_manifest::{Check, CheckOutcome, Provenance, write_manifest};
use twinset_pixels::{digest, encode_png};

/// What the made-up study is like.
#[derive(Clone, Debug)]
pub(crate) struct Synthetic {
    pub(crate) arms: Vec<SyntheticArm>,
    pub(crate) seeds: Vec<u64>,
    pub(crate) n_classes: u32,
    pub(crate) n_train: u64,
    pub(crate) n_test: u64,
    pub(crate) attacks: Vec<&'static str>,
    pub(crate) n_epochs: u32,
    pub(crate) has_held_out: bool,
    pub(crate) has_duplicates: bool,
    pub(crate) has_truth: bool,
    pub(crate) n_rejects: usize,
    pub(crate) warnings: Vec<String>,
    /// What each evaluation says of its own result.
    pub(crate) checks: Vec<Check>,
    /// Whether held-out images were attacked in adversarial training.
    pub(crate) has_held_out_attacked: bool,
    /// Cells without predictions: arm, rate, seed, failed stage (none for a missing cell).
    pub(crate) lost: Vec<(&'static str, f64, u64, Option<&'static str>)>,
}

#[derive(Clone, Debug)]
pub(crate) struct SyntheticArm {
    pub(crate) name: &'static str,
    pub(crate) regime: &'static str,
    pub(crate) rates: Vec<f64>,
    pub(crate) is_uniform: bool,
    pub(crate) is_near: bool,
}

impl Default for Synthetic {
    /// Two arms, two rates, three seeds, four classes: small enough for a test.
    fn default() -> Self {
        let arm = |name, regime, is_uniform| SyntheticArm {
            name,
            regime,
            rates: vec![0.0, 0.5],
            is_uniform,
            is_near: !is_uniform,
        };
        Self {
            arms: vec![arm("standard-uniform", "standard", true), arm("robust-non-uniform", "pgd", false)],
            seeds: vec![0, 1, 2],
            n_classes: 4,
            n_train: 200,
            n_test: 80,
            attacks: vec!["clean", "pgd-20"],
            n_epochs: 3,
            has_held_out: true,
            has_duplicates: true,
            has_truth: true,
            n_rejects: 0,
            warnings: Vec::new(),
            checks: vec![
                check("noise-not-stronger", CheckOutcome::Passed),
                check("deterministic", CheckOutcome::Passed),
            ],
            has_held_out_attacked: false,
            lost: Vec::new(),
        }
    }
}

pub(crate) fn check(name: &str, outcome: CheckOutcome) -> Check {
    Check { name: name.to_owned(), outcome, detail: format!("Made-up figures of {name}: 3 of 80 images.") }
}

const NAMES: [&str; 12] =
    ["disc", "ring", "square", "cross", "triangle", "stripes", "dots", "star", "arc", "wave", "grid", "spiral"];

impl Synthetic {
    /// Writes all manifests and `study.json` below `folder`; gives the path of the latter.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        let images = self.images();
        let path = |name: &str| folder.join(name);
        let mut provenance = Provenance::of_stage("ingest", "0.1.0")
            .with_config(&json!({ "dataset": "shapes", "n-train": self.n_train, "n-test": self.n_test, "seed": 0 }));
        provenance.warnings = self.warnings.clone();
        write_manifest(&path("images.parquet"), images.iter().cloned(), &provenance).unwrap();
        let rejects = (0..self.n_rejects).map(|i| Reject {
            source: format!("train/disc/{i}.jpg"),
            reason: if i % 3 == 0 { "too-large" } else { "unreadable" }.to_owned(),
            detail: "unreadable: unexpected end of file <here>".to_owned(),
        });
        write_manifest(&path("rejects.parquet"), rejects, &provenance).unwrap();
        let neardup = Provenance::of_stage("neardup", "0.1.0").with_config(&json!({ "max-distance": 6 }));
        write_manifest::<Hashes>(&path("hashes.parquet"), [], &neardup).unwrap();
        let pairs = if self.has_duplicates { self.pairs(&images) } else { Vec::new() };
        write_manifest(&path("pairs.parquet"), pairs.iter().cloned(), &neardup).unwrap();
        write_manifest(&path("clusters.parquet"), clusters(&images, &pairs), &neardup).unwrap();
        if self.has_truth {
            fs::write(path("truth.csv"), truth(&pairs)).unwrap();
        }
        let cells: Vec<Value> = self
            .arms
            .iter()
            .flat_map(|arm| {
                arm.rates.iter().flat_map(move |&rate| self.seeds.iter().map(move |&seed| (arm, rate, seed)))
            })
            .map(|(arm, rate, seed)| self.cell(folder, &images, arm, rate, seed))
            .collect();
        let study = json!({
            "pipeline": "synthetic",
            "description": "Made-up results, to look at the page.",
            "pipeline_file": "pipelines/synthetic.toml",
            "seeds": self.seeds,
            "images": path("images.parquet"),
            "rejects": path("rejects.parquet"),
            "hashes": path("hashes.parquet"),
            "pairs": path("pairs.parquet"),
            "clusters": path("clusters.parquet"),
            "truth": self.has_truth.then(|| path("truth.csv")),
            "arms": self.arms.iter().map(|arm| self.arm(arm)).collect::<Vec<_>>(),
            "cells": cells,
        });
        let file = path("study.json");
        fs::write(&file, serde_json::to_string_pretty(&study).unwrap()).unwrap();
        file
    }

    fn arm(&self, arm: &SyntheticArm) -> Value {
        json!({
            "name": arm.name,
            "rates": arm.rates,
            "inject": {
                "selection": if arm.is_uniform { json!({ "kind": "uniform" }) } else { json!({ "kind": "non-uniform", "class-weights": "zipf" }) },
                "duplicates": if arm.is_near { json!({ "kind": "near" }) } else { json!({ "kind": "exact" }) },
            },
            "train": { "model": "paper-standard", "regime": { "kind": arm.regime }, "budget": { "epochs": self.n_epochs } },
            "evaluate": { "splits": ["test"], "attacks": self.attack_configs(false) },
        })
    }

    /// The attacks as a pipeline writes them, or with their names as an evaluation's config has them.
    fn attack_configs(&self, are_named: bool) -> Vec<Value> {
        let attacked = self.attacks.iter().filter(|attack| **attack != "clean");
        let config = |attack: &&str| {
            let mut config = match *attack {
                "fgsm" => json!({ "kind": "fgsm", "epsilon": "8/255" }),
                "auto-attack" => json!({ "kind": "auto-attack", "epsilon": "8/255", "version": "standard" }),
                _ => json!({
                    "kind": "pgd", "epsilon": "8/255", "step-size": "2/255", "n-steps": 20, "random-start": true, "n-restarts": 1,
                }),
            };
            if are_named {
                config["name"] = json!(attack);
            }
            config
        };
        attacked.map(config).collect()
    }

    fn images(&self) -> Vec<Image> {
        (0..self.n_train + self.n_test)
            .map(|id| {
                let label = (id % u64::from(self.n_classes)) as u32;
                let split = if id < self.n_train { Split::Train } else { Split::Test };
                row(id, split, label, &picture(id, label))
            })
            .collect()
    }

    /// Exact and near pairs, within and across splits, a label conflict among them.
    fn pairs(&self, images: &[Image]) -> Vec<Pair> {
        let n = self.n_train;
        (0..n / 10)
            .map(|i| {
                let left = &images[(i * 3) as usize];
                let right = if i % 3 == 0 { n + i % self.n_test } else { i * 3 + u64::from(self.n_classes) };
                let right = &images[right as usize];
                Pair {
                    left_id: left.image_id,
                    right_id: right.image_id,
                    kind: if i % 4 == 1 { PairKind::Exact } else { PairKind::Near },
                    found_by: if i % 4 == 1 { "pixels" } else { "gradient" }.to_owned(),
                    hash_distance_bits: (i % 4 != 1).then_some((i % 7) as u32),
                    left_split: left.split,
                    right_split: right.split,
                    left_label: left.label,
                    right_label: right.label,
                    label_conflict: left.label != right.label,
                    similarity: (i % 4 == 1).then_some(1.0),
                    expected_false_pairs: None,
                    alignment: None,
                    left_source: String::new(),
                    right_source: String::new(),
                }
            })
            .collect()
    }

    fn cell(&self, folder: &Path, images: &[Image], arm: &SyntheticArm, rate: f64, seed: u64) -> Value {
        let lost = self.lost.iter().find(|lost| (lost.0, lost.1, lost.2) == (arm.name, rate, seed));
        let cell = folder.join(format!("{}-{rate}-{seed}", arm.name));
        fs::create_dir_all(&cell).unwrap();
        let of = |stage: &str| Provenance::of_stage(stage, "0.1.0").with_seed(Some(seed));
        let file = |name: &str| cell.join(name);
        let trainset = self.trainset(images, arm, rate, seed);
        let injected = if arm.is_near { injected(images, &trainset, self.n_train + self.n_test) } else { Vec::new() };
        write_manifest(&file("trainset.parquet"), trainset.iter().cloned(), &of("inject")).unwrap();
        write_manifest(&file("injected-images.parquet"), injected, &of("inject")).unwrap();
        let mut value = json!({
            "arm": arm.name, "rate": rate, "seed": seed, "status": "done", "failed_stage": null, "reason": null,
            "trainset": file("trainset.parquet"), "injected_images": file("injected-images.parquet"),
            "epochs": null, "weights": null, "predictions": null,
        });
        if let Some((_, _, _, stage)) = lost {
            value["status"] = json!(if stage.is_some() { "failed" } else { "missing" });
            value["failed_stage"] = json!(stage);
            value["reason"] = json!(stage.map(|_| "failed to train: loss is NaN after step 1,200 <NaN & co>"));
            return value;
        }
        fs::write(file("model.safetensors"), format!("{} {rate} {seed}", arm.name)).unwrap();
        write_manifest(&file("epochs.parquet"), self.epochs(&trainset, arm, rate, seed), &of("train")).unwrap();
        let predictions = self.predictions(images, arm, rate, seed);
        let mut evaluated =
            of("evaluate").with_config(&json!({ "splits": ["test"], "attacks": self.attack_configs(true) }));
        evaluated.checks = self.checks.clone();
        write_manifest(&file("predictions.parquet"), predictions, &evaluated).unwrap();
        value["epochs"] = json!(file("epochs.parquet"));
        value["weights"] = json!(file("model.safetensors"));
        value["predictions"] = json!(file("predictions.parquet"));
        value
    }

    fn trainset(&self, images: &[Image], arm: &SyntheticArm, rate: f64, seed: u64) -> Vec<TrainsetRow> {
        let originals = (0..self.n_train).map(|id| (id, Origin::Original, None, 0));
        let n_injected = (self.n_train as f64 * rate) as u64;
        let mut copies: BTreeMap<u64, u32> = BTreeMap::new();
        let duplicates: Vec<_> = (0..n_injected)
            .map(|i| {
                let classes = u64::from(self.n_classes);
                // Uneven: class 0 gets half of all, class 1 half of the rest, and so on.
                let class =
                    if arm.is_uniform { i % classes } else { u64::from((i + 1).trailing_zeros()).min(classes - 1) };
                let id = (chance(&[i, seed]) * (self.n_train / classes) as f64) as u64 * classes + class;
                let copy = copies.entry(id).or_default();
                *copy += 1;
                let image_id = if arm.is_near { self.n_train + self.n_test + i } else { id };
                (image_id, Origin::Injected, Some(id), *copy)
            })
            .collect();
        originals
            .chain(duplicates)
            .enumerate()
            .map(|(position, (image_id, origin, duplicate_of, copy))| TrainsetRow {
                position: position as u64,
                image_id,
                label: images[duplicate_of.unwrap_or(image_id) as usize].label,
                origin,
                duplicate_of,
                copy,
            })
            .collect()
    }

    fn epochs(&self, trainset: &[TrainsetRow], arm: &SyntheticArm, rate: f64, seed: u64) -> Vec<Epoch> {
        let best = probability(arm, rate, seed, "clean", 1);
        let is_attacked = self.has_held_out_attacked && arm.regime != "standard";
        (1..=self.n_epochs)
            .map(|epoch| {
                let accuracy = best * (1.0 - 0.75 * (-0.45 * f64::from(epoch)).exp());
                let accuracy = accuracy + 0.015 * (chance(&[u64::from(epoch), seed]) - 0.5);
                let n_samples_seen = trainset.len() as u64 * u64::from(epoch);
                Epoch {
                    epoch,
                    n_steps: n_samples_seen.div_ceil(128),
                    n_samples_seen,
                    learning_rate: 0.01,
                    train_loss: 1.0 / accuracy,
                    train_accuracy: accuracy,
                    held_out_accuracy: self.has_held_out.then_some(accuracy - 0.03),
                    n_held_out: self.has_held_out.then_some(200),
                    held_out_attacked_accuracy: is_attacked.then(|| 0.4 * accuracy - 0.01 * f64::from(epoch)),
                    n_held_out_attacked: is_attacked.then_some(100),
                }
            })
            .collect()
    }

    fn predictions(&self, images: &[Image], arm: &SyntheticArm, rate: f64, seed: u64) -> Vec<Prediction> {
        let test = || images.iter().filter(|image| image.split == Split::Test);
        let rows = self.attacks.iter().flat_map(|attack| {
            test().map(move |image| {
                // Mostly the same images are hard for all attacks.
                let of_attack = chance(&[image.image_id, seed, attack.len() as u64, (rate * 1000.0) as u64]);
                let of_image = chance(&[image.image_id, seed, 1, (rate * 1000.0) as u64]);
                let place = if of_attack < 0.1 { of_attack * 10.0 } else { of_image };
                let is_correct = place < probability(arm, rate, seed, attack, image.label);
                Prediction {
                    image_id: image.image_id,
                    split: Split::Test,
                    label: image.label,
                    attack: (*attack).to_owned(),
                    predicted: if is_correct { image.label } else { (image.label + 1) % self.n_classes },
                    is_correct,
                    linf: if *attack == "clean" { 0.0 } else { 8.0 / 255.0 },
                    l2: 0.0,
                    n_queries: 1,
                    margin: if is_correct { 1.0 } else { -1.0 },
                    loss: 0.5,
                    fooled_by: (!is_correct).then(|| match *attack {
                        "auto-attack" if of_image < 0.4 => "auto-attack/apgd-ce".to_owned(),
                        "auto-attack" => "auto-attack/square".to_owned(),
                        other => other.to_owned(),
                    }),
                }
            })
        });
        rows.collect()
    }
}

/// How likely an image of the class is classified rightly.
fn probability(arm: &SyntheticArm, rate: f64, seed: u64, attack: &str, label: u32) -> f64 {
    let is_robust = arm.regime != "standard";
    let base = match (is_robust, attack) {
        (false, "clean") => 0.72,
        (false, "fgsm") => 0.16,
        (false, _) => 0.05,
        (true, "clean") => 0.5,
        (true, "fgsm") => 0.37,
        (true, "auto-attack") => 0.3,
        (true, _) => 0.33,
    };
    let by_class = if arm.is_uniform { 0.0 } else { rate * (0.09 - 0.05 * f64::from(label.min(5))) };
    let by_arm = if arm.is_uniform { 0.02 } else { -0.06 };
    let by_seed = 0.02 * (chance(&[seed, 77, (rate * 10.0) as u64]) - 0.5);
    (base + by_class + by_arm * rate + by_seed + 0.02 * f64::from(label % 3)).clamp(0.0, 1.0)
}

/// A number in [0, 1) that depends on the keys alone.
fn chance(keys: &[u64]) -> f64 {
    let mix = |state: u64, key: &u64| {
        let mut z = state.wrapping_add(*key).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    (keys.iter().fold(0, mix) >> 11) as f64 / (1u64 << 53) as f64
}

fn picture(id: u64, label: u32) -> RgbImage {
    let tone = |i: u64| (40.0 + 200.0 * chance(&[id, i])) as u8;
    let (paper, ink) = (Rgb([tone(1), tone(2), tone(3)]), Rgb([tone(4), tone(5), tone(6)]));
    let (x0, y0) = (10.0 + 12.0 * chance(&[id, 7]), 10.0 + 12.0 * chance(&[id, 8]));
    RgbImage::from_fn(32, 32, |x, y| {
        let (dx, dy) = (f64::from(x) - x0, f64::from(y) - y0);
        let r = dx.hypot(dy);
        let is_ink = match label {
            0 => r < 8.0,
            1 => (5.0..9.0).contains(&r),
            2 => dx.abs().max(dy.abs()) < 7.0,
            3 => dx.abs().min(dy.abs()) < 2.0,
            _ => (dx * f64::from(label) / 4.0).sin() + (dy / f64::from(label)).cos() > 0.7,
        };
        if is_ink { ink } else { paper }
    })
}

fn row(image_id: u64, split: Split, label: u32, image: &RgbImage) -> Image {
    Image {
        image_id,
        split,
        label,
        class_name: NAMES[label as usize % NAMES.len()].to_owned(),
        width: image.width(),
        height: image.height(),
        image: ImageData { bytes: Some(encode_png(image).into()), path: None },
        pixels_blake3: digest(image),
        source: format!("shapes#{image_id}"),
        derived_from: None,
        transform: None,
        lost: None,
    }
}

/// Near-duplicates, as the stage `inject` makes them: the original, brighter.
fn injected(images: &[Image], trainset: &[TrainsetRow], first_id: u64) -> Vec<Image> {
    let duplicates = trainset.iter().filter(|row| row.image_id >= first_id);
    duplicates
        .map(|duplicate| {
            let id = duplicate.duplicate_of.unwrap();
            let mut image = picture(id, images[id as usize].label);
            image.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(|channel| channel.saturating_add(40)));
            Image {
                derived_from: Some(id),
                transform: Some("brightness(amount=40/255)".to_owned()),
                ..row(duplicate.image_id, Split::Train, duplicate.label, &image)
            }
        })
        .collect()
}

fn clusters(images: &[Image], pairs: &[Pair]) -> Vec<Cluster> {
    let partner: BTreeMap<u64, u64> =
        pairs.iter().flat_map(|pair| [(pair.left_id, pair.left_id), (pair.right_id, pair.left_id)]).collect();
    images
        .iter()
        .map(|image| {
            let cluster_id = partner.get(&image.image_id).copied();
            Cluster {
                image_id: image.image_id,
                cluster_id: cluster_id.unwrap_or(image.image_id),
                cluster_size: if cluster_id.is_some() { 2 } else { 1 },
                is_representative: cluster_id.is_none_or(|id| id == image.image_id),
                source: String::new(),
            }
        })
        .collect()
}

/// What was planted: all pairs found but each fifth, and some that were not found.
fn truth(pairs: &[Pair]) -> String {
    let mut text = "left_id,right_id,kind,transform,left_split,right_split\n".to_owned();
    for (i, pair) in pairs.iter().enumerate().filter(|(i, _)| i % 5 != 4) {
        let transform = match pair.kind {
            PairKind::Exact => "none",
            _ => ["shift dx=1 dy=-2", "jpeg quality=75", "brightness amount=12/255"][i % 3],
        };
        text.push_str(&format!(
            "{},{},{},{transform},{},{}\n",
            pair.left_id, pair.right_id, pair.kind, pair.left_split, pair.right_split
        ));
    }
    text.push_str("1,5,near,jpeg quality=40,train,train\n");
    text
}
