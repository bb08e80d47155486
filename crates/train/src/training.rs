//! The training loop.

use tch::{Device, Kind, Tensor};
use twinset_attack::{AttackError, pgd};
use twinset_manifest::rows::Epoch;
use twinset_model::{Mode, Network, NetworkSpec, augment, unit_pixels};
use twinset_stage::{Bar, Progress};

use crate::{Budget, Config, Optimizer, Regime, Sample, TrainError, TrainingData, epoch_order, torch_seed};

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
    let network = initial_network(config, data)?;
    train_from(network, config, data, progress)
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
    let mut run = Run::begin(network, config, data)?;
    let bar = progress.begin("samples", config.estimate(data.samples.len() as u64).n_samples, "training");
    let mut epochs = Vec::new();
    while let Some(epoch) = run.epoch(&bar)? {
        epochs.push(epoch);
    }
    Ok(Trained { network: run.network, epochs })
}

/// The config's network for these images and classes.
///
/// # Errors
/// When there is nothing to train on, or no such network takes the images.
pub fn network_spec(config: &Config, data: &TrainingData) -> Result<NetworkSpec, TrainError> {
    if data.samples.is_empty() {
        return Err(TrainError::EmptyTrainset);
    }
    let (height, width) = data.images.size();
    if height != width {
        return Err(TrainError::NotSquare { width, height });
    }
    let spec = config.network(data.class_names.len() as i64, height);
    spec.validate()?;
    Ok(spec)
}

/// A new network, with weights that the seed decides.
fn initial_network(config: &Config, data: &TrainingData) -> Result<Network, TrainError> {
    let spec = network_spec(config, data)?;
    seed_torch(config.seed, 0);
    Ok(Network::new(&spec, data.images.pixels.device())?.with_normalisation(config.normalisation))
}

