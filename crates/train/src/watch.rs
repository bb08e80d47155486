//! Accuracy under PGD after each epoch: on training images to see catastrophic overfitting, a network that learns to withstand an
//! attack of few steps and no other; on held-out images to see robust overfitting.

use tch::Tensor;
use twinset_attack::{AttackError, Pgd, pgd};
use twinset_model::{ImageSet, Network};

use crate::Sample;
use crate::spread::spread;

/// Training images that are attacked after each epoch.
pub(crate) const WATCHED: u64 = 256;
/// How far PGD's accuracy may fall below its best so far (Wong et al.'s own training stops at such a fall), and lie below that
/// of the few steps in the epoch's training.
const FALL: f64 = 0.2;

/// Images that are watched, and what attacks them.
#[derive(Debug)]
pub(crate) struct Watch {
    attack: Pgd,
    images: Tensor,
    labels: Tensor,
}

impl Watch {
    /// Some training images.
    pub(crate) fn of_training(attack: Pgd, samples: &[Sample], network: &Network) -> Self {
        let chosen = spread(samples, WATCHED as usize);
        let tensor = |values: Vec<i64>| Tensor::from_slice(&values).to_device(network.device());
        Self {
            attack,
            images: tensor(chosen.iter().map(|sample| sample.image as i64).collect()),
            labels: tensor(chosen.iter().map(|sample| i64::from(sample.label)).collect()),
        }
    }

    /// At most `n` of the held-out images, which are places in `images`.
    pub(crate) fn of_held_out(attack: Pgd, held_out: &[usize], n: usize, images: &ImageSet) -> Self {
        let places: Vec<_> = spread(held_out, n).into_iter().map(|place| place as i64).collect();
        let places = Tensor::from_slice(&places).to_device(images.labels.device());
        Self { attack, labels: images.labels.index_select(0, &places), images: places }
    }

    /// How many images are watched.
    pub(crate) fn n_images(&self) -> u64 {
        self.images.size()[0] as u64
    }

    /// The accuracy of the network, as it is evaluated, on the attacked images.
    pub(crate) fn accuracy(&self, network: &Network, images: &ImageSet, batch_size: i64) -> Result<f64, AttackError> {
        let frozen = network.frozen();
        let logits = |pixels: &Tensor| frozen.forward(pixels);
        let mut n_correct = 0.0;
        for (images_of_batch, labels) in self.images.split(batch_size, 0).iter().zip(self.labels.split(batch_size, 0)) {
            let attacked = pgd(&logits, &images.batch(images_of_batch), &labels, &self.attack)?.pixels;
            let is_right = tch::no_grad(|| logits(&attacked)).argmax(1, false).eq_tensor(&labels);
            n_correct += is_right.sum(tch::Kind::Int64).double_value(&[]);
        }
        Ok(n_correct / self.images.size()[0] as f64)
    }

    /// What is to be said of PGD's accuracies, and of those under the attack in training, one an epoch: the first fall, and
    /// whether the network recovered.
    pub(crate) fn warning(&self, accuracies: &[f64], in_training: &[f64]) -> Option<String> {
        let Fall { epoch, above, found } = first_fall(accuracies, in_training)?;
        let n_steps = self.attack.n_steps;
        let then = match accuracies {
            [.., last] if accuracies.len() > epoch => {
                let last_epoch = accuracies.len();
                let is_recovered = first_fall(&accuracies[last_epoch - 1..], &[above]).is_none();
                let verb = if is_recovered { "recovered to" } else { "stood at" };
                format!("; it {verb} {:.1} % by epoch {last_epoch}, the last", 100.0 * last)
            }
            _ => String::new(),
        };
        Some(format!(
            "catastrophic overfitting: after epoch {epoch} PGD-{n_steps} leaves {:.1} % of {} training images classified \
             rightly, and before, or the few steps in training, left {:.1} %{then}",
            100.0 * found,
            self.images.size()[0],
            100.0 * above,
        ))
    }
}

/// A fall of PGD's accuracy.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Fall {
    /// The epoch, counted from 1.
    epoch: usize,
    /// The best accuracy before it, or that in its training.
    above: f64,
    /// The accuracy after it.
    found: f64,
}

/// The first epoch whose accuracy is far below the best before it or that in training.
fn first_fall(accuracies: &[f64], in_training: &[f64]) -> Option<Fall> {
    let mut best = f64::NEG_INFINITY;
    for (index, (&found, &in_training)) in accuracies.iter().zip(in_training).enumerate() {
        let above = best.max(in_training);
        if above - found > FALL {
            return Some(Fall { epoch: index + 1, above, found });
        }
        best = best.max(found);
    }
    None
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn a_fall_is_measured_from_the_best_and_from_what_few_steps_leave() {
        let check = |accuracies: &[f64], in_training: &[f64], expected: Option<(usize, f64, f64)>| {
            let expected = expected.map(|(epoch, above, found)| Fall { epoch, above, found });
            assert_eq!(first_fall(accuracies, in_training), expected, "{accuracies:?}, {in_training:?}");
        };
        check(&[], &[], None);
        check(&[0.0, 0.0], &[0.0; 2], None);
        check(&[0.3, 0.4, 0.25, 0.21], &[0.3; 4], None);
        check(&[0.3, 0.45, 0.4, 0.01, 0.5], &[0.2; 5], Some((4, 0.45, 0.01)));
        check(&[0.45, 0.35, 0.24], &[0.0; 3], Some((3, 0.45, 0.24))); // Little by little is a fall, too.
        check(&[0.1, 0.1, 0.1], &[0.1, 0.25, 0.6], Some((3, 0.6, 0.1))); // PGD was never withstood.
    }

    #[test]
    fn a_recovery_is_said() {
        let attack = serde_json::from_value(serde_json::json!({
            "epsilon": "8/255", "step-size": "2/255", "n-steps": 10, "random-start": true
        }));
        let none = || Tensor::zeros([256], (Kind::Int64, tch::Device::Cpu));
        let watch = Watch { attack: attack.unwrap(), images: none(), labels: none() };
        let check = |accuracies: &[f64], expected: &str| {
            let warning = watch.warning(accuracies, &vec![0.3; accuracies.len()]).unwrap();
            let start = "catastrophic overfitting: after epoch 2 PGD-10 leaves 0.0 % of 256 training images classified \
                         rightly, and before, or the few steps in training, left 40.0 %";
            assert_eq!(warning, format!("{start}{expected}"));
        };
        check(&[0.4, 0.0], "");
        check(&[0.4, 0.0, 0.35], "; it recovered to 35.0 % by epoch 3, the last");
        check(&[0.4, 0.0, 0.0, 0.1], "; it stood at 10.0 % by epoch 4, the last");
    }
}
