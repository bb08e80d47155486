//! Networks: pixels in, logits out.

use tch::{Device, Kind, Tensor};

use crate::layers::{Mode, channels_last};
use crate::normalisation::NormalisationLayer;
use crate::paper::PaperNet;
use crate::preact::PreActNet;
use crate::resnet::ResNet;
use crate::tensors::{Slot, Tensors};
use crate::{Model, ModelError, NetworkSpec, Normalisation, Precision};

/// A classifier of images with pixels in [0, 1].
///
/// Its tensors have the names and shapes that PyTorch users know (`conv1.weight`, `[out, in, 3, 3]`); convolutions keep
/// theirs channels-last in memory.
#[derive(Debug)]
pub struct Network {
    spec: NetworkSpec,
    normalisation: Normalisation,
    precision: Precision,
    class_names: Vec<String>,
    first: NormalisationLayer,
    body: Body,
    /// Those of the body, by name.
    tensors: Vec<(Slot, Tensor)>,
    device: Device,
}

/// A network in evaluation, as [`Network::frozen`] makes it.
#[derive(Debug)]
pub struct Frozen {
    precision: Precision,
    first: NormalisationLayer,
    body: Body,
}

impl Frozen {
    /// The logits of [`Network::forward`] in evaluation, to the bit.
    ///
    /// # Panics
    /// As there.
    pub fn forward(&self, pixels: &Tensor) -> Tensor {
        self.body.logits(&self.first.forward(pixels), self.precision, Mode::Eval)
    }
}

/// All that follows the normalisation.
#[derive(Debug)]
enum Body {
    Paper(PaperNet),
    ResNet(ResNet),
    PreAct(PreActNet),
}

impl Network {
    /// A network with PyTorch's default initial weights, drawn on the CPU from torch's generator in PyTorch's order.
    ///
    /// The caller seeds that generator: `torch.manual_seed(s)` gives PyTorch the same weights. On any device they are
    /// the same. Classes are called `0`, `1`, … until [`with_class_names`](Network::with_class_names) names them, and
    /// pixels are normalised as in the published networks until [`with_normalisation`](Network::with_normalisation)
    /// says otherwise.
    ///
    /// # Errors
    /// When such a network cannot be.
    pub fn new(spec: &NetworkSpec, device: Device) -> Result<Self, ModelError> {
        spec.validate()?;
        Ok(Self::from_slots(spec, device, Slot::draw))
    }

