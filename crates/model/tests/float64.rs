//! Residual networks at every small width against the same computation in 64-bit floats, which oneDNN has no part in.
//!
//! Run with `ONEDNN_MAX_CPU_ISA=AVX2` as well: oneDNN chooses other code for few channels there.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};
use twinset_model::{Mode, Model, Network, NetworkSpec};

/// A network's tensors by name, in 64-bit floats.
struct Reference {
    tensors: BTreeMap<String, Tensor>,
    mode: Mode,
}

impl Reference {
    /// Parameters are leaves of their own.
    fn of(network: &Network, mode: Mode) -> Self {
        let double = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double).copy();
        let parameters = network.parameters().map(|(name, tensor)| (name, double(tensor).set_requires_grad(true)));
        let buffers = network.buffers().map(|(name, tensor)| (name, double(tensor)));
        Self { tensors: parameters.chain(buffers).collect(), mode }
    }

    fn get(&self, name: &str, last: &str) -> &Tensor {
        &self.tensors[&format!("{name}.{last}")]
    }

    fn conv(&self, input: &Tensor, name: &str, stride: i64) -> Tensor {
        let weight = self.get(name, "weight");
        input.conv2d(weight, None::<Tensor>, [stride; 2], [weight.size()[2] / 2; 2], [1, 1], 1)
    }

    fn norm(&self, input: &Tensor, name: &str) -> Tensor {
        let of = |last| Some(self.get(name, last));
        let is_training = self.mode == Mode::Train;
        let (mean, variance) = (of("running_mean"), of("running_var"));
        input.batch_norm(of("weight"), of("bias"), mean, variance, is_training, 0.1, 1e-5, false)
    }

    /// The logits for pixels that are normalised by mean and deviation 0.5.
    fn logits(&self, spec: &NetworkSpec, pixels: &Tensor) -> Tensor {
        let mut features = self.conv(&((pixels - 0.5) / 0.5), "conv1", 1);
        if spec.model == Model::ResNet18 {
            features = self.norm(&features, "bn1").relu();
        }
        let (n_stages, n_blocks) = spec.depth.map_or((4, 2), |depth| (3, (depth - 4) / 6));
        for stage in 1..=n_stages {
            for block in 0..n_blocks {
                let name = |part: &str| match spec.model {
                    Model::WideResNet => format!("block{stage}.layer.{block}.{part}"),
                    _ => format!("layer{stage}.{block}.{part}"),
                };
                let stride = if stage > 1 && block == 0 { 2 } else { 1 };
                features = if spec.model == Model::ResNet18 {
                    let inner = self.norm(&self.conv(&features, &name("conv1"), stride), &name("bn1")).relu();
                    let sum = self.norm(&self.conv(&inner, &name("conv2"), 1), &name("bn2"));
                    let has_shortcut = self.tensors.contains_key(&name("shortcut.0.weight"));
                    let shortcut = has_shortcut
                        .then(|| self.norm(&self.conv(&features, &name("shortcut.0"), stride), &name("shortcut.1")));
                    (sum + shortcut.unwrap_or(features)).relu()
                } else {
                    let activated = self.norm(&features, &name("bn1")).relu();
                    let inner = self.norm(&self.conv(&activated, &name("conv1"), stride), &name("bn2")).relu();
                    let shortcut = [name("shortcut.0"), name("convShortcut")]
                        .into_iter()
                        .find(|name| self.tensors.contains_key(&format!("{name}.weight")));
                    let shortcut = shortcut.map(|name| self.conv(&activated, &name, stride));
                    self.conv(&inner, &name("conv2"), 1) + shortcut.unwrap_or(features)
                };
            }
        }
        features = match spec.model {
            Model::ResNet18 => features,
            Model::WideResNet => self.norm(&features, "bn1").relu(),
            _ => self.norm(&features, "bn").relu(),
        };
        let last = if spec.model == Model::WideResNet { "fc" } else { "linear" };
        let mean = features.mean_dim([2i64, 3].as_slice(), false, Kind::Double);
        mean.linear(self.get(last, "weight"), Some(self.get(last, "bias")))
    }
}

/// The mean of all logits' cross-entropies.
fn loss(logits: &Tensor) -> Tensor {
    logits.cross_entropy_for_logits(&Tensor::arange(logits.size()[0], (Kind::Int64, Device::Cpu)).remainder(3))
}

/// Equal up to the rounding of 32-bit floats, by which a ReLU near 0 may be open in one and closed in the other.
///
/// Sums of many numbers may be 0 up to their rounding: the gradient of a weight whose scale a batch normalisation takes away.
fn assert_close(what: &str, found: &Tensor, expected: &Tensor) {
    let difference = (found.to_kind(Kind::Double) - expected).norm().double_value(&[]);
    let norm = expected.norm().double_value(&[]);
    assert!(difference <= 3e-3 * norm + 1e-6, "{what}: off by {difference}, of {norm}");
}

/// Logits, pixels' and weights' gradients in both modes.
fn check(model: Model, width: u32, depth: Option<u32>) {
    let spec = NetworkSpec::new(model, Some(width), 3, 16).with_depth(depth);
    for mode in [Mode::Eval, Mode::Train] {
        tch::manual_seed(width.into());
        let network = Network::new(&spec, Device::Cpu).unwrap();
        let pixels = Tensor::rand([6, 3, 16, 16], (Kind::Float, Device::Cpu));
        // A step of training, so that running statistics are not those of a new network.
        let _ = tch::no_grad(|| network.forward(&pixels, Mode::Train));
        let reference = Reference::of(&network, mode);
        let pixels = [pixels.to_kind(Kind::Double), pixels].map(|pixels| pixels.set_requires_grad(true));
        let [expected, found] = [reference.logits(&spec, &pixels[0]), network.forward(&pixels[1], mode)];
        assert_close(&format!("{spec}, {mode:?}: logits"), &found, &expected);

        let (names, parameters): (Vec<_>, Vec<_>) = network.parameters().unzip();
        let wanted: Vec<_> = names.iter().map(|name| &reference.tensors[name]).chain([&pixels[0]]).collect();
        let expected = Tensor::run_backward(&[loss(&expected)], &wanted, false, false);
        let wanted: Vec<_> = parameters.into_iter().chain([&pixels[1]]).collect();
        let found = Tensor::run_backward(&[loss(&found)], &wanted, false, false);
        for ((found, expected), name) in
            found.iter().zip(&expected).zip(names.iter().map(String::as_str).chain(["pixels"]))
        {
            assert_close(&format!("{spec}, {mode:?}: gradient of {name}"), found, expected);
        }
    }
}

#[test]
fn residual_networks_of_any_small_width_have_the_values_and_gradients_of_64_bit_floats() {
    tch::set_num_threads(1);
    for width in 1..=8 {
        check(Model::ResNet18, width, None);
        check(Model::PreActResNet18, width, None);
    }
    // Their shortcuts are the same at all depths: 16 channels times the width, and twice and four times as many.
    for (width, depth) in [(1, 10), (2, 10), (3, 10), (8, 10), (1, 16)] {
        check(Model::WideResNet, width, Some(depth));
    }
}
