//! Networks against a second, naive computation in plain Rust, in the published order of layers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tch::{Device, Kind, Tensor};
use twinset_model::{Mode, Model, ModelError, Network, NetworkSpec, Normalisation, PerChannel, Precision};

/// Torch has one generator for all threads, and tests run side by side.
static GENERATOR: Mutex<()> = Mutex::new(());

fn seeded(seed: i64) -> MutexGuard<'static, ()> {
    let guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(seed);
    guard
}

/// A `[channels, side, side]` picture.
#[derive(Clone)]
struct Picture {
    channels: usize,
    side: usize,
    values: Vec<f64>,
}

impl Picture {
    fn at(&self, channel: usize, y: usize, x: usize) -> f64 {
        self.values[(channel * self.side + y) * self.side + x]
    }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).contiguous().view([-1])).unwrap()
}

fn convolve(input: &Picture, weight: &[f64], bias: &[f64]) -> Picture {
    let Picture { channels, side, .. } = *input;
    let mut values = Vec::new();
    for (out, bias) in bias.iter().enumerate() {
        for y in 0..side {
            for x in 0..side {
                let mut sum = *bias;
                for channel in 0..channels {
                    for ky in 0..3 {
                        for kx in 0..3 {
                            let (y, x) = (y + ky, x + kx);
                            if (1..=side).contains(&y) && (1..=side).contains(&x) {
                                sum += weight[((out * channels + channel) * 3 + ky) * 3 + kx]
                                    * input.at(channel, y - 1, x - 1);
                            }
                        }
                    }
                }
                values.push(sum);
            }
        }
    }
    Picture { channels: bias.len(), side, values }
}

fn relu(mut values: Vec<f64>) -> Vec<f64> {
    values.iter_mut().for_each(|value| *value = value.max(0.0));
    values
}

fn pool(input: &Picture) -> Picture {
    let side = input.side / 2;
    let mut values = Vec::new();
    for channel in 0..input.channels {
        for y in 0..side {
            for x in 0..side {
                let window = [(0, 0), (0, 1), (1, 0), (1, 1)];
                let window = window.map(|(dy, dx)| input.at(channel, 2 * y + dy, 2 * x + dx));
                values.push(window.into_iter().fold(f64::MIN, f64::max));
            }
        }
    }
    Picture { channels: input.channels, side, values }
}

fn linear(input: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let row = |(index, bias): (usize, &f64)| {
        let weights = &weight[index * input.len()..][..input.len()];
        bias + weights.iter().zip(input).map(|(w, x)| w * x).sum::<f64>()
    };
    bias.iter().enumerate().map(row).collect()
}

fn naive_logits(parameters: &[Vec<f64>], pixels: &[f64], side: usize) -> Vec<f64> {
    let [w1, b1, w2, b2, w3, b3, w4, b4] = parameters else { panic!("eight parameters") };
    let image = Picture { channels: 3, side, values: pixels.iter().map(|x| (x - 0.5) / 0.5).collect() };
    let mut features = convolve(&image, w1, b1);
    features.values = relu(features.values);
    features = convolve(&pool(&features), w2, b2);
    features.values = relu(features.values);
    linear(&relu(linear(&pool(&features).values, w3, b3)), w4, b4)
}

fn naive_loss(parameters: &[Vec<f64>], pixels: &[f64], side: usize, label: usize) -> f64 {
    let logits = naive_logits(parameters, pixels, side);
    logits.iter().map(|logit| logit.exp()).sum::<f64>().ln() - logits[label]
}

fn largest_difference(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(l, r)| (l - r).abs()).fold(0.0, f64::max)
}

