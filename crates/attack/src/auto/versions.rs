//! What AutoAttack consists of: its attacks, and the versions that choose among them.

use std::fmt;

use serde::{Deserialize, Serialize};
use tch::Tensor;
use twinset_manifest::units::Radius;

use super::{Apgd, Fab, Objective, Square, apgd, fab, square};
use crate::{AttackError, Attacked, InvalidAttack, Norm};

/// Steps of a run of APGD and of FAB.
const N_STEPS: u32 = 100;
/// Classes that targeted attacks go towards, where there are as many.
const N_TARGETS: u32 = 9;
/// Squares that are tried.
const N_QUERIES: u32 = 5000;
/// Restarts of the untargeted attacks in the versions `plus` and `custom`.
const N_RESTARTS: u32 = 5;
/// Passes for a gradient of a network that is random.
const N_GRADIENTS: u32 = 20;

/// Parameters of AutoAttack.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoAttack {
    /// The radius of the ball: for L∞ of pixels in [0, 1], for L2 of whole images.
    pub epsilon: Radius,
    /// The norm that the ball is measured in.
    pub norm: Norm,
    /// Which attacks it has, and how long they last.
    pub version: Version,
    /// The attacks of the version `custom`; none of another.
    pub attacks: Vec<Component>,
}

/// A version of AutoAttack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Version {
    /// `apgd-ce`, `apgd-t`, `fab-t` and `square`: the one that leaderboards use.
    #[default]
    Standard,
    /// All attacks, with restarts.
    Plus,
    /// `apgd-ce` and `apgd-dlr` with gradients of 20 passes, for networks that are random.
    Rand,
    /// The attacks that are named.
    Custom,
}

/// One of AutoAttack's attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// [`apgd`] on the cross-entropy.
    ApgdCe,
    /// [`apgd`] on the difference of logits ratio.
    ApgdDlr,
    /// [`apgd`] on the targeted difference of logits ratio.
    ApgdT,
    /// [`fab`] towards the nearest class.
    Fab,
    /// [`fab`] towards one class after the other.
    FabT,
    /// [`square`].
    Square,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::ApgdCe, Self::ApgdDlr, Self::ApgdT, Self::Fab, Self::FabT, Self::Square];
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApgdCe => "apgd-ce",
            Self::ApgdDlr => "apgd-dlr",
            Self::ApgdT => "apgd-t",
            Self::Fab => "fab",
            Self::FabT => "fab-t",
            Self::Square => "square",
        })
    }
}

/// An attack with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// [`apgd`].
    Apgd(Apgd),
    /// [`fab`].
    Fab(Fab),
    /// [`square`].
    Square(Square),
}

impl Part {
    /// Forward and backward passes for an image that withstands it, of ten classes; a pass forward alone is a third.
    pub(crate) fn most_passes(&self) -> u64 {
        match *self {
            Self::Apgd(Apgd { objective, n_targets, n_steps, n_restarts, n_gradients, .. }) => {
                let n_targets = if objective == Objective::TargetedDlr { n_targets } else { 1 };
                [n_targets, n_steps + 1, n_restarts, n_gradients].map(u64::from).iter().product()
            }
            // Without targets the gradients of all other classes are needed.
            Self::Fab(Fab { n_targets, n_steps, n_restarts, .. }) => {
                [if n_targets == 0 { N_TARGETS } else { n_targets }, n_steps, n_restarts]
                    .map(u64::from)
                    .iter()
                    .product()
            }
            Self::Square(Square { n_queries, .. }) => u64::from(n_queries).div_ceil(3),
        }
    }

    pub(super) fn run(
        &self,
        logits: &dyn Fn(&Tensor) -> Tensor,
        pixels: &Tensor,
        labels: &Tensor,
    ) -> Result<Attacked, AttackError> {
        match self {
            Self::Apgd(config) => apgd(logits, pixels, labels, config),
            Self::Fab(config) => fab(logits, pixels, labels, config),
            Self::Square(config) => square(logits, pixels, labels, config),
        }
    }
}

