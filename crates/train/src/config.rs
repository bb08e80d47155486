//! What a training is told.

use serde::{Deserialize, Serialize};
use twinset_attack::Pgd;
use twinset_manifest::rows::Split;
use twinset_model::{Augmentation, GpuNumerics, Model, NetworkSpec, Normalisation, Precision};
use twinset_stage::InvalidField;

use crate::watch::WATCHED;
use crate::{AttackMode, EarlyStopping, Judge, Length, OptimizerConfig, Regime, Schedule, WeightAverage};

/// One training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The network.
    pub model: Model,
    /// Channels of its first convolution, of a wide residual network the widening factor; as published where none are
    /// given.
    #[serde(default)]
    pub width: Option<u32>,
    /// Layers of a wide residual network, as published where none are given; the other networks have no such choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// What its first layer does to pixels in [0, 1]; mean 0.5 and standard deviation 0.5 where nothing is said.
    #[serde(default = "paper_normalisation", skip_serializing_if = "is_paper_normalisation")]
    pub normalisation: Normalisation,
    /// The number format that it computes in; 32-bit floats where nothing is said.
    #[serde(default, skip_serializing_if = "is_float32")]
    pub precision: Precision,
    /// How a GPU computes: exactly and the same each time where nothing is said.
    #[serde(default, skip_serializing_if = "GpuNumerics::is_default")]
    pub gpu: GpuNumerics,
    /// How gradients become weights; Adam with a learning rate of 1e-3 where nothing is said.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// How the learning rate goes over the training; constant where nothing is said.
    #[serde(default, skip_serializing_if = "Schedule::is_constant")]
    pub schedule: Schedule,
    /// What the network is trained on: the images where nothing is said, or attacks on them.
    #[serde(default)]
    pub regime: Regime,
    /// What the network is while its training images are attacked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attack_mode: AttackMode,
    /// Share of each label that is spread over all classes, in the loss of a step and not in attacks (Szegedy et al.
    /// 2016, arXiv 1512.00567).
    #[serde(default, skip_serializing_if = "is_default")]
    pub label_smoothing: f64,
    /// How weights are averaged; not at all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_average: Option<WeightAverage>,
    /// Samples in a step; the last batch of an epoch has what is left, and is never dropped.
    #[serde(default = "published_batch_size")]
    pub batch_size: u32,
    /// How long it is trained.
    pub budget: Budget,
    /// How images are augmented; not at all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<Augmentation>,
    /// Decides initial weights, order, augmentation, dropout and the attacks' random starts.
    pub seed: u64,
    /// Images whose clean accuracy is measured after each epoch; none where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<HeldOut>,
    /// When the training ends before its budget; not where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn paper_normalisation() -> Normalisation {
    Normalisation::PAPER
}

fn is_paper_normalisation(normalisation: &Normalisation) -> bool {
    *normalisation == Normalisation::PAPER
}

fn is_float32(precision: &Precision) -> bool {
    *precision == Precision::Float32
}

fn published_batch_size() -> u32 {
    128
}

/// How long a network is trained; written as a table with one key, such as `{ epochs = 30 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// Passes over the training set.
    Epochs(u32),
    /// Optimiser steps; the last pass over the training set may be partial.
    Steps(u64),
    /// Samples, repetitions counted; the last pass may be partial, and the last batch smaller.
    Samples(u64),
}

/// Images that training is watched by, and that it does not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HeldOut {
    /// The split that they are of.
    pub split: Split,
    /// At most this many, spread over the split; all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_images: Option<u64>,
    /// Their accuracy is also measured each time that another so many samples were trained on, for a learning curve whose points lie
    /// equally far apart however long an epoch is. After epochs alone where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_samples: Option<u64>,
    /// At most this many of them are also attacked after each epoch, in adversarial training: by PGD of ten steps of ε/4 in the
    /// regime's ball. None where nothing is said, but all where early stopping judges by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attacked_images: Option<u64>,
}

