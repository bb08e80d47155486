//! The *Gaussian toy*: two overlapping Gaussian classes in the plane, a support vector classifier of them, and duplicates.
//!
//! It is the first experiment of Aghabagherloo et al. 2025: a seed has its original points, a share of them is repeated, and the
//! classifier is trained on both. What was published is the mean of the two classes' accuracies *on what was trained on*, of one
//! drawing. Beside it stand the same on the original points alone and on points never seen, over many seeds, and
//! [`bayes_accuracy`], which no classifier can exceed.
//!
//! # What is paired
//! - The original and the held-out points of a seed are the same for every selection and number of duplicates.
//! - Fewer duplicates are the first of more.
//!
//! ```
//! use twinset_gaussian::{Config, accuracies};
//!
//! let config = Config { n_seeds: 1, uniform_levels: vec![0, 20], n_held_out: 500, ..Config::default() };
//! let rows = accuracies(&config, &|| ());
//! assert_eq!((rows[1].n_duplicates, rows[1].seed), (20, 0));
//! assert!((rows[0].bayes_accuracy - 0.7181).abs() < 1e-4);
//! ```

mod accuracy;
mod boundary;
mod classifier;
mod config;
mod draw;
mod points;
mod seeds;
mod summary;
mod toy;

pub use boundary::{Window, boundary};
pub use classifier::{Classifier, Kernel, fit};
pub use config::{Config, Means, Point};
pub use draw::{duplicates, originals};
pub use points::{Points, bayes_accuracy};
pub use summary::Summary;
pub use toy::{accuracies, drawing, n_classifiers};
