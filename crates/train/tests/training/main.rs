//! Training on small sets that are made here: what is learnt, what is seen, and that it is the same each time.

mod robust;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use tch::Tensor;
use twinset_attack::pgd;
use twinset_manifest::rows::Split;
use twinset_model::{ImageSet, Mode, Network, Precision};
use twinset_stage::Progress;
use twinset_train::{
    Checkpoint, Checkpoints, Config, Record, Sample, TrainError, Trained, TrainingData, new_network, train, train_from,
    train_resumably,
};

/// Torch has one generator for all threads, and tests run side by side.
fn torch() -> MutexGuard<'static, ()> {
    static TORCH: Mutex<()> = Mutex::new(());
    let guard = TORCH.lock().unwrap_or_else(PoisonError::into_inner);
    tch::set_num_threads(1);
    guard
}

const SIDE: usize = 8;

/// Two classes, `n` images each of training and held-out, told apart by two things: a checkerboard of 6/255, which is
/// always right, and which half is brighter, by 20/255 from the mean, which is right nine times out of ten.
fn two_features(n: usize) -> TrainingData {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let mut bytes = Vec::new();
    let mut labels = Vec::new();
    for index in 0..2 * n {
        let label = index % 2;
        let is_faithful = !random.next_u32().is_multiple_of(10);
        let bright_half = if is_faithful { label } else { 1 - label };
        for y in 0..SIDE {
            for x in 0..SIDE {
                let fine = if (x + y) % 2 == label { 6 } else { -6 };
                let coarse = if (x >= SIDE / 2) == (bright_half == 1) { 20 } else { -20 };
                let noise = (random.next_u32() % 3) as i32 - 1;
                bytes.extend([(127 + fine + coarse + noise) as u8; 3]);
            }
        }
        labels.push(label as i64);
    }
    let shape = [2 * n as i64, SIDE as i64, SIDE as i64, 3];
    let images = ImageSet {
        pixels: Tensor::from_slice(&bytes).view(shape).permute([0, 3, 1, 2]),
        labels: Tensor::from_slice(&labels),
        image_ids: (0..2 * n as u64).collect(),
        splits: [vec![Split::Train; n], vec![Split::Test; n]].concat(),
        class_names: BTreeMap::from([(0, "left".to_owned()), (1, "right".to_owned())]),
    };
    let sample = |image| Sample { image, label: labels[image] as u32, root_id: image as u64, copy: 0 };
    TrainingData {
        samples: (0..n).map(sample).collect(),
        held_out: (n..2 * n).collect(),
        class_names: vec!["left".to_owned(), "right".to_owned()],
        inputs: Vec::new(),
        warnings: Vec::new(),
        images,
    }
}

fn config(changes: serde_json::Value) -> Config {
    let mut config = json!({
        "model": "paper-robust", "width": 8, "seed": 1, "batch-size": 20, "budget": { "epochs": 2 },
        "optimizer": { "kind": "adam", "learning-rate": 3e-3 }, "regime": { "kind": "standard" },
    });
    config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    serde_json::from_value(config).unwrap()
}

fn regime_pgd() -> serde_json::Value {
    json!({ "kind": "pgd", "epsilon": "8/255", "step-size": "2/255", "n-steps": 7, "random-start": true })
}

fn run(config: &Config, data: &TrainingData) -> Result<Trained, TrainError> {
    let _torch = torch();
    train(config, data, &Progress::hidden())
}

fn weights(network: &Network) -> Vec<Tensor> {
    network.parameters().map(|(_, tensor)| tensor.copy()).collect()
}

#[test]
fn a_network_learns_what_tells_the_classes_apart() {
    let data = two_features(400);
    for model in ["paper-standard", "paper-robust"] {
        let trained = run(&config(json!({ "model": model, "budget": { "epochs": 20 } })), &data).unwrap();
        let last = trained.epochs.last().unwrap();
        assert_eq!(last.n_held_out, Some(400));
        assert!(last.held_out_accuracy.unwrap() > 0.95, "{model}: {last:?}");
        assert!(last.train_loss < trained.epochs[0].train_loss, "{model}");
        assert!(last.train_accuracy > 0.9, "{model}: {last:?}");
    }
}

