//! What a network says of images.

use tch::{Kind, Tensor};

/// What a network says of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    /// The class with the largest logit.
    pub(crate) predicted: i64,
    /// The logit of the image's class less the largest other one.
    pub(crate) margin: f32,
    /// The cross-entropy in nats.
    pub(crate) loss: f32,
}

impl Said {
    /// `logits` are `[n, n_classes]`, finite; `labels` are `[n]`.
    pub(crate) fn of(logits: &Tensor, labels: &Tensor) -> Vec<Self> {
        let labels = labels.unsqueeze(1);
        let of_label = |values: &Tensor| values.gather(1, &labels, false).squeeze_dim(1);
        let largest_other = logits.scatter_value(1, &labels, f64::NEG_INFINITY).amax([1], false);
        let margins = floats(&(of_label(logits) - largest_other));
        // In float32 a loss below 1e-7 would be 0.
        let losses = of_label(&logits.log_softmax(1, Kind::Double)).neg().clamp_min(0.0);
        let classes = Vec::<i64>::try_from(&logits.argmax(1, false)).expect("classes are integers");
        let each = classes.into_iter().zip(margins).zip(floats(&losses.to_kind(Kind::Float)));
        each.map(|((predicted, margin), loss)| Self { predicted, margin, loss }).collect()
    }
}

pub(crate) fn floats(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor).expect("they are 32-bit floats")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_and_losses_are_those_of_the_label() {
        let check = |logits: &[f32], label: i64, predicted: i64, margin: f32, loss: f32| {
            let said = Said::of(&Tensor::from_slice(logits).view([1, -1]), &Tensor::from_slice(&[label]));
            let [said] = said[..] else { panic!("{said:?}") };
            assert_eq!((said.predicted, said.margin), (predicted, margin));
            assert!((said.loss - loss).abs() <= 1e-6 * loss, "{said:?}, expected a loss of {loss}");
        };
        check(&[1.0, 3.0, 0.0], 1, 1, 2.0, 0.169_846);
        check(&[1.0, 3.0, 0.0], 0, 1, -2.0, 2.169_846);
        check(&[2.0, 2.0], 1, 0, 0.0, std::f32::consts::LN_2);
        // e^-20, which is 0 beside 1 in float32.
        check(&[0.0, 20.0], 1, 1, 20.0, 2.061_153_6e-9);
        check(&[0.0, 1e4], 1, 1, 1e4, 0.0);
        check(&[0.0, 1e4], 0, 1, -1e4, 1e4);
    }
}
