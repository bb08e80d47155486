//! Whether what the network says can be attacked by gradients: its outputs are logits, and the same each time.

use tch::{Kind, Tensor};
use twinset_manifest::Check;

use super::{CHECKS, Images, outcome};

/// How often the network is asked.
const N_PASSES: usize = 5;
/// How far outputs that are scaled to length 1 may differ, as AutoAttack's authors have it.
const DIFFERENCE: f64 = 1e-4;
/// How far a row's sum may be from 1.
const SUM: f64 = 1e-5;

/// Whether the network says the same of the same images each time.
pub(super) fn not_random(logits: &dyn Fn(&Tensor) -> Tensor, images: &Images) -> Check {
    let passes: Vec<_> = (0..N_PASSES).map(|_| tch::no_grad(|| logits(&images.pixels)).to_kind(Kind::Double)).collect();
    let n_right =
        |outputs: &Tensor| outputs.argmax(1, false).eq_tensor(&images.labels).sum(Kind::Int64).int64_value(&[]);
    let n_right: Vec<_> = passes.iter().map(n_right).collect();
    let scaled = |outputs: &Tensor| {
        let lengths = outputs.square().sum_dim_intlist([1i64].as_slice(), true, Kind::Double).sqrt();
        outputs / lengths.clamp_min(f64::MIN_POSITIVE)
    };
    let first = scaled(&passes[0]);
    let differ = |outputs: &Tensor| (scaled(outputs) - &first).abs().max().double_value(&[]);
    let largest = passes[1..].iter().map(differ).fold(0.0, f64::max);
    let is_random = n_right.iter().any(|&n| n != n_right[0]) || largest > DIFFERENCE;
    let (least, most) = (n_right.iter().min(), n_right.iter().max());
    let (least, most) = (least.expect("there are passes"), most.expect("there are passes"));
    let right = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    let advice = if is_random { ": use AutoAttack's version `rand`" } else { "" };
    let detail = format!(
        "in {N_PASSES} passes {right} of {} images are right, and scaled outputs differ by at most {largest:.1e}{advice}",
        images.len()
    );
    Check { name: CHECKS[1].to_owned(), outcome: outcome(is_random), detail }
}

/// Whether the network says logits and no probabilities.
pub(super) fn are_logits(logits: &dyn Fn(&Tensor) -> Tensor, images: &Images) -> Check {
    let outputs = tch::no_grad(|| logits(&images.pixels)).to_kind(Kind::Double);
    let (least, most) = (outputs.min().double_value(&[]), outputs.max().double_value(&[]));
    let sums = outputs.sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
    let is_off = (sums - 1.0).abs().max().double_value(&[]);
    let are_probabilities = least >= 0.0 && most <= 1.0 && is_off <= SUM;
    let n = images.len();
    let detail = if are_probabilities {
        format!(
            "all outputs for {n} images are between 0 and 1, and those of an image sum to 1: they are probabilities, whose \
             gradients vanish; leave out the network's last softmax"
        )
    } else {
        format!("outputs for {n} images are between {least:.3} and {most:.3}")
    };
    Check { name: CHECKS[2].to_owned(), outcome: outcome(are_probabilities), detail }
}
