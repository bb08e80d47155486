//! What the reference implementation does, which `tests/pytorch/golden.py` wrote down.

use serde::Deserialize;
use tch::{Device, Kind, Tensor};
use twinset_manifest::units::Radius;

use super::apgd::{Apgd, LeaveOut, Run, apgd};
use super::driver::{Outcome, auto_attack};
use super::fab::{Fab, fab, nearest};
use super::objective::Objective;
use super::square::{Square, search, square};
use super::survivors::Survivors;
use super::versions::{AutoAttack, Component, Part, Version};
use crate::Norm;
use crate::norm::torch_for_tests as torch;

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);
const SEED: i64 = 0;
const SIDE: i64 = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Case {
    norm: String,
    #[serde(rename = "n_classes")]
    n_classes: i64,
    epsilon: f64,
    #[serde(rename = "start_bits")]
    start_bits: i64,
    apgd_ce: Single,
    apgd_dlr: Option<Single>,
    apgd_margin: Option<Single>,
    apgd_t: Option<Single>,
    fab: Found,
    fab_t: Found,
    fab_free: Found,
    square: Found,
    #[serde(rename = "fooled_by_16")]
    fooled_by_16: Vec<String>,
    #[serde(rename = "fooled_by_5")]
    fooled_by_5: Vec<String>,
}

/// What an attack came to.
#[derive(Debug, Deserialize)]
struct Found {
    is_right: Vec<bool>,
    wrong: Vec<Vec<f32>>,
    #[serde(default)]
    n_queries: Vec<u32>,
}

/// One run of APGD.
#[derive(Debug, Deserialize)]
struct Single {
    is_right: Vec<bool>,
    loss: Vec<f32>,
    best: Vec<Vec<f32>>,
    wrong: Vec<Vec<f32>>,
}

impl Case {
    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("../../tests/golden/autoattack.json")).unwrap()
    }

    fn norm(&self) -> Norm {
        if self.norm == "L2" { Norm::L2 } else { Norm::LInf }
    }

    fn epsilon(&self) -> Radius {
        Radius::new(self.epsilon / 255.0).unwrap()
    }

    fn name(&self) -> String {
        format!("{}, {} classes", self.norm, self.n_classes)
    }

    fn apgd(&self, objective: Objective) -> Apgd {
        let (epsilon, norm) = (self.epsilon(), self.norm());
        Apgd { epsilon, norm, objective, n_targets: 9, n_steps: 100, n_restarts: 1, n_gradients: 1 }
    }
}

/// A network with one hidden layer, images, and labels: what it says itself, but for two images.
struct Network {
    hidden: Tensor,
    last: Tensor,
    pixels: Tensor,
    labels: Tensor,
}

impl Network {
    fn of(case: &Case) -> Self {
        tch::manual_seed(case.n_classes);
        let hidden = Tensor::randn([3 * SIDE * SIDE, 24], CPU);
        let last = Tensor::randn([24, case.n_classes], CPU);
        let pixels = Tensor::rand([16, 3, SIDE, SIDE], CPU);
        let mut network = Self { hidden, last, labels: Tensor::new(), pixels };
        let said = network.logits(&network.pixels).argmax(1, false);
        let shift = Tensor::arange(16, (Kind::Int64, Device::Cpu)).ge(14).to_kind(Kind::Int64);
        network.labels = (said + shift).remainder(case.n_classes);
        network
    }

    /// In 64 bits, so that they are the same on processors whose products of matrices round otherwise.
    fn logits(&self, pixels: &Tensor) -> Tensor {
        let double = |tensor: &Tensor| tensor.to_kind(Kind::Double);
        let hidden = (double(pixels).flatten(1, -1) - 0.5).matmul(&double(&self.hidden)).tanh();
        hidden.matmul(&double(&self.last)).to_kind(Kind::Float)
    }

    /// The images that are right without an attack.
    fn right(&self) -> (Tensor, Tensor) {
        (self.pixels.narrow(0, 0, 14), self.labels.narrow(0, 0, 14))
    }
}

/// Six pixels of each image.
fn some(images: &Tensor) -> Vec<Vec<f32>> {
    let flat = images.flatten(1, -1);
    let step = flat.size()[1] / 6;
    Vec::try_from(flat.slice(1, 0, 6 * step, step)).unwrap()
}

