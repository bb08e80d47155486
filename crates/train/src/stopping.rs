//! Early stopping.

use serde::{Deserialize, Serialize};
use tch::Tensor;
use twinset_manifest::rows::Epoch;
use twinset_stage::InvalidField;

/// When a training ends before its budget does. What is saved is then the weights of the best epoch: the first with the
/// highest accuracy on the held-out images, which must be of the split `val`. The last weights are saved beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs in a row without a better one after which the training ends.
    pub patience: u32,
    /// Which accuracy that is; where nothing is said, that of attacked images in adversarial training and of clean ones in
    /// standard training. In adversarial training accuracy under attack falls while clean accuracy still grows (*robust
    /// overfitting*; Rice, Wong, Kolter 2020, arXiv 2002.11569).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Judge>,
}

/// What an epoch is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judge {
    /// Accuracy on held-out images as they are.
    Clean,
    /// Accuracy on held-out images under PGD of ten steps in the ball of the regime.
    Attacked,
}

impl EarlyStopping {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        InvalidField::unless(self.patience > 0, "early-stopping.patience", self.patience, "at least 1 epoch")
    }

    /// Whether no later epoch than the best has been better for long enough.
    pub(crate) fn is_over(&self, epochs: &[Epoch], judge: Judge) -> bool {
        let n_since = best(epochs, judge).map_or(0, |best| epochs.len() - 1 - best);
        n_since >= self.patience as usize
    }
}

/// Where the best epoch stands.
pub(crate) fn best(epochs: &[Epoch], judge: Judge) -> Option<usize> {
    let of_epoch = |epoch: &Epoch| match judge {
        Judge::Clean => epoch.held_out_accuracy,
        Judge::Attacked => epoch.held_out_attacked_accuracy,
    };
    let accuracy = |index: usize| of_epoch(&epochs[index]).unwrap_or(f64::NEG_INFINITY);
    (0..epochs.len()).reduce(|best, index| if accuracy(index) > accuracy(best) { index } else { best })
}

/// The weights of the best epoch so far.
#[derive(Debug)]
pub(crate) struct Best {
    judge: Judge,
    /// In the order of the network's parameters and buffers.
    pub(crate) values: Vec<Tensor>,
}

impl Best {
    pub(crate) fn new<'a>(judge: Judge, tensors: impl Iterator<Item = &'a Tensor>) -> Self {
        Self { judge, values: tensors.map(|tensor| tensor.detach().copy()).collect() }
    }

    /// Keeps the network's weights if the last epoch is the best.
    pub(crate) fn update<'a>(&mut self, epochs: &[Epoch], tensors: impl Iterator<Item = &'a Tensor>) {
        if best(epochs, self.judge) == epochs.len().checked_sub(1) {
            self.values.iter_mut().zip(tensors).for_each(|(best, tensor)| best.copy_(&tensor.detach()));
        }
    }

    /// Gives a network's tensors the values of the best epoch.
    pub(crate) fn restore<'a>(&self, tensors: impl Iterator<Item = &'a Tensor>) {
        tch::no_grad(|| self.values.iter().zip(tensors).for_each(|(best, tensor)| tensor.shallow_clone().copy_(best)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_ends_when_nothing_got_better_for_long_enough() {
        let check = |accuracies: &[f64], patience: u32, expected_best: Option<usize>, expected_end: bool| {
            let epochs: Vec<_> = (1..)
                .zip(accuracies)
                .map(|(epoch, &accuracy)| Epoch {
                    epoch,
                    n_steps: 1,
                    n_samples_seen: 1,
                    learning_rate: 0.1,
                    train_loss: 1.0,
                    train_accuracy: 0.5,
                    held_out_accuracy: Some(accuracy),
                    n_held_out: Some(10),
                    // The other way round, so that the two disagree.
                    held_out_attacked_accuracy: Some(1.0 - accuracy),
                    n_held_out_attacked: Some(10),
                })
                .collect();
            assert_eq!(best(&epochs, Judge::Clean), expected_best, "{accuracies:?}");
            let stopping = EarlyStopping { patience, judge: None };
            assert_eq!(stopping.is_over(&epochs, Judge::Clean), expected_end, "{accuracies:?}");
            let swap = |mut epoch: Epoch| {
                std::mem::swap(&mut epoch.held_out_accuracy, &mut epoch.held_out_attacked_accuracy);
                epoch
            };
            let swapped: Vec<_> = epochs.into_iter().map(swap).collect();
            assert_eq!(best(&swapped, Judge::Attacked), expected_best, "{accuracies:?}");
            assert_eq!(stopping.is_over(&swapped, Judge::Attacked), expected_end, "{accuracies:?}");
        };
        check(&[], 1, None, false);
        check(&[0.1], 1, Some(0), false);
        check(&[0.1, 0.2, 0.3], 1, Some(2), false);
        check(&[0.1, 0.3, 0.2], 1, Some(1), true);
        check(&[0.1, 0.3, 0.2], 2, Some(1), false);
        check(&[0.1, 0.3, 0.3, 0.3], 2, Some(1), true); // As good is not better.
        check(&[0.3, 0.2, 0.1, 0.4], 3, Some(3), false);
    }
}
