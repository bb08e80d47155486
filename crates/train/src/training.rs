//! The training loop.

use tch::{Kind, Tensor};
use twinset_attack::AttackError;
use twinset_manifest::rows::{Epoch, LearningCurve};
use twinset_model::{Mode, Network, OutOfMemory, augment, catch_out_of_memory, unit_pixels};
use twinset_stage::{Bar, Progress};

use crate::average::Average;
use crate::initial::{check_labels, network_spec, new_network, tensors};
use crate::learning_curve::Points;
use crate::order::{Order, seed_torch};
use crate::regime::Batch;
use crate::stopping::Best;
use crate::tally::Tally;
use crate::watch::Watch;
use crate::{Budget, Checkpoint, Checkpoints, Config, EventFile, Length, Optimizer, TrainError, TrainingData};

/// A network that was trained, and how that went.
#[derive(Debug)]
pub struct Trained {
    /// The network after the last step; with a weight average, that average; with early stopping, of the best epoch.
    pub network: Network,
    /// With early stopping, the network of the last epoch.
    pub last: Option<Network>,
    /// One row an epoch.
    pub epochs: Vec<Epoch>,
    /// Held-out accuracy every so many samples, and at the end; none where it was not asked for.
    pub learning_curve: Option<Vec<LearningCurve>>,
    /// What a reader of the result should know.
    pub warnings: Vec<String>,
}

/// Trains a network on the device that the data is on.
///
/// On a CPU with one thread the same config and data give the same weights, bit for bit.
///
/// # Errors
/// When there is nothing to train on, the network does not take the images, an attack fails, the loss or a weight is no
/// longer finite, or a batch does not fit into memory.
pub fn train(config: &Config, data: &TrainingData, progress: &Progress) -> Result<Trained, TrainError> {
    train_from(new_network(config, data)?, config, data, progress)
}

/// The same, beginning with the weights of `network` instead of new ones.
///
/// # Errors
/// As [`train`]; also when it is not the config's network for these images and classes.
pub fn train_from(
    network: Network,
    config: &Config,
    data: &TrainingData,
    progress: &Progress,
) -> Result<Trained, TrainError> {
    Run::begin(network, config, data)?.go(progress, None)
}

/// Where a training is kept while it goes on.
#[derive(Debug)]
pub struct Record<'a> {
    /// Its checkpoints, one an epoch.
    pub checkpoints: &'a Checkpoints,
    /// Its checkpoint that it goes on from, if there is one.
    pub from: Option<&'a Checkpoint>,
    /// Its curves for TensorBoard, where they are wanted.
    pub events: Option<EventFile>,
}

/// The same, recorded after each epoch, from the start or from a checkpoint of this very training on.
///
/// # Errors
/// As [`train_from`]; also when the record cannot be written, or the checkpoint not restored.
pub fn train_resumably(
    network: Network,
    config: &Config,
    data: &TrainingData,
    progress: &Progress,
    mut record: Record<'_>,
) -> Result<Trained, TrainError> {
    let mut run = Run::begin(network, config, data)?;
    if let Some(checkpoint) = record.from {
        run.restore(checkpoint)?;
    }
    if let Some(events) = &mut record.events {
        events.begin(run.epochs.last())?;
    }
    run.go(progress, Some(record))
}

/// A training between two epochs. What it holds is all that the next epoch depends on; [`Run::state`] is what of it
/// changes from epoch to epoch.
pub(crate) struct Run<'a> {
    pub(crate) config: &'a Config,
    pub(crate) data: &'a TrainingData,
    pub(crate) network: Network,
    pub(crate) optimizer: Optimizer,
    pub(crate) average: Option<Average>,
    pub(crate) best: Option<Best>,
    pub(crate) watch: Option<Watch>,
    /// The held-out images that are attacked after each epoch.
    pub(crate) held_out_attacked: Option<Watch>,
    pub(crate) length: Length,
    pub(crate) epochs: Vec<Epoch>,
    pub(crate) learning_curve: Option<Points>,
    /// Accuracies of what is watched, one an epoch.
    pub(crate) watched: Vec<f64>,
    pub(crate) n_epochs: u32,
    pub(crate) n_steps: u64,
    pub(crate) n_samples: u64,
}

impl<'a> Run<'a> {
    fn begin(network: Network, config: &'a Config, data: &'a TrainingData) -> Result<Self, TrainError> {
        let expected = network_spec(config, data)?;
        if *network.spec() != expected || network.normalisation() != config.normalisation {
            return Err(TrainError::OtherNetwork { found: network.spec().to_string(), expected: expected.to_string() });
        }
        check_labels(data)?;
        let network = network.with_class_names(data.class_names.clone())?.with_precision(config.precision)?;
        let optimizer = Optimizer::new(config.optimizer, network.parameters().map(|(_, tensor)| tensor));
        Ok(Self {
            config,
            data,
            optimizer,
            average: config.weight_average.map(|average| Average::new(average, &network)),
            best: config.judge().map(|judge| Best::new(judge, tensors(&network))),
            watch: config.regime.watching_attack().map(|attack| Watch::of_training(attack, &data.samples, &network)),
            held_out_attacked: config.attacks_held_out().zip(config.regime.held_out_attack()).map(|(n, attack)| {
                Watch::of_held_out(attack, &data.held_out, usize::try_from(n).unwrap_or(usize::MAX), &data.images)
            }),
            network,
            length: config.length(data.samples.len() as u64),
            epochs: Vec::new(),
            learning_curve: config.held_out.and_then(|held_out| held_out.every_samples).map(Points::every),
            watched: Vec::new(),
            n_epochs: 0,
            n_steps: 0,
            n_samples: 0,
        })
    }

