//! Images that no run has broken yet.

use tch::{Kind, Tensor};

use crate::bounds::Bounds;
use crate::pgd::{check_pixels, check_shapes};
use crate::{AttackError, Attacked};

/// All images, and what became of them so far.
pub(super) struct Survivors {
    pub(super) original: Tensor,
    labels: Tensor,
    /// Classes from the least likely to the likeliest, for the images as they are. `[n, n_classes]`
    classes: Tensor,
    /// `[n, 3, height, width]`
    pixels: Tensor,
    /// `[n]`
    is_right: Tensor,
    was_right: Tensor,
    /// Whether no run had a gradient to follow. `[n]`
    is_stuck: Tensor,
    n_queries: Vec<u32>,
}

/// The images that are still right.
pub(super) struct Batch {
    /// Where they stand among all.
    places: Tensor,
    pub(super) pixels: Tensor,
    pub(super) labels: Tensor,
    /// The classes of the asked rank.
    pub(super) targets: Tensor,
}

impl Survivors {
    /// Asks the network about the images as they are; none where there are no images.
    pub(super) fn of(
        logits: &dyn Fn(&Tensor) -> Tensor,
        pixels: &Tensor,
        labels: &Tensor,
    ) -> Result<Option<Self>, AttackError> {
        check_shapes(pixels, labels)?;
        let pixels = pixels.f_detach()?;
        if pixels.numel() == 0 {
            return Ok(None);
        }
        check_pixels(&pixels)?;
        let n = pixels.size()[0];
        let said = tch::no_grad(|| logits(&pixels)).f_to_kind(Kind::Float)?;
        let is_right = said.f_argmax(1, false)?.f_eq_tensor(labels)?;
        Ok(Some(Self {
            original: pixels.shallow_clone(),
            labels: labels.shallow_clone(),
            classes: said.f_sort(1, false)?.1,
            pixels,
            was_right: is_right.shallow_clone(),
            is_stuck: is_right.shallow_clone(),
            is_right,
            n_queries: vec![1; n as usize],
        }))
    }

    fn n_classes(&self) -> i64 {
        self.classes.size()[1]
    }

    /// Checks that there are as many classes as an attack needs.
    pub(super) fn check_classes(&self, n: i64) -> Result<(), AttackError> {
        let found = self.n_classes();
        if found >= n { Ok(()) } else { Err(AttackError::FewClasses { found, expected: n }) }
    }

    /// At most so many other classes.
    pub(super) fn n_targets(&self, n: u32) -> i64 {
        i64::from(n).min(self.n_classes() - 1)
    }

    /// The images that are still right, with each one's class of this rank, counted from 1 for the likeliest; none where
    /// there are none.
    pub(super) fn batch(&self, rank: i64) -> Result<Option<Batch>, AttackError> {
        let places = self.is_right.f_nonzero()?.f_squeeze_dim(1)?;
        if places.numel() == 0 {
            return Ok(None);
        }
        let of = |tensor: &Tensor| tensor.f_index_select(0, &places);
        let targets = self.classes.f_select(1, self.n_classes() - rank)?;
        let (pixels, labels, targets) = (of(&self.pixels)?, of(&self.labels)?, of(&targets)?);
        Ok(Some(Batch { places, pixels, labels, targets }))
    }

    /// What a run did to a batch: points, whether each is misclassified, passes, and whether there was no gradient.
    pub(super) fn add(
        &mut self,
        batch: &Batch,
        points: &Tensor,
        is_wrong: &Tensor,
        n_queries: &[u32],
        is_stuck: Option<&Tensor>,
    ) -> Result<(), AttackError> {
        let Batch { places, .. } = batch;
        let pixels = points.f_where_self(&is_wrong.f_view([-1, 1, 1, 1])?, &batch.pixels)?;
        self.pixels = self.pixels.f_index_copy(0, places, &pixels)?;
        self.is_right = self.is_right.f_index_copy(0, places, &is_wrong.f_logical_not()?)?;
        let is_stuck = match is_stuck {
            Some(is_stuck) => self.is_stuck.f_index_select(0, places)?.f_logical_and(is_stuck)?,
            None => is_wrong.f_zeros_like()?,
        };
        self.is_stuck = self.is_stuck.f_index_copy(0, places, &is_stuck)?;
        for (place, n) in Vec::<i64>::try_from(places)?.into_iter().zip(n_queries) {
            self.n_queries[place as usize] += n;
        }
        Ok(())
    }

    /// What became of all. Images that are still right are as they were, which is no sign of an attack that cannot move them.
    pub(super) fn into_attacked(self, bounds: &Bounds) -> Result<Attacked, AttackError> {
        let attacked = bounds.attacked(self.pixels, self.n_queries, &self.was_right, &self.is_stuck)?;
        Ok(Attacked { n_unmoved: 0, ..attacked })
    }
}