impl AutoAttack {
    /// Checks that it has attacks, each once, and a radius of its norm.
    ///
    /// # Errors
    /// Names the parameter, its value, and what it should be.
    pub fn validate(&self) -> Result<(), InvalidAttack> {
        self.norm.check("epsilon", self.epsilon)?;
        let invalid = |found: String, expected: &str| {
            Err(InvalidAttack { field: "attacks", found, expected: expected.to_owned() })
        };
        match (self.version, &self.attacks[..]) {
            (Version::Custom, []) => invalid("[]".to_owned(), "at least one attack in the version `custom`"),
            (Version::Custom, attacks) => {
                match (1..attacks.len()).find(|&index| attacks[..index].contains(&attacks[index])) {
                    Some(index) => invalid(format!("`{}` twice", attacks[index]), "each attack once"),
                    None => Ok(()),
                }
            }
            (_, []) => Ok(()),
            (_, [first, ..]) => invalid(format!("[`{first}`, …]"), "nothing unless `version` is `custom`"),
        }
    }

    /// Its attacks in order.
    pub fn components(&self) -> Vec<Component> {
        use Component::{ApgdCe, ApgdDlr, ApgdT, Fab, FabT, Square};
        match self.version {
            Version::Standard => vec![ApgdCe, ApgdT, FabT, Square],
            Version::Plus => vec![ApgdCe, ApgdDlr, Fab, Square, ApgdT, FabT],
            Version::Rand => vec![ApgdCe, ApgdDlr],
            Version::Custom => self.attacks.clone(),
        }
    }

    /// What its attacks are for a network of so many classes.
    pub fn parts(&self, n_classes: i64) -> Vec<(Component, Part)> {
        self.components().into_iter().map(|component| (component, self.part(component, n_classes))).collect()
    }

    fn part(&self, component: Component, n_classes: i64) -> Part {
        let Self { epsilon, norm, version, .. } = *self;
        let n_restarts = if matches!(version, Version::Plus | Version::Custom) { N_RESTARTS } else { 1 };
        let n_gradients = if version == Version::Rand { N_GRADIENTS } else { 1 };
        let apgd = |objective: Objective, n_restarts: u32| {
            let (n_targets, n_steps) = (N_TARGETS, N_STEPS);
            Part::Apgd(Apgd { epsilon, norm, objective, n_targets, n_steps, n_restarts, n_gradients })
        };
        let fab =
            |n_targets: u32, n_restarts: u32| Part::Fab(Fab { epsilon, norm, n_targets, n_steps: N_STEPS, n_restarts });
        match component {
            Component::ApgdCe => apgd(Objective::CrossEntropy, n_restarts),
            Component::ApgdDlr => apgd(untargeted(n_classes), n_restarts),
            Component::ApgdT if n_classes >= Objective::TargetedDlr.n_classes() => apgd(Objective::TargetedDlr, 1),
            Component::ApgdT => apgd(untargeted(n_classes), 1),
            Component::Fab => fab(0, n_restarts),
            Component::FabT => fab(N_TARGETS, 1),
            Component::Square => Part::Square(Square { epsilon, norm, n_queries: N_QUERIES }),
        }
    }

    /// What is done otherwise since there are so few classes.
    pub fn notes(&self, n_classes: i64) -> Vec<String> {
        let told = |component: Component| {
            let instead = match (component, n_classes) {
                (Component::ApgdDlr, 2) => "has a margin loss, as DLR needs 3 classes".to_owned(),
                (Component::ApgdT, 2) => "has a margin loss, as targeted DLR needs 4 classes".to_owned(),
                (Component::ApgdT, 3) => "has the untargeted DLR, as the targeted one needs 4 classes".to_owned(),
                (Component::ApgdT | Component::FabT, n) if n <= i64::from(N_TARGETS) => {
                    format!("has {} targets and not {N_TARGETS}, as there are {n} classes", n - 1)
                }
                _ => return None,
            };
            Some(format!("{component} {instead}"))
        };
        self.components().into_iter().filter_map(told).collect()
    }
}