/// How much work a training is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Training samples, repetitions counted.
    pub n_samples: u64,
    /// Optimiser steps.
    pub n_steps: u64,
    /// Passes of one image through the network and back, those of attacks included.
    pub n_forward_backward_passes: u64,
}

impl Config {
    /// The config with all defaults filled in.
    pub fn resolved(mut self) -> Self {
        self.width.get_or_insert(self.model.default_width());
        self.regime = self.regime.resolved();
        self.depth = self.depth.or(self.model.default_depth());
        let judge = self.judge();
        if let Some(stopping) = &mut self.early_stopping {
            stopping.judge = judge;
        }
        self
    }

    /// Checks the values.
    ///
    /// # Errors
    /// Names the key, its value, and what it should be.
    pub fn validate(&self) -> Result<(), InvalidField> {
        let Self { batch_size, budget, augmentation, held_out, .. } = self;
        // Of a size that suits all designs, since how large the images are is not known yet.
        self.network(1, 32).check()?;
        self.normalisation.validate("normalisation")?;
        InvalidField::unless(*batch_size > 0, "batch-size", batch_size, "at least 1 sample")?;
        self.optimizer.validate()?;
        self.schedule.validate()?;
        self.regime.validate()?;
        let is_share = (0.0..1.0).contains(&self.label_smoothing);
        InvalidField::unless(is_share, "label-smoothing", self.label_smoothing, "at least 0 and less than 1")?;
        if let Some(average) = &self.weight_average {
            average.validate()?;
        }
        self.validate_early_stopping()?;
        let (key, length) = match *budget {
            Budget::Epochs(n) => ("budget.epochs", n.into()),
            Budget::Steps(n) => ("budget.steps", n),
            Budget::Samples(n) => ("budget.samples", n),
        };
        InvalidField::unless(length > 0, key, length, "at least 1")?;
        if let Some(augmentation) = augmentation {
            augmentation.validate("augmentation")?;
        }
        match held_out {
            Some(HeldOut { split: Split::Train, .. }) => {
                Err(InvalidField::new("held-out.split", "`train`", "`val` or `test`: it is trained on"))
            }
            Some(HeldOut { max_images: Some(0), .. }) => Err(InvalidField::new("held-out.max-images", 0, "at least 1")),
            Some(HeldOut { every_samples: Some(0), .. }) => {
                Err(InvalidField::new("held-out.every-samples", 0, "at least 1"))
            }
            Some(HeldOut { attacked_images: Some(0), .. }) => {
                Err(InvalidField::new("held-out.attacked-images", 0, "at least 1"))
            }
            Some(HeldOut { attacked_images: Some(n), .. }) if self.regime == Regime::Standard => {
                let expected = "nothing: the regime `standard` has no attack";
                Err(InvalidField::new("held-out.attacked-images", n, expected))
            }
            _ => Ok(()),
        }
    }

    /// Checks that a training on `n_rows` rows reaches the first point of its learning curve.
    ///
    /// # Errors
    /// When it ends before.
    pub fn validate_spacing(&self, n_rows: u64) -> Result<(), InvalidField> {
        let Some(every) = self.held_out.and_then(|held_out| held_out.every_samples) else { return Ok(()) };
        let n_samples = self.estimate(n_rows).n_samples;
        let expected = format!("at most {n_samples}: the training sees no more samples");
        InvalidField::unless(every <= n_samples, "held-out.every-samples", every, &expected)
    }

    /// How many held-out images at most are attacked after each epoch; none where none are.
    pub(crate) fn attacks_held_out(&self) -> Option<u64> {
        self.held_out?.attacked_images.or((self.judge() == Some(Judge::Attacked)).then_some(u64::MAX))
    }

    /// What early stopping judges epochs by; none without early stopping.
    pub(crate) fn judge(&self) -> Option<Judge> {
        let usual = if self.regime == Regime::Standard { Judge::Clean } else { Judge::Attacked };
        Some(self.early_stopping?.judge.unwrap_or(usual))
    }

