//! The stages, as far as the runner knows them: names, files and who follows whom.

pub mod ask;
pub mod compile;
pub mod device;
pub mod precision;
pub mod programs;

use serde::{Deserialize, Serialize};
use std::fmt;

/// A stage, in the order of the data's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A dataset source to images.
    Ingest,
    /// Images to which are duplicates of which.
    Neardup,
    /// Images, clusters, rate and seed to a training set.
    Inject,
    /// A training set to weights.
    Train,
    /// Weights to what every image was classified as.
    Evaluate,
    /// Two Gaussian classes, and what duplicates do to a classifier of them; only where a pipeline has its table.
    Gaussian,
    /// All cells to a page.
    Report,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 7] =
        [Self::Ingest, Self::Neardup, Self::Inject, Self::Train, Self::Evaluate, Self::Gaussian, Self::Report];
    /// What a study does once, before its cells.
    pub const SHARED: [Self; 2] = [Self::Ingest, Self::Neardup];
    /// The same of a study whose pipeline has a table `gaussian`.
    pub const SHARED_WITH_GAUSSIAN: [Self; 3] = [Self::Ingest, Self::Neardup, Self::Gaussian];
    /// What each cell does.
    pub const OF_CELL: [Self; 3] = [Self::Inject, Self::Train, Self::Evaluate];

    /// The name in folders, tables and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Neardup => "neardup",
            Self::Inject => "inject",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Gaussian => "gaussian",
            Self::Report => "report",
        }
    }

    /// The file name of the stage's program.
    pub fn program(self) -> String {
        format!("twinset-{}", self.name())
    }

    /// The files that every finished run holds.
    pub fn outputs(self) -> &'static [&'static str] {
        match self {
            Self::Ingest => &["images.parquet", "rejects.parquet"],
            Self::Neardup => &["hashes.parquet", "pairs.parquet", "clusters.parquet"],
            Self::Inject => &["trainset.parquet", "injected-images.parquet", "leaked-images.parquet"],
            Self::Train => &["model.safetensors", "epochs.parquet"],
            Self::Evaluate => &["predictions.parquet"],
            Self::Gaussian => &["gaussian.parquet", "boundaries.parquet", "points.parquet"],
            Self::Report => &[
                "index.html",
                "cells.parquet",
                "outcomes.parquet",
                "claims.parquet",
                "efficiency.parquet",
                "figures.parquet",
            ],
        }
    }

    /// The inputs as (flag, stage that made it, its file).
    pub fn inputs(self) -> &'static [(&'static str, Stage, &'static str)] {
        match self {
            Self::Ingest | Self::Gaussian | Self::Report => &[],
            Self::Neardup => &[("--images", Self::Ingest, "images.parquet")],
            Self::Inject => {
                &[("--images", Self::Ingest, "images.parquet"), ("--clusters", Self::Neardup, "clusters.parquet")]
            }
            Self::Train => &[
                ("--images", Self::Ingest, "images.parquet"),
                ("--injected-images", Self::Inject, "injected-images.parquet"),
                ("--trainset", Self::Inject, "trainset.parquet"),
            ],
            Self::Evaluate => &[
                ("--images", Self::Ingest, "images.parquet"),
                ("--leaked-images", Self::Inject, "leaked-images.parquet"),
                ("--weights", Self::Train, "model.safetensors"),
            ],
        }
    }

    /// Whether the stage computes on a device that the user can choose.
    pub fn has_device(self) -> bool {
        matches!(self, Self::Train | Self::Evaluate)
    }

    /// Whether the stage belongs to a cell: many of these run side by side, on one thread each.
    pub fn is_of_cell(self) -> bool {
        Self::OF_CELL.contains(&self)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
