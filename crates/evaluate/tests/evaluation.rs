//! What an evaluation promises, on networks whose predictions are known and on random ones.

#[expect(dead_code, reason = "the other tests use the rest")]
mod fixture;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fixture::{images, network_of_colours, random_network, write_images};
use twinset_evaluate::{Config, RobustAccuracy, accuracies, evaluate, load, robust_accuracies};
use twinset_manifest::rows::{Image, Prediction, Split};
use twinset_model::Network;
use twinset_stage::Progress;

/// Torch's generator is the process's: a test that draws from it keeps it to itself.
fn torch() -> MutexGuard<'static, ()> {
    static TORCH: Mutex<()> = Mutex::new(());
    TORCH.lock().unwrap_or_else(PoisonError::into_inner)
}

fn predictions(network: &Network, config: &str) -> Vec<Prediction> {
    let folder = tempfile::tempdir().unwrap();
    let config: Config = serde_json::from_str(&format!("{{ {config} }}")).unwrap();
    config.validate().unwrap();
    let manifest = write_images(folder.path(), images());
    let data = load(&manifest, None, Path::new("."), &config, network).unwrap();
    evaluate(network, &data, &config, &Progress::hidden(), None).unwrap().predictions
}

fn of_attack(predictions: &[Prediction], attack: &str) -> Vec<Prediction> {
    predictions.iter().filter(|prediction| prediction.attack == attack).cloned().collect()
}

/// The same but for the attack's name and cost.
fn as_clean(predictions: &[Prediction]) -> Vec<Prediction> {
    predictions.iter().map(|p| Prediction { attack: "clean".to_owned(), n_queries: 0, ..p.clone() }).collect()
}

const PGD: &str = r#""kind": "pgd", "step-size": "2/255", "n-steps": 3, "random-start": true"#;

#[test]
fn a_network_with_known_weights_is_judged_rightly() {
    let _torch = torch();
    let network = network_of_colours();
    let found = predictions(
        &network,
        r#""seed": 0, "splits": ["test", "train"], "batch-size": 4, "attacks": [
            { "kind": "fgsm", "epsilon": "32/255", "name": "weak" }, { "kind": "fgsm", "epsilon": "64/255", "name": "strong" } ]"#,
    );
    let summary: Vec<_> =
        accuracies(&found).into_iter().map(|a| (a.split, a.attack, a.n_correct, a.n_images)).collect();
    // 12 of 15 test images show the colour of their class, by 60/255; the step raises the other colours by ε.
    let expected = [
        (Split::Test, "clean", 12, 15),
        (Split::Train, "clean", 6, 6),
        (Split::Test, "weak", 12, 15),
        (Split::Train, "weak", 6, 6),
        (Split::Test, "strong", 0, 15),
        (Split::Train, "strong", 0, 6),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(s, attack, c, n)| (s, attack.to_owned(), c, n)).collect();
    assert_eq!(summary, expected);
    let robust: Vec<_> =
        robust_accuracies(&found).into_iter().map(|r| (r.split, r.n_attacks, r.n_robust, r.n_images)).collect();
    assert_eq!(robust, [(Split::Test, 2, 0, 15), (Split::Train, 2, 0, 6)]);
    let weak: Vec<_> = found.iter().filter(|row| row.attack != "strong").cloned().collect();
    let expected = RobustAccuracy { split: Split::Test, n_attacks: 1, n_robust: 12, n_images: 15 };
    assert_eq!(robust_accuracies(&weak)[0], expected);
    for prediction in &found {
        let Prediction { image_id, label, predicted, is_correct, linf, l2, n_queries, margin, loss, .. } = prediction;
        assert_eq!(*is_correct, label == predicted);
        assert_eq!(*is_correct, *margin > 0.0);
        assert!(*is_correct == (*loss < 1.0), "of three classes whose logits differ by little: {prediction:?}");
        let fooled_by = match prediction.attack.as_str() {
            _ if *is_correct => None,
            _ if *image_id >= 100 => Some("clean"),
            attack => Some(attack),
        };
        assert_eq!(prediction.fooled_by.as_deref(), fooled_by);
        match prediction.attack.as_str() {
            // These are wrong as they are, and not attacked.
            _ if *image_id >= 100 => {
                assert_eq!((*predicted, *linf, *l2, *n_queries), ((label + 1) % 3, 0.0, 0.0, 0));
            }
            "clean" => {
                assert_eq!((*predicted, *linf, *l2, *n_queries), (*label, 0.0, 0.0, 0));
            }
            "weak" => assert!((linf - 32.0 / 255.0).abs() < 1e-6 && *n_queries == 1, "{prediction:?}"),
            // Four windows of the two poolings, in each of which one pixel's three channels move.
            _ => {
                assert!(
                    (linf - 64.0 / 255.0).abs() < 1e-6 && (l2 - 12f32.sqrt() * linf).abs() < 1e-5,
                    "{prediction:?}"
                );
            }
        }
    }
}