/// A training between two epochs. What it holds is all that the next epoch depends on.
struct Run<'a> {
    config: &'a Config,
    data: &'a TrainingData,
    network: Network,
    optimizer: Optimizer,
    n_epochs: u32,
    n_steps: u64,
    n_samples: u64,
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
        Ok(Self { config, data, network, optimizer, n_epochs: 0, n_steps: 0, n_samples: 0 })
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
        let mut tally = Tally::new(epoch, self.optimizer_rate(), self.network.device());
        say(&tally);

        let mut start = 0;
        while start < order.n_samples && !self.is_budget_spent() {
            let n = self.next_batch_size(order.n_samples - start);
            let (images, labels) = order.batch(start, n);
            let attacked_or_not = self.inputs(&images, &labels).map_err(|error| tally.attack_error(error))?;
            let (loss, n_correct) = self.step(&attacked_or_not, &labels);
            (self.n_steps, self.n_samples, start) = (self.n_steps + 1, self.n_samples + n, start + n);
            if tally.add(loss, n_correct, n)? {
                say(&tally);
            }
            bar.inc(n);
        }
        tally.read()?;
        say(&tally);
        self.check_weights(&tally)?;
        self.n_epochs = epoch;
        let held_out_accuracy = self.held_out_accuracy();
        Ok(Some(Epoch {
            epoch,
            n_steps: self.n_steps,
            n_samples_seen: self.n_samples,
            learning_rate: self.optimizer_rate(),
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
    fn step(&mut self, inputs: &Tensor, labels: &Tensor) -> (Tensor, Tensor) {
        let logits = self.network.forward(inputs, Mode::Train);
        let loss = logits.cross_entropy_for_logits(labels);
        let parameters: Vec<_> = self.network.parameters().map(|(_, tensor)| tensor).collect();
        self.optimizer.step(Tensor::run_backward(&[&loss], &parameters, false, false));
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

    fn optimizer_rate(&self) -> f64 {
        self.config.optimizer.learning_rate()
    }

    /// The last step of an epoch has no later loss to show what it did.
    fn check_weights(&self, tally: &Tally) -> Result<(), TrainError> {
        let value = tch::no_grad(|| {
            let largest: Vec<_> = self.network.parameters().map(|(_, tensor)| tensor.abs().max()).collect();
            Tensor::stack(&largest, 0).max().double_value(&[])
        });
        if value.is_finite() { Ok(()) } else { Err(tally.not_finite("largest weight", value, tally.n_steps)) }
    }
}

/// Labels beyond the classes: torch's loss would panic at them.
fn check_labels(data: &TrainingData) -> Result<(), TrainError> {
    let n_classes = data.class_names.len();
    match (0..).zip(&data.samples).find(|(_, sample)| sample.label as usize >= n_classes) {
        None => Ok(()),
        Some((position, sample)) => Err(TrainError::Label {
            position,
            image_id: data.images.image_ids[sample.image],
            found: sample.label,
            largest: n_classes as u32 - 1,
        }),
    }
}

fn n_correct(logits: &Tensor, labels: &Tensor) -> Tensor {
    logits.argmax(1, false).eq_tensor(labels).sum(Kind::Int64)
}

/// The one place where torch's generator is seeded.
fn seed_torch(seed: u64, epoch: u32) {
    tch::manual_seed(torch_seed(seed, epoch));
}

/// An epoch's samples in their order, on the device.
struct Order {
    n_samples: u64,
    images: Tensor,
    labels: Tensor,
}

impl Order {
    fn new(samples: &[Sample], seed: u64, epoch: u32, device: Device) -> Self {
        let order = epoch_order(samples, seed, epoch);
        let images: Vec<_> = order.iter().map(|&index| samples[index].image as i64).collect();
        let labels: Vec<_> = order.iter().map(|&index| i64::from(samples[index].label)).collect();
        Self {
            n_samples: samples.len() as u64,
            images: Tensor::from_slice(&images).to_device(device),
            labels: Tensor::from_slice(&labels).to_device(device),
        }
    }

    /// Indices of images, and labels.
    fn batch(&self, start: u64, n: u64) -> (Tensor, Tensor) {
        let (start, n) = (start.cast_signed(), n.cast_signed());
        (self.images.narrow(0, start, n), self.labels.narrow(0, start, n))
    }
}

/// Losses and hits of an epoch. They are summed on the CPU, and fetched from the device some steps at a time, since each
/// fetch waits for a GPU.
struct Tally {
    epoch: u32,
    learning_rate: f64,
    /// Steps that may wait to be fetched.
    max_pending: usize,
    /// Loss, hits and samples of steps that were not fetched yet.
    pending: Vec<(Tensor, Tensor, u64)>,
    n_steps: u64,
    n_samples: u64,
    loss_sum: f64,
    n_correct: i64,
}

impl Tally {
    fn new(epoch: u32, learning_rate: f64, device: Device) -> Self {
        let max_pending = if device.is_cuda() { 200 } else { 1 };
        let (n_steps, n_samples, loss_sum, n_correct) = (0, 0, 0.0, 0);
        Self { epoch, learning_rate, max_pending, pending: Vec::new(), n_steps, n_samples, loss_sum, n_correct }
    }

    /// Adds a step; true when the figures were fetched.
    fn add(&mut self, loss: Tensor, n_correct: Tensor, n: u64) -> Result<bool, TrainError> {
        self.pending.push((loss, n_correct, n));
        let is_full = self.pending.len() >= self.max_pending;
        if is_full {
            self.read()?;
        }
        Ok(is_full)
    }

    /// Fetches what is pending.
    fn read(&mut self) -> Result<(), TrainError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        let losses: Vec<_> = pending.iter().map(|(loss, _, _)| loss).collect();
        let correct: Vec<_> = pending.iter().map(|(_, n_correct, _)| n_correct).collect();
        let losses = Vec::<f32>::try_from(Tensor::stack(&losses, 0)).expect("losses are 32-bit floats");
        self.n_correct += Tensor::stack(&correct, 0).sum(Kind::Int64).int64_value(&[]);
        for (loss, (_, _, n)) in losses.into_iter().zip(pending) {
            self.n_steps += 1;
            if !loss.is_finite() {
                return Err(self.not_finite("loss", loss.into(), self.n_steps));
            }
            self.loss_sum += f64::from(loss) * n as f64;
            self.n_samples += n;
        }
        Ok(())
    }

    fn loss(&self) -> f64 {
        self.loss_sum / self.n_samples as f64
    }

    fn accuracy(&self) -> f64 {
        self.n_correct as f64 / self.n_samples as f64
    }

    fn not_finite(&self, what: &'static str, value: f64, step: u64) -> TrainError {
        TrainError::NotFinite { what, value, epoch: self.epoch, step, learning_rate: self.learning_rate }
    }

    /// Where a network's numbers are not finite it cannot be attacked; that, and not the attack, is what is wrong then.
    fn attack_error(&self, source: AttackError) -> TrainError {
        let step = self.n_steps + self.pending.len() as u64 + 1;
        match source {
            AttackError::NonFiniteGradient { .. } => self.not_finite("gradient for the attack", f64::NAN, step),
            source => TrainError::Attack { epoch: self.epoch, step, source },
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.n_samples == 0 {
            return f.write_str("begins");
        }
        write!(f, "loss {:.3}, accuracy {:.1} %", self.loss(), 100.0 * self.accuracy())
    }
}
