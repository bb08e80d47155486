//! Networks of pre-activation blocks (He et al. 2016, arXiv 1603.05027): PreAct-ResNet-18 and wide residual networks.

use tch::{Kind, Tensor};

use crate::layers::{BatchNorm, Conv, ConvNorm, ConvSize, Linear, global_average};
use crate::resnet::blocks_of_18;
use crate::tensors::Tensors;
use crate::{Mode, NetworkSpec};

/// A convolution, blocks, a last batch normalisation, and a linear layer.
#[derive(Debug)]
pub(crate) struct PreActNet {
    conv1: Conv,
    blocks: Vec<Block>,
    bn: BatchNorm,
    linear: Linear,
}

impl PreActNet {
    /// PreAct-ResNet-18. Names are those of `pytorch-cifar`. That code leaves out the publication's last batch
    /// normalisation; here it stands under the name `bn`, as in the codes for adversarial training of Wong et al. 2020
    /// (arXiv 2001.03994) and Rice et al. 2020 (arXiv 2002.11569).
    pub(crate) fn resnet_18(tensors: &mut Tensors<'_>, spec: &NetworkSpec) -> Self {
        let width = spec.width;
        Self {
            conv1: Conv::new(tensors, "conv1", ConvSize { n_in: 3, n_out: width, kernel: 3, stride: 1 }),
            blocks: blocks_of_18(width).map(|(name, size)| Block::new(tensors, &name, size, "shortcut.0")).collect(),
            bn: BatchNorm::new(tensors, "bn", 8 * width),
            linear: Linear::new(tensors, "linear", 8 * width, spec.n_classes),
        }
    }

    /// A wide residual network (Zagoruyko, Komodakis 2016, arXiv 1605.07146) without dropout. Names are those of the code
    /// that TRADES (Zhang et al. 2019, arXiv 1901.08573) and most of robust training share: `block1.layer.0.bn1`,
    /// `convShortcut`, `fc`. Initial weights are PyTorch's default ones, as everywhere here, where that code draws others.
    pub(crate) fn wide(tensors: &mut Tensors<'_>, spec: &NetworkSpec, depth: i64) -> Self {
        let n_blocks = (depth - 4) / 6;
        let n_channels = [16, 16 * spec.width, 32 * spec.width, 64 * spec.width];
        let conv1 = Conv::new(tensors, "conv1", ConvSize { n_in: 3, n_out: 16, kernel: 3, stride: 1 });
        let mut blocks = Vec::new();
        for stage in 1..=3 {
            let n_out = n_channels[stage];
            for block in 0..n_blocks {
                let is_first = block == 0;
                let n_in = if is_first { n_channels[stage - 1] } else { n_out };
                let stride = if is_first && stage > 1 { 2 } else { 1 };
                let name = format!("block{stage}.layer.{block}");
                blocks.push(Block::new(tensors, &name, ConvSize { n_in, n_out, kernel: 3, stride }, "convShortcut"));
            }
        }
        let bn = BatchNorm::new(tensors, "bn1", n_channels[3]);
        Self { conv1, blocks, bn, linear: Linear::new(tensors, "fc", n_channels[3], spec.n_classes) }
    }

    /// What it is in evaluation; see [`ConvNorm::frozen`].
    pub(crate) fn frozen(&self, precision: Kind) -> Self {
        Self {
            conv1: self.conv1.frozen(precision),
            blocks: self.blocks.iter().map(|block| block.frozen(precision)).collect(),
            bn: self.bn.frozen(),
            linear: self.linear.frozen(precision),
        }
    }

    pub(crate) fn forward(&self, input: &Tensor, mode: Mode) -> Tensor {
        let mut features = self.conv1.forward(input);
        for block in &self.blocks {
            features = block.forward(&features, mode);
        }
        self.linear.forward(&global_average(&self.bn.forward(&features, mode).relu_()))
    }
}

/// Batch normalisation, ReLU and convolution twice, and the input added.
#[derive(Debug)]
struct Block {
    bn1: BatchNorm,
    /// `conv1` and `bn2`.
    first: ConvNorm,
    conv2: Conv,
    /// What brings the normalised input to the output's shape, where that is another.
    shortcut: Option<Conv>,
}

impl Block {
    fn new(tensors: &mut Tensors<'_>, name: &str, size: ConvSize, shortcut: &str) -> Self {
        let ConvSize { n_in, n_out, stride, .. } = size;
        let second = ConvSize { n_in: n_out, stride: 1, ..size };
        Self {
            bn1: BatchNorm::new(tensors, &format!("{name}.bn1"), n_in),
            first: ConvNorm::new(tensors, &format!("{name}.conv1"), &format!("{name}.bn2"), size),
            conv2: Conv::new(tensors, &format!("{name}.conv2"), second),
            shortcut: (stride != 1 || n_in != n_out)
                .then(|| Conv::new(tensors, &format!("{name}.{shortcut}"), ConvSize { kernel: 1, ..size })),
        }
    }

    fn frozen(&self, precision: Kind) -> Self {
        Self {
            bn1: self.bn1.frozen(),
            first: self.first.frozen(precision),
            conv2: self.conv2.frozen(precision),
            shortcut: self.shortcut.as_ref().map(|conv| conv.frozen(precision)),
        }
    }

    fn forward(&self, input: &Tensor, mode: Mode) -> Tensor {
        let activated = self.bn1.forward(input, mode).relu_();
        let inner = self.first.forward(&activated, mode).relu_();
        let mut sum = self.conv2.forward(&inner);
        match &self.shortcut {
            None => sum.g_add_(input),
            Some(conv) => sum.g_add_(&conv.forward(&activated)),
        }
    }
}
