//! Each check fires on a network, or an attack, that deserves it, and is silent on honest ones.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tch::{Device, Kind, Tensor};
use twinset_evaluate::{CHECKS, Config, Other, Subject, check};
use twinset_manifest::rows::{Prediction, Split};
use twinset_manifest::{Check, CheckOutcome};
use twinset_model::{Mode, Model, Network, NetworkSpec};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Torch's generator is the process's: a test that draws from it keeps it to itself.
fn torch() -> MutexGuard<'static, ()> {
    static TORCH: Mutex<()> = Mutex::new(());
    tch::set_num_threads(1);
    TORCH.lock().unwrap_or_else(PoisonError::into_inner)
}

type Logits = Box<dyn Fn(&Tensor) -> Tensor>;

/// A network of one convolution and one layer with random weights.
fn honest() -> Logits {
    tch::manual_seed(11);
    let weight = |size: &[i64]| Tensor::randn(size, CPU) * 0.3;
    let (convolution, last) = (weight(&[6, 3, 3, 3]), weight(&[6 * 8 * 8, 5]));
    Box::new(move |pixels| {
        let features = ((pixels - 0.5) * 2.0).conv2d(&convolution, None::<&Tensor>, 1, 1, 1, 1).relu();
        features.flatten(1, -1).matmul(&last)
    })
}

/// 40 images, their labels, of which the network has all but two right.
fn images(logits: &Logits) -> (Tensor, Tensor) {
    tch::manual_seed(12);
    let pixels = Tensor::rand([40, 3, 8, 8], CPU);
    let labels = logits(&pixels).argmax(1, false);
    for place in [3, 17] {
        let mut label = labels.get(place);
        let other = (&label + 1).remainder(5);
        label.copy_(&other);
    }
    (pixels, labels)
}

/// What the attacks come to, as an evaluation has it.
fn predictions(logits: &Logits, pixels: &Tensor, labels: &Tensor, config: &Config) -> Vec<Prediction> {
    let is_right = |pixels: &Tensor| -> Vec<bool> {
        Vec::try_from(tch::no_grad(|| logits(pixels)).argmax(1, false).eq_tensor(labels)).unwrap()
    };
    let clean = is_right(pixels);
    let labels_of = Vec::<i64>::try_from(labels).unwrap();
    let mut rows = Vec::new();
    let mut add = |attack: &str, is_right: &[bool], parts: &[Option<String>]| {
        for (place, &label) in labels_of.iter().enumerate() {
            let is_correct = is_right[place];
            let own = parts.get(place).cloned().flatten().unwrap_or_else(|| attack.to_owned());
            rows.push(Prediction {
                image_id: place as u64,
                split: Split::Test,
                label: label as u32,
                attack: attack.to_owned(),
                predicted: if is_correct { label as u32 } else { (label as u32 + 1) % 5 },
                is_correct,
                linf: 0.0,
                l2: 0.0,
                n_queries: 0,
                margin: 0.0,
                loss: 0.0,
                fooled_by: (!is_correct).then(|| if clean[place] { own } else { "clean".to_owned() }),
            });
        }
    };
    add("clean", &clean, &[]);
    for attack in &config.attacks {
        tch::manual_seed(13);
        let attacked = attack.run(logits, pixels, labels).unwrap();
        let is_right: Vec<_> = is_right(&attacked.pixels).iter().zip(&clean).map(|(a, b)| *a && *b).collect();
        let name = attack.name();
        let parts: Vec<_> = attacked.fooled_by.iter().map(|part| Some(format!("{name}/{}", (*part)?))).collect();
        add(&name, &is_right, &parts);
    }
    rows
}

