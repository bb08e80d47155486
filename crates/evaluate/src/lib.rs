//! An *evaluation* is what a network classifies each image as: clean, and under each attack.
//!
//! It is a pure function of weights, images and a [`Config`]: [`load`] reads and checks the images that the config asks
//! for, [`evaluate`] makes one [`Prediction`](twinset_manifest::rows::Prediction) an image and attack, [`accuracies`] and
//! [`robust_accuracies`] sum them up, and [`check`] says whether they can be believed.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use twinset_evaluate::{Config, evaluate, load, robust_accuracies};
//! use twinset_stage::Progress;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config: Config = serde_json::from_str(
//!     r#"{ "seed": 0, "attacks": [{ "kind": "fgsm", "epsilon": "8/255" }] }"#,
//! )?;
//! let (network, _) = twinset_model::load(Path::new("model.safetensors"), tch::Device::Cpu)?;
//! let data = load(Path::new("images.parquet"), None, Path::new("."), &config, &network)?;
//! let evaluation = evaluate(&network, &data, &config, &Progress::hidden(), None)?;
//! for robust in robust_accuracies(&evaluation.predictions) {
//!     println!("{}: {}", robust.split, robust.fraction());
//! }
//! # Ok(())
//! # }
//! ```

mod accuracy;
mod checkpoint;
mod checks;
mod config;
mod data;
mod done;
mod error;
mod estimate;
mod foreign;
mod odd;
mod predict;
mod said;
mod seed;

pub use accuracy::{Accuracy, RobustAccuracy, accuracies, robust_accuracies};
pub use checkpoint::{Checkpoints, Found};
pub use checks::{CHECKS, Subject, check, sample};
pub use config::{CLEAN, Config};
pub use data::{EvaluationData, Other, load};
pub use error::EvaluateError;
pub use estimate::{Estimate, SplitSizes};
pub use foreign::{Foreign, open_network};
pub use predict::{Evaluation, Record, evaluate};
