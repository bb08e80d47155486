//! The exponential moving average of weights.

use serde::{Deserialize, Serialize};
use tch::Tensor;
use twinset_model::Network;
use twinset_stage::InvalidField;

/// How weights are averaged; what is saved, and judged on held-out images, is then the average.
///
/// After the first step the average is the weights, after each later one `decay · average + (1 - decay) · weights`, as
/// PyTorch's `AveragedModel` with `get_ema_multi_avg_fn(decay)` has it. Batch norm's running statistics are those of the
/// last step: they are averages already.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WeightAverage {
    /// The share of the average that a step leaves.
    pub decay: f64,
}

impl WeightAverage {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        let is_valid = (0.0..1.0).contains(&self.decay);
        InvalidField::unless(is_valid, "weight-average.decay", self.decay, "at least 0 and less than 1")
    }
}

/// The average of a network's parameters so far.
#[derive(Debug)]
pub(crate) struct Average {
    decay: f64,
    /// In the order of the network's parameters.
    pub(crate) values: Vec<Tensor>,
}

impl Average {
    pub(crate) fn new(config: WeightAverage, network: &Network) -> Self {
        let values = network.parameters().map(|(_, tensor)| tensor.detach().copy()).collect();
        Self { decay: config.decay, values }
    }

    /// Takes in the weights after a step, counted from 1.
    pub(crate) fn update(&mut self, network: &Network, step: u64) {
        tch::no_grad(|| {
            for (average, (_, weights)) in self.values.iter_mut().zip(network.parameters()) {
                if step == 1 {
                    average.copy_(weights);
                } else {
                    let _ = average.lerp_(weights, 1.0 - self.decay);
                }
            }
        });
    }

    /// Exchanges the average and the network's weights; a second time undoes it, to the bit.
    pub(crate) fn swap(&mut self, network: &Network) {
        tch::no_grad(|| {
            for (average, (_, weights)) in self.values.iter_mut().zip(network.parameters()) {
                let copy = weights.copy();
                weights.shallow_clone().copy_(average);
                average.copy_(&copy);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};
    use twinset_model::{Model, NetworkSpec};

    use super::*;

    #[test]
    fn an_average_is_the_first_weights_and_then_leans_to_the_later_ones() {
        let _generator = crate::seeded(1);
        let network = Network::new(&NetworkSpec::new(Model::PaperRobust, Some(1), 2, 4), Device::Cpu).unwrap();
        let mut average = Average::new(WeightAverage { decay: 0.9 }, &network);
        // Weights of 1, 2 and 5; the averages are those of PyTorch's `AveragedModel` with `get_ema_multi_avg_fn(0.9)`.
        for (step, (weight, expected)) in (1..).zip([(1.0, 1.0), (2.0, 1.1), (5.0, 1.49)]) {
            tch::no_grad(|| network.parameters().for_each(|(_, tensor)| drop(tensor.shallow_clone().fill_(weight))));
            average.update(&network, step);
            for value in &average.values {
                let difference = (value - expected).abs().max().double_value(&[]);
                assert!(difference < 1e-6, "step {step}: {difference} from {expected}");
            }
        }
        let weights = || network.parameters().map(|(_, tensor)| tensor.sum(Kind::Float).double_value(&[])).sum::<f64>();
        let before = weights();
        average.swap(&network);
        assert!((weights() / before - 1.49 / 5.0).abs() < 1e-6);
        average.swap(&network);
        assert_eq!(weights(), before);
    }
}
