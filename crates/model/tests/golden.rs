//! All networks against what PyTorch says of them: `golden/*.json`, which `pytorch/golden.py` writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tch::{Device, Kind, Reduction, Tensor};
use twinset_model::{Mode, Model, Network, NetworkSpec, Normalisation, Precision};

/// Torch has one generator for all threads, and tests run side by side.
static GENERATOR: Mutex<()> = Mutex::new(());

fn seeded(seed: i64) -> MutexGuard<'static, ()> {
    let guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    tch::set_num_threads(1);
    tch::manual_seed(seed);
    guard
}

#[derive(Deserialize)]
struct Golden {
    network: NetworkSpec,
    normalisation: Normalisation,
    /// Sum, norm and first value of each tensor.
    initial: BTreeMap<String, [f64; 3]>,
    eval: Pass,
    train: Pass,
}

/// One pass forward and back over three images.
#[derive(Deserialize)]
struct Pass {
    logits: Vec<f64>,
    loss: f64,
    pixel_gradient: Vec<f64>,
    gradients: BTreeMap<String, Vec<f64>>,
    #[serde(default)]
    buffers: BTreeMap<String, Vec<f64>>,
}

const LABELS: [i64; 3] = [0, 3, 1];

fn golden(model: Model) -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{model}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The sum, the root of the sum of squares, and up to four values spread over the tensor.
fn summary(tensor: &Tensor) -> Vec<f64> {
    let values = Vec::<f64>::try_from(tensor.detach().to_kind(Kind::Double).contiguous().view([-1])).unwrap();
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let spread = (0..values.len().min(4)).map(|index| values[index * values.len() / 4]);
    [values.iter().sum(), norm].into_iter().chain(spread).collect()
}

/// Equal up to 1e-4 of the largest of these numbers; a sum of many values may be off by their rounding alone.
#[track_caller]
fn assert_close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    for (found_value, expected_value) in found.iter().zip(expected) {
        let difference = (found_value - expected_value).abs();
        assert!(difference <= 1e-4 * largest, "{what}: found {found:?}, expected {expected:?}");
    }
}

fn tensors(network: &Network) -> BTreeMap<String, &Tensor> {
    network.parameters().chain(network.buffers()).collect()
}

/// Batch normalisations unlike new ones, as the script makes them.
fn set_norms(network: &Network) {
    let tensors = tensors(network);
    let set = |name: &str, value: &dyn Fn(f64) -> f64| {
        let tensor = tensors[name];
        let values: Vec<_> = (0..tensor.size()[0]).map(|index| value(index as f64) as f32).collect();
        tch::no_grad(|| tensor.shallow_clone().copy_(&Tensor::from_slice(&values)));
    };
    for norm in tensors.keys().filter_map(|name| name.strip_suffix(".running_mean")) {
        set(&format!("{norm}.weight"), &|index| 1.0 + 0.3 * (index + 1.0).sin());
        set(&format!("{norm}.bias"), &|index| 0.2 * index.cos());
        set(&format!("{norm}.running_mean"), &|index| 0.1 * (2.0 * index).sin());
        set(&format!("{norm}.running_var"), &|index| 1.0 + 0.5 * index.cos().powi(2));
    }
}

#[test]
fn initial_weights_are_those_that_pytorch_has_under_the_same_seed() {
    for model in Model::ALL {
        let Golden { network: spec, initial, .. } = golden(model);
        let _generator = seeded(1);
        let network = Network::new(&spec, Device::Cpu).unwrap();
        let found = tensors(&network);
        assert!(found.keys().eq(initial.keys()), "{model}: {:?}", found.keys());
        for (name, expected) in &initial {
            let found = &summary(found[name])[..3];
            let is_same = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6);
            assert!(is_same, "{model}, {name}: found {found:?}, expected {expected:?}");
        }
    }
}

