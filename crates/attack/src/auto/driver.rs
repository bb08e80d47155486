//! Several attacks one after the other, each on what those before left right.

use std::io;

use tch::{Kind, Tensor};
use twinset_manifest::units::PixelRange;

use super::versions::{AutoAttack, Component, Part};
use crate::bounds::Bounds;
use crate::pgd::{check_pixels, check_shapes};
use crate::{AttackError, Attacked};

/// What became of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is right under every attack.
    Robust,
    /// It is wrong without an attack.
    WrongAsItIs,
    /// It is right as it is, and this is the first attack that it is wrong under.
    FooledBy(Component),
}

/// What AutoAttack came to, or has come to so far.
#[derive(Debug)]
pub struct AutoAttacked {
    /// Parts that are done.
    pub n_parts: usize,
    /// Of the first attack that an image is wrong under, else the image as it is, `[n, 3, height, width]`.
    pub pixels: Tensor,
    /// Of each image.
    pub outcomes: Vec<Outcome>,
    /// Forward passes for each image.
    pub n_queries: Vec<u32>,
    /// Images that an attack found no gradient for, of the attack for which there are most.
    pub n_without_gradient: u64,
}

/// AutoAttack (Croce, Hein 2020, arXiv 2003.01690): `parts` one after the other, as [`AutoAttack::parts`] has them, each on those
/// images alone that are still right, cut into batches anew.
///
/// `pixels` are `[n, 3, height, width]`, float32, in [0, 1]; `labels` are `[n]`, int64. As in the reference, torch's generator is
/// seeded alike before every batch of every attack.
///
/// # Errors
/// As [`apgd`](super::apgd), [`fab`](super::fab) and [`square`](super::square), and (a defect) when a result is not in its ball.
pub fn auto_attack(
    logits: &dyn Fn(&Tensor) -> Tensor,
    pixels: &Tensor,
    labels: &Tensor,
    parts: &[(Component, Part)],
    batch_size: u32,
    seed: i64,
) -> Result<AutoAttacked, AttackError> {
    auto_attack_from(logits, pixels, labels, parts, batch_size, seed, None, &mut |_| Ok(()))
}

/// The same, from what `keep` was shown before if there is any. `keep` is shown what is done after each part.
#[expect(clippy::too_many_arguments, reason = "those of `auto_attack`, and what it goes on from")]
fn auto_attack_from(
    logits: &dyn Fn(&Tensor) -> Tensor,
    pixels: &Tensor,
    labels: &Tensor,
    parts: &[(Component, Part)],
    batch_size: u32,
    seed: i64,
    from: Option<AutoAttacked>,
    keep: &mut dyn FnMut(&AutoAttacked) -> io::Result<()>,
) -> Result<AutoAttacked, AttackError> {
    check_shapes(pixels, labels)?;
    let batch_size = i64::from(batch_size.max(1));
    let mut all = match from {
        Some(done) => done,
        None => AutoAttacked::begin(logits, pixels, labels, batch_size)?,
    };
    for (component, part) in parts.iter().skip(all.n_parts) {
        all.attack(logits, labels, *component, part, batch_size, seed)?;
        keep(&all).map_err(AttackError::Keep)?;
    }
    Ok(all)
}

impl AutoAttacked {
    /// The images as they are.
    fn begin(
        logits: &dyn Fn(&Tensor) -> Tensor,
        pixels: &Tensor,
        labels: &Tensor,
        batch_size: i64,
    ) -> Result<Self, AttackError> {
        let mut outcomes = Vec::new();
        if pixels.numel() > 0 {
            check_pixels(pixels)?;
            for (pixels, labels) in pixels.f_split(batch_size, 0)?.iter().zip(labels.f_split(batch_size, 0)?) {
                let outcome = |is_wrong: bool| if is_wrong { Outcome::WrongAsItIs } else { Outcome::Robust };
                outcomes.extend(is_wrong(logits, pixels, &labels)?.into_iter().map(outcome));
            }
        }
        let n_queries = vec![1; outcomes.len()];
        Ok(Self { n_parts: 0, pixels: pixels.f_detach()?, outcomes, n_queries, n_without_gradient: 0 })
    }

