//! The training loop.

use tch::{Kind, Tensor};
use twinset_attack::{AttackError, pgd};
use twinset_manifest::rows::Epoch;
use twinset_model::{Mode, Network, NetworkSpec, augment, unit_pixels};
use twinset_stage::{Bar, Progress};

use crate::history;
use crate::order::{Order, seed_torch};
use crate::tally::Tally;
use crate::{Budget, Checkpoint, Checkpoints, Config, Length, Optimizer, Regime, TrainError, TrainingData};

const EPOCHS: &str = "epochs";

/// A network that was trained, and how that went.
#[derive(Debug)]
pub struct Trained {
    /// The network after the last step.
    pub network: Network,
    /// One row an epoch.
    pub epochs: Vec<Epoch>,
}

/// Trains a network on the device that the data is on.
///
/// On a CPU with one thread the same config and data give the same weights, bit for bit.
///
/// # Errors
/// When there is nothing to train on, the network does not take the images, an attack fails, or the loss or a weight is
/// no longer finite.
pub fn train(config: &Config, data: &TrainingData, progress: &Progress) -> Result<Trained, TrainError> {
    Run::begin(config, data)?.go(progress, None)
}

/// As [`train`], with a checkpoint after each epoch, from the start or from a checkpoint of this very training on.
///
/// # Errors
/// As [`train`]; also when a checkpoint cannot be written or restored.
pub fn train_resumably(
    config: &Config,
    data: &TrainingData,
    progress: &Progress,
    checkpoints: &Checkpoints,
    from: Option<&Checkpoint>,
) -> Result<Trained, TrainError> {
    let mut run = Run::begin(config, data)?;
    if let Some(checkpoint) = from {
        run.restore(checkpoint)?;
    }
    run.go(progress, Some(checkpoints))
}

/// A training between two epochs. What it holds is all that the next epoch depends on; [`Run::state`] is what of it
/// changes from epoch to epoch.
struct Run<'a> {
    config: &'a Config,
    data: &'a TrainingData,
    network: Network,
    optimizer: Optimizer,
    length: Length,
    epochs: Vec<Epoch>,
    n_epochs: u32,
    n_steps: u64,
    n_samples: u64,
}

impl<'a> Run<'a> {
    fn begin(config: &'a Config, data: &'a TrainingData) -> Result<Self, TrainError> {
        if data.samples.is_empty() {
            return Err(TrainError::EmptyTrainset);
        }
        let (height, width) = data.images.size();
        if height != width {
            return Err(TrainError::NotSquare { width, height });
        }
        seed_torch(config.seed, 0);
        let spec = NetworkSpec::new(config.model, config.width, data.class_names.len() as i64, height);
        let network = Network::new(&spec, data.images.pixels.device())?.with_class_names(data.class_names.clone())?;
        let optimizer = Optimizer::new(config.optimizer, network.parameters().map(|(_, tensor)| tensor));
        let length = config.length(data.samples.len() as u64);
        Ok(Self { config, data, network, optimizer, length, epochs: Vec::new(), n_epochs: 0, n_steps: 0, n_samples: 0 })
    }

    fn go(mut self, progress: &Progress, checkpoints: Option<&Checkpoints>) -> Result<Trained, TrainError> {
        let n_samples = self.config.estimate(self.data.samples.len() as u64).n_samples - self.n_samples;
        let bar = progress.begin("samples", n_samples, "training");
        while let Some(epoch) = self.epoch(&bar)? {
            self.epochs.push(epoch);
            if let Some(checkpoints) = checkpoints {
                checkpoints.save(self.n_epochs, &self.state())?;
            }
        }
        Ok(Trained { network: self.network, epochs: self.epochs })
    }

    /// All that changes from epoch to epoch, by name.
    fn state(&self) -> Vec<(String, Tensor)> {
        let epochs = (EPOCHS.to_owned(), history::to_tensor(&self.epochs));
        self.tensors().chain([epochs]).collect()
    }

    /// The part of the state that is restored by copying into it.
    fn tensors(&self) -> impl Iterator<Item = (String, Tensor)> {
        let network = self.network.parameters().map(|(name, tensor)| (format!("network.{name}"), tensor));
        network.chain(self.optimizer.state()).map(|(name, tensor)| (name, tensor.detach()))
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        self.epochs = history::from_tensor(checkpoint.tensor(EPOCHS, None)?, self.data.held_out.len());
        for (name, mut tensor) in self.tensors() {
            tensor.copy_(checkpoint.tensor(&name, Some(&tensor.size()))?);
        }
        if let Some(last) = self.epochs.last() {
            (self.n_epochs, self.n_steps, self.n_samples) = (last.epoch, last.n_steps, last.n_samples_seen);
        }
        self.optimizer.set_n_steps(self.n_steps);
        Ok(())
    }