#[test]
fn an_l2_attack_goes_as_far_as_its_ball_and_is_called_so() {
    let _torch = torch();
    let attacks =
        format!(r#"{{ "kind": "fgsm", "epsilon": 0.4, "norm": "l2" }}, {{ {PGD}, "epsilon": 0.02, "norm": "l2" }}"#);
    let found = predictions(&network_of_colours(), &format!(r#""seed": 0, "attacks": [{attacks}]"#));
    let n_clean = of_attack(&found, "clean").len();
    for (attack, epsilon) in [("fgsm-l2", 0.4), ("pgd-3-l2", 0.02)] {
        let rows = of_attack(&found, attack);
        assert_eq!(rows.len(), n_clean);
        for row in rows {
            // No pixel is near black or white, so the range takes nothing away; the steps are along many pixels.
            let is_attacked = row.image_id < 100;
            assert!(
                !is_attacked && row.l2 == 0.0
                    || (row.l2 - epsilon).abs() < 1e-5 && row.linf < 0.9 * epsilon && is_attacked,
                "{row:?}"
            );
        }
    }
}

#[test]
fn rows_are_by_attack_then_split_then_id() {
    let _torch = torch();
    let config = format!(r#""seed": 0, "splits": ["train", "test"], "attacks": [{{ {PGD}, "epsilon": "8/255" }}]"#);
    let found = predictions(&random_network(), &config);
    let order: Vec<_> = found.iter().map(|p| (p.attack != "clean", p.split == Split::Test, p.image_id)).collect();
    assert!(order.is_sorted());
    assert_eq!(order.len(), 2 * 21);
}

#[test]
fn epsilon_0_equals_clean() {
    let _torch = torch();
    for network in [random_network(), network_of_colours()] {
        for augmentation in ["", r#""augmentation": { "crop-padding": 2, "flip": true }, "#] {
            let config = format!(
                r#""seed": 1, "batch-size": 4, {augmentation} "attacks": [
                    {{ {PGD}, "epsilon": 0 }}, {{ {PGD}, "epsilon": 0, "n-restarts": 3, "name": "restarts" }},
                    {{ "kind": "fgsm", "epsilon": 0 }} ]"#
            );
            let found = predictions(&network, &config);
            let clean = of_attack(&found, "clean");
            for attack in ["pgd-3", "restarts", "fgsm"] {
                assert_eq!(as_clean(&of_attack(&found, attack)), clean, "{attack}");
            }
        }
    }
}

#[test]
fn an_attack_does_not_depend_on_the_other_attacks_and_splits() {
    let _torch = torch();
    let network = random_network();
    let run = |splits: &str, before: &str| {
        let augmentation = r#""augmentation": { "crop-padding": 2, "flip": true }"#;
        let attacks = format!(r#"[{before} {{ {PGD}, "epsilon": "32/255" }}]"#);
        let config = format!(r#""seed": 2, "batch-size": 4, "splits": {splits}, {augmentation}, "attacks": {attacks}"#);
        let mut found = predictions(&network, &config);
        found.retain(|p| p.split == Split::Test);
        [of_attack(&found, "clean"), of_attack(&found, "pgd-3")]
    };
    let alone = run(r#"["test"]"#, "");
    let noise = format!(r#"{{ {PGD}, "epsilon": "8/255", "name": "another" }},"#);
    assert_eq!(run(r#"["train", "test"]"#, &noise), alone);
}

#[test]
fn the_seed_decides_random_starts_and_augmentation() {
    let _torch = torch();
    let network = random_network();
    let norms = |seed: u64, rest: &str| {
        let config = format!(r#""seed": {seed}, {rest} "attacks": [{{ {PGD}, "epsilon": "32/255" }}]"#);
        of_attack(&predictions(&network, &config), "pgd-3")
    };
    assert_eq!(norms(1, ""), norms(1, ""));
    assert_ne!(norms(1, ""), norms(2, ""));
    let augmentation = r#""augmentation": { "crop-padding": 3, "flip": false },"#;
    assert_ne!(norms(1, augmentation), norms(1, ""));
}

#[test]
fn max_images_takes_classes_in_turn() {
    let _torch = torch();
    let found = predictions(&random_network(), r#""seed": 0, "max-images": 4, "splits": ["test", "train"]"#);
    let ids = |split| found.iter().filter(|p| p.split == split).map(|p| p.image_id).collect::<Vec<_>>();
    // Classes 0, 1, 2 give their smallest ids 90, 80, 70, and class 0 its next.
    assert_eq!(ids(Split::Test), [70, 80, 90, 91]);
    assert_eq!(ids(Split::Train), [0, 1, 10, 20]);
}

#[test]
fn the_published_range_lifts_dark_pixels_past_the_ball_as_it_is_published() {
    let _torch = torch();
    let config = r#""seed": 0, "attacks": [
        { "kind": "pgd", "epsilon": "4/255", "step-size": "1/255", "n-steps": 2, "random-start": false, "pixel-range": [0.5, 1.0] }]"#;
    let attacked = of_attack(&predictions(&random_network(), config), "pgd-2");
    // Image 70's darkest channels are 110/255, mid-grey is 127.5/255.
    let of_70 = attacked.iter().find(|p| p.image_id == 70).unwrap();
    assert!((of_70.linf - 17.5 / 255.0).abs() < 1e-6, "{of_70:?}");
}

#[test]
fn what_leaks_is_judged_and_changes_nothing_of_the_splits_own_images() {
    let _torch = torch();
    let network = random_network();
    let settings = format!(
        r#"{{ "seed": 2, "splits": ["test", "train"], "batch-size": 4, "max-images": 6, "attacks": [{{ {PGD}, "epsilon": "8/255" }}] }}"#
    );
    let config: Config = serde_json::from_str(&settings).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let manifest = write_images(folder.path(), images());
    let leaked: Vec<_> = images().into_iter().filter(|row| row.split == Split::Train).collect();
    let leaked = leaked.into_iter().enumerate().map(|(i, row)| Image {
        image_id: 1000 + i as u64,
        split: Split::Test,
        derived_from: Some(row.image_id),
        ..row
    });
    let leaked: Vec<Image> = leaked.collect();
    let elsewhere = tempfile::tempdir().unwrap();
    let leaks = write_images(elsewhere.path(), leaked.clone());
    let predict = |leaks: Option<&Path>| {
        let data = load(&manifest, leaks, Path::new("."), &config, &network).unwrap();
        evaluate(&network, &data, &config, &Progress::hidden(), None).unwrap().predictions
    };
    let (without, with) = (predict(None), predict(Some(&leaks)));
    let (of_leaks, own): (Vec<_>, Vec<_>) = with.into_iter().partition(|row| row.image_id >= 1000);
    assert_eq!(own, without);
    assert_eq!(of_leaks.len(), 2 * leaked.len(), "clean and attacked, and not bounded by max-images");
    assert!(of_leaks.iter().all(|row| row.split == Split::Test));

    let repeated = write_images(elsewhere.path(), images());
    let error = load(&manifest, Some(&repeated), Path::new("."), &config, &network).unwrap_err();
    assert!(error.to_string().contains("occurs twice"), "{error}");
}

#[test]
fn autoattack_counts_its_queries_image_by_image_and_tells_what_few_classes_change() {
    let _torch = torch();
    let folder = tempfile::tempdir().unwrap();
    let attack =
        r#"{ "kind": "auto-attack", "epsilon": "64/255", "version": "custom", "attacks": ["apgd-ce", "fab-t"] }"#;
    let config: Config = serde_json::from_str(&format!(r#"{{ "seed": 0, "attacks": [{attack}] }}"#)).unwrap();
    config.validate().unwrap();
    let manifest = write_images(folder.path(), images());
    let network = network_of_colours();
    let data = load(&manifest, None, Path::new("."), &config, &network).unwrap();
    let evaluation = evaluate(&network, &data, &config, &Progress::hidden(), None).unwrap();
    let note = "attack `auto-attack-custom`: fab-t has 2 targets and not 9, as there are 3 classes";
    assert_eq!(config.warnings(Some(network.spec())), [note]);
    assert_eq!(evaluation.warnings, Vec::<String>::new());
    let clean = of_attack(&evaluation.predictions, "clean");
    let attacked = of_attack(&evaluation.predictions, "auto-attack-custom");
    assert_eq!((clean.len(), attacked.len()), (15, 15));
    for (clean, attacked) in clean.iter().zip(&attacked) {
        assert!(!attacked.is_correct, "as under pgd-6: {attacked:?}");
        let expected = if clean.is_correct { "auto-attack-custom/apgd-ce" } else { "clean" };
        assert_eq!(attacked.fooled_by.as_deref(), Some(expected));
        assert!(attacked.linf <= 64.0 / 255.0 + 1e-6);
        let n_wanted = if clean.is_correct { 3..=1000 } else { 0..=0 };
        assert!(n_wanted.contains(&attacked.n_queries), "{attacked:?}");
    }
}

#[test]
fn an_image_that_is_wrong_as_it_is_is_attacked_only_where_the_last_iterate_counts() {
    let _torch = torch();
    let attacks = format!(
        r#"{{ {PGD}, "epsilon": "64/255" }}, {{ {PGD}, "epsilon": "64/255", "iterate": "last", "name": "published" }}"#
    );
    let found = predictions(&network_of_colours(), &format!(r#""seed": 0, "attacks": [{attacks}]"#));
    let (clean, worst, last) = (of_attack(&found, "clean"), of_attack(&found, "pgd-3"), of_attack(&found, "published"));
    let (mut n_wrong, mut n_moved) = (0, 0);
    for (clean, (worst, last)) in clean.iter().zip(worst.iter().zip(&last)) {
        n_moved += u32::from(last.linf > 0.0);
        assert_eq!(last.n_queries, 3);
        if clean.is_correct {
            assert!(worst.linf > 0.0 && worst.n_queries == 1 + 3 + 1, "{worst:?}");
        } else {
            n_wrong += 1;
            assert_eq!(*worst, Prediction { attack: "pgd-3".to_owned(), ..clean.clone() });
            assert_eq!(last.fooled_by.as_deref(), Some("clean"));
        }
    }
    assert_eq!((n_wrong, n_moved), (3, 15));
}

#[test]
fn robust_accuracy_is_of_images_that_are_right_under_all_attacks() {
    let row = |image_id: u64, split: Split, attack: &str, is_correct: bool| Prediction {
        image_id,
        split,
        label: 0,
        attack: attack.to_owned(),
        predicted: u32::from(!is_correct),
        is_correct,
        linf: 0.0,
        l2: 0.0,
        n_queries: 0,
        margin: 0.0,
        loss: 0.0,
        fooled_by: (!is_correct).then(|| attack.to_owned()),
    };
    let mut rows = Vec::new();
    // The fourth is wrong as it is, and right under an attack whose last iterate counts.
    for (attack, right) in
        [("clean", [true, true, true, false]), ("a", [true, false, true, true]), ("b", [false, true, true, true])]
    {
        rows.extend((0..4).map(|id| row(id, Split::Test, attack, right[id as usize])));
        rows.push(row(9, Split::Train, attack, true));
    }
    let expected = [
        RobustAccuracy { split: Split::Test, n_attacks: 2, n_robust: 1, n_images: 4 },
        RobustAccuracy { split: Split::Train, n_attacks: 2, n_robust: 1, n_images: 1 },
    ];
    assert_eq!(robust_accuracies(&rows), expected);
    assert_eq!(robust_accuracies(&rows)[0].fraction(), 0.25);
    rows.retain(|row| row.attack == "clean");
    assert_eq!(robust_accuracies(&rows), [], "no attack, no robust accuracy");
}
