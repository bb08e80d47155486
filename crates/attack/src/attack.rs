//! Attacks as configs write them.

use std::io;

use serde::{Deserialize, Serialize};
use tch::Tensor;
use twinset_manifest::units::{PixelRange, Radius};

use crate::auto::auto_attack_batch;
use crate::{
    AttackError, Attacked, AutoAttack, AutoAttacked, Component, Fgsm, InvalidAttack, Iterate, Norm, Pgd, Version, fgsm,
    pgd,
};

/// An attack as a config writes it: `{ kind = "pgd", epsilon = "8/255", step-size = "2/255", n-steps = 20, random-start = true }`.
///
/// The variants repeat the fields of [`Fgsm`] and [`Pgd`] beside the name, since serde's `flatten` would let unknown keys pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Attack {
    /// [`fgsm`].
    Fgsm {
        /// What predictions call it; `fgsm`, or `fgsm-l2`, where none is given.
        #[serde(default)]
        name: Option<String>,
        /// As [`Fgsm::epsilon`].
        epsilon: Radius,
        /// As [`Fgsm::norm`].
        #[serde(default, skip_serializing_if = "Norm::is_linf")]
        norm: Norm,
        /// As [`Fgsm::pixel_range`].
        #[serde(default)]
        pixel_range: PixelRange,
    },
    /// [`pgd`].
    Pgd {
        /// What predictions call it; `pgd-<n-steps>`, or `pgd-<n-steps>-l2`, where none is given.
        #[serde(default)]
        name: Option<String>,
        /// As [`Pgd::epsilon`].
        epsilon: Radius,
        /// As [`Pgd::step_size`].
        step_size: Radius,
        /// As [`Pgd::n_steps`].
        n_steps: u32,
        /// As [`Pgd::random_start`].
        random_start: bool,
        /// As [`Pgd::n_restarts`].
        #[serde(default = "one")]
        n_restarts: u32,
        /// As [`Pgd::iterate`], but the worst where none is given: an evaluation asks what an attack can do. A published protocol
        /// in which the last counts says `iterate = "last"`.
        #[serde(default = "worst")]
        iterate: Iterate,
        /// As [`Pgd::norm`].
        #[serde(default, skip_serializing_if = "Norm::is_linf")]
        norm: Norm,
        /// As [`Pgd::pixel_range`].
        #[serde(default)]
        pixel_range: PixelRange,
    },
    /// [`auto_attack`](crate::auto_attack) on one batch after the other.
    AutoAttack {
        /// What predictions call it; `auto-attack` where none is given, with the version and the norm where they are not the
        /// usual ones.
        #[serde(default)]
        name: Option<String>,
        /// As [`AutoAttack::epsilon`].
        epsilon: Radius,
        /// As [`AutoAttack::norm`].
        #[serde(default, skip_serializing_if = "Norm::is_linf")]
        norm: Norm,
        /// As [`AutoAttack::version`].
        #[serde(default)]
        version: Version,
        /// As [`AutoAttack::attacks`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attacks: Vec<Component>,
    },
}

fn one() -> u32 {
    1
}

fn worst() -> Iterate {
    Iterate::Worst
}

impl Attack {
    /// What predictions call the attack: its name, else `fgsm`, `pgd-<n-steps>` or `auto-attack`, with `-l2` where that is
    /// the norm.
    pub fn name(&self) -> String {
        match self {
            Self::Fgsm { name: Some(name), .. }
            | Self::Pgd { name: Some(name), .. }
            | Self::AutoAttack { name: Some(name), .. } => name.clone(),
            Self::Fgsm { name: None, norm, .. } => format!("fgsm{}", suffix(*norm)),
            Self::Pgd { name: None, n_steps, norm, .. } => format!("pgd-{n_steps}{}", suffix(*norm)),
            Self::AutoAttack { name: None, norm, version, .. } => {
                let version = match version {
                    Version::Standard => "",
                    Version::Plus => "-plus",
                    Version::Rand => "-rand",
                    Version::Custom => "-custom",
                };
                format!("auto-attack{version}{}", suffix(*norm))
            }
        }
    }