    /// The next epoch; none when the budget is spent.
    fn epoch(&mut self, bar: &Bar) -> Result<Option<Epoch>, TrainError> {
        let Self { config, data, .. } = *self;
        if self.is_budget_spent() {
            return Ok(None);
        }
        let epoch = self.n_epochs + 1;
        let last = match config.budget {
            Budget::Epochs(n) => format!("/{n}"),
            Budget::Steps(_) | Budget::Samples(_) => String::new(),
        };
        let say = |tally: &Tally| bar.set_message(format!("epoch {epoch}{last} {tally}"));
        seed_torch(config.seed, epoch);
        let order = Order::new(&data.samples, config.seed, epoch, self.network.device());
        let mut learning_rate = self.learning_rate();
        let mut tally = Tally::new(epoch, learning_rate, self.network.device());
        say(&tally);

        let mut start = 0;
        while start < order.n_samples && !self.is_budget_spent() {
            let n = self.next_batch_size(order.n_samples - start);
            let (images, labels) = order.batch(start, n);
            let attacked_or_not = self.inputs(&images, &labels).map_err(|error| tally.attack_error(error))?;
            learning_rate = self.learning_rate();
            let (loss, n_correct) = self.step(&attacked_or_not, &labels, learning_rate);
            (self.n_steps, self.n_samples, start) = (self.n_steps + 1, self.n_samples + n, start + n);
            if tally.add(loss, n_correct, n, learning_rate)? {
                say(&tally);
            }
            bar.inc(n);
        }
        tally.read()?;
        say(&tally);
        tally.check_weights(self.network.parameters().map(|(_, tensor)| tensor))?;
        self.n_epochs = epoch;
        let held_out_accuracy = self.held_out_accuracy();
        Ok(Some(Epoch {
            epoch,
            n_steps: self.n_steps,
            n_samples_seen: self.n_samples,
            learning_rate,
            train_loss: tally.loss(),
            train_accuracy: tally.accuracy(),
            held_out_accuracy,
            n_held_out: held_out_accuracy.map(|_| data.held_out.len() as u64),
        }))
    }

    fn is_budget_spent(&self) -> bool {
        match self.config.budget {
            Budget::Epochs(n) => self.n_epochs >= n,
            Budget::Steps(n) => self.n_steps >= n,
            Budget::Samples(n) => self.n_samples >= n,
        }
    }

    fn next_batch_size(&self, n_left: u64) -> u64 {
        let n = n_left.min(self.config.batch_size.into());
        match self.config.budget {
            Budget::Samples(budget) => n.min(budget - self.n_samples),
            Budget::Epochs(_) | Budget::Steps(_) => n,
        }
    }

    /// What the network is trained on for these images.
    fn inputs(&self, images: &Tensor, labels: &Tensor) -> Result<Tensor, AttackError> {
        let mut bytes = self.data.images.bytes(images);
        if let Some(augmentation) = &self.config.augmentation {
            bytes = augment(&bytes, augmentation);
        }
        let pixels = unit_pixels(&bytes);
        match &self.config.regime {
            Regime::Standard => Ok(pixels),
            Regime::Pgd(attack) => {
                let logits = |pixels: &Tensor| self.network.forward(pixels, Mode::Eval);
                Ok(pgd(&logits, &pixels, labels, attack)?.pixels)
            }
        }
    }

    /// One optimiser step: the loss before it and how many were classified rightly, both still on the device.
    fn step(&mut self, inputs: &Tensor, labels: &Tensor, learning_rate: f64) -> (Tensor, Tensor) {
        let logits = self.network.forward(inputs, Mode::Train);
        let loss = logits.cross_entropy_for_logits(labels);
        let parameters: Vec<_> = self.network.parameters().map(|(_, tensor)| tensor).collect();
        self.optimizer.step(Tensor::run_backward(&[&loss], &parameters, false, false), learning_rate);
        (loss.detach(), n_correct(&logits.detach(), labels))
    }

    /// Clean accuracy on the held-out images, if there are any.
    fn held_out_accuracy(&self) -> Option<f64> {
        let places: Vec<_> = self.data.held_out.iter().map(|&place| place as i64).collect();
        if places.is_empty() {
            return None;
        }
        let places = Tensor::from_slice(&places).to_device(self.network.device());
        let correct: Vec<_> = tch::no_grad(|| {
            places
                .split(self.config.batch_size.into(), 0)
                .iter()
                .map(|places| {
                    let logits = self.network.forward(&self.data.images.batch(places), Mode::Eval);
                    n_correct(&logits, &self.data.images.labels.index_select(0, places))
                })
                .collect()
        });
        let n_correct = Tensor::stack(&correct, 0).sum(Kind::Int64).int64_value(&[]);
        Some(n_correct as f64 / self.data.held_out.len() as f64)
    }

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64 {
        self.config.optimizer.learning_rate() * self.config.schedule.factor(self.n_steps, self.length)
    }
}

fn n_correct(logits: &Tensor, labels: &Tensor) -> Tensor {
    logits.argmax(1, false).eq_tensor(labels).sum(Kind::Int64)
}
