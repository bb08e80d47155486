//! Layers with parameters: convolution, batch normalisation, and linear, as PyTorch's modules of these names.

use tch::{Kind, Tensor};

use crate::pool::conv_pool_relu;
use crate::tensors::{Initial, Tensors};

/// Whether a network is being trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Dropout zeroes activations at random, from torch's generator. Batch normalisation goes by the batch's statistics,
    /// so images depend on one another, and each forward pass moves the running statistics.
    Train,
    /// Nothing is random, nothing moves, and batch normalisation goes by the running statistics.
    Eval,
}

/// PyTorch's default bound of initial weights: `kaiming_uniform_` with a = √5, in its order of operations.
fn weight_bound(fan_in: i64) -> f64 {
    3f64.sqrt() * ((2.0 / (1.0 + 5.0f64)).sqrt() / (fan_in as f64).sqrt())
}

fn bias_bound(fan_in: i64) -> f64 {
    1.0 / (fan_in as f64).sqrt()
}

/// A square convolution over channels-last features, padded so that stride 1 keeps their size.
#[derive(Debug)]
pub(crate) struct Conv {
    weight: Tensor,
    bias: Option<Tensor>,
    stride: i64,
    padding: i64,
}

/// A convolution's sizes.
#[derive(Clone, Copy)]
pub(crate) struct ConvSize {
    pub(crate) n_in: i64,
    pub(crate) n_out: i64,
    /// Odd.
    pub(crate) kernel: i64,
    pub(crate) stride: i64,
}

impl Conv {
    /// One without bias, as before or after a batch normalisation.
    pub(crate) fn new(tensors: &mut Tensors<'_>, name: &str, size: ConvSize) -> Self {
        let ConvSize { n_in, n_out, kernel, stride } = size;
        let bound = weight_bound(n_in * kernel * kernel);
        let shape = [n_out, n_in, kernel, kernel];
        let weight = tensors.next(format!("{name}.weight"), &shape, Initial::Uniform { bound });
        Self { weight, bias: None, stride, padding: kernel / 2 }
    }

    pub(crate) fn with_bias(tensors: &mut Tensors<'_>, name: &str, size: ConvSize) -> Self {
        let conv = Self::new(tensors, name, size);
        let bound = bias_bound(size.n_in * size.kernel * size.kernel);
        let bias = tensors.next(format!("{name}.bias"), &[size.n_out], Initial::Uniform { bound });
        Self { bias: Some(bias), ..conv }
    }

    /// `[n, n_in, h, w]` to `[n, n_out, h / stride, w / stride]`, in the input's precision.
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        self.convolve(input, &self.weight, self.bias.as_ref())
    }

    /// The same, its 2×2 maximum, and ReLU: `[n, n_out, h / 2, w / 2]`. For a convolution with bias and stride 1.
    pub(crate) fn forward_pool_relu(&self, input: &Tensor) -> Tensor {
        let bias = self.bias.as_ref().expect("a convolution with bias");
        conv_pool_relu(input, &like(&self.weight, input), &like(bias, input))
    }

    /// The same with its parameters in this precision; gradients do not flow back to them.
    pub(crate) fn frozen(&self, precision: Kind) -> Self {
        let bias = self.bias.as_ref().map(|bias| frozen(bias, precision));
        Self { weight: frozen(&self.weight, precision), bias, ..*self }
    }

    fn convolve(&self, input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let (weight, bias) = (like(weight, input), bias.map(|bias| like(bias, input)));
        let convolve =
            |input: &Tensor, stride| input.conv2d(&weight, bias.as_ref(), [stride; 2], [self.padding; 2], [1, 1], 1);
        if self.padding == 0 && self.stride > 1 {
            convolve(&every_nth_place(input, self.stride), 1)
        } else {
            convolve(input, self.stride)
        }
    }
}

/// Batch normalisation with running statistics: momentum 0.1, ε 1e-5.
#[derive(Debug)]
pub(crate) struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    n_batches: Tensor,
}

impl BatchNorm {
    pub(crate) fn new(tensors: &mut Tensors<'_>, name: &str, n_channels: i64) -> Self {
        let shape = [n_channels];
        let mut next = |last: &str, shape: &[i64], initial| tensors.next(format!("{name}.{last}"), shape, initial);
        Self {
            weight: next("weight", &shape, Initial::Parameter(1.0)),
            bias: next("bias", &shape, Initial::Parameter(0.0)),
            running_mean: next("running_mean", &shape, Initial::Buffer(0.0)),
            running_var: next("running_var", &shape, Initial::Buffer(1.0)),
            n_batches: next("num_batches_tracked", &[], Initial::Counter),
        }
    }

    /// In training by the batch's statistics, which enter the running ones; in evaluation by the running ones. Weights
    /// and statistics are 32-bit whatever the input's precision.
    pub(crate) fn forward(&self, input: &Tensor, mode: Mode) -> Tensor {
        let is_training = mode == Mode::Train;
        if is_training {
            let _ = self.n_batches.shallow_clone().g_add_scalar_(1);
        }
        let running = (Some(&self.running_mean), Some(&self.running_var));
        input.batch_norm(Some(&self.weight), Some(&self.bias), running.0, running.1, is_training, 0.1, EPSILON, true)
    }

