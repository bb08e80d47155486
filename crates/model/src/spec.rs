//! Which network: everything that its tensors' names and shapes follow from.

use std::fmt;

use serde::{Deserialize, Serialize};
use twinset_stage::InvalidField;

/// A network's design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Model {
    /// The published standard network: two convolutions, two linear layers, dropout 0.5 between these. Width 16.
    #[serde(rename = "paper-standard")]
    PaperStandard,
    /// The published robust network: the same without dropout. Width 32.
    #[serde(rename = "paper-robust")]
    PaperRobust,
    /// ResNet-18 for small images. Width 64.
    #[serde(rename = "resnet-18")]
    ResNet18,
    /// PreAct-ResNet-18 for small images. Width 64.
    #[serde(rename = "preact-resnet-18")]
    PreActResNet18,
    /// A wide residual network. Depth 28, widening factor 10.
    #[serde(rename = "wide-resnet")]
    WideResNet,
}

impl Model {
    /// All designs.
    pub const ALL: [Self; 5] =
        [Self::PaperStandard, Self::PaperRobust, Self::ResNet18, Self::PreActResNet18, Self::WideResNet];

    /// The name that configs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaperStandard => "paper-standard",
            Self::PaperRobust => "paper-robust",
            Self::ResNet18 => "resnet-18",
            Self::PreActResNet18 => "preact-resnet-18",
            Self::WideResNet => "wide-resnet",
        }
    }

    /// The width as published: channels of the first convolution; of a wide residual network the widening factor.
    pub fn default_width(self) -> u32 {
        match self {
            Self::PaperStandard => 16,
            Self::PaperRobust => 32,
            Self::ResNet18 | Self::PreActResNet18 => 64,
            Self::WideResNet => 10,
        }
    }

    /// The depth as published, of a design that has several.
    pub fn default_depth(self) -> Option<u32> {
        (self == Self::WideResNet).then_some(28)
    }

    /// What an image's side is a multiple of: each halving of it has to come out even.
    fn side_unit(self) -> i64 {
        match self {
            Self::PaperStandard | Self::PaperRobust | Self::WideResNet => 4,
            Self::ResNet18 | Self::PreActResNet18 => 8,
        }
    }

    /// The smallest side. Batch normalisation of a single image needs more than one place at the end.
    fn smallest_side(self) -> i64 {
        match self {
            Self::PaperStandard | Self::PaperRobust => 4,
            Self::WideResNet => 8,
            Self::ResNet18 | Self::PreActResNet18 => 16,
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A network's design and sizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetworkSpec {
    /// The design.
    pub model: Model,
    /// Channels of the first convolution; of a wide residual network the widening factor.
    pub width: i64,
    /// Layers, of a wide residual network; none of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<i64>,
    /// How many classes it tells apart.
    pub n_classes: i64,
    /// Side of its square images in pixels.
    pub image_size: i64,
}

impl NetworkSpec {
    /// A network as deep as published, and as wide unless `width` says otherwise.
    pub fn new(model: Model, width: Option<u32>, n_classes: i64, image_size: i64) -> Self {
        let width = width.unwrap_or_else(|| model.default_width()).into();
        Self { model, width, depth: model.default_depth().map(Into::into), n_classes, image_size }
    }

    /// The same of another depth, where one is given.
    pub fn with_depth(self, depth: Option<u32>) -> Self {
        Self { depth: depth.map(Into::into).or(self.depth), ..self }
    }

    /// Checks that such a network can be; the error names the field as configs write it.
    ///
    /// # Errors
    /// When the image size does not suit the design, or a number is not positive or absurdly large.
    pub fn check(&self) -> Result<(), InvalidField> {
        let Self { model, width, depth, n_classes, image_size } = *self;
        let (unit, smallest) = (model.side_unit(), model.smallest_side());
        let is_size = (smallest..=1024).contains(&image_size) && image_size % unit == 0;
        let sizes = format!("a multiple of {unit} from {smallest} to 1024 pixels");
        InvalidField::unless(is_size, "image-size", image_size, &sizes)?;
        let is_wide = model == Model::WideResNet;
        let (widest, what) = if is_wide { (64, "as widening factor") } else { (1024, "channels") };
        InvalidField::unless((1..=widest).contains(&width), "width", width, &format!("1 to {widest} {what}"))?;
        let found = depth.map_or_else(|| "nothing".to_owned(), |depth| depth.to_string());
        match depth {
            Some(depth) if is_wide => {
                let is_depth = (10..=250).contains(&depth) && (depth - 4) % 6 == 0;
                InvalidField::unless(is_depth, "depth", found, "10, 16, 22, 28 or another 6 n + 4 up to 250 layers")?;
            }
            None if is_wide => return Err(InvalidField::new("depth", found, "a number of layers")),
            Some(_) => return Err(InvalidField::new("depth", found, "none: only `wide-resnet` has several")),
            None => {}
        }
        InvalidField::unless((1..=100_000).contains(&n_classes), "n-classes", n_classes, "1 to 100000 classes")
    }
}

impl fmt::Display for NetworkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, width, depth, n_classes, image_size } = self;
        let depth = depth.map_or_else(String::new, |depth| format!("depth {depth} and "));
        write!(f, "{model} of {depth}width {width} for {n_classes} classes and {image_size}x{image_size} pixels")
    }
}
