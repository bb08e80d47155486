//! The arguments that all stage binaries take.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::de::DeserializeOwned;

use crate::{ConfigError, ConfigSource, InvalidField, Progress};

/// The arguments that all stage binaries take. Flatten them into a stage's own.
#[derive(Clone, Debug, clap::Args)]
pub struct CommonArgs {
    /// TOML file with the stage's config; without it, and without --set, every key has its default.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Table of the config file to use instead of the whole file, such as `ingest` or `arm.2.train`. Can be given several times:
    /// keys that a table lacks are taken from the next.
    #[arg(long = "table", value_name = "PATH", requires = "config")]
    pub tables: Vec<String>,

    /// Set a key of the config: VALUE is a number, true, false, text, or TOML. Can be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// Check the config and do nothing else.
    #[arg(long)]
    pub check: bool,

    /// Folder for the outputs; made if missing. Each file in it appears whole or not at all.
    #[arg(long, value_name = "DIR", required_unless_present = "check")]
    pub out: Option<PathBuf>,

    /// No progress.
    #[arg(long, short)]
    pub quiet: bool,
}

impl CommonArgs {
    /// The stage's config, parsed strictly and then checked by `validate`.
    ///
    /// # Errors
    /// Names file, line and key, what was found and what was expected.
    pub fn config<C: DeserializeOwned>(
        &self,
        validate: impl FnOnce(&C) -> Result<(), InvalidField>,
    ) -> Result<C, ConfigError> {
        ConfigSource { file: self.config.as_deref(), tables: &self.tables, set: &self.set }.parse(validate)
    }

    /// The folder for the outputs, made if it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn out_folder(&self) -> anyhow::Result<&Path> {
        let out = self.out.as_deref().context("failed to write: --out names no folder")?;
        fs::create_dir_all(out).with_context(|| format!("failed to make the output folder `{}`", out.display()))?;
        Ok(out)
    }

    /// Progress as the terminal, the log or the caller wants it.
    pub fn progress(&self) -> Progress {
        if self.quiet { Progress::hidden() } else { Progress::from_environment() }
    }
}