    /// The same; gradients do not flow back to its parameters.
    pub(crate) fn frozen(&self) -> Self {
        let Self { weight, bias, running_mean, running_var, n_batches } = self;
        let [weight, bias, running_mean, running_var, n_batches] =
            [weight, bias, running_mean, running_var, n_batches].map(Tensor::detach);
        Self { weight, bias, running_mean, running_var, n_batches }
    }

    /// What it is in evaluation: a factor and a summand for each channel.
    fn factor_and_summand(&self) -> (Tensor, Tensor) {
        let factor = &self.weight * (&self.running_var + EPSILON).rsqrt_();
        let summand = &self.bias - &self.running_mean * &factor;
        (factor, summand)
    }
}

/// What batch normalisation adds to a variance.
const EPSILON: f64 = 1e-5;

/// A convolution, and the batch normalisation of what comes out of it.
#[derive(Debug)]
pub(crate) struct ConvNorm {
    conv: Conv,
    /// None where it is in the convolution's weights already.
    norm: Option<BatchNorm>,
}

impl ConvNorm {
    pub(crate) fn new(tensors: &mut Tensors<'_>, conv: &str, norm: &str, size: ConvSize) -> Self {
        Self { conv: Conv::new(tensors, conv, size), norm: Some(BatchNorm::new(tensors, norm, size.n_out)) }
    }

    /// In evaluation the normalisation is in the convolution's weights, which spares two passes over all features.
    pub(crate) fn forward(&self, input: &Tensor, mode: Mode) -> Tensor {
        let Self { conv, norm } = self;
        match (norm, mode) {
            (None, _) => conv.forward(input),
            (Some(norm), Mode::Train) => norm.forward(&conv.forward(input), mode),
            (Some(norm), Mode::Eval) => folded(conv, norm).forward(input),
        }
    }

    /// What it is in evaluation, computed once; gradients do not flow back to its parameters.
    pub(crate) fn frozen(&self, precision: Kind) -> Self {
        let conv = match &self.norm {
            None => self.conv.frozen(precision),
            Some(norm) => tch::no_grad(|| folded(&self.conv, norm)).frozen(precision),
        };
        Self { conv, norm: None }
    }
}

/// Both as one convolution.
fn folded(conv: &Conv, norm: &BatchNorm) -> Conv {
    let (factor, summand) = norm.factor_and_summand();
    Conv { weight: &conv.weight * factor.view([-1, 1, 1, 1]), bias: Some(summand), ..*conv }
}

/// A linear layer with bias.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    pub(crate) fn new(tensors: &mut Tensors<'_>, name: &str, n_in: i64, n_out: i64) -> Self {
        let (weight_bound, bias_bound) = (weight_bound(n_in), bias_bound(n_in));
        Self {
            weight: tensors.next(format!("{name}.weight"), &[n_out, n_in], Initial::Uniform { bound: weight_bound }),
            bias: tensors.next(format!("{name}.bias"), &[n_out], Initial::Uniform { bound: bias_bound }),
        }
    }

    /// The same with its parameters in this precision; gradients do not flow back to them.
    pub(crate) fn frozen(&self, precision: Kind) -> Self {
        Self { weight: frozen(&self.weight, precision), bias: frozen(&self.bias, precision) }
    }

    /// `[n, n_in]` to `[n, n_out]`, in the input's precision.
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        input.linear(&like(&self.weight, input), Some(&like(&self.bias, input)))
    }
}

/// The mean over all places: `[n, c, h, w]` to `[n, c]`.
pub(crate) fn global_average(features: &Tensor) -> Tensor {
    features.adaptive_avg_pool2d([1, 1]).flatten(1, -1)
}

/// Every `n`th row and column of `[n, c, h, w]`: all that a 1×1 convolution of stride `n` sees.
///
/// Such a convolution is computed as one of stride 1 on these places, with the same values and gradients. oneDNN's own
/// backward pass of it, in libtorch 2.11 and 2.13, writes past its buffer when there are few channels and the processor
/// has AVX2 but no AVX-512. A mean over one place is that place, and torch has a fast pass back for it.
fn every_nth_place(features: &Tensor, n: i64) -> Tensor {
    features.avg_pool2d([1, 1], [n, n], [0, 0], false, true, None)
}

/// The same `[n, c, h, w]` with channels next to each other in memory, which convolutions are fastest on.
pub(crate) fn channels_last(tensor: &Tensor) -> Tensor {
    tensor.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// A parameter in this precision that no gradient flows back to.
fn frozen(parameter: &Tensor, precision: Kind) -> Tensor {
    parameter.detach().to_kind(precision)
}

/// A parameter in the precision of what it meets. Gradients flow back to the parameter itself.
fn like(parameter: &Tensor, input: &Tensor) -> Tensor {
    match input.kind() {
        Kind::Float => parameter.shallow_clone(),
        kind => parameter.to_kind(kind),
    }
}