    /// Attacks those images that are still right, by one part more.
    fn attack(
        &mut self,
        logits: &dyn Fn(&Tensor) -> Tensor,
        labels: &Tensor,
        component: Component,
        part: &Part,
        batch_size: i64,
        seed: i64,
    ) -> Result<(), AttackError> {
        let is_left = |&place: &i64| self.outcomes[place as usize] == Outcome::Robust;
        let left: Vec<_> = (0..self.outcomes.len() as i64).filter(is_left).collect();
        let mut n_without_gradient = 0;
        for places in left.chunks(batch_size as usize) {
            let index = Tensor::f_from_slice(places)?.f_to_device(self.pixels.device())?;
            // In one layout, whether they were kept in a file meanwhile or not: sums over images depend on it.
            let images = self.pixels.f_index_select(0, &index)?.f_contiguous()?;
            let labels = labels.f_index_select(0, &index)?;
            tch::manual_seed(seed);
            let attacked = part.run(logits, &images, &labels)?;
            n_without_gradient += attacked.n_without_gradient;
            let is_wrong = is_wrong(logits, &attacked.pixels, &labels)?;
            for ((&place, &is_wrong), n) in places.iter().zip(&is_wrong).zip(attacked.n_queries) {
                self.n_queries[place as usize] += n + 1;
                if is_wrong {
                    self.outcomes[place as usize] = Outcome::FooledBy(component);
                }
            }
            let is_wrong = Tensor::f_from_slice(&is_wrong)?.f_to_device(self.pixels.device())?;
            let kept = attacked.pixels.f_where_self(&is_wrong.f_view([-1, 1, 1, 1])?, &images)?;
            self.pixels = self.pixels.f_index_copy(0, &index, &kept)?;
        }
        self.n_without_gradient = self.n_without_gradient.max(n_without_gradient);
        self.n_parts += 1;
        Ok(())
    }
}

fn is_wrong(logits: &dyn Fn(&Tensor) -> Tensor, pixels: &Tensor, labels: &Tensor) -> Result<Vec<bool>, AttackError> {
    let said = tch::no_grad(|| logits(pixels)).f_argmax(1, false)?;
    Ok(Vec::try_from(said.f_ne_tensor(labels)?)?)
}

/// AutoAttack on one batch, as another attack: its seed is drawn from torch's generator. It goes on from what `keep` was shown
/// before, if there is any.
pub(crate) fn auto_attack_batch(
    logits: &dyn Fn(&Tensor) -> Tensor,
    pixels: &Tensor,
    labels: &Tensor,
    config: &AutoAttack,
    from: Option<AutoAttacked>,
    keep: &mut dyn FnMut(&AutoAttacked) -> io::Result<()>,
) -> Result<Attacked, AttackError> {
    config.validate()?;
    check_shapes(pixels, labels)?;
    if pixels.numel() == 0 {
        return Ok(Attacked::untouched(pixels.f_detach()?));
    }
    let seed =
        i64::try_from(Tensor::f_randint(i64::from(i32::MAX), [1], (Kind::Int64, tch::Device::Cpu))?.f_squeeze()?)?;
    let n_classes = tch::no_grad(|| logits(&pixels.narrow(0, 0, 1))).size()[1];
    if n_classes < 2 {
        return Err(AttackError::FewClasses { found: n_classes, expected: 2 });
    }
    let n = pixels.size()[0] as u32;
    let parts = config.parts(n_classes);
    let AutoAttacked { n_parts: _, pixels: attacked, outcomes, n_queries, n_without_gradient } =
        auto_attack_from(logits, pixels, labels, &parts, n, seed, from, keep)?;
    Bounds::new(&pixels.f_detach()?, config.epsilon.get(), config.norm, PixelRange::FULL)?.check(&attacked)?;
    // An image that withstands all attacks comes out as it was.
    let fooled_by = outcomes.into_iter().map(|outcome| match outcome {
        Outcome::FooledBy(component) => Some(component),
        Outcome::Robust | Outcome::WrongAsItIs => None,
    });
    Ok(Attacked { pixels: attacked, n_queries, n_without_gradient, n_unmoved: 0, fooled_by: fooled_by.collect() })
}
