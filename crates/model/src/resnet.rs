//! ResNet-18 (He et al. 2016, arXiv 1512.03385) with the first layer that images of 32×32 pixels want: a 3×3 convolution
//! of stride 1, and no maximum after it.
//!
//! Names are those of the widely copied `pytorch-cifar` (`layer1.0.conv1`, `layer2.0.shortcut.0`, `linear`), since that is
//! where networks of this shape come from; torchvision's names (`downsample`, `fc`) stand for the shape for ImageNet.

use tch::Tensor;

use crate::layers::{BatchNorm, Conv, ConvSize, Linear, global_average};
use crate::tensors::Tensors;
use crate::{Mode, NetworkSpec};

#[derive(Debug)]
pub(crate) struct ResNet {
    conv1: Conv,
    bn1: BatchNorm,
    blocks: Vec<Block>,
    linear: Linear,
}

impl ResNet {
    /// ResNet-18: four stages of two blocks.
    pub(crate) fn new(tensors: &mut Tensors<'_>, spec: &NetworkSpec) -> Self {
        let size = ConvSize { n_in: 3, n_out: spec.width, kernel: 3, stride: 1 };
        Self {
            conv1: Conv::new(tensors, "conv1", size),
            bn1: BatchNorm::new(tensors, "bn1", spec.width),
            blocks: blocks_of_18(spec.width).map(|(name, size)| Block::new(tensors, &name, size)).collect(),
            linear: Linear::new(tensors, "linear", 8 * spec.width, spec.n_classes),
        }
    }

    pub(crate) fn forward(&self, input: &Tensor, mode: Mode) -> Tensor {
        let mut features = self.bn1.forward(&self.conv1.forward(input), mode).relu_();
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
    conv1: Conv,
    bn1: BatchNorm,
    conv2: Conv,
    bn2: BatchNorm,
    /// What brings the input to the output's shape, where that is another.
    shortcut: Option<(Conv, BatchNorm)>,
}

impl Block {
    fn new(tensors: &mut Tensors<'_>, name: &str, size: ConvSize) -> Self {
        let ConvSize { n_in, n_out, stride, .. } = size;
        let second = ConvSize { n_in: n_out, stride: 1, ..size };
        Self {
            conv1: Conv::new(tensors, &format!("{name}.conv1"), size),
            bn1: BatchNorm::new(tensors, &format!("{name}.bn1"), n_out),
            conv2: Conv::new(tensors, &format!("{name}.conv2"), second),
            bn2: BatchNorm::new(tensors, &format!("{name}.bn2"), n_out),
            shortcut: (stride != 1 || n_in != n_out).then(|| {
                let conv = Conv::new(tensors, &format!("{name}.shortcut.0"), ConvSize { kernel: 1, ..size });
                (conv, BatchNorm::new(tensors, &format!("{name}.shortcut.1"), n_out))
            }),
        }
    }

    fn forward(&self, input: &Tensor, mode: Mode) -> Tensor {
        let inner = self.bn1.forward(&self.conv1.forward(input), mode).relu_();
        let mut sum = self.bn2.forward(&self.conv2.forward(&inner), mode);
        match &self.shortcut {
            None => sum.g_add_(input),
            Some((conv, bn)) => sum.g_add_(&bn.forward(&conv.forward(input), mode)),
        }
        .relu_()
    }
}