#[test]
fn logits_and_gradients_are_those_of_the_naive_computation() {
    let check = |model, width, image_size, n_classes| {
        let _generator = seeded(11);
        let spec = NetworkSpec::new(model, Some(width), n_classes, image_size);
        let network = Network::new(&spec, Device::Cpu).unwrap();
        let (side, label) = (image_size as usize, 1);
        let pixels = Tensor::rand([1, 3, image_size, image_size], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let logits = network.forward(&pixels, Mode::Eval);
        let loss = logits.cross_entropy_for_logits(&Tensor::from_slice(&[label as i64]));

        let mut parameters: Vec<_> = network.parameters().map(|(_, tensor)| values(tensor)).collect();
        let image = values(&pixels);
        assert!(largest_difference(&values(&logits), &naive_logits(&parameters, &image, side)) < 1e-5);

        let tensors: Vec<_> = network.parameters().map(|(_, tensor)| tensor).collect();
        let gradients = Tensor::run_backward(&[&loss], &tensors, true, false);
        let step = 1e-6;
        for (index, gradient) in gradients.iter().enumerate() {
            let gradient = values(gradient);
            // Every seventh entry: each parameter is looked at in all its corners, in little time.
            for entry in (0..gradient.len()).step_by(7) {
                let original = parameters[index][entry];
                parameters[index][entry] = original + step;
                let above = naive_loss(&parameters, &image, side, label);
                parameters[index][entry] = original - step;
                let below = naive_loss(&parameters, &image, side, label);
                parameters[index][entry] = original;
                let expected = (above - below) / (2.0 * step);
                let found = gradient[entry];
                assert!((found - expected).abs() < 1e-4, "{model}, parameter {index}: {found} for {expected}");
            }
        }
        let of_pixels = values(&Tensor::run_backward(&[&loss], &[&pixels], false, false)[0]);
        let mut moved = image.clone();
        for entry in (0..image.len()).step_by(5) {
            moved[entry] = image[entry] + step;
            let above = naive_loss(&parameters, &moved, side, label);
            moved[entry] = image[entry] - step;
            let below = naive_loss(&parameters, &moved, side, label);
            moved[entry] = image[entry];
            assert!((of_pixels[entry] - (above - below) / (2.0 * step)).abs() < 1e-4, "{model}, pixel {entry}");
        }
    };
    check(Model::PaperStandard, 2, 8, 3);
    check(Model::PaperRobust, 3, 12, 4);
}

#[test]
fn a_network_computes_the_same_however_its_images_lie_in_memory() {
    let _generator = seeded(1);
    let network = Network::new(&NetworkSpec::new(Model::PaperStandard, Some(4), 10, 32), Device::Cpu).unwrap();
    let images = Tensor::rand([20, 3, 32, 32], (Kind::Float, Device::Cpu));
    let channels_last = images.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    assert_eq!(network.forward(&images, Mode::Eval), network.forward(&channels_last, Mode::Eval));
}

#[test]
fn the_published_networks_have_the_published_shapes() {
    let check = |model, expected: [&[i64]; 4]| {
        let shapes = NetworkSpec::new(model, None, 10, 32).parameter_shapes();
        let names: Vec<_> = shapes.iter().map(|(name, _)| name.as_str()).collect();
        let layers = ["conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"];
        assert_eq!(names[..4], layers);
        assert_eq!(names[4..], ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]);
        let weights: Vec<_> = shapes.iter().step_by(2).map(|(_, shape)| shape.as_slice()).collect();
        assert_eq!(weights, expected, "{model}");
    };
    check(Model::PaperStandard, [&[16, 3, 3, 3], &[32, 16, 3, 3], &[128, 2048], &[10, 128]]);
    check(Model::PaperRobust, [&[32, 3, 3, 3], &[64, 32, 3, 3], &[256, 4096], &[10, 256]]);
}

#[test]
fn initial_weights_are_uniform_up_to_the_square_root_of_the_fan_in() {
    let _generator = seeded(0);
    let network = Network::new(&NetworkSpec::new(Model::PaperRobust, None, 10, 32), Device::Cpu).unwrap();
    let mut fan_in = 0;
    for (name, tensor) in network.parameters() {
        if name.ends_with(".weight") {
            fan_in = tensor.size()[1..].iter().product();
        }
        let bound = 1.0 / (fan_in as f64).sqrt();
        let found = values(tensor);
        assert!(found.iter().all(|value| value.abs() <= bound * 1.000_001), "{name}");
        if found.len() > 500 {
            let mean_square = found.iter().map(|value| value * value).sum::<f64>() / found.len() as f64;
            assert!((mean_square * 3.0 / (bound * bound) - 1.0).abs() < 0.1, "{name}");
        }
    }
}

#[test]
fn a_copy_is_the_same_until_one_of_both_is_changed() {
    let normalisation = Normalisation { mean: PerChannel([0.4; 3]), std: PerChannel([0.2, 0.3, 0.4]) };
    for model in Model::ALL {
        let _generator = seeded(8);
        let names = ["cat", "dog", "frog"].map(str::to_owned).to_vec();
        let network = Network::new(&NetworkSpec::new(model, Some(2), 3, 16), Device::Cpu).unwrap();
        let network = network.with_normalisation(normalisation).with_class_names(names).unwrap();
        let images = Tensor::rand([4, 3, 16, 16], (Kind::Float, Device::Cpu));
        let logits = |network: &Network| tch::no_grad(|| network.forward(&images, Mode::Eval));
        let (before, copy) = (logits(&network), network.copy());
        assert_eq!((copy.class_names(), copy.normalisation()), (network.class_names(), normalisation));
        assert_eq!(logits(&copy), before, "{model}");
        assert!(copy.parameters().all(|(_, tensor)| tensor.requires_grad()), "{model}");
        for (_, tensor) in network.parameters() {
            let _ = tch::no_grad(|| tensor.shallow_clone().g_mul_scalar_(1.5));
        }
        let _ = tch::no_grad(|| network.forward(&images, Mode::Train));
        assert_eq!(logits(&copy), before, "{model}");
        assert_ne!(logits(&network), before, "{model}");
    }
}

