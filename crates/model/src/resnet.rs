//! ResNet-18 (He et al. 2016, arXiv 1512.03385) with the first layer that images of 32×32 pixels want: a 3×3 convolution
//! of stride 1, and no maximum after it.
//!
//! Names are those of the widely copied `pytorch-cifar` (`layer1.0.conv1`, `layer2.0.shortcut.0`, `linear`), since that is
//! where networks of this shape come from; torchvision's names (`downsample`, `fc`) stand for the shape for ImageNet.

use tch::{Kind, Tensor};

use crate::layers::{ConvNorm, ConvSize, Linear, global_average};
use crate::tensors::Tensors;
use crate::{Mode, NetworkSpec};

#[derive(Debug)]
pub(crate) struct ResNet {
    first: ConvNorm,
    blocks: Vec<Block>,
    linear: Linear,
}

impl ResNet {
    /// ResNet-18: four stages of two blocks.
    pub(crate) fn new(tensors: &mut Tensors<'_>, spec: &NetworkSpec) -> Self {
        let size = ConvSize { n_in: 3, n_out: spec.width, kernel: 3, stride: 1 };
        Self {
            first: ConvNorm::new(tensors, "conv1", "bn1", size),
            blocks: blocks_of_18(spec.width).map(|(name, size)| Block::new(tensors, &name, size)).collect(),
            linear: Linear::new(tensors, "linear", 8 * spec.width, spec.n_classes),
        }
    }

    /// What it is in evaluation; see [`ConvNorm::frozen`].
    pub(crate) fn frozen(&self, precision: Kind) -> Self {
        Self {
            first: self.first.frozen(precision),
            blocks: self.blocks.iter().map(|block| block.frozen(precision)).collect(),
            linear: self.linear.frozen(precision),
        }
    }

    pub(crate) fn forward(&self, input: &Tensor, mode: Mode) -> Tensor {
        let mut features = self.first.forward(input, mode).relu_();
        for block in &self.blocks {
            features = block.forward(&features, mode);
        }
        self.linear.forward(&global_average(&features))
    }
}

/// Names and sizes of the blocks of an 18-layer network, in their order: each stage has twice the channels of the one
/// before, and half the height and width.
pub(crate) fn blocks_of_18(width: i64) -> impl Iterator<Item = (String, ConvSize)> {
    (0..4).flat_map(move |stage| {
        let n_out = width << stage;
        let halves = stage > 0;
        let (n_in, stride) = if halves { (n_out / 2, 2) } else { (n_out, 1) };
        let name = |block| format!("layer{}.{block}", stage + 1);
        [
            (name(0), ConvSize { n_in, n_out, kernel: 3, stride }),
            (name(1), ConvSize { n_in: n_out, n_out, kernel: 3, stride: 1 }),
        ]
    })
}

/// Two convolutions, and the input added to what comes out of them.
#[derive(Debug)]
struct Block {
    first: ConvNorm,
    second: ConvNorm,
    /// What brings the input to the output's shape, where that is another.
    shortcut: Option<ConvNorm>,
}

impl Block {
    fn new(tensors: &mut Tensors<'_>, name: &str, size: ConvSize) -> Self {
        let ConvSize { n_in, n_out, stride, .. } = size;
        let mut conv_norm = |conv: &str, norm: &str, size| {
            ConvNorm::new(tensors, &format!("{name}.{conv}"), &format!("{name}.{norm}"), size)
        };
        Self {
            first: conv_norm("conv1", "bn1", size),
            second: conv_norm("conv2", "bn2", ConvSize { n_in: n_out, stride: 1, ..size }),
            shortcut: (stride != 1 || n_in != n_out)
                .then(|| conv_norm("shortcut.0", "shortcut.1", ConvSize { kernel: 1, ..size })),
        }
    }

    fn frozen(&self, precision: Kind) -> Self {
        Self {
            first: self.first.frozen(precision),
            second: self.second.frozen(precision),
            shortcut: self.shortcut.as_ref().map(|shortcut| shortcut.frozen(precision)),
        }
    }

    fn forward(&self, input: &Tensor, mode: Mode) -> Tensor {
        let inner = self.first.forward(input, mode).relu_();
        let mut sum = self.second.forward(&inner, mode);
        match &self.shortcut {
            None => sum.g_add_(input),
            Some(shortcut) => sum.g_add_(&shortcut.forward(input, mode)),
        }
        .relu_()
    }
}