    fn go(mut self, progress: &Progress, mut record: Option<Record<'_>>) -> Result<Trained, TrainError> {
        let n_samples = self.config.estimate(self.data.samples.len() as u64).n_samples - self.n_samples;
        let bar = progress.begin("samples", n_samples, "training");
        while !self.is_over() {
            catch_out_of_memory(|| self.epoch(&bar)).map_err(|source| self.out_of_memory(source))??;
            if let Some(record) = &mut record {
                record.checkpoints.save(self.n_epochs, &self.state())?;
                if let (Some(events), Some(epoch)) = (&mut record.events, self.epochs.last()) {
                    events.epoch(epoch, self.watched.last().copied())?;
                }
            }
        }
        self.swap_average();
        self.add_to_curve(self.epochs.last().and_then(|last| last.held_out_accuracy));
        let last = self.best.as_ref().map(|_| self.network.copy());
        if let Some(best) = &self.best {
            best.restore(tensors(&self.network));
        }
        let in_training: Vec<_> = self.epochs.iter().map(|epoch| epoch.train_accuracy).collect();
        let warnings = self.watch.and_then(|watch| watch.warning(&self.watched, &in_training)).into_iter().collect();
        let learning_curve = self.learning_curve.map(|points| points.rows);
        Ok(Trained { network: self.network, last, epochs: self.epochs, learning_curve, warnings })
    }

    /// Exchanges the weights and their average, if there is one.
    fn swap_average(&mut self) {
        if let Some(average) = &mut self.average {
            average.swap(&self.network);
        }
    }

    /// The next epoch.
    fn epoch(&mut self, bar: &Bar) -> Result<(), TrainError> {
        let Self { config, data, .. } = *self;
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
            let batch = self.batch(&images, &labels).map_err(|error| tally.attack_error(error))?;
            learning_rate = self.learning_rate();
            let (loss, n_correct) = self.step(&batch, &labels, learning_rate);
            (self.n_steps, self.n_samples, start) = (self.n_steps + 1, self.n_samples + n, start + n);
            if let Some(average) = &mut self.average {
                average.update(&self.network, self.n_steps);
            }
            if self.learning_curve.as_ref().is_some_and(|points| points.is_due(self.n_samples - n, self.n_samples)) {
                self.swap_average();
                self.add_to_curve(self.held_out_accuracy());
                self.swap_average();
            }
            if tally.add(loss, n_correct, n, learning_rate)? {
                say(&tally);
            }
            bar.inc(n);
        }
        tally.read()?;
        say(&tally);
        tally.check_weights(self.network.parameters().map(|(_, tensor)| tensor))?;
        self.n_epochs = epoch;
        if let Some(watch) = &self.watch {
            let accuracy = watch.accuracy(&self.network, &data.images, config.batch_size.into());
            self.watched.push(accuracy.map_err(|error| tally.attack_error(error))?);
        }
        self.swap_average();
        let held_out_accuracy = self.held_out_accuracy();
        let attacked = match &self.held_out_attacked {
            None => None,
            Some(watch) => {
                let accuracy = watch.accuracy(&self.network, &data.images, config.batch_size.into());
                Some((accuracy.map_err(|error| tally.attack_error(error))?, watch.n_images()))
            }
        };
        self.epochs.push(Epoch {
            epoch,
            n_steps: self.n_steps,
            n_samples_seen: self.n_samples,
            learning_rate,
            train_loss: tally.loss(),
            train_accuracy: tally.accuracy(),
            held_out_accuracy,
            n_held_out: held_out_accuracy.map(|_| data.held_out.len() as u64),
            held_out_attacked_accuracy: attacked.map(|(accuracy, _)| accuracy),
            n_held_out_attacked: attacked.map(|(_, n_images)| n_images),
        });
        if let Some(best) = &mut self.best {
            best.update(&self.epochs, tensors(&self.network));
        }
        self.swap_average();
        Ok(())
    }

    fn out_of_memory(&self, source: OutOfMemory) -> TrainError {
        let network = self.network.spec().to_string();
        TrainError::OutOfMemory { network, batch_size: self.config.batch_size, source }
    }

    fn is_over(&self) -> bool {
        let stopping = self.config.early_stopping.zip(self.config.judge());
        self.is_budget_spent() || stopping.is_some_and(|(stopping, judge)| stopping.is_over(&self.epochs, judge))
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

    /// What a step is taken on for these images.
    fn batch(&self, images: &Tensor, labels: &Tensor) -> Result<Batch, AttackError> {
        let mut bytes = self.data.images.bytes(images);
        if let Some(augmentation) = &self.config.augmentation {
            bytes = augment(&bytes, augmentation);
        }
        self.config.regime.batch(&self.network, self.config.attack_mode, unit_pixels(&bytes), labels)
    }

    /// One optimiser step: the loss before it and how many were classified rightly, both still on the device.
    fn step(&mut self, batch: &Batch, labels: &Tensor, learning_rate: f64) -> (Tensor, Tensor) {
        let (loss, logits) = batch.loss(&self.network, labels, self.config.label_smoothing);
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

    /// Adds the held-out accuracy of this moment to the learning curve, if there is one.
    fn add_to_curve(&mut self, held_out_accuracy: Option<f64>) {
        if let (Some(points), Some(held_out_accuracy)) = (&mut self.learning_curve, held_out_accuracy) {
            points.add(LearningCurve {
                n_samples_seen: self.n_samples,
                n_steps: self.n_steps,
                held_out_accuracy,
                n_held_out: self.data.held_out.len() as u64,
            });
        }
    }

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64 {
        self.config.optimizer.learning_rate() * self.config.schedule.factor(self.n_steps, self.length)
    }
}

fn n_correct(logits: &Tensor, labels: &Tensor) -> Tensor {
    logits.argmax(1, false).eq_tensor(labels).sum(Kind::Int64)
}
