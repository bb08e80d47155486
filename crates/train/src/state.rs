//! What of a training changes from epoch to epoch, as tensors by name: what a checkpoint holds.

use tch::Tensor;

use crate::initial::tensors;
use crate::training::Run;
use crate::watch::Watch;
use crate::{Checkpoint, TrainError, history};

/// Of eight columns; `epochs` had seven.
const EPOCHS: &str = "epochs.2";
const WATCHED: &str = "watched";
const LEARNING_CURVE: &str = "learning-curve";

impl Run<'_> {
    /// All that changes from epoch to epoch, by name.
    pub(crate) fn state(&self) -> Vec<(String, Tensor)> {
        let epochs = (EPOCHS.to_owned(), history::to_tensor(&self.epochs));
        let watched = (WATCHED.to_owned(), Tensor::from_slice(&self.watched));
        let points = self.learning_curve.as_ref().map(|points| (LEARNING_CURVE.to_owned(), points.to_tensor()));
        self.tensors().into_iter().chain([epochs, watched]).chain(points).collect()
    }

    /// The part of the state that is restored by copying into it.
    fn tensors(&self) -> Vec<(String, Tensor)> {
        let numbered = |name: &'static str, values: &[Tensor]| -> Vec<_> {
            values
                .iter()
                .enumerate()
                .map(|(index, tensor)| (format!("{name}.{index}"), tensor.shallow_clone()))
                .collect()
        };
        let mut state = numbered("optimizer", &self.optimizer.state());
        state.extend(tensors(&self.network).enumerate().map(|(i, tensor)| (format!("network.{i}"), tensor.detach())));
        state.extend(self.average.iter().flat_map(|average| numbered("average", &average.values)));
        state.extend(self.best.iter().flat_map(|best| numbered("best", &best.values)));
        state
    }

    /// Goes on as after the checkpoint's epoch.
    pub(crate) fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let n_attacked = self.held_out_attacked.as_ref().map_or(0, Watch::n_images);
        let epochs = checkpoint.tensor(EPOCHS, None)?;
        let n_held_out = self.data.held_out.len() as u64;
        self.epochs = history::from_tensor(epochs, n_held_out, n_attacked);
        if let Some(points) = &mut self.learning_curve {
            points.restore(checkpoint.tensor(LEARNING_CURVE, None)?, n_held_out);
        }
        let watched = checkpoint.tensor(WATCHED, None)?;
        self.watched = Vec::try_from(watched).expect("it was written as float64");
        for (name, mut tensor) in self.tensors() {
            tensor.copy_(checkpoint.tensor(&name, Some(&tensor.size()))?);
        }
        if let Some(last) = self.epochs.last() {
            (self.n_epochs, self.n_steps, self.n_samples) = (last.epoch, last.n_steps, last.n_samples_seen);
        }
        self.optimizer.set_n_steps(self.n_steps);
        Ok(())
    }
}
