//! Training under attack.

use super::*;

#[test]
fn a_network_trained_under_attack_withstands_it_and_a_standard_one_does_not() {
    let data = two_features(400);
    let robust_accuracy = |regime: serde_json::Value| {
        let trained = run(&config(json!({ "regime": regime, "budget": { "epochs": 20 } })), &data).unwrap();
        let _torch = torch();
        let attack = serde_json::from_value(json!({
            "epsilon": "8/255", "step-size": "2/255", "n-steps": 10, "random-start": false
        }));
        let held_out = Tensor::from_slice(&data.held_out.iter().map(|&place| place as i64).collect::<Vec<_>>());
        let labels = data.images.labels.index_select(0, &held_out);
        let logits = |pixels: &Tensor| trained.network.forward(pixels, Mode::Eval);
        let attacked = pgd(&logits, &data.images.batch(&held_out), &labels, &attack.unwrap()).unwrap();
        logits(&attacked.pixels).accuracy_for_logits(&labels).double_value(&[])
    };
    let (standard, robust) = (robust_accuracy(json!({ "kind": "standard" })), robust_accuracy(regime_pgd()));
    assert!(standard < 0.6, "standard: {standard}");
    assert!(robust > 0.8, "robust: {robust}");
}

#[test]
fn a_network_withstands_an_attack_under_each_robust_regime() {
    let data = two_features(400);
    let ball = json!({ "epsilon": "8/255", "step-size": "2/255", "n-steps": 7 });
    let with = |more: serde_json::Value| {
        let mut regime = ball.clone();
        regime.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        regime
    };
    for regime in [
        json!({ "kind": "fgsm", "epsilon": "8/255" }),
        with(json!({ "kind": "trades", "beta": 6 })),
        // As far in all as L∞ goes in every pixel's channel: 8/255 times the root of 192.
        json!({ "kind": "pgd", "epsilon": "0.43", "step-size": "0.11", "n-steps": 7, "random-start": true, "norm": "l2" }),
    ] {
        let trained = run(&config(json!({ "regime": regime, "budget": { "epochs": 20 } })), &data).unwrap();
        let _torch = torch();
        let attack = serde_json::from_value(with(json!({ "random-start": false }))).unwrap();
        let held_out = Tensor::from_slice(&data.held_out.iter().map(|&place| place as i64).collect::<Vec<_>>());
        let labels = data.images.labels.index_select(0, &held_out);
        let logits = |pixels: &Tensor| trained.network.forward(pixels, Mode::Eval);
        let attacked = pgd(&logits, &data.images.batch(&held_out), &labels, &attack).unwrap();
        let accuracy = logits(&attacked.pixels).accuracy_for_logits(&labels).double_value(&[]);
        assert!(accuracy > 0.8, "{regime}: {accuracy}");
        assert_eq!(trained.warnings, Vec::<String>::new());
    }
}

#[test]
fn a_fall_of_what_is_left_under_pgd_is_a_warning_of_fast_training() {
    let data = two_features(400);
    // Catastrophic overfitting takes larger networks and sets; weights that are blown apart fall as far.
    let blow = json!({ "kind": "piecewise", "milestones": { "epochs": [15] }, "factor": 300 });
    let train = |regime: serde_json::Value| {
        run(&config(json!({ "regime": regime, "schedule": blow, "budget": { "epochs": 17 } })), &data).unwrap()
    };
    let one_step = json!({ "kind": "fgsm", "epsilon": "8/255" });
    // The same attack by another name.
    let as_pgd =
        json!({ "kind": "pgd", "epsilon": "8/255", "step-size": "10/255", "n-steps": 1, "random-start": true });
    let warnings = train(one_step).warnings;
    assert_eq!(train(as_pgd).warnings, warnings);
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(warning.starts_with("catastrophic overfitting: after epoch 16 PGD-10 leaves "), "{warning}");
    assert!(warning.contains(" by epoch 17, the last"), "{warning}");
    assert!(warning.contains(" % of 256 training images classified rightly, and before, "), "{warning}");
    assert_eq!(train(regime_pgd()).warnings, Vec::<String>::new());
}

