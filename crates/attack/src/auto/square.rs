//! The square attack: changes of random squares, kept where they help. It asks for no gradient.

use tch::{Device, Kind, Tensor};
use twinset_manifest::units::{PixelRange, Radius};

use super::objective::largest_other;
use super::survivors::Survivors;
use crate::bounds::Bounds;
use crate::norm::length_of_each;
use crate::{AttackError, Attacked, Norm};

/// Share of an image's pixels that the first squares cover.
const FIRST_SHARE: f64 = 0.8;
/// Keeps a denominator from being 0.
const TINY: f64 = 1e-12;

/// Parameters of [`square`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Square {
    /// The radius of the ball: for L∞ of pixels in [0, 1], for L2 of whole images.
    pub epsilon: Radius,
    /// The norm that the ball is measured in.
    pub norm: Norm,
    /// Squares that are tried.
    pub n_queries: u32,
}

/// The square attack (Andriushchenko et al. 2020, arXiv 1912.00049), as AutoAttack's authors have it.
///
/// `pixels` are `[n, 3, height, width]`, float32, in [0, 1]; `labels` are `[n]`, int64. An image that is misclassified
/// without an attack is left as it is, as is one that is never misclassified. Squares come from torch's generator for the CPU,
/// which the caller seeds; the images of a batch share them.
///
/// # Errors
/// As [`pgd`](crate::pgd), and for L2 when images are not square or have less than 5 × 5 pixels.
pub fn square(
    logits: &dyn Fn(&Tensor) -> Tensor,
    pixels: &Tensor,
    labels: &Tensor,
    config: &Square,
) -> Result<Attacked, AttackError> {
    config.norm.check("epsilon", config.epsilon)?;
    let Some(mut left) = Survivors::of(logits, pixels, labels)? else {
        return Ok(Attacked::untouched(pixels.detach()));
    };
    left.check_classes(2)?;
    let [_, _, height, width] = left.original.size()[..] else { unreachable!("shapes were checked") };
    if config.norm == Norm::L2 && (height != width || height < 5) {
        return Err(AttackError::NotSquare { height, width });
    }
    if let Some(batch) = left.batch(2)? {
        let (points, n_queries) = search(logits, &batch.pixels, &batch.labels, config)?;
        let said = tch::no_grad(|| logits(&points)).f_argmax(1, false)?;
        let n_queries: Vec<_> = n_queries.into_iter().map(|n| n + 1).collect();
        left.add(&batch, &points, &said.f_ne_tensor(&batch.labels)?, &n_queries, None)?;
    }
    let bounds = Bounds::new(&left.original, config.epsilon.get(), config.norm, PixelRange::FULL)?;
    left.into_attacked(&bounds)
}

/// The points that it comes to, and how often the network was asked about each image.
pub(super) fn search(
    logits: &dyn Fn(&Tensor) -> Tensor,
    original: &Tensor,
    labels: &Tensor,
    config: &Square,
) -> Result<(Tensor, Vec<u32>), AttackError> {
    let Square { epsilon, norm, n_queries } = *config;
    let epsilon = epsilon.get();
    let [n, _, height, width] = original.size()[..] else { unreachable!("shapes were checked") };
    let bounds = Bounds::new(original, epsilon, norm, PixelRange::FULL)?;
    let margins_of = |pixels: &Tensor, labels: &Tensor| -> Result<Tensor, AttackError> {
        let said = tch::no_grad(|| logits(pixels)).f_to_kind(Kind::Float)?;
        let own = said.f_gather(1, &labels.f_unsqueeze(1)?, false)?.f_squeeze_dim(1)?;
        Ok(own.f_sub(&largest_other(&said, labels)?)?)
    };
    let mut best = match norm {
        Norm::LInf => bounds.project(original.f_add(&stripes(original)?.f_mul_scalar(epsilon)?)?)?,
        Norm::L2 => within(original, &tiles(original)?, epsilon)?,
    };
    let mut margins = margins_of(&best, labels)?;
    let mut asked = vec![1; n as usize];
    for index in 0..n_queries {
        let places = margins.f_gt(0.0)?.f_nonzero()?.f_squeeze_dim(1)?;
        if places.numel() == 0 {
            break;
        }
        let of = |tensor: &Tensor| tensor.f_index_select(0, &places);
        let (original, labels, now, before) = (of(original)?, of(labels)?, of(&best)?, of(&margins)?);
        let area = share(index) * (height * width) as f64;
        let side = area.sqrt().round_ties_even() as i64;
        let tried = match norm {
            Norm::LInf => {
                let bounds = Bounds::new(&original, epsilon, norm, PixelRange::FULL)?;
                let change = one_square(&now, side.max(1).min(height).min(width), 2.0 * epsilon)?;
                bounds.project(now.f_add(&change)?)?
            }
            Norm::L2 => {
                let side = side.max(3);
                let side = (side + 1 - side % 2).min(height);
                let change = moved_mass(&now.f_sub(&original)?, side, epsilon)?;
                within(&original, &change, epsilon)?
            }
        };
        let after = margins_of(&tried, &labels)?;
        let is_better = after.f_lt_tensor(&before)?;
        let kept = tried.f_where_self(&is_better.f_view([-1, 1, 1, 1])?, &now)?;
        best = best.f_index_copy(0, &places, &kept)?;
        margins = margins.f_index_copy(0, &places, &after.f_minimum(&before)?)?;
        for place in Vec::<i64>::try_from(&places)? {
            asked[place as usize] += 1;
        }
    }
    Ok((best, asked))
}

