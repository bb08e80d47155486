//! What is said of an epoch while it goes on.

use tch::{Device, Kind, Tensor};
use twinset_attack::AttackError;

use crate::TrainError;

/// Losses and hits of an epoch. They are summed on the CPU, and fetched from the device some steps at a time, since each
/// fetch waits for a GPU.
pub(crate) struct Tally {
    epoch: u32,
    /// Steps that may wait to be fetched.
    max_pending: usize,
    pending: Vec<Step>,
    /// The learning rate of the last step that was fetched.
    learning_rate: f64,
    n_steps: u64,
    n_samples: u64,
    loss_sum: f64,
    n_correct: i64,
}

/// A step whose figures were not fetched yet.
struct Step {
    loss: Tensor,
    n_correct: Tensor,
    n_samples: u64,
    learning_rate: f64,
}

impl Tally {
    pub(crate) fn new(epoch: u32, learning_rate: f64, device: Device) -> Self {
        let max_pending = if device.is_cuda() { 200 } else { 1 };
        Self {
            epoch,
            max_pending,
            pending: Vec::new(),
            learning_rate,
            n_steps: 0,
            n_samples: 0,
            loss_sum: 0.0,
            n_correct: 0,
        }
    }

    /// Adds a step; true when the figures were fetched.
    pub(crate) fn add(
        &mut self,
        loss: Tensor,
        n_correct: Tensor,
        n_samples: u64,
        learning_rate: f64,
    ) -> Result<bool, TrainError> {
        self.pending.push(Step { loss, n_correct, n_samples, learning_rate });
        let is_full = self.pending.len() >= self.max_pending;
        if is_full {
            self.read()?;
        }
        Ok(is_full)
    }

    /// Fetches what is pending.
    pub(crate) fn read(&mut self) -> Result<(), TrainError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        let losses: Vec<_> = pending.iter().map(|step| &step.loss).collect();
        let correct: Vec<_> = pending.iter().map(|step| &step.n_correct).collect();
        let losses = Vec::<f32>::try_from(Tensor::stack(&losses, 0)).expect("losses are 32-bit floats");
        self.n_correct += Tensor::stack(&correct, 0).sum(Kind::Int64).int64_value(&[]);
        for (loss, step) in losses.into_iter().zip(pending) {
            self.n_steps += 1;
            self.learning_rate = step.learning_rate;
            if !loss.is_finite() {
                return Err(self.not_finite("loss", loss.into(), self.n_steps));
            }
            self.loss_sum += f64::from(loss) * step.n_samples as f64;
            self.n_samples += step.n_samples;
        }
        Ok(())
    }

    pub(crate) fn loss(&self) -> f64 {
        self.loss_sum / self.n_samples as f64
    }

    pub(crate) fn accuracy(&self) -> f64 {
        self.n_correct as f64 / self.n_samples as f64
    }

    /// The weights after the last step, which no later loss shows.
    pub(crate) fn check_weights<'a>(&self, parameters: impl Iterator<Item = &'a Tensor>) -> Result<(), TrainError> {
        let value = tch::no_grad(|| {
            let largest: Vec<_> = parameters.map(|tensor| tensor.abs().max()).collect();
            Tensor::stack(&largest, 0).max().double_value(&[])
        });
        if value.is_finite() { Ok(()) } else { Err(self.not_finite("largest weight", value, self.n_steps)) }
    }

    fn not_finite(&self, what: &'static str, value: f64, step: u64) -> TrainError {
        TrainError::NotFinite { what, value, epoch: self.epoch, step, learning_rate: self.learning_rate }
    }

    /// Where a network's numbers are not finite it cannot be attacked; that, and not the attack, is what is wrong then.
    pub(crate) fn attack_error(&self, source: AttackError) -> TrainError {
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
