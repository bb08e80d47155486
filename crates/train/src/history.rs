//! A training's epochs as a tensor: binary, since a number that goes through text may come back another.

use tch::{Device, Kind, Tensor};
use twinset_manifest::rows::Epoch;

const N_COLUMNS: i64 = 8;

/// The epochs as `[n, 8]`, float64, in which counts up to 2⁵³ are exact; NaN stands for what there is not.
pub(crate) fn to_tensor(epochs: &[Epoch]) -> Tensor {
    let values: Vec<f64> = epochs
        .iter()
        .flat_map(|epoch| {
            let held_out = [epoch.held_out_accuracy, epoch.held_out_attacked_accuracy];
            let [clean, attacked] = held_out.map(|accuracy| accuracy.unwrap_or(f64::NAN));
            let (n_steps, n_samples) = (epoch.n_steps as f64, epoch.n_samples_seen as f64);
            let (loss, accuracy) = (epoch.train_loss, epoch.train_accuracy);
            [epoch.epoch.into(), n_steps, n_samples, epoch.learning_rate, loss, accuracy, clean, attacked]
        })
        .collect();
    Tensor::from_slice(&values).view([-1, N_COLUMNS])
}

/// The epochs that [`to_tensor`] made a tensor of, where so many images are held out, and so many of them attacked.
pub(crate) fn from_tensor(epochs: &Tensor, n_held_out: u64, n_held_out_attacked: u64) -> Vec<Epoch> {
    let values = Vec::<f64>::try_from(epochs.to_device(Device::Cpu).to_kind(Kind::Double).view([-1]));
    let values = values.expect("a float64 tensor has float64 values");
    let (rows, _) = values.as_chunks::<{ N_COLUMNS as usize }>();
    rows.iter()
        .map(|&[epoch, n_steps, n_samples, learning_rate, train_loss, train_accuracy, clean, attacked]| {
            let [held_out_accuracy, held_out_attacked_accuracy] =
                [clean, attacked].map(|accuracy| (!accuracy.is_nan()).then_some(accuracy));
            Epoch {
                epoch: epoch as u32,
                n_steps: n_steps as u64,
                n_samples_seen: n_samples as u64,
                learning_rate,
                train_loss,
                train_accuracy,
                held_out_accuracy,
                n_held_out: held_out_accuracy.map(|_| n_held_out),
                held_out_attacked_accuracy,
                n_held_out_attacked: held_out_attacked_accuracy.map(|_| n_held_out_attacked),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_come_back_to_the_bit() {
        let epoch = |epoch, held_out_accuracy: Option<f64>, held_out_attacked_accuracy: Option<f64>| Epoch {
            epoch,
            n_steps: 1 << 52,
            n_samples_seen: 3,
            learning_rate: 0.1 + 0.2,
            train_loss: 1.0 / 3.0,
            train_accuracy: f64::MIN_POSITIVE,
            held_out_accuracy,
            n_held_out: held_out_accuracy.map(|_| 9),
            held_out_attacked_accuracy,
            n_held_out_attacked: held_out_attacked_accuracy.map(|_| 4),
        };
        for epochs in [
            vec![],
            vec![epoch(1, None, None)],
            vec![epoch(1, Some(0.7), None), epoch(2, Some(0.0), None)],
            vec![epoch(1, Some(0.7), Some(0.1 + 0.2))],
        ] {
            assert_eq!(from_tensor(&to_tensor(&epochs), 9, 4), epochs);
        }
    }
}
