//! How trainings went.

use crate::row::row;

row! {
    /// One epoch of one training run.
    pub struct Epoch = "epochs/2", row_group_rows = 65536 {
        /// Counted from 1.
        epoch: u32,
        /// Optimiser steps so far.
        n_steps: u64,
        /// Training samples seen so far, repetitions counted.
        n_samples_seen: u64,
        /// The learning rate of the epoch's last step.
        learning_rate: f64,
        /// Mean loss over the epoch's batches as they were trained on: cross-entropy (in adversarial training of attacked
        /// images), with label smoothing where asked; under TRADES with the divergence, too.
        train_loss: f64,
        /// Share of the epoch's samples classified rightly as they were trained on, before each step.
        train_accuracy: f64,
        /// Clean accuracy on held-out images after the epoch; null where none were asked for.
        held_out_accuracy: Option<f64>,
        /// How many held-out images that is over; null where none were asked for.
        n_held_out: Option<u64>,
        /// Accuracy on held-out images under PGD of ten steps in the ball of the training's attack; null where none were attacked. Where it
        /// falls while training goes on, the network overfits.
        held_out_attacked_accuracy: Option<f64>,
        /// How many held-out images were attacked; null where none were.
        n_held_out_attacked: Option<u64>,
    }
}

row! {
    /// The accuracy at one moment of one training run that is evaluated every so many samples.
    pub struct LearningCurve = "learning-curve/1", row_group_rows = 65536 {
        /// Training samples seen so far, repetitions counted.
        n_samples_seen: u64,
        /// Optimiser steps so far.
        n_steps: u64,
        /// Clean accuracy on held-out images.
        held_out_accuracy: f64,
        /// How many held-out images that is over.
        n_held_out: u64,
    }
}