#[test]
fn in_bfloat16_activations_are_rounded_and_all_else_is_as_in_float32() {
    if Precision::Bfloat16.check(Device::Cpu).is_err() {
        println!("skipped: this processor has no bfloat16");
        return;
    }
    for model in Model::ALL {
        let spec = NetworkSpec::new(model, Some(4), 10, 32);
        let pass = |precision| {
            let _generator = seeded(4);
            let network = Network::new(&spec, Device::Cpu).unwrap().with_precision(precision).unwrap();
            let images = Tensor::rand([16, 3, 32, 32], (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let labels = Tensor::arange(16, (Kind::Int64, Device::Cpu)).remainder(10);
            let logits = network.forward(&images, Mode::Eval);
            let loss = logits.cross_entropy_for_logits(&labels);
            let wanted: Vec<_> = network.parameters().map(|(_, tensor)| tensor).chain([&images]).collect();
            let gradients = Tensor::run_backward(&[loss], &wanted, false, false);
            assert!(gradients.iter().all(|gradient| gradient.kind() == Kind::Float), "{model}");
            let _ = tch::no_grad(|| network.forward(&images, Mode::Train));
            let statistics = network.buffers().map(|(_, tensor)| values(tensor)).collect::<Vec<_>>().concat();
            [values(&logits.detach()), gradients.iter().map(values).collect::<Vec<_>>().concat(), statistics]
        };
        let (float32, bfloat16) = (pass(Precision::Float32), pass(Precision::Bfloat16));
        // PyTorch's autocast is off by as much in a network's gradients.
        for (index, most) in [0.05, 0.2, 0.01].into_iter().enumerate() {
            let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
            let difference: Vec<_> = float32[index].iter().zip(&bfloat16[index]).map(|(l, r)| l - r).collect();
            let relative = norm(&difference) / norm(&float32[index]).max(1e-30);
            assert!(relative < most, "{model}, logits, gradients or statistics ({index}): off by {relative}");
        }
        assert_ne!(float32, bfloat16, "{model}");
    }
}

#[test]
fn dropout_is_in_the_standard_network_while_it_is_trained() {
    let check = |model, is_random: bool| {
        let _generator = seeded(0);
        let network = Network::new(&NetworkSpec::new(model, Some(4), 10, 32), Device::Cpu).unwrap();
        let images = Tensor::rand([4, 3, 32, 32], (Kind::Float, Device::Cpu));
        let logits = |mode| network.forward(&images, mode);
        assert_eq!(logits(Mode::Eval), logits(Mode::Eval));
        assert_eq!(logits(Mode::Train) != logits(Mode::Eval), is_random, "{model}");
    };
    check(Model::PaperStandard, true);
    check(Model::PaperRobust, false);
}

#[test]
fn a_network_that_cannot_be_says_why() {
    let check = |spec: NetworkSpec, expected: &str| {
        let error: ModelError = Network::new(&spec, Device::Cpu).unwrap_err();
        assert_eq!(error.to_string(), format!("`{}` with {expected}", spec.model));
    };
    let paper =
        |width, n_classes, image_size| NetworkSpec::new(Model::PaperStandard, Some(width), n_classes, image_size);
    check(paper(16, 10, 30), "`image-size` 30, expected a multiple of 4 from 4 to 1024 pixels");
    check(paper(0, 10, 32), "`width` 0, expected 1 to 1024 channels");
    check(paper(16, 0, 32), "`n-classes` 0, expected 1 to 100000 classes");
    check(paper(16, 10, 32).with_depth(Some(28)), "`depth` 28, expected none: only `wide-resnet` has several");
    let resnet = |image_size| NetworkSpec::new(Model::ResNet18, None, 10, image_size);
    check(resnet(36), "`image-size` 36, expected a multiple of 8 from 16 to 1024 pixels");
    check(resnet(8), "`image-size` 8, expected a multiple of 8 from 16 to 1024 pixels");
    let wide = |width, depth| NetworkSpec { depth, ..NetworkSpec::new(Model::WideResNet, width, 10, 32) };
    check(wide(Some(65), Some(28)), "`width` 65, expected 1 to 64 as widening factor");
    check(wide(None, Some(29)), "`depth` 29, expected 10, 16, 22, 28 or another 6 n + 4 up to 250 layers");
    check(wide(None, None), "`depth` nothing, expected a number of layers");
}
