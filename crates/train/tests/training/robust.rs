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
    let warnings = train(json!({ "kind": "fgsm", "epsilon": "8/255" })).warnings;
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(warning.starts_with("catastrophic overfitting: after epoch 16 PGD-10 leaves "), "{warning}");
    assert!(warning.contains(" % of 400 training images classified rightly, and before, "), "{warning}");
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