/// The share of an image's pixels that a square covers, by how many were tried before.
fn share(n_before: u32) -> f64 {
    let halvings = match n_before {
        0..=10 => 0,
        11..=50 => 1,
        51..=200 => 2,
        201..=500 => 3,
        501..=1000 => 4,
        1001..=2000 => 5,
        2001..=4000 => 6,
        4001..=6000 => 7,
        6001..=8000 => 8,
        _ => 9,
    };
    FIRST_SHARE / f64::from(1 << halvings)
}

/// −1 or 1 at random.
fn signs(size: &[i64], device: Device) -> Result<Tensor, AttackError> {
    let drawn = Tensor::f_rand(size, (Kind::Float, Device::Cpu))?;
    Ok(drawn.f_mul_scalar(2.0)?.f_sub_scalar(1.0)?.f_sign()?.f_to_device(device)?)
}

/// A whole number from 0 on and below `end`; 0 where that is 0.
fn below(end: i64) -> Result<i64, AttackError> {
    let drawn = Tensor::f_rand([1], (Kind::Float, Device::Cpu))?.f_double_value(&[0])? as f32;
    Ok((end as f32 * drawn) as i64)
}

/// A sign for each column of each channel.
fn stripes(like: &Tensor) -> Result<Tensor, AttackError> {
    let [n, channels, _, width] = like.size()[..] else { unreachable!("shapes were checked") };
    signs(&[n, channels, 1, width], like.device())
}

/// A change of one size in a square somewhere, of one sign a channel, alike for all images.
fn one_square(like: &Tensor, side: i64, size: f64) -> Result<Tensor, AttackError> {
    let [_, channels, height, width] = like.size()[..] else { unreachable!("shapes were checked") };
    let (top, left) = (below(height - side)?, below(width - side)?);
    let change = Tensor::f_zeros([channels, height, width], (Kind::Float, like.device()))?;
    let sign = signs(&[channels, 1, 1], like.device())?;
    window(&change, top, left, side)?.f_copy_(&sign.f_mul_scalar(size)?.f_expand([channels, side, side], false)?)?;
    Ok(change)
}

/// The part of an image or of images, which shares their memory.
fn window(images: &Tensor, top: i64, left: i64, side: i64) -> Result<Tensor, AttackError> {
    Ok(images.f_narrow(-2, top, side)?.f_narrow(-1, left, side)?)
}

/// The image with a change that is scaled to this length, clamped to [0, 1].
fn within(original: &Tensor, change: &Tensor, epsilon: f64) -> Result<Tensor, AttackError> {
    let lengths = length_of_each(change, Norm::L2)?.f_add_scalar(TINY)?.f_view([-1, 1, 1, 1])?;
    Ok(original.f_add(&change.f_div(&lengths)?.f_mul_scalar(epsilon)?)?.f_clamp_(0.0, 1.0)?)
}

/// Bumps side by side over each image, five in a row, of a random sign an image and channel.
fn tiles(like: &Tensor) -> Result<Tensor, AttackError> {
    let [n, channels, height, width] = like.size()[..] else { unreachable!("shapes were checked") };
    let change = Tensor::f_zeros([n, channels, height, width], (Kind::Float, like.device()))?;
    let side = height / 5;
    let first = (height - side * 5) / 2;
    // The reference goes on to the last whole tile of the image's width, and fails where that reaches beyond it.
    let starts = || (0..height / side).map(|index| first + index * side).filter(|start| start + side <= height);
    for top in starts() {
        for left in starts() {
            let bump = bump(side)?.f_to_device(like.device())?;
            let signed = bump.f_mul(&signs(&[n, channels, 1, 1], like.device())?)?;
            window(&change, top, left, side)?.f_copy_(&signed)?;
        }
    }
    Ok(change)
}

