//! Learning-rate schedules: what the optimiser's learning rate is multiplied by in each step.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};
use twinset_stage::InvalidField;

/// How the learning rate goes over a training, whatever the optimiser and whatever the budget is counted in.
///
/// The rate is set anew before every step; shares are of the training's steps, so that a schedule fits any budget. Each
/// schedule gives what PyTorch's scheduler of that name gives when it is stepped once a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The optimiser's learning rate throughout.
    #[default]
    Constant,
    /// From each milestone on, the rate is multiplied by the factor once more (`MultiStepLR`).
    Piecewise {
        /// Where the rate changes.
        milestones: Milestones,
        /// What it is multiplied by there.
        factor: f64,
    },
    /// Half a cosine from the optimiser's rate down (`CosineAnnealingLR`; Loshchilov, Hutter 2017, arXiv 1608.03983).
    Cosine {
        /// Share of the steps in which the rate first grows, step by step alike; step `i` of `w` has `(i + 1) / (w + 1)`.
        #[serde(default)]
        warm_up: f64,
        /// What the rate goes down to, as a share of the optimiser's; the step after the last would have it.
        #[serde(default)]
        final_share: f64,
    },
    /// A straight line from the optimiser's rate down (`LinearLR`).
    Linear {
        /// As [`Schedule::Cosine`]'s.
        #[serde(default)]
        warm_up: f64,
        /// As [`Schedule::Cosine`]'s.
        #[serde(default)]
        final_share: f64,
    },
    /// Up to the optimiser's rate and down again (`OneCycleLR` of two phases; Smith, Topin 2018, arXiv 1708.07120).
    ///
    /// One difference: the momentum stays what the optimiser says, as with `cycle_momentum=False`. PyTorch's default moves it the
    /// other way round between 0.95 and 0.85.
    OneCycle {
        /// Where the peak is, as a share of the steps.
        #[serde(default = "peak_share")]
        peak_share: f64,
        /// The first step's rate, as a share of the optimiser's, which is the peak's.
        #[serde(default = "start_factor")]
        start_factor: f64,
        /// The last step's.
        #[serde(default = "end_factor")]
        end_factor: f64,
        /// The way between them.
        #[serde(default)]
        annealing: Annealing,
    },
}

/// Where a piecewise schedule changes, in ascending order; written as a table with one key, such as `{ epochs = [15, 25] }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Milestones {
    /// After these epochs.
    Epochs(Vec<u32>),
    /// After these shares of the steps, each rounded to the nearest step.
    Shares(Vec<f64>),
}

/// The way from one rate to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Annealing {
    /// Half a cosine.
    #[default]
    Cosine,
    /// A straight line.
    Linear,
}

fn peak_share() -> f64 {
    0.3
}

fn start_factor() -> f64 {
    1.0 / 25.0
}

fn end_factor() -> f64 {
    1.0 / 25.0 / 1e4
}

/// How many steps a training has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// In all.
    pub n_steps: u64,
    /// In each whole epoch.
    pub n_steps_an_epoch: u64,
}

impl Schedule {
    /// Whether the rate never changes.
    pub fn is_constant(&self) -> bool {
        *self == Self::Constant
    }

    /// What the learning rate is multiplied by in a step, counted from 0.
    pub fn factor(&self, step: u64, length: Length) -> f64 {
        let n_steps = length.n_steps as f64;
        match *self {
            Self::Constant => 1.0,
            Self::Piecewise { ref milestones, factor } => factor.powi(milestones.n_passed(step, length)),
            Self::Cosine { warm_up, final_share } => {
                warm_then_decay(step, n_steps, warm_up, final_share, Annealing::Cosine)
            }
            Self::Linear { warm_up, final_share } => {
                warm_then_decay(step, n_steps, warm_up, final_share, Annealing::Linear)
            }
            Self::OneCycle { peak_share, start_factor, end_factor, annealing } => {
                let (step, peak, last) = (step as f64, peak_share * n_steps - 1.0, n_steps - 1.0);
                if step <= peak {
                    annealing.between(start_factor, 1.0, step / peak)
                } else {
                    annealing.between(1.0, end_factor, (step - peak) / (last - peak))
                }
            }
        }
    }

    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        let check = |key: &str, value: f64, is_valid: bool, expected: &str| {
            InvalidField::unless(value.is_finite() && is_valid, &format!("schedule.{key}"), value, expected)
        };
        match *self {
            Self::Constant => Ok(()),
            Self::Piecewise { ref milestones, factor } => {
                check("factor", factor, factor > 0.0, "more than 0")?;
                milestones.validate()
            }
            Self::Cosine { warm_up, final_share } | Self::Linear { warm_up, final_share } => {
                check("warm-up", warm_up, (0.0..1.0).contains(&warm_up), "at least 0 and less than 1")?;
                check("final-share", final_share, (0.0..=1.0).contains(&final_share), "0 to 1")
            }
            Self::OneCycle { peak_share, start_factor, end_factor, annealing: _ } => {
                check("peak-share", peak_share, peak_share > 0.0 && peak_share < 1.0, "more than 0 and less than 1")?;
                check("start-factor", start_factor, (0.0..=1.0).contains(&start_factor), "0 to 1")?;
                check("end-factor", end_factor, (0.0..=1.0).contains(&end_factor), "0 to 1")
            }
        }
    }
}