/// All images but at most `n_odd` are where the reference has them.
#[track_caller]
fn check_some(found: &Tensor, expected: &[Vec<f32>], n_odd: usize, tolerance: f32, what: &str) {
    let found = some(found);
    let is_far = |(found, expected): &(&Vec<f32>, &Vec<f32>)| {
        found.iter().zip(*expected).any(|(found, expected)| (found - expected).abs() > tolerance)
    };
    let far: Vec<_> = found.iter().zip(expected).filter(is_far).collect();
    assert!(far.len() <= n_odd, "{what}: {} of {} images differ, as {:?}", far.len(), expected.len(), far[0]);
}

fn bools(tensor: &Tensor) -> Vec<bool> {
    Vec::try_from(tensor).unwrap()
}

#[test]
fn apgds_runs_are_the_references() {
    let _torch = torch();
    for case in Case::all() {
        let network = Network::of(&case);
        let (pixels, labels) = network.right();
        let logits = |pixels: &Tensor| network.logits(pixels);
        let targets = logits(&pixels).sort(1, false).1.select(1, case.n_classes - 2);
        let of = [
            (Objective::CrossEntropy, Some(&case.apgd_ce)),
            (Objective::Dlr, case.apgd_dlr.as_ref()),
            (Objective::Margin, case.apgd_margin.as_ref()),
            (Objective::TargetedDlr, case.apgd_t.as_ref()),
        ];
        for (objective, expected) in of {
            let Some(expected) = expected else { continue };
            let what = format!("{}, {objective:?}", case.name());
            let config = case.apgd(objective);
            tch::manual_seed(SEED);
            let mut run = Run::begin(&logits, &config, &pixels, &labels, &targets).unwrap();
            let bits = run.now.pixels.contiguous().view_dtype(Kind::Int).sum(Kind::Int64).int64_value(&[]);
            assert_eq!(bits, case.start_bits, "{what}");
            run.go(&logits, LeaveOut::None).unwrap();
            let is_right = bools(&run.is_wrong.logical_not());
            assert_eq!(is_right, expected.is_right, "{what}");
            // The gradient of the cross-entropy is computed in another way. What that rounds otherwise grows in a hundred steps,
            // and a sign near 0 may come out as the other.
            let (n_odd, tolerance) = if objective == Objective::CrossEntropy { (1, 2e-4) } else { (0, 1e-5) };
            check_some(&run.best.pixels, &expected.best, n_odd, tolerance, &what);
            let losses = match objective {
                Objective::CrossEntropy => run.best.losses.softplus(),
                _ => run.best.losses.shallow_clone(),
            };
            for (found, expected) in Vec::<f32>::try_from(&losses).unwrap().iter().zip(&expected.loss) {
                assert!(
                    (found - expected).abs() < 10.0 * tolerance * (1.0 + expected.abs()),
                    "{what}: {found}, {expected}"
                );
            }
            let wrong: Vec<_> = (0..14).filter(|&place| !is_right[place]).collect();
            let places: Vec<_> = wrong.iter().map(|&place| place as i64).collect();
            let expected: Vec<_> = wrong.iter().map(|&place| expected.wrong[place].clone()).collect();
            check_some(&run.wrong.index_select(0, &Tensor::from_slice(&places)), &expected, n_odd, tolerance, &what);
        }
    }
}

#[test]
fn apgd_leaves_the_images_right_that_the_reference_does() {
    let _torch = torch();
    for case in Case::all() {
        let network = Network::of(&case);
        let logits = |pixels: &Tensor| network.logits(pixels);
        let of = [
            (Objective::CrossEntropy, Some(&case.apgd_ce)),
            (Objective::Dlr, case.apgd_dlr.as_ref()),
            (Objective::Margin, case.apgd_margin.as_ref()),
        ];
        for (objective, expected) in of {
            let Some(expected) = expected else { continue };
            tch::manual_seed(SEED);
            let attacked = apgd(&logits, &network.pixels, &network.labels, &case.apgd(objective)).unwrap();
            let is_right = bools(&logits(&attacked.pixels).argmax(1, false).eq_tensor(&network.labels));
            assert_eq!(is_right[..14], expected.is_right, "{}, {objective:?}", case.name());
            assert_eq!(is_right[14..], [false; 2]);
            assert_eq!(attacked.n_queries[14..], [1; 2], "what is wrong is not attacked");
            for (place, is_right) in is_right[..14].iter().enumerate() {
                let n = attacked.n_queries[place];
                assert!(if *is_right { n == 102 } else { (2..=102).contains(&n) }, "{n} queries");
            }
        }
    }
}

