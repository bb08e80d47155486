//! What APGD raises.

use tch::{Kind, Tensor};

use crate::AttackError;
use crate::loss::log_odds;

/// Keeps a denominator from being 0.
const TINY: f64 = 1e-12;

/// A loss of logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// The cross-entropy, in a form that ranks points alike and keeps its gradient where logits are large.
    CrossEntropy,
    /// The difference of logits ratio: the margin by which the image is wrong, divided by what lies between the largest and
    /// the third largest logit. Needs 3 classes.
    Dlr,
    /// The same towards one class, divided by the largest logit less the mean of the third and fourth largest. Needs 4
    /// classes.
    TargetedDlr,
    /// The margin by which the image is wrong, for 2 classes.
    Margin,
}

impl Objective {
    /// Classes that it needs.
    pub(super) fn n_classes(self) -> i64 {
        match self {
            Self::CrossEntropy | Self::Margin => 2,
            Self::Dlr => 3,
            Self::TargetedDlr => 4,
        }
    }

    /// The loss of each image, `[n]`; `targets` are the classes that it goes towards, where it is targeted.
    pub(super) fn losses(self, logits: &Tensor, labels: &Tensor, targets: &Tensor) -> Result<Tensor, AttackError> {
        let logits = logits.f_to_kind(Kind::Float)?;
        let of = |classes: &Tensor| logits.f_gather(1, &classes.f_unsqueeze(1)?, false)?.f_squeeze_dim(1);
        let ranks = || -> Result<_, AttackError> {
            let (sorted, classes) = logits.f_sort(1, false)?;
            let n = logits.size()[1];
            Ok((move |rank: i64| sorted.f_select(1, n - rank), classes.f_select(1, n - 1)?))
        };
        match self {
            Self::CrossEntropy => log_odds(&logits, labels),
            Self::Margin => Ok(largest_other(&logits, labels)?.f_sub(&of(labels)?)?),
            Self::Dlr => {
                let (rank, first) = ranks()?;
                let other = rank(2)?.f_where_self(&first.f_eq_tensor(labels)?, &rank(1)?)?;
                let range = rank(1)?.f_sub(&rank(3)?)?.f_add_scalar(TINY)?;
                Ok(of(labels)?.f_sub(&other)?.f_neg()?.f_div(&range)?)
            }
            Self::TargetedDlr => {
                let (rank, _) = ranks()?;
                let range = rank(1)?.f_sub(&rank(3)?.f_add(&rank(4)?)?.f_mul_scalar(0.5)?)?.f_add_scalar(TINY)?;
                Ok(of(labels)?.f_sub(&of(targets)?)?.f_neg()?.f_div(&range)?)
            }
        }
    }

    /// By how much the gradient of what it stands for is smaller than its own, as a logarithm. `[n]`
    pub(super) fn log_weights(self, losses: &Tensor) -> Result<Tensor, AttackError> {
        match self {
            // 1 − p_y, see `log_odds`.
            Self::CrossEntropy => Ok(losses.f_log_sigmoid()?),
            Self::Dlr | Self::TargetedDlr | Self::Margin => Ok(losses.f_zeros_like()?),
        }
    }

    /// What the first loss counts as larger than: the reference compares it with a row of zeros that was never filled.
    pub(super) fn before_the_first(self) -> f64 {
        match self {
            // A cross-entropy is larger than 0.
            Self::CrossEntropy => f64::NEG_INFINITY,
            Self::Dlr | Self::TargetedDlr | Self::Margin => 0.0,
        }
    }
}

/// The largest logit of another class. `[n]`
pub(super) fn largest_other(logits: &Tensor, labels: &Tensor) -> Result<Tensor, AttackError> {
    Ok(logits.f_scatter_value(1, &labels.f_unsqueeze(1)?, f64::NEG_INFINITY)?.f_amax([1], false)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_gradients_with_and_without_ties() {
        let check = |objective: Objective, logits: &[f32], label: i64, target: i64, expected: f64, gradient: &[f64]| {
            let logits = Tensor::from_slice(logits).view([1, -1]).set_requires_grad(true);
            let (label, target) = (Tensor::from_slice(&[label]), Tensor::from_slice(&[target]));
            let loss = objective.losses(&logits, &label, &target).unwrap();
            assert!((loss.double_value(&[0]) - expected).abs() < 1e-6, "{objective:?}: {loss:?}");
            let found = Tensor::run_backward(&[loss], &[logits], false, false);
            let found = Vec::<f64>::try_from(found[0].flatten(0, -1).to_kind(Kind::Double)).unwrap();
            for (found, expected) in found.iter().zip(gradient) {
                assert!((found - expected).abs() < 1e-6, "{objective:?}: {found}, expected {expected}");
            }
        };
        // −(4 − 2)/(4 − 1); the denominator has a gradient.
        check(Objective::Dlr, &[4.0, 1.0, 2.0, 0.0], 0, 0, -2.0 / 3.0, &[-1.0 / 9.0, -2.0 / 9.0, 1.0 / 3.0, 0.0]);
        // Wrong already: −(1 − 4)/(4 − 1).
        check(Objective::Dlr, &[4.0, 1.0, 2.0, 0.0], 1, 0, 1.0, &[0.0, 0.0, 0.0, 0.0]);
        // −(4 − 0)/(4 − ½(1 + 0))
        check(
            Objective::TargetedDlr,
            &[4.0, 1.0, 2.0, 0.0],
            0,
            3,
            -8.0 / 7.0,
            &[-1.0 / 3.5 + 4.0 / 12.25, -0.5 * 4.0 / 12.25, 0.0, 1.0 / 3.5 - 0.5 * 4.0 / 12.25],
        );
        check(Objective::Margin, &[1.5, 1.0], 0, 0, -0.5, &[-1.0, 1.0]);
        check(Objective::CrossEntropy, &[1.5, 1.0], 0, 0, -0.5, &[-1.0, 1.0]);
        // Ties: the class that sorting puts last is the largest, so the margin is 0.
        check(Objective::Dlr, &[2.0, 2.0, 1.0], 0, 0, 0.0, &[-1.0, 1.0, 0.0]);
        check(Objective::Dlr, &[2.0, 2.0, 1.0], 1, 0, 0.0, &[1.0, -1.0, 0.0]);
    }
}