#[test]
fn logits_gradients_and_statistics_are_those_of_pytorch() {
    for model in Model::ALL {
        let Golden { network: spec, normalisation, eval, train, .. } = golden(model);
        for (mode, expected) in [(Mode::Eval, eval), (Mode::Train, train)] {
            let what = |part: &str| format!("{model}, {mode:?}, {part}");
            let _generator = seeded(1);
            let network = Network::new(&spec, Device::Cpu).unwrap().with_normalisation(normalisation);
            set_norms(&network);
            let before: BTreeMap<_, _> = network.buffers().map(|(name, tensor)| (name, tensor.copy())).collect();
            tch::manual_seed(2);
            let pixels = Tensor::rand([3, 3, spec.image_size, spec.image_size], (Kind::Float, Device::Cpu));
            let pixels = pixels.set_requires_grad(true);
            let logits = network.forward(&pixels, mode);
            let loss =
                logits.cross_entropy_loss::<Tensor>(&Tensor::from_slice(&LABELS), None, Reduction::Mean, -100, 0.0);

            assert_close(
                &what("logits"),
                &Vec::try_from(logits.detach().to_kind(Kind::Double).view([-1])).unwrap(),
                &expected.logits,
            );
            assert_close(&what("loss"), &[loss.double_value(&[])], &[expected.loss]);
            let (names, parameters): (Vec<_>, Vec<_>) = network.parameters().unzip();
            let wanted: Vec<_> = std::iter::once(&pixels).chain(parameters).collect();
            let gradients = Tensor::run_backward(&[&loss], &wanted, false, false);
            assert_close(&what("pixels"), &summary(&gradients[0]), &expected.pixel_gradient);
            let gradients: BTreeMap<_, _> = names.into_iter().zip(&gradients[1..]).collect();
            assert!(expected.gradients.len() >= 8.min(gradients.len()), "{model}");
            for (name, expected) in &expected.gradients {
                assert_close(&what(name), &summary(gradients[name]), expected);
            }
            let buffers: BTreeMap<_, _> = network.buffers().collect();
            match mode {
                Mode::Eval => assert!(buffers.iter().all(|(name, tensor)| **tensor == before[name]), "{model}"),
                Mode::Train => assert!(buffers.iter().all(|(name, tensor)| **tensor != before[name]), "{model}"),
            }
            assert!(mode == Mode::Eval || expected.buffers.is_empty() == buffers.is_empty(), "{model}");
            for (name, expected) in &expected.buffers {
                assert_close(&what(name), &summary(buffers[name]), expected);
            }
        }
    }
}

#[test]
fn a_frozen_network_is_the_network_in_evaluation_to_the_bit() {
    for model in Model::ALL {
        let Golden { network: spec, normalisation, .. } = golden(model);
        let mut precisions = vec![Precision::Float32];
        precisions.extend(Precision::Bfloat16.check(Device::Cpu).is_ok().then_some(Precision::Bfloat16));
        for precision in precisions {
            let _generator = seeded(1);
            let network = Network::new(&spec, Device::Cpu).unwrap().with_normalisation(normalisation);
            let network = network.with_precision(precision).unwrap();
            set_norms(&network);
            let pixels = Tensor::rand([3, 3, spec.image_size, spec.image_size], (Kind::Float, Device::Cpu));
            let both = |logits: &dyn Fn(&Tensor) -> Tensor| {
                let pixels = pixels.detach().set_requires_grad(true);
                let logits = logits(&pixels);
                let [gradient] = Tensor::run_backward(&[logits.square().sum(Kind::Float)], &[&pixels], false, false)
                    .try_into()
                    .unwrap();
                (logits.detach(), gradient)
            };
            let frozen = network.frozen();
            let (found, expected) = (both(&|p| frozen.forward(p)), both(&|p| network.forward(p, Mode::Eval)));
            assert!(found == expected, "{model}, {precision}");
            assert!(expected.1.abs().sum(Kind::Float).double_value(&[]) > 0.0, "{model}, {precision}");
        }
    }
}

#[test]
fn the_published_sizes_have_the_published_numbers_of_parameters() {
    let check = |model, width, depth, expected: i64| {
        let spec = NetworkSpec::new(model, width, 10, 32).with_depth(depth);
        let shapes = spec.parameter_shapes();
        let found: i64 = shapes.iter().map(|(_, shape)| shape.iter().product::<i64>()).sum();
        assert_eq!(found, expected, "{spec}");
    };
    check(Model::ResNet18, None, None, 11_173_962);
    // That of pytorch-cifar, 11,171,146, and two numbers for each channel of the last batch normalisation.
    check(Model::PreActResNet18, None, None, 11_171_146 + 2 * 512);
    check(Model::WideResNet, None, None, 36_479_194);
    check(Model::WideResNet, None, Some(34), 46_160_474);
}