fn warm_then_decay(step: u64, n_steps: f64, warm_up: f64, final_share: f64, annealing: Annealing) -> f64 {
    let (step, n_warm) = (step as f64, (warm_up * n_steps).round());
    if step < n_warm {
        (step + 1.0) / (n_warm + 1.0)
    } else {
        annealing.between(1.0, final_share, (step - n_warm) / (n_steps - n_warm))
    }
}

impl Annealing {
    fn between(self, from: f64, to: f64, share: f64) -> f64 {
        // A way of no steps, in a training of one or two, is at its end.
        let share = if share.is_nan() { 1.0 } else { share.clamp(0.0, 1.0) };
        match self {
            Self::Linear => from + (to - from) * share,
            Self::Cosine => to + (from - to) * (1.0 + (PI * share).cos()) / 2.0,
        }
    }
}

impl Milestones {
    fn n_passed(&self, step: u64, length: Length) -> i32 {
        let n_passed = match self {
            Self::Epochs(epochs) => {
                epochs.iter().filter(|&&epoch| step >= length.n_steps_an_epoch.saturating_mul(epoch.into())).count()
            }
            Self::Shares(shares) => {
                shares.iter().filter(|&&share| step as f64 >= (share * length.n_steps as f64).round()).count()
            }
        };
        n_passed as i32
    }

