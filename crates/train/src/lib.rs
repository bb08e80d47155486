//! *Training* makes weights from a training set: the network, the order of the samples and all else that is random
//! follow from the config and its seed.
//!
//! [`load`] reads the manifests into [`TrainingData`], [`train`] makes a network of them, epoch by epoch. Seeds are
//! paired across arms: with the same seed, two trainings of one network begin with the same weights, and see the
//! originals in the same order, whatever duplicates stand between them.
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

mod config;
mod data;
mod error;
mod optimizer;
mod order;
mod training;

pub use config::{Budget, Config, Estimate, HeldOut, OptimizerConfig, Regime};
pub use data::{Sample, TrainingData, load};
pub use error::TrainError;
pub use optimizer::Optimizer;
pub use order::{epoch_order, torch_seed};
pub use training::{Trained, network_spec, train, train_from};