    /// Whether its name was given.
    pub fn has_name(&self) -> bool {
        let (Self::Fgsm { name, .. } | Self::Pgd { name, .. } | Self::AutoAttack { name, .. }) = self;
        name.is_some()
    }

    /// The same with its name written out.
    pub fn named(mut self) -> Self {
        let written_out = self.name();
        let (Self::Fgsm { name, .. } | Self::Pgd { name, .. } | Self::AutoAttack { name, .. }) = &mut self;
        *name = Some(written_out);
        self
    }

    /// Checks that this is an attack at all.
    ///
    /// # Errors
    /// As [`Pgd::validate`] and [`AutoAttack::validate`].
    pub fn validate(&self) -> Result<(), InvalidAttack> {
        match self.parameters() {
            Parameters::Fgsm(config) => Pgd::from(config).validate(),
            Parameters::Pgd(config) => config.validate(),
            Parameters::AutoAttack(config) => config.validate(),
        }
    }

    /// Forward and backward passes for an image that withstands it, of ten classes; a pass forward alone is a third.
    pub fn most_passes(&self) -> u64 {
        match self.parameters() {
            Parameters::Fgsm(_) => 1,
            Parameters::Pgd(config) => u64::from(config.n_steps) * u64::from(config.n_restarts),
            Parameters::AutoAttack(config) => config.parts(10).iter().map(|(_, part)| part.most_passes()).sum(),
        }
    }

    /// What is odd about it, though it is an attack: on images of so many values, where that is known.
    pub fn warnings(&self, n_values: Option<i64>) -> Vec<String> {
        let epsilon = self.epsilon();
        // Then the grey image is in each ball.
        let allows_all = match self.norm() {
            Norm::LInf => epsilon.get() >= 0.5,
            Norm::L2 => n_values.is_some_and(|n| epsilon.get() >= 0.5 * (n as f64).sqrt()),
        };
        let of_radius = if !self.may_move() {
            Some(
                "epsilon is 0, so it repeats the accuracy without an attack: leave it out, or give it a radius"
                    .to_owned(),
            )
        } else if allows_all {
            let all = "is so large that every image may become the same one, so it says nothing of the network";
            Some(format!("epsilon {epsilon} {all}: give it a smaller one, such as 8/255 for linf or 0.5 for l2"))
        } else {
            None
        };
        self.short_steps().into_iter().chain(of_radius).collect()
    }

    /// That its steps cannot reach the border of its ball, where that is so.
    pub fn short_steps(&self) -> Option<String> {
        match self.parameters() {
            Parameters::Pgd(config) => config.warning(),
            Parameters::Fgsm(_) | Parameters::AutoAttack(_) => None,
        }
    }

    /// The radius of its ball.
    pub fn epsilon(&self) -> Radius {
        let (Self::Fgsm { epsilon, .. } | Self::Pgd { epsilon, .. } | Self::AutoAttack { epsilon, .. }) = self;
        *epsilon
    }

    /// The norm of its ball.
    pub fn norm(&self) -> Norm {
        let (Self::Fgsm { norm, .. } | Self::Pgd { norm, .. } | Self::AutoAttack { norm, .. }) = self;
        *norm
    }

    /// What it clamps pixels to.
    pub fn pixel_range(&self) -> PixelRange {
        match self {
            Self::Fgsm { pixel_range, .. } | Self::Pgd { pixel_range, .. } => *pixel_range,
            Self::AutoAttack { .. } => PixelRange::FULL,
        }
    }

    /// Its steps of one run; none of AutoAttack, whose attacks differ in that.
    pub fn n_steps(&self) -> Option<u32> {
        match self {
            Self::Fgsm { .. } => Some(1),
            Self::Pgd { n_steps, .. } => Some(*n_steps),
            Self::AutoAttack { .. } => None,
        }
    }

