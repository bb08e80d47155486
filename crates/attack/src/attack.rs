//! Attacks as configs write them.

use serde::{Deserialize, Serialize};
use tch::Tensor;
use twinset_manifest::units::{PixelRange, Radius};

use crate::auto::auto_attack_batch;
use crate::{
    AttackError, Attacked, AutoAttack, Component, Fgsm, InvalidAttack, Iterate, Norm, Pgd, Version, fgsm, pgd,
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
        /// As [`Pgd::iterate`].
        #[serde(default, skip_serializing_if = "Iterate::is_last")]
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

    /// What is odd about it, though it is an attack.
    pub fn warning(&self) -> Option<String> {
        match self.parameters() {
            Parameters::Pgd(config) => config.warning(),
            Parameters::Fgsm(_) | Parameters::AutoAttack(_) => None,
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
        let (Self::Fgsm { epsilon, .. } | Self::Pgd { epsilon, .. } | Self::AutoAttack { epsilon, .. }) = self;
        *epsilon > Radius::ZERO
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
        match self.parameters() {
            Parameters::Fgsm(config) => fgsm(logits, pixels, labels, &config),
            Parameters::Pgd(config) => pgd(logits, pixels, labels, &config),
            Parameters::AutoAttack(config) => auto_attack_batch(logits, pixels, labels, &config),
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
            "random-start": true, "n-restarts": 1, "pixel-range": [0.0, 1.0],
        });
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Attack>(json).unwrap(), attack);
    }
}