    /// A network whose tensors `tensor_of` gives.
    pub(crate) fn from_slots(spec: &NetworkSpec, device: Device, mut tensor_of: impl FnMut(&Slot) -> Tensor) -> Self {
        let mut source = |slot: &Slot| {
            let tensor = tensor_of(slot).to_device(device);
            let tensor = if slot.shape.len() == 4 { channels_last(&tensor) } else { tensor };
            tensor.set_requires_grad(slot.is_parameter())
        };
        let mut tensors = Tensors::new(&mut source);
        let body = Body::new(&mut tensors, spec);
        let normalisation = Normalisation::PAPER;
        Self {
            spec: spec.clone(),
            normalisation,
            precision: Precision::Float32,
            class_names: (0..spec.n_classes).map(|class| class.to_string()).collect(),
            first: normalisation.layer(spec.image_size, device),
            body,
            tensors: tensors.into_all(),
            device,
        }
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

    /// The network with this as its first layer.
    pub fn with_normalisation(mut self, normalisation: Normalisation) -> Self {
        self.normalisation = normalisation;
        self.first = normalisation.layer(self.spec.image_size, self.device);
        self
    }

    /// The network computing in this format; 32-bit floats until then.
    ///
    /// # Errors
    /// When its device does not compute in it.
    pub fn with_precision(mut self, precision: Precision) -> Result<Self, ModelError> {
        precision.check(self.device)?;
        self.precision = precision;
        Ok(self)
    }

    /// A second network with the same tensors and all else, which goes its own way from here.
    pub fn copy(&self) -> Self {
        let mut tensors = self.tensors.iter();
        let next = |_: &Slot| tensors.next().expect("both have the same design").1.detach().copy();
        let copy = Self::from_slots(&self.spec, self.device, next).with_normalisation(self.normalisation);
        Self { class_names: self.class_names.clone(), precision: self.precision, ..copy }
    }

    /// The logits `[n, n_classes]`, 32-bit floats, of images `[n, 3, size, size]` with pixels in [0, 1].
    ///
    /// # Panics
    /// When the images are of another shape or on another device than the network: a defect of the caller.
    pub fn forward(&self, pixels: &Tensor, mode: Mode) -> Tensor {
        self.body.logits(&self.first.forward(pixels), self.precision, mode)
    }

    /// The network as it is in evaluation, with all that is the same in every pass computed once: batch normalisations are in
    /// the weights of convolutions, and weights are in the network's precision. No gradient flows back to its parameters.
    /// What an attack or an evaluation asks again and again.
    ///
    /// Weights may be shared with the network. Change them, and what this computes is neither the old nor the new.
    pub fn frozen(&self) -> Frozen {
        let kind = self.precision.kind();
        let body = match &self.body {
            Body::Paper(body) => Body::Paper(body.frozen(kind)),
            Body::ResNet(body) => Body::ResNet(body.frozen(kind)),
            Body::PreAct(body) => Body::PreAct(body.frozen(kind)),
        };
        let first = self.normalisation.layer(self.spec.image_size, self.device);
        Frozen { precision: self.precision, first, body }
    }

    /// Which network it is.
    pub fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    /// What its first layer does to pixels.
    pub fn normalisation(&self) -> Normalisation {
        self.normalisation
    }

    /// The number format that it computes in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The classes' names, by label.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The device that it computes on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// What is trained, with its names, in the order of [`NetworkSpec::parameter_shapes`].
    pub fn parameters(&self) -> impl Iterator<Item = (String, &Tensor)> {
        self.tensors().filter(|(slot, _)| slot.is_parameter()).map(|(slot, tensor)| (slot.name.clone(), tensor))
    }

    /// What belongs to the network and is not trained, with its names: the running statistics of batch normalisations,
    /// and how many batches went into them (64-bit integers).
    pub fn buffers(&self) -> impl Iterator<Item = (String, &Tensor)> {
        self.tensors().filter(|(slot, _)| !slot.is_parameter()).map(|(slot, tensor)| (slot.name.clone(), tensor))
    }

    /// Parameters and buffers.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&Slot, &Tensor)> {
        self.tensors.iter().map(|(slot, tensor)| (slot, tensor))
    }
}

impl Body {
    /// Of normalised pixels.
    fn logits(&self, normalised: &Tensor, precision: Precision, mode: Mode) -> Tensor {
        let normalised = normalised.to_kind(precision.kind());
        let logits = match self {
            Self::Paper(body) => body.forward(&normalised, mode),
            Self::ResNet(body) => body.forward(&normalised, mode),
            Self::PreAct(body) => body.forward(&normalised, mode),
        };
        logits.to_kind(Kind::Float)
    }

    fn new(tensors: &mut Tensors<'_>, spec: &NetworkSpec) -> Self {
        match spec.model {
            Model::PaperStandard => Self::Paper(PaperNet::new(tensors, spec, 0.5)),
            Model::PaperRobust => Self::Paper(PaperNet::new(tensors, spec, 0.0)),
            Model::ResNet18 => Self::ResNet(ResNet::new(tensors, spec)),
            Model::PreActResNet18 => Self::PreAct(PreActNet::resnet_18(tensors, spec)),
            Model::WideResNet => {
                Self::PreAct(PreActNet::wide(tensors, spec, spec.depth.expect("a valid wide network has a depth")))
            }
        }
    }
}

impl NetworkSpec {
    /// Checks that such a network can be; the error names the design.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn validate(&self) -> Result<(), ModelError> {
        self.check().map_err(|invalid| ModelError::Spec { model: self.model, invalid })
    }

    /// Names and shapes of all parameters, in the order in which they are initialised.
    pub fn parameter_shapes(&self) -> Vec<(String, Vec<i64>)> {
        let parameters = self.slots().into_iter().filter(Slot::is_parameter);
        parameters.map(|slot| (slot.name, slot.shape)).collect()
    }

    /// All tensors that such a network has.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        // Modules of undefined tensors: they are asked for and never computed with.
        let mut undefined = |_: &Slot| Tensor::new();
        let mut tensors = Tensors::new(&mut undefined);
        Body::new(&mut tensors, self);
        tensors.into_all().into_iter().map(|(slot, _)| slot).collect()
    }
}
