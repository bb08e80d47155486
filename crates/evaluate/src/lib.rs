//! An *evaluation* is what a network classifies each image as: clean, and under each attack.
//!
//! It is a pure function of weights, images and a [`Config`]: [`load`] reads and checks the images that the config asks
//! for, [`evaluate`] makes one [`Prediction`](twinset_manifest::rows::Prediction) an image and attack, and
//! [`accuracies`] sums them up.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use twinset_evaluate::{Config, accuracies, evaluate, load};
//! use twinset_stage::Progress;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config: Config = serde_json::from_str(
//!     r#"{ "seed": 0, "attacks": [{ "kind": "fgsm", "epsilon": "8/255" }] }"#,
//! )?;
//! let (network, _) = twinset_model::load(Path::new("model.safetensors"), tch::Device::Cpu)?;
//! let data = load(Path::new("images.parquet"), None, Path::new("."), &config, &network)?;
//! let evaluation = evaluate(&network, &data, &config, &Progress::hidden())?;
//! for accuracy in accuracies(&evaluation.predictions) {
//!     println!("{} {}: {}", accuracy.split, accuracy.attack, accuracy.fraction());
//! }
//! # Ok(())
//! # }
//! ```

mod accuracy;
mod config;
mod data;
mod error;
mod predict;
mod seed;

pub use accuracy::{Accuracy, accuracies};
pub use config::{CLEAN, Config, Estimate, SplitSizes};
pub use data::{EvaluationData, load};
pub use error::EvaluateError;
pub use predict::{Evaluation, evaluate};
