//! A network's tensors by name: what there is to initialise, to train, to save and to load.

use safetensors::tensor::Dtype;
use tch::{Device, Kind, Tensor};

/// A tensor that a network has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slot {
    /// As in PyTorch's `state_dict`.
    pub(crate) name: String,
    pub(crate) shape: Vec<i64>,
    pub(crate) initial: Initial,
}

/// What a tensor is, and holds before any training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Initial {
    /// A parameter, drawn uniformly from -`bound` to `bound`.
    Uniform { bound: f64 },
    /// A parameter of ones or zeros.
    Parameter(f64),
    /// A buffer of ones or zeros: it belongs to the network, but no gradient reaches it.
    Buffer(f64),
    /// A buffer that counts: a 64-bit 0.
    Counter,
}

impl Slot {
    /// Whether it is trained.
    pub(crate) fn is_parameter(&self) -> bool {
        matches!(self.initial, Initial::Uniform { .. } | Initial::Parameter(_))
    }

    /// The type of its values.
    pub(crate) fn kind(&self) -> Kind {
        if self.initial == Initial::Counter { Kind::Int64 } else { Kind::Float }
    }

    /// The type of its values in a file.
    pub(crate) fn dtype(&self) -> Dtype {
        if self.kind() == Kind::Int64 { Dtype::I64 } else { Dtype::F32 }
    }

    /// The values before any training, on the CPU, from torch's generator.
    pub(crate) fn draw(&self) -> Tensor {
        let options = (self.kind(), Device::Cpu);
        match self.initial {
            Initial::Uniform { bound } => Tensor::empty(&self.shape, options).uniform_(-bound, bound),
            Initial::Parameter(value) | Initial::Buffer(value) => Tensor::full(&self.shape, value, options),
            Initial::Counter => Tensor::zeros(&self.shape, options),
        }
    }
}

/// Gives modules their tensors, one after the other in PyTorch's order, and keeps them all by name.
pub(crate) struct Tensors<'a> {
    source: &'a mut dyn FnMut(&Slot) -> Tensor,
    all: Vec<(Slot, Tensor)>,
}

impl<'a> Tensors<'a> {
    /// Tensors that `source` gives as they are asked for.
    pub(crate) fn new(source: &'a mut dyn FnMut(&Slot) -> Tensor) -> Self {
        Self { source, all: Vec::new() }
    }

    /// The next tensor.
    pub(crate) fn next(&mut self, name: String, shape: &[i64], initial: Initial) -> Tensor {
        let slot = Slot { name, shape: shape.to_vec(), initial };
        let tensor = (self.source)(&slot);
        self.all.push((slot, tensor.shallow_clone()));
        tensor
    }

    /// All that were given, in that order.
    pub(crate) fn into_all(self) -> Vec<(Slot, Tensor)> {
        self.all
    }
}