/// Empties one window of a change and moves what it held to another, where it becomes a bump upon what is there.
fn moved_mass(change: &Tensor, side: i64, epsilon: f64) -> Result<Tensor, AttackError> {
    let [n, channels, height, width] = change.size()[..] else { unreachable!("shapes were checked") };
    let corner = || -> Result<_, AttackError> { Ok((below(height - side)?, below(width - side)?)) };
    let (to, from) = (corner()?, corner()?);
    let of = |images: &Tensor, (top, left): (i64, i64)| window(images, top, left, side);
    let length = |part: &Tensor| -> Result<Tensor, AttackError> {
        Ok(part.f_square()?.f_sum_dim_intlist([-2i64, -1].as_slice(), true, Kind::Float)?.f_sqrt()?)
    };
    // What both windows hold, each pixel once.
    let both = Tensor::f_zeros([height, width], (Kind::Float, change.device()))?;
    for corner in [to, from] {
        let _ = of(&both, corner)?.f_fill_(1.0)?;
    }
    let held = length(&change.f_mul(&both)?)?;
    let unused = length_of_each(change, Norm::L2)?.f_square()?.f_neg()?.f_add_scalar(epsilon * epsilon)?;
    let unused = unused.f_clamp_min(0.0)?.f_view([n, 1, 1, 1])?.f_div_scalar(channels as f64)?;
    let target = unused.f_add(&held.f_square()?)?.f_sqrt()?;
    let bump = bump(side)?.f_to_device(change.device())?;
    let bump = bump.f_mul(&signs(&[n, channels, 1, 1], change.device())?)?;
    let old = of(change, to)?;
    let new = bump.f_add(&old.f_div(&length(&old)?.f_add_scalar(TINY)?)?)?;
    let new = new.f_div(&length(&new)?.f_add_scalar(TINY)?)?.f_mul(&target)?;
    let moved = change.copy();
    let _ = of(&moved, from)?.f_fill_(0.0)?;
    of(&moved, to)?.f_copy_(&new)?;
    Ok(moved)
}

/// Two halves of opposite sign, one above the other or (by a coin) beside it; of length 1, `[side, side]`.
fn bump(side: i64) -> Result<Tensor, AttackError> {
    let (upper, lower) = (rectangles(side / 2, side), rectangles(side - side / 2, side));
    let values: Vec<_> = upper.into_iter().chain(lower.into_iter().map(|value| -value)).collect();
    let bump = Tensor::f_from_slice(&to_length_1(values))?.f_view([side, side])?;
    let coin = Tensor::f_rand([1], (Kind::Float, Device::Cpu))?.f_double_value(&[0])?;
    Ok(if coin > 0.5 { bump.f_transpose(0, 1)? } else { bump })
}

/// Rectangles within one another, the k-th weighted by 1/k², row by row; of length 1.
fn rectangles(height: i64, width: i64) -> Vec<f32> {
    let mut values = vec![0.0; (height * width) as usize];
    let (middle_y, middle_x) = (height / 2, width / 2);
    for k in 0..=middle_y.max(middle_x) {
        let weight = 1.0 / ((k + 1) * (k + 1)) as f32;
        for y in (middle_y - k).max(0)..(middle_y + k + 1).min(height) {
            for x in (middle_x - k).max(0)..(middle_x + k + 1).min(width) {
                values[(y * width + x) as usize] += weight;
            }
        }
    }
    to_length_1(values)
}

fn to_length_1(mut values: Vec<f32>) -> Vec<f32> {
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.iter_mut().for_each(|value| *value /= length);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_shrink_by_steps() {
        let check = |n_before: u32, expected: f64| assert_eq!(share(n_before), expected, "{n_before}");
        check(0, 0.8);
        check(10, 0.8);
        check(11, 0.4);
        check(50, 0.4);
        check(51, 0.2);
        check(200, 0.2);
        check(500, 0.1);
        check(501, 0.05);
        check(2000, 0.025);
        check(4000, 0.0125);
        check(6000, 0.00625);
        check(8000, 0.003_125);
        check(8001, 0.001_562_5);
    }

    #[test]
    fn corners_leave_out_the_last_row_and_column() {
        let _torch = crate::norm::torch_for_tests();
        tch::manual_seed(31);
        let mut seen = [0; 8];
        for _ in 0..2000 {
            seen[below(7).unwrap() as usize] += 1;
        }
        assert_eq!(seen[7], 0);
        assert!(seen[..7].iter().all(|&n| n > 200), "{seen:?}");
        assert_eq!(below(0).unwrap(), 0);
    }

    #[test]
    fn images_that_are_not_square_are_refused_for_l2_alone() {
        let _torch = crate::norm::torch_for_tests();
        let logits = |pixels: &Tensor| pixels.flatten(1, -1).narrow(1, 0, 3);
        let labels = Tensor::from_slice(&[0i64]);
        let of = |height: i64, width: i64, norm: Norm| {
            let pixels = Tensor::full([1, 3, height, width], 0.5, (Kind::Float, Device::Cpu));
            let config = Square { epsilon: "0.1".parse().unwrap(), norm, n_queries: 3 };
            square(&logits, &pixels, &labels, &config).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(of(6, 8, Norm::LInf), Ok(()));
        assert_eq!(of(5, 5, Norm::L2), Ok(()));
        for side in 5..24 {
            assert_eq!(of(side, side, Norm::L2), Ok(()), "{side}");
        }
        assert!(of(6, 8, Norm::L2).unwrap_err().contains("8x6 pixels"));
        assert!(of(4, 4, Norm::L2).unwrap_err().contains("4x4 pixels"));
    }
}
