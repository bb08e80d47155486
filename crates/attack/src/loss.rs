//! Losses whose gradient does not vanish, however large the logits are.

use tch::{Kind, Tensor};

use crate::AttackError;

/// How much likelier the network takes each image for another class than for its own, as a logarithm:
/// log Σ exp(z_j) over j ≠ y, less z_y. Of shape `[n]`.
///
/// The cross-entropy is log(1 + exp(·)) of it, so both rank images and points alike. The gradient of the cross-entropy is
/// this one's times 1 − p_y, which float32 rounds to 0 as soon as the logit of the label is 17 above the others. This one
/// has the same direction, image by image, and does not vanish.
pub(crate) fn log_odds(logits: &Tensor, labels: &Tensor) -> Result<Tensor, AttackError> {
    let logits = logits.f_to_kind(Kind::Float)?;
    let labels = labels.f_unsqueeze(1)?;
    let own = logits.f_gather(1, &labels, false)?.f_squeeze_dim(1)?;
    let others = logits.f_scatter_value(1, &labels, f64::NEG_INFINITY)?.f_logsumexp([1i64].as_slice(), false)?;
    Ok(others.f_sub(&own)?)
}

/// The direction in which attacked logits raise the Kullback–Leibler divergence of their classes from natural ones: its
/// gradient, scaled image by image so that its largest entry but one is 1. Of shape `[n, n_classes]`.
///
/// `natural` and `attacked` are logarithms of probabilities. The gradient is the difference of the probabilities, which
/// float32 rounds to 0 where the network is sure of both. So the differences are taken among logarithms. That of the likeliest
/// class is less the sum of all others, since all of them sum to 0.
pub(crate) fn divergence_direction(natural: &Tensor, attacked: &Tensor) -> Result<Tensor, AttackError> {
    let likeliest = natural.f_argmax(1, true)?;
    let difference = attacked.f_sub(natural)?;
    // log |exp(a) − exp(b)| = max(a, b) + log(1 − exp(−|a − b|))
    let sizes = difference.f_abs()?.f_neg()?.f_expm1()?.f_neg()?.f_log()?.f_add(&attacked.f_maximum(natural)?)?;
    let sizes = sizes.f_scatter_value(1, &likeliest, f64::NEG_INFINITY)?;
    // Where nothing differs all sizes are −∞, and so is their maximum.
    let largest = sizes.f_amax([1], true)?.f_clamp_min(f64::from(f32::MIN))?;
    let direction = sizes.f_sub(&largest)?.f_exp()?.f_mul(&difference.f_sign()?)?;
    let rest = direction.f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)?.f_neg()?;
    Ok(direction.f_scatter(1, &likeliest, &rest)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(loss: Tensor, logits: &Tensor) -> Vec<f64> {
        let gradient = Tensor::run_backward(&[loss.sum(Kind::Float)], &[logits], false, false);
        Vec::try_from(gradient[0].flatten(0, -1).to_kind(Kind::Double)).unwrap()
    }

    fn logits(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).view([1, -1]).set_requires_grad(true)
    }

    #[test]
    fn log_odds_have_the_direction_of_the_cross_entropy_and_do_not_vanish() {
        let label = Tensor::from_slice(&[1i64]);
        let small = logits(&[0.5, 1.0, -0.5, 0.0]);
        let of_cross_entropy = gradient(small.cross_entropy_for_logits(&label), &small);
        let found = gradient(log_odds(&small, &label).unwrap(), &small);
        let p_label = -of_cross_entropy[1];
        for (found, expected) in found.into_iter().zip(of_cross_entropy) {
            assert!((found * p_label - expected).abs() < 1e-6, "{found}, {expected}");
        }
        let large = logits(&[500.0, 1000.0, -500.0, 500.0]);
        assert_eq!(gradient(large.cross_entropy_for_logits(&label), &large), [0.0; 4]);
        for (found, expected) in gradient(log_odds(&large, &label).unwrap(), &large).iter().zip([0.5, -1.0, 0.0, 0.5]) {
            assert!((found - expected).abs() < 1e-5, "{found}, {expected}");
        }
        let value = log_odds(&large, &label).unwrap().double_value(&[0]);
        assert!((value - (-500.0 + 2f64.ln())).abs() < 1e-4, "{value}");
    }

    #[test]
    fn one_class_alone_has_log_odds_without_nan() {
        let one = logits(&[3.0]);
        let odds = log_odds(&one, &Tensor::from_slice(&[0i64])).unwrap();
        assert_eq!(odds.double_value(&[0]), f64::NEG_INFINITY);
        assert_eq!(gradient(odds, &one), [-1.0]);
    }

    #[test]
    fn the_divergences_direction_is_that_of_its_gradient_and_does_not_vanish() {
        let check = |natural: &[f32], attacked: &[f32], expected: Option<&[f64]>| {
            let attacked = logits(attacked);
            let natural = logits(natural).detach().log_softmax(1, Kind::Float);
            let of = attacked.log_softmax(1, Kind::Float);
            let found = divergence_direction(&natural, &of.detach()).unwrap();
            let found = Vec::<f64>::try_from(found.flatten(0, -1).to_kind(Kind::Double)).unwrap();
            let divergence = (natural.exp() * (&natural - of)).sum(Kind::Float);
            let by_gradient = gradient(divergence, &attacked);
            let expected = expected.map_or_else(
                || {
                    let scale = by_gradient[1..].iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
                    by_gradient.iter().map(|entry| entry / scale).collect()
                },
                <[f64]>::to_vec,
            );
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-4, "{found}, expected {expected}");
            }
        };
        // The first class is the likeliest by nature.
        check(&[1.0, 0.0, 0.5], &[0.7, 0.3, 0.6], None);
        check(&[1.0, 0.0, 0.5], &[0.0, 2.0, -0.5], None);
        check(&[1.0, 0.0, 0.5], &[1.0, 0.0, 0.5], Some(&[0.0; 3]));
        // e^-300 became e^-299 and e^-200: the gradient itself is 0 in float32.
        check(&[300.0, 0.0, 1.0], &[300.0, 1.0, 1.0], Some(&[-1.0, 1.0, 0.0]));
        check(&[300.0, 0.0, 1.0], &[300.0, 100.0, 1.0], Some(&[-1.0, 1.0, 0.0]));
        check(&[300.0, 5.0, 5.0], &[300.0, 4.0, 4.0], Some(&[2.0, -1.0, -1.0]));
    }
}
