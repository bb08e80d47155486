//! *Training* makes weights from a training set: the network, the order of the samples and all else that is random
//! follow from the config and its seed.
//!
//! [`load`] reads the manifests into [`TrainingData`], [`train`] makes a network of them, epoch by epoch. Seeds are
//! paired across arms: with the same seed, two trainings of one network begin with the same weights, and see the
//! originals in the same order, whatever duplicates stand between them.
//!
//! [`train_resumably`] also writes a [checkpoint](Checkpoints) after each epoch, and goes on from one: torch's generator is
//! seeded anew each epoch, so a resumed training is the uninterrupted one, bit for bit on a CPU with one thread.
//!
//! ```
//! use twinset_train::{Budget, Config};
//!
//! let config: Config = serde_json::from_str(
//!     r#"{ "model": "paper-robust", "seed": 1, "batch-size": 128, "budget": { "epochs": 30 },
//!          "optimizer": { "kind": "adam", "learning-rate": 0.001 },
//!          "regime": { "kind": "pgd", "epsilon": "8/255", "step-size": "2/255", "n-steps": 7, "random-start": true } }"#,
//! )?;
//! assert_eq!(config.budget, Budget::Epochs(30));
//! assert_eq!(config.estimate(50_000).n_forward_backward_passes, 50_000 * 30 * 8);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod average;
mod checkpoint;
mod config;
mod data;
mod error;
mod history;
mod initial;
mod learning_curve;
mod optimizer;
mod order;
mod pace;
mod regime;
mod schedule;
mod spread;
mod state;
mod stopping;
mod tally;
mod tensorboard;
mod training;
mod watch;

pub use average::WeightAverage;
pub use checkpoint::{Checkpoint, Checkpoints, Found};
pub use config::{Budget, Config, Estimate, HeldOut};
pub use data::{Sample, TrainingData, load};
pub use error::TrainError;
pub use initial::{network_spec, new_network};
pub use optimizer::{Optimizer, OptimizerConfig};
pub use order::{epoch_order, torch_seed};
pub use pace::{Pace, measure};
pub use regime::{AttackMode, Regime};
pub use schedule::{Annealing, Length, Milestones, Schedule};
pub use stopping::{EarlyStopping, Judge};
pub use tensorboard::EventFile;
pub use training::{Record, Trained, train, train_from, train_resumably};

/// Torch has one generator for all threads, and tests run side by side: a test that draws keeps it to itself.
#[cfg(test)]
fn seeded(seed: i64) -> std::sync::MutexGuard<'static, ()> {
    static GENERATOR: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let guard = GENERATOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    tch::manual_seed(seed);
    guard
}