#[test]
fn every_design_learns_in_both_precisions_and_the_seed_decides() {
    let data = larger(&two_features(200), 16);
    for model in ["resnet-18", "preact-resnet-18", "wide-resnet"] {
        for precision in [Precision::Float32, Precision::Bfloat16] {
            if precision.check(tch::Device::Cpu).is_err() {
                println!("skipped: this processor has no bfloat16");
                continue;
            }
            let width = if model == "wide-resnet" { 1 } else { 4 };
            let depth = (model == "wide-resnet").then_some(10);
            let config = config(json!({
                "model": model, "width": width, "depth": depth, "precision": precision, "budget": { "epochs": 4 },
            }));
            let trained = run(&config, &data).unwrap();
            let last = trained.epochs.last().unwrap();
            assert!(last.held_out_accuracy.unwrap() > 0.9, "{model}, {precision}: {last:?}");
            assert_eq!(
                weights(&trained.network),
                weights(&run(&config, &data).unwrap().network),
                "{model}, {precision}"
            );
        }
    }
}

/// The same images with black around them.
fn larger(data: &TrainingData, side: i64) -> TrainingData {
    let TrainingData { images, samples, held_out, class_names, .. } = data;
    let margin = (side - SIDE as i64) / 2;
    let images = ImageSet {
        pixels: images.pixels.constant_pad_nd([margin; 4]),
        labels: images.labels.copy(),
        image_ids: images.image_ids.clone(),
        splits: images.splits.clone(),
        class_names: images.class_names.clone(),
    };
    TrainingData {
        images,
        samples: samples.clone(),
        held_out: held_out.clone(),
        class_names: class_names.clone(),
        inputs: Vec::new(),
        warnings: Vec::new(),
    }
}

#[test]
fn early_stopping_keeps_the_best_weights_and_the_last() {
    let mut data = two_features(60);
    data.images.splits[60..].fill(Split::Val);
    let stopping = |patience: u32| {
        let more = json!({
            "early-stopping": { "patience": patience }, "held-out": { "split": "val" }, "budget": { "epochs": 40 },
        });
        run(&config(more), &data).unwrap()
    };
    let stopped = stopping(3);
    let accuracies: Vec<_> = stopped.epochs.iter().map(|epoch| epoch.held_out_accuracy.unwrap()).collect();
    let best = accuracies.iter().copied().fold(0.0, f64::max);
    let best_epoch = accuracies.iter().position(|&accuracy| accuracy == best).unwrap();
    assert!(accuracies.len() < 40 && accuracies.len() == best_epoch + 1 + 3, "{accuracies:?}");
    // The weights are those of a training that ends with that epoch, and the last those of one as long.
    let plain = |n: usize| run(&config(json!({ "budget": { "epochs": n } })), &data).unwrap();
    assert_eq!(weights(&stopped.network), weights(&plain(best_epoch + 1).network));
    assert_eq!(weights(&stopped.last.unwrap()), weights(&plain(accuracies.len()).network));
    assert!(plain(1).last.is_none());
}

#[test]
fn in_adversarial_training_the_best_epoch_is_the_one_that_withstands_most() {
    let mut data = two_features(60);
    data.images.splits[60..].fill(Split::Val);
    // A network that goes by the checkerboard is as good as ever on clean images, and withstands nothing at first.
    let start = run(&config(json!({ "budget": { "epochs": 20 } })), &two_features(400)).unwrap().network;
    let train = |more: serde_json::Value| {
        let mut config = json!({ "regime": regime_pgd(), "budget": { "epochs": 14 } });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let _torch = torch();
        train_from(start.copy(), &self::config(config), &data, &Progress::hidden()).unwrap()
    };
    let held_out = json!({ "split": "val", "attacked-images": 30 });
    let stopped = train(json!({ "early-stopping": { "patience": 4 }, "held-out": held_out }));
    let attacked: Vec<_> = stopped.epochs.iter().map(|epoch| epoch.held_out_attacked_accuracy.unwrap()).collect();
    assert!(stopped.epochs.iter().all(|epoch| epoch.n_held_out_attacked == Some(30) && epoch.n_held_out == Some(60)));
    assert!(attacked.iter().all(|accuracy| (accuracy * 30.0 - (accuracy * 30.0).round()).abs() < 1e-9), "{attacked:?}");
    let first_best = |accuracies: &[f64]| {
        let best = accuracies.iter().copied().fold(0.0, f64::max);
        accuracies.iter().position(|&accuracy| accuracy == best).unwrap()
    };
    let best = first_best(&attacked);
    assert_eq!(attacked.len(), (best + 1 + 4).min(14), "{attacked:?}");
    // Attacking images after an epoch changes nothing of the training.
    let plain = |n: usize| train(json!({ "budget": { "epochs": n } }));
    let of_best = plain(best + 1);
    assert_eq!(weights(&stopped.network), weights(&of_best.network));
    assert_eq!(weights(&stopped.last.unwrap()), weights(&plain(attacked.len()).network));
    assert_eq!(of_best.epochs[0].held_out_attacked_accuracy, None);

    let by_clean =
        train(json!({ "early-stopping": { "patience": 4, "judge": "clean" }, "held-out": { "split": "val" } }));
    let clean: Vec<_> = by_clean.epochs.iter().map(|epoch| epoch.held_out_accuracy.unwrap()).collect();
    assert_eq!(weights(&by_clean.network), weights(&plain(first_best(&clean) + 1).network));
    assert!(by_clean.epochs.iter().all(|epoch| epoch.held_out_attacked_accuracy.is_none()));
    assert_ne!(first_best(&clean), best, "{clean:?}, {attacked:?}");

    // Ten steps of a quarter of the ball on all held-out images, by hand.
    let _torch = torch();
    let ball = json!({ "epsilon": "8/255", "step-size": "2/255", "n-steps": 10, "random-start": true });
    let places = Tensor::from_slice(&(60..120).collect::<Vec<i64>>());
    let labels = data.images.labels.index_select(0, &places);
    let logits = |pixels: &Tensor| stopped.network.forward(pixels, Mode::Eval);
    let pixels =
        pgd(&logits, &data.images.batch(&places), &labels, &serde_json::from_value(ball).unwrap()).unwrap().pixels;
    let is_right = tch::no_grad(|| logits(&pixels)).argmax(1, false).eq_tensor(&labels);
    let by_hand = is_right.sum(tch::Kind::Int64).double_value(&[]) / 60.0;
    assert!((by_hand - attacked[best]).abs() < 0.15, "{by_hand} by hand, {} as told", attacked[best]);
}