    fn validate(&self) -> Result<(), InvalidField> {
        let (key, found, is_valid, expected) = match self {
            Self::Epochs(epochs) => {
                let is_valid = epochs.first().is_some_and(|&first| first > 0) && epochs.is_sorted_by(|a, b| a < b);
                ("epochs", format!("{epochs:?}"), is_valid, "ascending numbers of epochs, at least 1")
            }
            Self::Shares(shares) => {
                let are_shares = shares.iter().all(|&share| share > 0.0 && share < 1.0);
                let is_valid = !shares.is_empty() && are_shares && shares.is_sorted_by(|a, b| a < b);
                ("shares", format!("{shares:?}"), is_valid, "ascending numbers, more than 0 and less than 1")
            }
        };
        InvalidField::unless(is_valid, &format!("schedule.milestones.{key}"), found, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Schedule {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    /// The expected values are those of `torch.optim.lr_scheduler` of PyTorch 2.11, stepped once a step from a rate of 1.
    #[test]
    fn each_schedule_is_pytorchs() {
        let check = |json: &str, expected: &[f64]| {
            let length = Length { n_steps: expected.len() as u64, n_steps_an_epoch: 3 };
            for (step, expected) in (0..).zip(expected) {
                let found = parse(json).factor(step, length);
                assert!((found - expected).abs() < 1e-11, "{json}, step {step}: {found}, expected {expected}");
            }
        };
        check(r#"{ "kind": "constant" }"#, &[1.0; 5]);
        // MultiStepLR(milestones=[4, 6], gamma=0.1) and MultiStepLR(milestones=[3, 6], gamma=0.5)
        let shares = r#"{ "kind": "piecewise", "milestones": { "shares": [0.5, 0.75] }, "factor": 0.1 }"#;
        check(shares, &[1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.01, 0.01]);
        let epochs = r#"{ "kind": "piecewise", "milestones": { "epochs": [1, 2] }, "factor": 0.5 }"#;
        check(epochs, &[1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]);
        // CosineAnnealingLR(T_max=8), and with eta_min=0.1
        let plain = [1.0, 0.961939766256, 0.853553390593, 0.691341716183, 0.5, 0.308658283817, 0.146446609407];
        check(r#"{ "kind": "cosine" }"#, &[&plain[..], &[0.038060233744]].concat());
        let above = [1.0, 0.96574578963, 0.868198051534, 0.722207544564, 0.55, 0.377792455436, 0.231801948466];
        check(r#"{ "kind": "cosine", "final-share": 0.1 }"#, &[&above[..], &[0.13425421037]].concat());
        // SequentialLR([LinearLR(start_factor=1/3, total_iters=2), CosineAnnealingLR(T_max=6, eta_min=0.1)], [2])
        let warmed = [0.333333333333, 0.666666666667, 1.0, 0.939711431703, 0.775, 0.55, 0.325, 0.160288568297];
        check(r#"{ "kind": "cosine", "warm-up": 0.25, "final-share": 0.1 }"#, &warmed);
        // LinearLR(1, 0, total_iters=8), LinearLR(1, 0.2, 8), and LinearLR(1/5, 1, 4) before LinearLR(1, 0, 4)
        check(r#"{ "kind": "linear" }"#, &[1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]);
        check(r#"{ "kind": "linear", "final-share": 0.2 }"#, &[1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]);
        check(r#"{ "kind": "linear", "warm-up": 0.5 }"#, &[0.2, 0.4, 0.6, 0.8, 1.0, 0.75, 0.5, 0.25]);
        // OneCycleLR(total_steps=10), and of 8 steps with pct_start=0.5, div_factor=10, final_div_factor=100
        let cosine = [0.04, 0.52, 1.0, 0.950484632013, 0.81174565395, 0.611262021936, 0.388741978064, 0.18825834605];
        check(r#"{ "kind": "one-cycle" }"#, &[&cosine[..], &[0.049519367987, 4e-6]].concat());
        let linear = [0.04, 0.52, 1.0, 0.857143428571, 0.714286857143, 0.571430285714, 0.428573714286, 0.285717142857];
        let expected = [&linear[..], &[0.142860571429, 4e-6]].concat();
        check(r#"{ "kind": "one-cycle", "annealing": "linear" }"#, &expected);
        // Of 7, 3 and 2 steps, whose peak lies between two steps or before the first.
        let between = [0.04, 0.980556627335, 0.91904437627, 0.672683836481, 0.35773877574, 0.099296791893, 4e-6];
        check(r#"{ "kind": "one-cycle" }"#, &between);
        check(r#"{ "kind": "one-cycle" }"#, &[0.994415435451, 0.462637102667, 4e-6]);
        check(r#"{ "kind": "one-cycle", "annealing": "linear" }"#, &[0.714286857143, 4e-6]);
        let half = r#"{ "kind": "one-cycle", "peak-share": 0.5, "start-factor": 0.1, "end-factor": 0.001 }"#;
        check(half, &[0.1, 0.325, 0.775, 1.0, 0.853699837203, 0.5005, 0.147300162797, 0.001]);
    }

    #[test]
    fn a_training_of_few_steps_has_a_rate_in_each() {
        for kind in ["constant", "cosine", "linear", "one-cycle"] {
            for n_steps in 1..5 {
                for step in 0..n_steps {
                    let length = Length { n_steps, n_steps_an_epoch: 1 };
                    let factor = parse(&format!(r#"{{ "kind": "{kind}" }}"#)).factor(step, length);
                    assert!((0.0..=1.0).contains(&factor), "{kind}, step {step} of {n_steps}: {factor}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        let check = |json: &str, expected: &str| {
            let InvalidField { field, found, expected: range } = parse(json).validate().unwrap_err();
            assert_eq!(format!("{field}: found {found}, expected {range}"), expected, "{json}");
        };
        let piecewise = |milestones: &str, factor: &str| {
            format!(r#"{{ "kind": "piecewise", "milestones": {milestones}, "factor": {factor} }}"#)
        };
        check(
            &piecewise(r#"{ "epochs": [] }"#, "0.1"),
            "schedule.milestones.epochs: found [], expected ascending numbers of epochs, at least 1",
        );
        check(
            &piecewise(r#"{ "shares": [0.5, 0.5] }"#, "0.1"),
            "schedule.milestones.shares: found [0.5, 0.5], expected ascending numbers, more than 0 and less than 1",
        );
        check(&piecewise(r#"{ "epochs": [1] }"#, "0"), "schedule.factor: found 0, expected more than 0");
        check(
            r#"{ "kind": "cosine", "warm-up": 1 }"#,
            "schedule.warm-up: found 1, expected at least 0 and less than 1",
        );
        check(r#"{ "kind": "linear", "final-share": 2 }"#, "schedule.final-share: found 2, expected 0 to 1");
        check(
            r#"{ "kind": "one-cycle", "peak-share": 0 }"#,
            "schedule.peak-share: found 0, expected more than 0 and less than 1",
        );
        let unknown = serde_json::from_str::<Schedule>(r#"{ "kind": "cosine", "warmup": 1 }"#).unwrap_err();
        assert!(unknown.to_string().contains("unknown field `warmup`"), "{unknown}");
    }
}