#[test]
fn fab_finds_the_points_that_the_reference_finds() {
    let _torch = torch();
    for case in Case::all() {
        let network = Network::of(&case);
        let logits = |pixels: &Tensor| network.logits(pixels);
        let (pixels, labels) = network.right();
        let (epsilon, norm) = (case.epsilon(), case.norm());
        let config = Fab { epsilon, norm, n_targets: 0, n_steps: 20, n_restarts: 1 };
        let batch = Survivors::of(&logits, &pixels, &labels).unwrap().unwrap().batch(2).unwrap().unwrap();
        let free = nearest(&logits, &batch, false, false, &config).unwrap();
        let is_right = bools(&logits(&free.pixels).argmax(1, false).eq_tensor(&labels));
        assert_eq!(is_right, case.fab_free.is_right, "{}", case.name());
        check_some(&free.pixels, &case.fab_free.wrong, 0, 1e-5, &format!("{}, as far as it has to go", case.name()));

        for (n_targets, n_restarts, expected) in [(0, 3, &case.fab), (9, 1, &case.fab_t)] {
            let what = format!("{}, {n_targets} targets", case.name());
            tch::manual_seed(SEED);
            let config = Fab { n_targets, n_steps: 100, n_restarts, ..config };
            let attacked = fab(&logits, &network.pixels, &network.labels, &config).unwrap();
            let is_right = bools(&logits(&attacked.pixels).argmax(1, false).eq_tensor(&network.labels));
            assert_eq!(is_right[..14], expected.is_right, "{what}");
            check_some(&attacked.pixels.narrow(0, 0, 14), &expected.wrong, 0, 1e-5, &what);
        }
    }
}

#[test]
fn square_comes_to_the_points_that_the_reference_comes_to() {
    let _torch = torch();
    for case in Case::all() {
        let network = Network::of(&case);
        let logits = |pixels: &Tensor| network.logits(pixels);
        let (pixels, labels) = network.right();
        let config = Square { epsilon: case.epsilon(), norm: case.norm(), n_queries: 500 };
        tch::manual_seed(SEED);
        let (points, n_queries) = search(&logits, &pixels, &labels, &config).unwrap();
        let is_right = bools(&logits(&points).argmax(1, false).eq_tensor(&labels));
        assert_eq!(is_right, case.square.is_right, "{}", case.name());
        // Whether a square helps is decided by rounding where it changes next to nothing.
        check_some(&points, &case.square.wrong, usize::from(case.norm() == Norm::L2), 1e-5, &case.name());
        assert_eq!(n_queries, case.square.n_queries, "{}", case.name());
        tch::manual_seed(SEED);
        let attacked = square(&logits, &network.pixels, &network.labels, &config).unwrap();
        let is_right = bools(&logits(&attacked.pixels).argmax(1, false).eq_tensor(&network.labels));
        assert_eq!(is_right[..14], case.square.is_right, "{}", case.name());
    }
}

#[test]
fn each_image_is_broken_by_the_attack_that_breaks_it_in_the_reference() {
    let _torch = torch();
    for case in Case::all() {
        let network = Network::of(&case);
        let logits = |pixels: &Tensor| network.logits(pixels);
        let config =
            AutoAttack { epsilon: case.epsilon(), norm: case.norm(), version: Version::Standard, attacks: Vec::new() };
        let mut parts = config.parts(case.n_classes);
        if case.n_classes == 2 {
            parts.retain(|(component, _)| *component != Component::ApgdT);
        }
        for (_, part) in &mut parts {
            if let Part::Square(square) = part {
                square.n_queries = 500;
            }
        }
        for (batch_size, expected) in [(16, &case.fooled_by_16), (5, &case.fooled_by_5)] {
            let found = auto_attack(&logits, &network.pixels, &network.labels, &parts, batch_size, SEED).unwrap();
            let told = found.outcomes.iter().map(|outcome| match outcome {
                Outcome::Robust => String::new(),
                Outcome::WrongAsItIs => "clean".to_owned(),
                // With three classes the reference has no targeted attack.
                Outcome::FooledBy(Component::ApgdT) if case.n_classes == 3 => "apgd-dlr".to_owned(),
                Outcome::FooledBy(component) => component.to_string(),
            });
            assert_eq!(&told.collect::<Vec<_>>(), expected, "{}, batches of {batch_size}", case.name());
            let is_right = bools(&logits(&found.pixels).argmax(1, false).eq_tensor(&network.labels));
            for (outcome, is_right) in found.outcomes.iter().zip(is_right) {
                assert_eq!(*outcome == Outcome::Robust, is_right, "{}", case.name());
            }
        }
    }
}