#[test]
fn averaged_weights_are_what_is_saved_and_judged() {
    let data = two_features(60);
    let train = |more: serde_json::Value| run(&config(more), &data).unwrap();
    let plain = train(json!({}));
    // An average that forgets at once is the weights.
    assert_eq!(weights(&train(json!({ "weight-average": { "decay": 0.0 } })).network), weights(&plain.network));
    let averaged = train(json!({ "weight-average": { "decay": 0.9 } }));
    let losses = |trained: &Trained| trained.epochs.iter().map(|epoch| epoch.train_loss).collect::<Vec<_>>();
    assert_eq!(losses(&averaged), losses(&plain), "the steps are the same");
    assert_ne!(weights(&averaged.network), weights(&plain.network));
    // Six steps of the same weights, averaged by hand.
    let expected = (1..=6).fold(Vec::new(), |average: Vec<Tensor>, n_steps| {
        let weights = weights(&train(json!({ "budget": { "steps": n_steps } })).network);
        let _torch = torch();
        let mix = |(average, weights): (Tensor, &Tensor)| average * 0.9 + weights * 0.1;
        if average.is_empty() { weights } else { average.into_iter().zip(&weights).map(mix).collect() }
    });
    for (found, expected) in weights(&averaged.network).iter().zip(&expected) {
        assert!((found - expected).abs().max().double_value(&[]) < 1e-6);
    }
}

#[test]
fn every_sample_is_seen_and_no_batch_is_dropped() {
    let data = two_features(25);
    let check = |batch_size: u32, budget: serde_json::Value, expected: &[(u64, u64)]| {
        let trained = run(&config(json!({ "batch-size": batch_size, "budget": budget })), &data).unwrap();
        let found: Vec<_> = trained.epochs.iter().map(|epoch| (epoch.n_steps, epoch.n_samples_seen)).collect();
        assert_eq!(found, expected, "batch {batch_size}, {budget}");
        let numbers = trained.epochs.iter().map(|epoch| epoch.epoch);
        assert!(numbers.eq(1..=expected.len() as u32), "{budget}");
    };
    check(10, json!({ "epochs": 2 }), &[(3, 25), (6, 50)]);
    check(25, json!({ "epochs": 2 }), &[(1, 25), (2, 50)]);
    check(1000, json!({ "epochs": 1 }), &[(1, 25)]);
    check(10, json!({ "steps": 5 }), &[(3, 25), (5, 45)]);
    check(10, json!({ "steps": 3 }), &[(3, 25)]);
    check(10, json!({ "samples": 31 }), &[(3, 25), (4, 31)]);
    check(10, json!({ "samples": 3 }), &[(1, 3)]);
}

