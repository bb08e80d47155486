//! The fast gradient sign method.

use serde::{Deserialize, Serialize};
use tch::Tensor;
use twinset_manifest::units::{PixelRange, Radius};

use crate::{AttackError, Attacked, Iterate, Norm, Pgd, pgd};

/// Parameters of [`fgsm`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fgsm {
    /// The radius of the ball: for L∞ of pixels in [0, 1], for L2 of whole images.
    pub epsilon: Radius,
    /// The norm that the ball is measured in.
    #[serde(default, skip_serializing_if = "Norm::is_linf")]
    pub norm: Norm,
    /// What attacked pixels are clamped to.
    #[serde(default)]
    pub pixel_range: PixelRange,
}

/// One step of size ε along the sign of the loss's gradient (for L2, along the gradient) (Goodfellow, Shlens, Szegedy 2015, arXiv 1412.6572, section 4).
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
    fn from(Fgsm { epsilon, norm, pixel_range }: Fgsm) -> Self {
        let (step_size, n_steps, random_start, n_restarts, iterate) = (epsilon, 1, false, 1, Iterate::Last);
        Self { epsilon, step_size, n_steps, random_start, n_restarts, iterate, norm, pixel_range }
    }
}