    /// The attacks that AutoAttack consists of, in order; none of another.
    pub fn components(&self) -> Vec<Component> {
        match self.parameters() {
            Parameters::AutoAttack(config) => config.components(),
            Parameters::Fgsm(_) | Parameters::Pgd(_) => Vec::new(),
        }
    }

    /// What it does otherwise on a network of so few classes.
    pub fn notes(&self, n_classes: i64) -> Vec<String> {
        match self.parameters() {
            Parameters::AutoAttack(config) => config.notes(n_classes),
            Parameters::Fgsm(_) | Parameters::Pgd(_) => Vec::new(),
        }
    }

    /// Whether it may change images at all.
    pub fn may_move(&self) -> bool {
        self.epsilon() > Radius::ZERO
    }

    /// Whether images that are wrong without an attack are attacked, too, and may come out right: where the last iterate
    /// counts, as published.
    pub fn attacks_all(&self) -> bool {
        matches!(self, Self::Pgd { iterate: Iterate::Last, .. })
    }

    /// Attacks images.
    ///
    /// # Errors
    /// As [`pgd`] and [`auto_attack`](crate::auto_attack).
    pub fn run(
        &self,
        logits: &dyn Fn(&Tensor) -> Tensor,
        pixels: &Tensor,
        labels: &Tensor,
    ) -> Result<Attacked, AttackError> {
        self.run_resumably(logits, pixels, labels, None, &mut |_| Ok(()))
    }

    /// The same, but `keep` is shown what AutoAttack has come to after each of its attacks. Where `from` is what it was shown last,
    /// and torch's generator is seeded as it was then, this ends as if nothing had come between.
    ///
    /// # Errors
    /// As [`run`](Self::run), and when `keep` fails.
    pub fn run_resumably(
        &self,
        logits: &dyn Fn(&Tensor) -> Tensor,
        pixels: &Tensor,
        labels: &Tensor,
        from: Option<AutoAttacked>,
        keep: &mut dyn FnMut(&AutoAttacked) -> io::Result<()>,
    ) -> Result<Attacked, AttackError> {
        match self.parameters() {
            Parameters::Fgsm(config) => fgsm(logits, pixels, labels, &config),
            Parameters::Pgd(config) => pgd(logits, pixels, labels, &config),
            Parameters::AutoAttack(config) => auto_attack_batch(logits, pixels, labels, &config, from, keep),
        }
    }

    fn parameters(&self) -> Parameters {
        match *self {
            Self::Fgsm { name: _, epsilon, norm, pixel_range } => Parameters::Fgsm(Fgsm { epsilon, norm, pixel_range }),
            Self::Pgd {
                name: _,
                epsilon,
                step_size,
                n_steps,
                random_start,
                n_restarts,
                iterate,
                norm,
                pixel_range,
            } => Parameters::Pgd(Pgd {
                epsilon,
                step_size,
                n_steps,
                random_start,
                n_restarts,
                iterate,
                norm,
                pixel_range,
            }),
            Self::AutoAttack { name: _, epsilon, norm, version, ref attacks } => {
                Parameters::AutoAttack(AutoAttack { epsilon, norm, version, attacks: attacks.clone() })
            }
        }
    }
}

fn suffix(norm: Norm) -> &'static str {
    match norm {
        Norm::LInf => "",
        Norm::L2 => "-l2",
    }
}

