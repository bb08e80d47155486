//! The published networks: two convolutions, two linear layers.

use tch::{Kind, Tensor};

use crate::layers::{Conv, ConvSize, Linear};
use crate::tensors::Tensors;
use crate::{Mode, NetworkSpec};

/// Convolution, ReLU and maximum twice, then linear, ReLU, dropout, linear.
#[derive(Debug)]
pub(crate) struct PaperNet {
    conv1: Conv,
    conv2: Conv,
    fc1: Linear,
    fc2: Linear,
    /// Probability that dropout zeroes an activation in training.
    dropout: f64,
}

impl PaperNet {
    pub(crate) fn new(tensors: &mut Tensors<'_>, spec: &NetworkSpec, dropout: f64) -> Self {
        let side = spec.image_size / 4;
        let (first, second, hidden) = (spec.width, 2 * spec.width, 8 * spec.width);
        let size = |n_in, n_out| ConvSize { n_in, n_out, kernel: 3, stride: 1 };
        Self {
            conv1: Conv::with_bias(tensors, "conv1", size(3, first)),
            conv2: Conv::with_bias(tensors, "conv2", size(first, second)),
            fc1: Linear::new(tensors, "fc1", second * side * side, hidden),
            fc2: Linear::new(tensors, "fc2", hidden, spec.n_classes),
            dropout,
        }
    }

    /// What it is in evaluation, with parameters that no gradient flows back to.
    pub(crate) fn frozen(&self, precision: Kind) -> Self {
        Self {
            conv1: self.conv1.frozen(precision),
            conv2: self.conv2.frozen(precision),
            fc1: self.fc1.frozen(precision),
            fc2: self.fc2.frozen(precision),
            dropout: self.dropout,
        }
    }

    pub(crate) fn forward(&self, input: &Tensor, mode: Mode) -> Tensor {
        // The published order is ReLU before maximum: the same values and gradients, since ReLU is monotone, at four times the work.
        let features = self.conv2.forward_pool_relu(&self.conv1.forward_pool_relu(input));
        let hidden = self.fc1.forward(&features.flatten(1, -1)).relu_();
        if mode == Mode::Train && self.dropout > 0.0 {
            self.fc2.forward(&hidden.dropout(self.dropout, true))
        } else {
            self.fc2.forward(&hidden)
        }
    }
}