#[test]
fn the_learning_rate_follows_its_schedule_from_step_to_step_in_any_budget() {
    let data = two_features(25);
    let train = |budget: serde_json::Value, schedule: serde_json::Value| {
        run(&config(json!({ "batch-size": 10, "budget": budget, "schedule": schedule })), &data).unwrap()
    };
    let cosine = json!({ "kind": "cosine" });
    let budgets = [json!({ "epochs": 2 }), json!({ "steps": 6 }), json!({ "samples": 50 })];
    let [epochs, steps, samples] = budgets.clone().map(|budget| train(budget, cosine.clone()));
    // Three steps an epoch: the last steps of the two epochs are those numbered 2 and 5 of 6.
    let rate = |step: f64| 3e-3 * (1.0 + (std::f64::consts::PI * step / 6.0).cos()) / 2.0;
    for trained in [&epochs, &steps, &samples] {
        let found: Vec<_> = trained.epochs.iter().map(|epoch| epoch.learning_rate).collect();
        assert!(
            found.iter().zip([rate(2.0), rate(5.0)]).all(|(found, rate)| (found - rate).abs() < 1e-15),
            "{found:?}"
        );
        assert_eq!(weights(&trained.network), weights(&epochs.network));
    }
    // A rate that falls to nothing after the first epoch leaves that epoch's weights.
    let stop = json!({ "kind": "piecewise", "milestones": { "epochs": [1] }, "factor": 1e-300 });
    let [one_epoch, stopped] =
        [(1, json!({ "kind": "constant" })), (2, stop)].map(|(n, schedule)| train(json!({ "epochs": n }), schedule));
    assert_eq!(weights(&one_epoch.network), weights(&stopped.network));
    assert_ne!(weights(&one_epoch.network), weights(&epochs.network));
}

#[test]
fn a_learning_curve_has_a_point_every_so_many_samples_and_changes_nothing_else() {
    let data = two_features(45);
    for change in [
        json!({ "model": "paper-standard", "augmentation": { "crop-padding": 1, "flip": true } }),
        json!({ "regime": regime_pgd(), "weight-average": { "decay": 0.5 }, "budget": { "samples": 73 } }),
    ] {
        let train = |held_out: serde_json::Value| {
            let mut config = config(change.clone());
            config.held_out = Some(serde_json::from_value(held_out).unwrap());
            run(&config, &data).unwrap()
        };
        let (plain, curved) =
            (train(json!({ "split": "test" })), train(json!({ "split": "test", "every-samples": 30 })));
        assert_eq!(plain.learning_curve, None);
        assert_eq!((&plain.epochs, weights(&plain.network)), (&curved.epochs, weights(&curved.network)));
        let points = curved.learning_curve.unwrap();
        let places: Vec<_> = points.iter().map(|row| (row.n_samples_seen, row.n_steps)).collect();
        // Batches of 20, 20 and 5, and what is left of a budget.
        let end = plain.epochs.last().unwrap();
        let expected = [(40, 2), (65, 4), (end.n_samples_seen, end.n_steps)];
        assert_eq!(places, if end.n_samples_seen == 90 { expected.to_vec() } else { vec![(40, 2), (65, 4), (73, 5)] });
        assert_eq!(Some(points[2].held_out_accuracy), end.held_out_accuracy);
        assert!(points.iter().all(|row| row.n_held_out == 45 && (0.0..=1.0).contains(&row.held_out_accuracy)));
    }
}

#[test]
fn the_same_seed_gives_the_same_weights_and_epochs_to_the_bit() {
    let data = two_features(45);
    let augmentation = json!({ "crop-padding": 1, "flip": true });
    for change in [
        json!({ "model": "paper-standard", "augmentation": augmentation }),
        json!({ "regime": regime_pgd(), "attack-mode": "train", "model": "paper-standard" }),
        json!({ "regime": { "kind": "fgsm", "epsilon": "8/255" }, "weight-average": { "decay": 0.5 } }),
        json!({ "optimizer": { "kind": "sgd", "learning-rate": 0.01, "momentum": 0.9, "weight-decay": 5e-4 } }),
    ] {
        let config = config(change);
        let (left, right) = (run(&config, &data).unwrap(), run(&config, &data).unwrap());
        assert_eq!(left.epochs, right.epochs);
        assert_eq!(weights(&left.network), weights(&right.network));
        let other = run(&Config { seed: 2, ..config }, &data).unwrap();
        assert_ne!(weights(&left.network), weights(&other.network));
    }
}