    /// What is odd about it, though it can be trained.
    pub fn warnings(&self) -> Vec<String> {
        self.regime.warning().into_iter().collect()
    }

    fn validate_early_stopping(&self) -> Result<(), InvalidField> {
        let Some(stopping) = &self.early_stopping else { return Ok(()) };
        stopping.validate()?;
        if stopping.judge == Some(Judge::Attacked) && self.regime == Regime::Standard {
            let expected = "`clean`: the regime `standard` has no attack";
            return Err(InvalidField::new("early-stopping.judge", "`attacked`", expected));
        }
        let (found, expected) = match self.held_out {
            Some(HeldOut { split: Split::Val, .. }) => return Ok(()),
            Some(HeldOut { split, .. }) => (format!("`{split}`"), "`val`: early stopping chooses weights by it"),
            None => ("nothing".to_owned(), "held-out images of split `val`, by which early stopping chooses"),
        };
        let key = if self.held_out.is_some() { "held-out.split" } else { "held-out" };
        Err(InvalidField::new(key, found, expected))
    }

    /// How many steps it is to train on `n_rows` rows.
    pub fn length(&self, n_rows: u64) -> Length {
        Length { n_steps: self.estimate(n_rows).n_steps, n_steps_an_epoch: self.n_steps_an_epoch(n_rows) }
    }

    fn n_steps_an_epoch(&self, n_rows: u64) -> u64 {
        n_rows.div_ceil(u64::from(self.batch_size.max(1)))
    }

    /// The network for images of this size and this many classes.
    pub fn network(&self, n_classes: i64, image_size: i64) -> NetworkSpec {
        NetworkSpec::new(self.model, self.width, n_classes, image_size).with_depth(self.depth)
    }

    /// How much work it is to train on `n_rows` rows.
    pub fn estimate(&self, n_rows: u64) -> Estimate {
        let batch_size = u64::from(self.batch_size.max(1));
        let steps_an_epoch = self.n_steps_an_epoch(n_rows);
        let part_of_epoch = |n_steps: u64| (n_steps.saturating_mul(batch_size)).min(n_rows);
        let (n_samples, n_steps) = match self.budget {
            _ if n_rows == 0 => (0, 0),
            Budget::Epochs(n) => (n_rows.saturating_mul(n.into()), steps_an_epoch.saturating_mul(n.into())),
            Budget::Steps(n) => {
                let whole = (n / steps_an_epoch).saturating_mul(n_rows);
                (whole.saturating_add(part_of_epoch(n % steps_an_epoch)), n)
            }
            Budget::Samples(n) => {
                (n, (n / n_rows).saturating_mul(steps_an_epoch).saturating_add((n % n_rows).div_ceil(batch_size)))
            }
        };
        let n_epochs = if n_rows == 0 { 0 } else { n_samples.div_ceil(n_rows) };
        let of_samples = n_samples.saturating_mul(self.regime.n_passes());
        let after_epochs = n_epochs.saturating_mul(self.passes_after_an_epoch(n_rows));
        Estimate { n_samples, n_steps, n_forward_backward_passes: of_samples.saturating_add(after_epochs) }
    }