enum Parameters {
    Fgsm(Fgsm),
    Pgd(Pgd),
    AutoAttack(AutoAttack),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_strict_and_names_have_defaults() {
        let check = |json: &str, expected: Result<&str, &str>| {
            let found = serde_json::from_str::<Attack>(json).map(|attack| attack.name());
            match (found, expected) {
                (Ok(name), Ok(expected)) => assert_eq!(name, expected, "{json}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{json}: {error}"),
                (found, _) => panic!("{json}: {found:?}, expected {expected:?}"),
            }
        };
        check(r#"{"kind":"fgsm","epsilon":"8/255"}"#, Ok("fgsm"));
        check(r#"{"kind":"fgsm","epsilon":"8/255","name":"fgsm-8","pixel-range":[0.5,1.0]}"#, Ok("fgsm-8"));
        let pgd = r#""kind":"pgd","epsilon":"8/255","step-size":"2/255","n-steps":20,"random-start":true"#;
        check(&format!("{{{pgd}}}"), Ok("pgd-20"));
        check(&format!("{{{pgd},\"n-restarts\":3}}"), Ok("pgd-20"));
        check(&format!("{{{pgd},\"norm\":\"l2\"}}"), Ok("pgd-20-l2"));
        check(r#"{"kind":"fgsm","epsilon":"1/2","norm":"l2"}"#, Ok("fgsm-l2"));
        check(&format!("{{{pgd},\"norm\":\"l1\"}}"), Err("unknown variant `l1`, expected `linf` or `l2`"));
        check(&format!("{{{pgd},\"steps\":3}}"), Err("unknown field `steps`"));
        check(&format!("{{{pgd},\"n_restarts\":3}}"), Err("unknown field `n_restarts`"));
        check(r#"{"kind":"fgsm","epsilon":"8/255","n-steps":3}"#, Err("unknown field `n-steps`"));
        check(r#"{"kind":"fgsm"}"#, Err("missing field `epsilon`"));
        check(r#"{"kind":"fgsm","epsilon":"-8/255"}"#, Err("`-8/255` is no radius"));
        check(&format!("{{{pgd},\"iterate\":\"worst\"}}"), Ok("pgd-20"));
        check(&format!("{{{pgd},\"iterate\":\"first\"}}"), Err("unknown variant `first`, expected `last` or `worst`"));
        let unknown = "unknown variant `square`, expected one of `fgsm`, `pgd`, `auto-attack`";
        check(r#"{"kind":"square","epsilon":"8/255"}"#, Err(unknown));
        check(r#"{"kind":"auto-attack","epsilon":"8/255"}"#, Ok("auto-attack"));
        check(r#"{"kind":"auto-attack","epsilon":0.5,"norm":"l2","version":"plus"}"#, Ok("auto-attack-plus-l2"));
        check(r#"{"kind":"auto-attack","epsilon":"8/255","attacks":["apgd"]}"#, Err("unknown variant `apgd`"));
        check(r#"{"kind":"auto-attack","epsilon":"8/255","n-steps":3}"#, Err("unknown field `n-steps`"));
        check(r#"{"epsilon":"8/255"}"#, Err("missing field `kind`"));
        check(r#"{"kind":"fgsm","epsilon":"8/255","pixel-range":[1.0,0.5]}"#, Err("is no pixel range"));
    }

    #[test]
    fn a_config_is_written_as_it_is_read() {
        let attack = Attack::Pgd {
            name: None,
            epsilon: "8/255".parse().unwrap(),
            step_size: "2/255".parse().unwrap(),
            n_steps: 20,
            random_start: true,
            n_restarts: 1,
            iterate: Iterate::Last,
            norm: Norm::LInf,
            pixel_range: PixelRange::FULL,
        }
        .named();
        let json = serde_json::to_value(&attack).unwrap();
        let expected = serde_json::json!({
            "kind": "pgd", "name": "pgd-20", "epsilon": "8/255", "step-size": "2/255", "n-steps": 20,
            "random-start": true, "n-restarts": 1, "iterate": "last", "pixel-range": [0.0, 1.0],
        });
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Attack>(json.clone()).unwrap(), attack);
        assert!(attack.attacks_all());
        let mut without = json;
        without.as_object_mut().unwrap().remove("iterate");
        let strong = serde_json::from_value::<Attack>(without).unwrap();
        assert!(matches!(strong, Attack::Pgd { iterate: Iterate::Worst, .. }) && !strong.attacks_all());
    }
}