#[test]
fn a_training_that_goes_on_from_a_checkpoint_is_the_uninterrupted_one() {
    let mut data = two_features(45);
    data.images.splits[45..].fill(Split::Val);
    // Residual networks take no images of 8x8 pixels.
    data.images.pixels = data.images.pixels.repeat([1, 1, 2, 2]);
    let all = |network: &Network| -> Vec<_> {
        let buffers = network.buffers().map(|(_, tensor)| tensor.copy());
        weights(network).into_iter().chain(buffers).collect()
    };
    for change in [
        json!({ "model": "resnet-18", "width": 2, "attack-mode": "train", "regime": regime_pgd() }),
        json!({ "model": "preact-resnet-18", "width": 2, "weight-average": { "decay": 0.5 } }),
        json!({ "early-stopping": { "patience": 9 }, "held-out": { "split": "val" }, "model": "resnet-18", "width": 2 }),
        json!({ "regime": { "kind": "fgsm", "epsilon": "8/255" }, "augmentation": { "crop-padding": 1, "flip": true } }),
        json!({ "optimizer": { "kind": "sgd", "learning-rate": 0.01, "momentum": 0.9 }, "model": "paper-standard" }),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let provenance = twinset_manifest::Provenance::of_stage("train", "0.0.0");
        let checkpoints = Checkpoints::new(folder.path(), &provenance);
        // Steps, so that the last epoch is a part of one.
        let train = |n_steps: u32, from: Option<&Checkpoint>| {
            let mut config = config(change.clone());
            config.budget = serde_json::from_value(json!({ "steps": n_steps })).unwrap();
            let _torch = torch();
            let network = new_network(&config, &data).unwrap();
            let record = Record { checkpoints: &checkpoints, from, events: None };
            train_resumably(network, &config, &data, &Progress::hidden(), record).unwrap()
        };
        train(6, None);
        let found = checkpoints.find().unwrap().checkpoint.unwrap();
        assert_eq!(found.epoch, 2);
        let resumed = train(10, Some(&found));
        checkpoints.remove().unwrap();
        let whole = train(10, None);
        assert_eq!(resumed.epochs.len(), 4);
        assert_eq!(resumed.epochs, whole.epochs, "{change}");
        assert!(all(&resumed.network) == all(&whole.network), "{change}");
        assert!(resumed.last.as_ref().map(all) == whole.last.as_ref().map(all), "{change}");
    }
}

#[test]
fn duplicates_change_neither_the_first_weights_nor_what_the_seed_does_to_originals() {
    let data = two_features(30);
    let mut with_duplicates = two_features(30);
    with_duplicates.samples.extend(data.samples.iter().map(|&sample| Sample { copy: 1, ..sample }));
    // A step too small to be seen leaves the initial weights.
    let still = json!({ "optimizer": { "kind": "sgd", "learning-rate": 1e-30 }, "budget": { "epochs": 1 } });
    let (left, right) = (run(&config(still.clone()), &data).unwrap(), run(&config(still), &with_duplicates).unwrap());
    assert_eq!(weights(&left.network), weights(&right.network));
    assert_eq!((left.epochs[0].n_samples_seen, right.epochs[0].n_samples_seen), (30, 60));
    let difference = left.epochs[0].train_loss - right.epochs[0].train_loss;
    assert!(difference.abs() < 1e-6, "each image twice has the same mean loss: {difference}");
}

#[test]
fn a_training_that_diverges_ends_with_epoch_and_step() {
    let data = two_features(60);
    let check = |optimizer: serde_json::Value, regime: serde_json::Value, parts: &[&str]| {
        let error = run(&config(json!({ "optimizer": optimizer, "regime": regime })), &data).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    };
    let wild = json!({ "kind": "sgd", "learning-rate": 1e30 });
    let parts = ["in epoch 1, step", "is the learning rate of 1000000000000000000000000000000 too large?"];
    check(wild.clone(), json!({ "kind": "standard" }), &parts);
    check(wild, regime_pgd(), &parts);
}

#[test]
fn what_a_network_does_not_take_is_said() {
    let check = |change: &dyn Fn(&mut TrainingData), expected: &str| {
        let mut data = two_features(5);
        change(&mut data);
        assert_eq!(run(&config(json!({})), &data).unwrap_err().to_string(), expected);
    };
    check(
        &|data| data.samples[3].label = 2,
        "the trainset's position 3 (image 3) has label 2, expected one of 0 to 1, as the images have",
    );
    check(&|data| data.samples.clear(), "the trainset has no rows, expected at least one");
    check(
        &|data| data.images.pixels = data.images.pixels.narrow(2, 0, 4),
        "images have 8x4 pixels, expected squares: networks take no others",
    );
    check(
        &|data| data.images.pixels = data.images.pixels.narrow(2, 0, 6).narrow(3, 0, 6),
        "`paper-robust` with `image-size` 6, expected a multiple of 4 from 4 to 1024 pixels",
    );
}