    /// Passes of attacks that watch the training. Held-out images count as far as the config says how many they are.
    fn passes_after_an_epoch(&self, n_rows: u64) -> u64 {
        let most = self.held_out.and_then(|held_out| held_out.max_images).unwrap_or(u64::MAX);
        let n_held_out = self.attacks_held_out().map(|n| n.min(most)).filter(|&n| n < u64::MAX);
        let watched = self.regime.watching_attack().map(|attack| (attack, n_rows.min(WATCHED)));
        let held_out = self.regime.held_out_attack().zip(n_held_out);
        let passes = |(attack, n): (Pgd, u64)| n.saturating_mul(u64::from(attack.n_steps) + 1);
        watched.into_iter().chain(held_out).map(passes).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(budget: Budget, regime: &str) -> Config {
        let mut config: Config = serde_json::from_str(&format!(
            r#"{{ "model": "paper-standard", "seed": 1, "batch-size": 10, "budget": {{ "epochs": 1 }}, "regime": {regime},
                 "optimizer": {{ "kind": "sgd", "learning-rate": 0.1 }} }}"#
        ))
        .unwrap();
        config.budget = budget;
        config
    }

    #[test]
    fn an_estimate_counts_samples_steps_and_passes() {
        let standard = r#"{ "kind": "standard" }"#;
        let pgd = r#"{ "kind": "pgd", "epsilon": "8/255", "step-size": "2/255", "n-steps": 7, "random-start": true }"#;
        let check = |budget, regime, n_rows, expected: (u64, u64, u64)| {
            let found = config(budget, regime).estimate(n_rows);
            assert_eq!((found.n_samples, found.n_steps, found.n_forward_backward_passes), expected, "{budget:?}");
        };
        check(Budget::Epochs(3), standard, 25, (75, 9, 75));
        check(Budget::Epochs(3), pgd, 25, (75, 9, 600));
        check(Budget::Epochs(1), standard, 4, (4, 1, 4)); // A batch larger than the set is one partial batch.
        check(Budget::Steps(4), standard, 25, (35, 4, 35));
        check(Budget::Steps(6), standard, 25, (50, 6, 50));
        check(Budget::Samples(61), standard, 25, (61, 8, 61));
        check(Budget::Samples(50), standard, 25, (50, 6, 50));
        check(Budget::Steps(5), standard, 0, (0, 0, 0));
        // Two steps, and the step of training; after each epoch ten steps and a look, at all 25 images.
        let few = pgd.replace("\"n-steps\": 7", "\"n-steps\": 2");
        check(Budget::Epochs(3), &few, 25, (75, 9, 75 * 3 + 3 * 25 * 11));
        let mut watched = config(Budget::Epochs(3), pgd);
        watched.held_out =
            Some(HeldOut { split: Split::Val, max_images: Some(30), every_samples: None, attacked_images: Some(20) });
        assert_eq!(watched.estimate(25).n_forward_backward_passes, 600 + 3 * 20 * 11);
    }

    #[test]
    fn early_stopping_judges_by_attacked_images_where_the_training_attacks() {
        let check = |regime: &str, stopping: &str, expected: Judge, n_attacked: Option<u64>| {
            let mut config = config(Budget::Epochs(1), regime);
            config.early_stopping = serde_json::from_str(stopping).unwrap();
            config.held_out =
                Some(HeldOut { split: Split::Val, max_images: None, every_samples: None, attacked_images: None });
            assert_eq!(
                (config.judge(), config.attacks_held_out()),
                (Some(expected), n_attacked),
                "{regime}, {stopping}"
            );
            assert_eq!(config.resolved().early_stopping.unwrap().judge, Some(expected));
        };
        let (standard, fgsm) = (r#"{ "kind": "standard" }"#, r#"{ "kind": "fgsm", "epsilon": "8/255" }"#);
        check(standard, r#"{ "patience": 3 }"#, Judge::Clean, None);
        check(fgsm, r#"{ "patience": 3 }"#, Judge::Attacked, Some(u64::MAX));
        check(fgsm, r#"{ "patience": 3, "judge": "clean" }"#, Judge::Clean, None);
    }

    #[test]
    fn the_resolved_config_has_every_default_and_parses_again() {
        let config = config(Budget::Epochs(1), r#"{ "kind": "standard" }"#).resolved();
        let json = serde_json::to_value(&config).unwrap();
        assert_eq!(json["width"], 16);
        assert_eq!(json["optimizer"]["momentum"], 0.0);
        assert_eq!(serde_json::from_value::<Config>(json).unwrap(), config);
    }
}
