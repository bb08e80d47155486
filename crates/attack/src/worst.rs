//! The worst that was done to each image so far.

use tch::Tensor;

use crate::AttackError;
use crate::loss::log_odds;

/// The worst point of each image: the first that is misclassified, else the first with the highest loss.
pub(crate) struct Worst {
    pub(crate) pixels: Tensor,
    /// `[n]`
    pub(crate) is_wrong: Tensor,
    /// [`log_odds`], which rank points as the cross-entropy does and do not all become 0 where logits are large. `[n]`
    losses: Tensor,
}

impl Worst {
    /// These points, which the network is asked about.
    pub(crate) fn of(
        logits: &dyn Fn(&Tensor) -> Tensor,
        pixels: &Tensor,
        labels: &Tensor,
    ) -> Result<Self, AttackError> {
        let logits = tch::no_grad(|| logits(pixels));
        Self::known(pixels, &logits, &log_odds(&logits, labels)?, labels)
    }

    /// These points, whose logits and [`log_odds`] are known.
    pub(crate) fn known(
        pixels: &Tensor,
        logits: &Tensor,
        losses: &Tensor,
        labels: &Tensor,
    ) -> Result<Self, AttackError> {
        let is_wrong = logits.f_argmax(1, false)?.f_ne_tensor(labels)?;
        Ok(Self { pixels: pixels.shallow_clone(), is_wrong, losses: losses.shallow_clone() })
    }

    /// Image by image the worse of both.
    pub(crate) fn or(&self, other: &Self) -> Result<Self, AttackError> {
        let is_newly_wrong = other.is_wrong.f_logical_and(&self.is_wrong.f_logical_not()?)?;
        let both_right = self.is_wrong.f_logical_or(&other.is_wrong)?.f_logical_not()?;
        let has_more_loss = other.losses.f_gt_tensor(&self.losses)?.f_logical_and(&both_right)?;
        let is_worse = is_newly_wrong.f_logical_or(&has_more_loss)?;
        Ok(Self {
            pixels: other.pixels.f_where_self(&is_worse.f_view([-1, 1, 1, 1])?, &self.pixels)?,
            is_wrong: self.is_wrong.f_logical_or(&other.is_wrong)?,
            losses: other.losses.f_where_self(&is_worse, &self.losses)?,
        })
    }

    /// Where the images stand that are still right, `[n_right]`.
    pub(crate) fn survivors(&self) -> Result<Tensor, AttackError> {
        Ok(self.is_wrong.f_logical_not()?.f_nonzero()?.f_squeeze_dim(1)?)
    }

    /// The images at these places alone.
    pub(crate) fn select(&self, places: &Tensor) -> Result<Self, AttackError> {
        Ok(Self {
            pixels: self.pixels.f_index_select(0, places)?,
            is_wrong: self.is_wrong.f_index_select(0, places)?,
            losses: self.losses.f_index_select(0, places)?,
        })
    }

    /// Replaces the images at these places.
    pub(crate) fn replace(&mut self, places: &Tensor, by: &Self) -> Result<(), AttackError> {
        self.pixels = self.pixels.f_index_copy(0, places, &by.pixels)?;
        self.is_wrong = self.is_wrong.f_index_copy(0, places, &by.is_wrong)?;
        self.losses = self.losses.f_index_copy(0, places, &by.losses)?;
        Ok(())
    }
}