fn config(attacks: &str) -> Config {
    let config: Config = serde_json::from_str(&format!(r#"{{ "seed": 1, "attacks": [{attacks}] }}"#)).unwrap();
    config.validate().unwrap();
    config
}

/// The checks of these attacks on this network.
fn checks(logits: &Logits, labels_by: &Logits, attacks: &str) -> Vec<Check> {
    checks_beside(logits, labels_by, attacks, &[])
}

/// The same, beside other networks.
fn checks_beside(logits: &Logits, labels_by: &Logits, attacks: &str, others: &[Other]) -> Vec<Check> {
    let config = config(attacks);
    let (pixels, labels) = images(labels_by);
    let predictions = predictions(logits, &pixels, &labels, &config);
    let image_ids: Vec<u64> = (0..40).collect();
    let (pixels, labels, image_ids, predictions) = (&pixels, &labels, &image_ids[..], &predictions[..]);
    check(&Subject { logits, pixels, labels, image_ids, predictions, config: &config, others })
}

fn failed(checks: &[Check]) -> Vec<&str> {
    let failed = checks.iter().filter(|check| check.outcome == CheckOutcome::Failed);
    failed.map(|check| check.name.as_str()).collect()
}

fn detail<'a>(checks: &'a [Check], name: &str) -> &'a str {
    &checks.iter().find(|check| check.name == name).unwrap().detail
}

const FGSM: &str = r#"{ "kind": "fgsm", "epsilon": "4/255" }"#;
const PGD: &str = r#"{ "kind": "pgd", "epsilon": "4/255", "step-size": "1/255", "n-steps": 10, "random-start": true }"#;
const AUTO: &str =
    r#"{ "kind": "auto-attack", "epsilon": "4/255", "version": "custom", "attacks": ["apgd-ce", "square"] }"#;
const PGD_L2: &str =
    r#"{ "kind": "pgd", "epsilon": 0.1, "step-size": 0.03, "n-steps": 10, "random-start": true, "norm": "l2" }"#;

#[test]
fn all_are_silent_on_an_honest_network_however_large_its_logits_are() {
    let _torch = torch();
    for scale in [1.0, 1e4] {
        let network = honest();
        let scaled: Logits = Box::new(move |pixels| network(pixels) * scale);
        let found = checks(&scaled, &honest(), &[FGSM, PGD, AUTO, PGD_L2].join(","));
        assert_eq!(found.iter().map(|check| check.name.as_str()).collect::<Vec<_>>(), CHECKS);
        let not_passed: Vec<_> = found.iter().filter(|check| check.outcome != CheckOutcome::Passed).collect();
        assert_eq!(
            not_passed.iter().map(|check| check.name.as_str()).collect::<Vec<_>>(),
            ["transfer-not-stronger", "unseen-norm"]
        );
        assert!(not_passed.iter().all(|check| check.outcome == CheckOutcome::Skipped), "{found:#?}");
        // The figures are there: a curve that ends at 0, and images that withstand the smallest ball.
        let curve = detail(&found, "falls-with-epsilon");
        assert!(curve.starts_with("of 40 images 38 are right without an attack, "), "{curve}");
        assert!(curve.contains(" within linf 4/255, ") && curve.contains(" 0 within linf "), "{curve}");
        assert!(curve.contains(" within l2 0.10"), "{curve}");
        assert!(detail(&found, "plateau").contains("(`fgsm`, `pgd-10`, `auto-attack-custom`)"), "{found:#?}");
        assert!(detail(&found, "black-box-not-stronger").contains("`auto-attack-custom/square` alone breaks 0"));
    }
}

#[test]
fn random_outputs_are_found() {
    let _torch = torch();
    let network = honest();
    let random: Logits = Box::new(move |pixels| {
        let logits = network(pixels);
        &logits + logits.randn_like() * 0.05
    });
    let found = checks(&random, &honest(), PGD);
    assert!(failed(&found).contains(&"outputs-not-random"), "{found:#?}");
    assert!(detail(&found, "outputs-not-random").ends_with("use AutoAttack's version `rand`"));
}