fn untargeted(n_classes: i64) -> Objective {
    if n_classes >= Objective::Dlr.n_classes() { Objective::Dlr } else { Objective::Margin }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(version: Version, attacks: &[Component]) -> AutoAttack {
        AutoAttack { epsilon: "8/255".parse().unwrap(), norm: Norm::LInf, version, attacks: attacks.to_vec() }
    }

    #[test]
    fn what_is_no_autoattack_is_refused() {
        let check = |config: &AutoAttack, expected: Option<&str>| {
            let found = config.validate().err().map(|invalid| invalid.to_string());
            assert_eq!(found.as_deref(), expected);
        };
        check(&config(Version::Standard, &[]), None);
        check(&config(Version::Custom, &[Component::Square, Component::FabT]), None);
        let expected = "`attacks` is [], expected at least one attack in the version `custom`";
        check(&config(Version::Custom, &[]), Some(expected));
        let twice = [Component::FabT, Component::Square, Component::FabT];
        check(&config(Version::Custom, &twice), Some("`attacks` is `fab-t` twice, expected each attack once"));
        let expected = "`attacks` is [`square`, …], expected nothing unless `version` is `custom`";
        check(&config(Version::Plus, &[Component::Square]), Some(expected));
        let mut large = config(Version::Standard, &[]);
        large.epsilon = "2.5".parse().unwrap();
        check(&large, Some("`epsilon` is 2.5, expected at most 1, such as \"8/255\": a pixel is between 0 and 1"));
        large.norm = Norm::L2;
        check(&large, None);
    }

    #[test]
    fn versions_have_the_settings_of_the_reference() {
        let told = |version: Version, n_classes: i64| -> Vec<String> {
            let config = config(version, &[Component::ApgdDlr, Component::FabT]);
            let tell = |(component, part): (Component, Part)| match part {
                Part::Apgd(Apgd { objective, n_steps, n_restarts, n_gradients, n_targets, .. }) => {
                    assert_eq!((n_steps, n_targets), (100, 9));
                    format!("{component} {objective:?} x{n_restarts} /{n_gradients}")
                }
                Part::Fab(Fab { n_targets, n_steps, n_restarts, .. }) => {
                    format!("{component} {n_targets} {n_steps} x{n_restarts}")
                }
                Part::Square(Square { n_queries, .. }) => format!("{component} {n_queries}"),
            };
            config.parts(n_classes).into_iter().map(tell).collect()
        };
        let (standard, ce) = (Version::Standard, "apgd-ce CrossEntropy x1 /1");
        let rest = ["fab-t 9 100 x1", "square 5000"];
        assert_eq!(told(standard, 10), [&[ce, "apgd-t TargetedDlr x1 /1"][..], &rest].concat());
        assert_eq!(told(standard, 3), [&[ce, "apgd-t Dlr x1 /1"][..], &rest].concat());
        assert_eq!(told(standard, 2), [&[ce, "apgd-t Margin x1 /1"][..], &rest].concat());
        assert_eq!(
            told(Version::Plus, 10),
            [
                "apgd-ce CrossEntropy x5 /1",
                "apgd-dlr Dlr x5 /1",
                "fab 0 100 x5",
                "square 5000",
                "apgd-t TargetedDlr x1 /1",
                "fab-t 9 100 x1",
            ]
        );
        assert_eq!(told(Version::Rand, 10), ["apgd-ce CrossEntropy x1 /20", "apgd-dlr Dlr x1 /20"]);
        assert_eq!(told(Version::Custom, 2), ["apgd-dlr Margin x5 /1", "fab-t 9 100 x1"]);
    }

    #[test]
    fn few_classes_are_told_of() {
        let of = |n_classes: i64| config(Version::Standard, &[]).notes(n_classes);
        assert_eq!(of(10), Vec::<String>::new());
        let few = [
            "apgd-t has 3 targets and not 9, as there are 4 classes",
            "fab-t has 3 targets and not 9, as there are 4 classes",
        ];
        assert_eq!(of(4), few);
        assert!(of(3)[0].contains("apgd-t has the untargeted DLR"));
        assert!(of(2)[0].contains("apgd-t has a margin loss"));
    }
}
