//! What the stage is asked for.

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::Split;
use twinset_stage::InvalidField;

use crate::Selection;
use crate::transform::Transform;

/// What the stage is asked for. Every key but `rate` has a default.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Duplicates ÷ the training images that are left after removal, or ÷ the images of the split that they leak into; at
    /// least 0.
    pub rate: f64,
    /// The seed of every random choice; 0.
    #[serde(default)]
    pub seed: u64,
    /// How many of the training images are the *originals*, drawn by the seed, classes in proportion; all that removal leaves. The rate
    /// is of them. The other training images are in no training set, unless they are added as fresh ones.
    #[serde(default)]
    pub originals: Option<u64>,
    /// The share of each class's originals that duplicates are copies of, above 0 and at most 1, drawn by the seed; all of them. A
    /// class has one source at least.
    #[serde(default)]
    pub sources: Option<f64>,
    /// How duplicates are chosen; uniform.
    #[serde(default)]
    pub selection: Selection,
    /// Whether an image may be drawn again before all others were drawn as often; false.
    #[serde(default)]
    pub with_replacement: bool,
    /// The split that duplicates of training images go into: the training set, or one that networks are judged on; `train`.
    #[serde(default = "training_set")]
    pub into: Split,
    /// Where duplicates stand; appended.
    #[serde(default)]
    pub placement: Placement,
    /// Whether duplicates are exact or changed; exact.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// Which of the duplicates that were found are taken out first; none.
    #[serde(default)]
    pub remove: Removal,
}

fn training_set() -> Split {
    Split::Train
}

/// Where duplicates stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// After all originals: the set grows.
    #[default]
    Append,
    /// In the place of originals that are not repeated themselves: the set keeps its size.
    Replace,
    /// The same, and each in the place of an original of its own class: classes keep their sizes, too.
    ReplaceInClass,
}

/// Whether duplicates are exact or changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields, rename_all = "kebab-case")]
pub enum Duplicates {
    /// The same image again.
    #[default]
    Exact,
    /// A new image, made from the original.
    Near {
        /// What is done to it, in order. Each duplicate has parameters of its own, drawn from the seed.
        transforms: Vec<Transform>,
    },
    /// No duplicate: another training image of the same class that is not among the originals. The set has the same classes as with
    /// duplicates, and nothing is repeated.
    Fresh,
}

/// Which of the duplicates that were found are taken out of the training images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Removal {
    /// None.
    #[default]
    None,
    /// All training images of a cluster but the first.
    TrainDuplicates,
    /// These, and every training image whose cluster holds a validation or test image.
    TrainDuplicatesAndLeaks,
}

impl Config {
    /// This rate, and the default for all else.
    pub fn with_rate(rate: f64) -> Self {
        Self {
            rate,
            seed: 0,
            originals: None,
            sources: None,
            selection: Selection::default(),
            with_replacement: false,
            into: training_set(),
            placement: Placement::default(),
            duplicates: Duplicates::default(),
            remove: Removal::default(),
        }
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self) -> Result<(), InvalidField> {
        let is_rate = self.rate.is_finite() && self.rate >= 0.0;
        InvalidField::unless(is_rate, "rate", self.rate, "a finite number of at least 0, such as 0.5")?;
        if self.selection == Selection::WholeSet {
            let expected = "a whole number, as the selection is `whole-set`";
            InvalidField::unless(self.rate.fract() == 0.0, "rate", self.rate, expected)?;
            let expected = "false, as the selection is `whole-set`";
            InvalidField::unless(!self.with_replacement, "with-replacement", self.with_replacement, expected)?;
            let is_appended = self.placement == Placement::Append;
            InvalidField::unless(is_appended, "placement", "`replace`", "`append`, as the selection is `whole-set`")?;
            let expected = "none, as the selection is `whole-set`";
            InvalidField::unless(self.sources.is_none(), "sources", self.sources.unwrap_or_default(), expected)?;
        }
        InvalidField::unless(self.originals != Some(0), "originals", 0, "at least 1")?;
        if let Some(sources) = self.sources {
            let is_share = sources > 0.0 && sources <= 1.0;
            InvalidField::unless(is_share, "sources", sources, "a share above 0 and at most 1, such as 0.05")?;
        }
        if self.duplicates == Duplicates::Fresh {
            let field = "duplicates.kind";
            let expected = "`exact` or `near` where `originals` is not set: all training images are originals then";
            InvalidField::unless(self.originals.is_some(), field, "`fresh`", expected)?;
            let expected = format!("`exact` or `near`, as `into` is `{}`", self.into);
            InvalidField::unless(!self.leaks(), field, "`fresh`", &expected)?;
        }
        if self.leaks() {
            let expected = format!("a rule that draws, as `into` is `{}`", self.into);
            let is_drawn = self.selection != Selection::WholeSet;
            InvalidField::unless(is_drawn, "selection.kind", "`whole-set`", &expected)?;
            let is_appended = self.placement == Placement::Append;
            let expected = format!("`append`, as `into` is `{}`", self.into);
            InvalidField::unless(is_appended, "placement", "`replace`", &expected)?;
        }
        self.selection.validate()?;
        if let Duplicates::Near { transforms } = &self.duplicates {
            let field = "duplicates.transforms";
            InvalidField::unless(!transforms.is_empty(), field, "an empty list", "at least one transform")?;
            for (index, transform) in transforms.iter().enumerate() {
                transform.validate(&format!("{field}.{index}"))?;
            }
        }
        Ok(())
    }

    /// Whether duplicates go where networks are judged, and not into the training set.
    pub fn leaks(&self) -> bool {
        self.into != training_set()
    }

    /// How many duplicates are drawn for so many images that the rate is of.
    pub fn n_duplicates(&self, n_images: u64) -> u64 {
        (self.rate * n_images as f64).round() as u64
    }

    /// How large the training set is for so many training images, removal aside.
    pub fn n_train(&self, n_images: u64) -> u64 {
        let n_originals = self.originals.map_or(n_images, |n_originals| n_originals.min(n_images));
        match self.placement {
            _ if self.leaks() => n_originals,
            Placement::Append => n_originals.saturating_add(self.n_duplicates(n_originals)),
            Placement::Replace | Placement::ReplaceInClass => n_originals,
        }
    }

    /// Whether any choice depends on the seed.
    pub fn is_random(&self) -> bool {
        self.originals.is_some()
            || self.rate > 0.0 && (self.selection != Selection::WholeSet || self.duplicates != Duplicates::Exact)
    }
}
