//! Networks: pixels in, logits out.

use tch::{Device, Kind, Tensor};

use crate::{ModelError, NetworkSpec};

/// Whether a network is being trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Dropout zeroes activations at random, from torch's generator.
    Train,
    /// Nothing is random.
    Eval,
}

/// A classifier of images with pixels in [0, 1].
///
/// Its parameters have the names and shapes that PyTorch users know (`conv1.weight`, `[out, in, 3, 3]`); convolutions
/// keep theirs channels-last in memory.
#[derive(Debug)]
pub struct Network {
    spec: NetworkSpec,
    class_names: Vec<String>,
    layers: [Layer; 4],
    device: Device,
}

#[derive(Debug)]
struct Layer {
    name: &'static str,
    weight: Tensor,
    bias: Tensor,
}

impl Network {
    /// A network with PyTorch's default initial weights, drawn on the CPU from torch's generator in PyTorch's order.
    ///
    /// The caller seeds that generator: `torch.manual_seed(s)` gives PyTorch the same weights. On any device they are
    /// the same. Classes are called `0`, `1`, … until [`with_class_names`](Network::with_class_names) names them.
    ///
    /// # Errors
    /// When such a network cannot be.
    pub fn new(spec: &NetworkSpec, device: Device) -> Result<Self, ModelError> {
        spec.validate()?;
        Ok(Self::from_layers(spec, device, |_, shape, bound| {
            Tensor::empty(shape, (Kind::Float, Device::Cpu)).uniform_(-bound, bound)
        }))
    }

    /// A network whose parameters `tensor_of(name, shape, bound)` gives, `bound` being that of their initial values.
    pub(crate) fn from_layers(
        spec: &NetworkSpec,
        device: Device,
        mut tensor_of: impl FnMut(&str, &[i64], f64) -> Tensor,
    ) -> Self {
        let layers = spec.layers().map(|(name, shape)| {
            let fan_in: i64 = shape[1..].iter().product();
            // torch.nn.init.kaiming_uniform_ with a = sqrt(5), in its order of operations.
            let weight_bound = 3f64.sqrt() * ((2.0 / (1.0 + 5.0f64)).sqrt() / (fan_in as f64).sqrt());
            let bias_bound = 1.0 / (fan_in as f64).sqrt();
            let weight = tensor_of(&format!("{name}.weight"), &shape, weight_bound).to_device(device);
            let weight = if shape.len() == 4 { channels_last(&weight) } else { weight };
            let bias = tensor_of(&format!("{name}.bias"), &shape[..1], bias_bound).to_device(device);
            Layer { name, weight: weight.set_requires_grad(true), bias: bias.set_requires_grad(true) }
        });
        let class_names = (0..spec.n_classes).map(|class| class.to_string()).collect();
        Self { spec: spec.clone(), class_names, layers, device }
    }

    /// The network with names for its classes.
    ///
    /// # Errors
    /// When there are not as many as classes.
    pub fn with_class_names(mut self, class_names: Vec<String>) -> Result<Self, ModelError> {
        if class_names.len() as i64 != self.spec.n_classes {
            return Err(ModelError::ClassNames { found: class_names.len(), expected: self.spec.n_classes });
        }
        self.class_names = class_names;
        Ok(self)
    }

    /// The logits `[n, n_classes]` of images `[n, 3, size, size]` with pixels in [0, 1].
    ///
    /// # Panics
    /// When the images are of another shape or on another device than the network: a defect of the caller.
    pub fn forward(&self, pixels: &Tensor, mode: Mode) -> Tensor {
        let [conv1, conv2, fc1, fc2] = &self.layers;
        // (x - 0.5) / 0.5, to the bit.
        let normalised = channels_last(pixels).g_mul_scalar(2.0).g_sub_scalar_(1.0);
        let features = conv2.convolve(&conv1.convolve(&normalised));
        let hidden = fc1.apply(&features.flatten(1, -1)).relu_();
        let dropout = self.spec.model.dropout();
        if mode == Mode::Train && dropout > 0.0 {
            fc2.apply(&hidden.dropout(dropout, true))
        } else {
            fc2.apply(&hidden)
        }
    }

    /// Which network it is.
    pub fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    /// The classes' names, by label.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The device that it computes on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// All parameters with their names, in the order of [`NetworkSpec::parameter_shapes`]; all of them are trainable.
    pub fn parameters(&self) -> impl Iterator<Item = (String, &Tensor)> {
        self.layers.iter().flat_map(|layer| {
            [(format!("{}.weight", layer.name), &layer.weight), (format!("{}.bias", layer.name), &layer.bias)]
        })
    }
}

impl Layer {
    /// Convolution, 2×2 maximum, ReLU. The published order is ReLU before maximum: the same values and gradients, since
    /// ReLU is monotone, at four times the work.
    fn convolve(&self, input: &Tensor) -> Tensor {
        input
            .conv2d(&self.weight, Some(&self.bias), [1, 1], [1, 1], [1, 1], 1)
            .max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)
            .relu()
    }

    fn apply(&self, input: &Tensor) -> Tensor {
        input.linear(&self.weight, Some(&self.bias))
    }
}

/// The same `[n, c, h, w]` with channels next to each other in memory, which convolutions are fastest on.
fn channels_last(tensor: &Tensor) -> Tensor {
    tensor.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}