#[test]
fn batch_norm_hears_of_attacked_images_only_where_it_is_told_to() {
    let mut data = two_features(20);
    data.images.pixels = data.images.pixels.repeat([1, 1, 2, 2]);
    let n_batches = |attack_mode: &str| {
        let more = json!({ "model": "resnet-18", "width": 2, "regime": regime_pgd(), "attack-mode": attack_mode });
        let trained = run(&config(more), &data).unwrap();
        let counter = trained.network.buffers().find(|(name, _)| name == "bn1.num_batches_tracked");
        counter.unwrap().1.int64_value(&[])
    };
    // Two steps of one pass each, and seven more where the attack's count.
    assert_eq!((n_batches("eval"), n_batches("train")), (2, 2 * 8));
}

/// The recipe of a network whose accuracy under PGD was once 100 %, as its cross-entropy had no gradient left in float32.
#[test]
fn a_saturated_network_is_as_weak_as_one_with_small_logits() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut data = two_features(65);
    // Bright and dark images: nothing is easier.
    let n = data.images.labels.size()[0];
    let bytes = (0..n).flat_map(|index| {
        let level = if index % 2 == 0 { 90 } else { 165 };
        let noise: Vec<u8> = (0..3 * SIDE * SIDE).map(|_| level + (random.next_u32() % 9) as u8).collect();
        noise
    });
    let bytes: Vec<u8> = bytes.collect();
    data.images.pixels = Tensor::from_slice(&bytes).view([n, 3, SIDE as i64, SIDE as i64]);
    let optimizer = json!({ "kind": "adam", "learning-rate": 1e-2 });
    let config = config(json!({
        "model": "paper-standard", "width": 32, "batch-size": 128, "optimizer": optimizer, "budget": { "epochs": 60 },
    }));
    let trained = run(&config, &data).unwrap();
    let _torch = torch();
    let held_out: Vec<_> = data.held_out.iter().map(|&place| place as i64).collect();
    let held_out = Tensor::from_slice(&held_out);
    let (pixels, labels) = (data.images.batch(&held_out), data.images.labels.index_select(0, &held_out));
    let loss = trained.network.forward(&pixels, Mode::Eval).cross_entropy_for_logits(&labels).double_value(&[]);
    assert!(loss < 1e-6, "it is not saturated: {loss}");
    let accuracy = |attack: serde_json::Value, scale: f64| {
        let logits = |pixels: &Tensor| trained.network.forward(pixels, Mode::Eval) * scale;
        let attacked = pgd(&logits, &pixels, &labels, &serde_json::from_value(attack).unwrap()).unwrap();
        assert_eq!((attacked.n_without_gradient, attacked.n_unmoved), (0, 0));
        logits(&attacked.pixels).accuracy_for_logits(&labels).double_value(&[])
    };
    let steps = |epsilon: &str, step_size: &str, n_steps: u32, norm: &str| json!({ "epsilon": epsilon, "step-size": step_size, "n-steps": n_steps, "random-start": false, "norm": norm });
    for attack in [
        steps("64/255", "8/255", 20, "linf"),
        steps("64/255", "64/255", 1, "linf"),
        steps("4.0", "0.5", 20, "l2"),
        steps("4.0", "4.0", 1, "l2"),
    ] {
        let small = accuracy(attack.clone(), 0.01);
        for scale in [1.0, 10.0, 100.0, 1e3, 1e4] {
            let large = accuracy(attack.clone(), scale);
            assert!(large <= small + 0.01, "{attack}: {large} at scale {scale}, {small} at scale 0.01");
        }
        assert!(small < 0.5, "{attack}: {small}");
    }
}
