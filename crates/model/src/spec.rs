//! Which network: everything that its parameters' names and shapes follow from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// A network's design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// The published standard network: two convolutions, two linear layers, dropout 0.5 between these. Width 16.
    PaperStandard,
    /// The published robust network: the same without dropout. Width 32.
    PaperRobust,
}

impl Model {
    /// The name that configs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaperStandard => "paper-standard",
            Self::PaperRobust => "paper-robust",
        }
    }

    /// Channels of the first convolution as published.
    pub fn default_width(self) -> u32 {
        match self {
            Self::PaperStandard => 16,
            Self::PaperRobust => 32,
        }
    }

    /// Probability that dropout zeroes an activation in training.
    pub(crate) fn dropout(self) -> f64 {
        match self {
            Self::PaperStandard => 0.5,
            Self::PaperRobust => 0.0,
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a network's first layer does to a pixel's channel: subtract `mean`, divide by `std`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// What is subtracted.
    pub mean: f64,
    /// What is divided by.
    pub std: f64,
}

impl Normalisation {
    /// That of all networks here: [0, 1] becomes [-1, 1].
    pub const PAPER: Self = Self { mean: 0.5, std: 0.5 };
}

/// A network's design and sizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetworkSpec {
    /// The design.
    pub model: Model,
    /// Channels of the first convolution.
    pub width: i64,
    /// How many classes it tells apart.
    pub n_classes: i64,
    /// Side of its square images in pixels, a multiple of 4.
    pub image_size: i64,
}

impl NetworkSpec {
    /// A network, as wide as published unless `width` says otherwise.
    pub fn new(model: Model, width: Option<u32>, n_classes: i64, image_size: i64) -> Self {
        Self { model, width: width.unwrap_or_else(|| model.default_width()).into(), n_classes, image_size }
    }

    /// Checks that such a network can be.
    ///
    /// # Errors
    /// When the image size is no multiple of 4, or a number is not positive or absurdly large.
    pub fn validate(&self) -> Result<(), ModelError> {
        let check = |is_valid: bool, field, found, expected| {
            if is_valid { Ok(()) } else { Err(ModelError::Spec { model: self.model, field, found, expected }) }
        };
        let size = self.image_size;
        check(
            (4..=1024).contains(&size) && size % 4 == 0,
            "image-size",
            size,
            "a multiple of 4 from 4 to 1024 pixels",
        )?;
        check((1..=1024).contains(&self.width), "width", self.width, "1 to 1024 channels")?;
        check((1..=100_000).contains(&self.n_classes), "n-classes", self.n_classes, "1 to 100000 classes")
    }

    /// Names and shapes of all parameters, in the order in which they are initialised.
    pub fn parameter_shapes(&self) -> Vec<(String, Vec<i64>)> {
        self.layers()
            .into_iter()
            .flat_map(|(name, weight)| {
                let bias = vec![weight[0]];
                [(format!("{name}.weight"), weight), (format!("{name}.bias"), bias)]
            })
            .collect()
    }

    /// Each layer's name and the shape of its weights, from pixels to logits.
    pub(crate) fn layers(&self) -> [(&'static str, Vec<i64>); 4] {
        let side = self.image_size / 4;
        let (first, second, hidden) = (self.width, 2 * self.width, 8 * self.width);
        [
            ("conv1", vec![first, 3, 3, 3]),
            ("conv2", vec![second, first, 3, 3]),
            ("fc1", vec![hidden, second * side * side]),
            ("fc2", vec![self.n_classes, hidden]),
        ]
    }
}

impl fmt::Display for NetworkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, width, n_classes, image_size } = self;
        write!(f, "{model} of width {width} for {n_classes} classes and {image_size}x{image_size} pixels")
    }
}
