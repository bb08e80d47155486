//! A *measure*: what an accuracy is measured on.

use twinset_manifest::rows::{Split, WORST_CASE};

use crate::counts::Group;

/// What accuracy is measured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The split.
    pub split: Split,
    /// The attack's name; `clean` for none; [`WORST_CASE`] for all together.
    pub attack: String,
    /// Which of the split's images.
    pub among: Among,
}

/// Which images of a split accuracy is measured on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Among {
    /// Its own.
    #[default]
    Own,
    /// Its own, but for those of which a duplicate was found among the training images.
    WithoutTwins,
    /// Those of its own of which a duplicate was found among the training images.
    Twins,
    /// Duplicates of training images that leaked into it on purpose.
    Leaked,
    /// Its own and these.
    WithLeaks,
    /// The training set's, each as often as it stands there.
    Trainset,
}

impl Among {
    /// Whether no image is counted twice: else the number of images says nothing of chance.
    pub fn is_of_distinct_images(self) -> bool {
        self != Self::Trainset
    }

    /// Whether images of this group are among them.
    pub(crate) fn holds(self, group: Group) -> bool {
        match self {
            Self::Own => matches!(group, Group::Own | Group::Twin),
            Self::WithoutTwins => group == Group::Own,
            Self::Twins => group == Group::Twin,
            Self::Leaked => group == Group::Leaked,
            Self::WithLeaks => group != Group::Position,
            Self::Trainset => group == Group::Position,
        }
    }
}

impl Measure {
    /// On all of the split's own images.
    pub fn new(split: Split, attack: impl Into<String>) -> Self {
        Self { split, attack: attack.into(), among: Among::Own }
    }

    /// The same on other images of the split.
    pub fn among(&self, among: Among) -> Self {
        Self { among, ..self.clone() }
    }

    /// Whether the images were left as they are.
    pub fn is_clean(&self) -> bool {
        self.attack == "clean"
    }

    /// Whether it is robust accuracy: under every attack that was run.
    pub fn is_worst_case(&self) -> bool {
        self.attack == WORST_CASE
    }
}
