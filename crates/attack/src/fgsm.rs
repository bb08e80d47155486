//! The fast gradient sign method.

use serde::{Deserialize, Serialize};
use tch::Tensor;
use twinset_manifest::units::{PixelRadius, PixelRange};

use crate::{AttackError, Attacked, Pgd, pgd};

/// Parameters of [`fgsm`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fgsm {
    /// The radius of the L∞ ball, in pixel space.
    pub epsilon: PixelRadius,
    /// What attacked pixels are clamped to.
    #[serde(default)]
    pub pixel_range: PixelRange,
}

/// One step of size ε along the sign of the loss's gradient (Goodfellow, Shlens, Szegedy 2015, arXiv 1412.6572, section 4).
///
/// `pixels` are `[n, 3, height, width]`, float32, in [0, 1]; `labels` are `[n]`, int64.
///
/// # Errors
/// As [`pgd`].
pub fn fgsm(
    logits: &dyn Fn(&Tensor) -> Tensor,
    pixels: &Tensor,
    labels: &Tensor,
    config: &Fgsm,
) -> Result<Attacked, AttackError> {
    pgd(logits, pixels, labels, &Pgd::from(*config))
}

impl From<Fgsm> for Pgd {
    /// FGSM is PGD with one step as large as the ball and no random start.
    fn from(Fgsm { epsilon, pixel_range }: Fgsm) -> Self {
        Self { epsilon, step_size: epsilon, n_steps: 1, random_start: false, n_restarts: 1, pixel_range }
    }
}