#[test]
fn probabilities_are_found() {
    let _torch = torch();
    let network = honest();
    let probabilities: Logits = Box::new(move |pixels| network(pixels).softmax(1, Kind::Float));
    let found = checks(&probabilities, &honest(), PGD);
    assert_eq!(failed(&found), ["outputs-are-logits"], "{found:#?}");
    assert!(detail(&found, "outputs-are-logits").ends_with("leave out the network's last softmax"));
    // Logits that happen to be between 0 and 1 are none.
    let network = honest();
    let small: Logits = Box::new(move |pixels| network(pixels).sigmoid());
    assert!(!failed(&checks(&small, &honest(), PGD)).contains(&"outputs-are-logits"));
}

#[test]
fn masked_gradients_are_found_by_what_needs_none() {
    let _torch = torch();
    let network = honest();
    // Rounded pixels have no gradient, and a change of 16/255 moves some of them by a step.
    let masked: Logits = Box::new(move |pixels| network(&((pixels * 8.0).round() / 8.0)));
    let label_by: Logits = {
        let network = honest();
        Box::new(move |pixels| network(&((pixels * 8.0).round() / 8.0)))
    };
    let found = checks(&masked, &label_by, r#"{ "kind": "fgsm", "epsilon": "16/255" }"#);
    let failed = failed(&found);
    for name in ["gradients-not-zero", "black-box-not-stronger", "noise-not-stronger", "falls-with-epsilon", "plateau"]
    {
        assert!(failed.contains(&name), "no {name}: {found:#?}");
    }
    assert_eq!(detail(&found, "gradients-not-zero"), "within linf 16/255, 38 of 38 images have no gradient");
}

#[test]
fn images_that_another_network_gives_away_are_found() {
    let _torch = torch();
    tch::manual_seed(14);
    let spec = NetworkSpec::new(Model::PaperRobust, Some(4), 5, 8);
    let other = || Other { name: "other".to_owned(), network: Network::new(&spec, Device::Cpu).unwrap() };
    tch::manual_seed(15);
    let others = [other()];
    let copy = others[0].network.copy();
    let honest: Logits = Box::new(move |pixels| copy.forward(pixels, Mode::Eval));
    let name = "transfer-not-stronger";
    let attack = r#"{ "kind": "pgd", "epsilon": "16/255", "step-size": "4/255", "n-steps": 10, "random-start": true }"#;
    let found = checks_beside(&honest, &honest, attack, &others);
    assert!(!failed(&found).contains(&name), "{found:#?}");
    assert!(detail(&found, name).contains(" break 0"), "{found:#?}");
    // The same weights behind rounded pixels: no gradient comes through, but images made on the first fool it.
    let (first, second) = (others[0].network.copy(), others[0].network.copy());
    let round = |pixels: &Tensor| (pixels * 16.0).round() / 16.0;
    let masked: Logits = Box::new(move |pixels| first.forward(&round(pixels), Mode::Eval));
    let label_by: Logits = Box::new(move |pixels| second.forward(&round(pixels), Mode::Eval));
    let found = checks_beside(&masked, &label_by, attack, &others);
    assert!(failed(&found).contains(&name), "{found:#?}");
}

#[test]
fn a_network_that_withstands_one_norm_alone_is_found() {
    let _torch = torch();
    // One pixel decides, and a small change of it is rounded away: no small L-infinity ball reaches it, an L2 ball does.
    let one_pixel = |slope: f64| -> Logits {
        Box::new(move |pixels: &Tensor| {
            let n = pixels.size()[0];
            let coarse = (pixels * 8.0).floor() / 8.0 + 1.0 / 16.0;
            // The gradient goes through as if nothing were rounded.
            let seen = pixels + (coarse - pixels).detach();
            let first = (seen.select(1, 0).select(1, 0).select(1, 0) - 0.5) * slope;
            let nothing = Tensor::full([n, 3], -100.0, CPU);
            Tensor::cat(&[Tensor::stack(&[&first, &-&first], 1), nothing], 1)
        })
    };
    let network = one_pixel(10.0);
    let config = config(PGD);
    let (pixels, image_ids) = (Tensor::full([40, 3, 8, 8], 0.53, CPU), (0..40).collect::<Vec<u64>>());
    let labels = network(&pixels).argmax(1, false);
    let predictions = predictions(&network, &pixels, &labels, &config);
    let (pixels, labels, others) = (&pixels, &labels, &[][..]);
    let subject = Subject {
        logits: &network,
        pixels,
        labels,
        image_ids: &image_ids,
        predictions: &predictions,
        config: &config,
        others,
    };
    let found = check(&subject);
    assert!(failed(&found).contains(&"unseen-norm"), "{found:#?}");
    let expected = "of 40 images that withstand 20 steps within linf 4/255, 0 withstand as many within l2 0.06";
    assert_eq!(detail(&found, "unseen-norm"), expected);
    let found = checks(&honest(), &honest(), PGD);
    let unseen = found.iter().find(|check| check.name == "unseen-norm").unwrap();
    assert_eq!(unseen.outcome, CheckOutcome::Passed, "{found:#?}");
}

#[test]
fn attacks_that_are_too_weak_are_found() {
    let _torch = torch();
    let weak = r#"{ "kind": "pgd", "epsilon": "16/255", "step-size": 0.0001, "n-steps": 3, "random-start": false }"#;
    let fgsm = FGSM.replace("4/255", "16/255");
    let found = checks(&honest(), &honest(), weak);
    assert_eq!(failed(&found), ["steps-reach-border", "noise-not-stronger", "plateau"], "{found:#?}");
    let short = "attack `pgd-3`: 3 steps of 0.0001 cannot reach the border of the ball of epsilon 16/255";
    assert_eq!(detail(&found, "steps-reach-border"), short);
    let found = checks(&honest(), &honest(), &format!("{fgsm}, {weak}"));
    assert!(failed(&found).contains(&"single-step-not-stronger"), "{found:#?}");
}

#[test]
fn a_network_that_does_not_look_is_found() {
    let _torch = torch();
    let blind: Logits = Box::new(|pixels| {
        let n = pixels.size()[0];
        Tensor::from_slice(&[0.0f32, 2.0, 0.0, 0.0, 0.0]).expand([n, 5], false) + (pixels * 0.0).sum(Kind::Float)
    });
    let label_by: Logits =
        Box::new(|pixels| Tensor::from_slice(&[0.0f32, 2.0, 0.0, 0.0, 0.0]).expand([pixels.size()[0], 5], false));
    let found = checks(&blind, &label_by, PGD);
    assert_eq!(failed(&found), ["gradients-not-zero", "falls-with-epsilon"], "{found:#?}");
    assert!(detail(&found, "falls-with-epsilon").ends_with("38 within linf 255/255"), "{found:#?}");
}

#[test]
fn what_cannot_be_checked_says_why() {
    let _torch = torch();
    let reasons = |config: &Config, label_by: &Logits| -> Vec<String> {
        let logits = honest();
        let (pixels, labels) = images(label_by);
        let ids: Vec<u64> = (0..40).collect();
        let (pixels, labels) = (&pixels, &labels);
        let found =
            check(&Subject { logits: &logits, pixels, labels, image_ids: &ids, predictions: &[], config, others: &[] });
        let skipped = found.into_iter().filter(|check| check.outcome == CheckOutcome::Skipped);
        skipped.map(|check| check.detail).collect()
    };
    let mut off = config(PGD);
    off.checks = false;
    assert_eq!(reasons(&off, &honest()), vec!["switched off by `checks = false`"; CHECKS.len()]);
    let nothing = config(r#"{ "kind": "fgsm", "epsilon": 0 }"#);
    assert_eq!(reasons(&nothing, &honest()), vec!["no attack has a radius above 0"; 8]);
    assert_eq!(reasons(&config(""), &honest()), Vec::<String>::new());
    let network = honest();
    let wrong: Logits = Box::new(move |pixels| network(pixels).roll([1i64].as_slice(), [1i64].as_slice()));
    let found = reasons(&config(PGD), &wrong);
    assert!(found.iter().all(|reason| reason == "none of 40 images is right without an attack"), "{found:?}");
}
