//! The authors' AutoAttack in Python.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use twinset_attack::Norm;
use twinset_manifest::units::Radius;

use crate::task::Task;

const SCRIPT: &str = include_str!("reference.py");

/// What an attack leaves right, in the images' order, and the processor time that it took.
#[derive(Deserialize)]
pub(crate) struct Answer {
    pub(crate) is_right: Vec<bool>,
    pub(crate) seconds: f64,
}

/// What the script answers.
#[derive(Deserialize)]
pub(crate) struct Answers {
    pub(crate) version: String,
    pub(crate) auto_attack: Answer,
    pub(crate) pgd: Option<Answer>,
}

pub(crate) struct Reference<'a> {
    python: &'a Path,
    checkout: &'a Path,
    folder: &'a Path,
}

impl<'a> Reference<'a> {
    /// `checkout` is the authors' repository; files for the script are written to `folder`.
    pub(crate) fn new(python: &'a Path, checkout: &'a Path, folder: &'a Path) -> Self {
        Self { python, checkout, folder }
    }

    /// Their standard version on the same weights and images.
    pub(crate) fn run(&self, task: &Task, norm: Norm, epsilon: Radius, batch_size: u32, seed: i64) -> Result<Answers> {
        let pixels = self.folder.join("pixels");
        fs::write(&pixels, Vec::<u8>::try_from(&task.bytes.contiguous().flatten(0, -1))?)?;
        let size = task.bytes.size();
        let file = self.folder.join("task.json");
        let norm = match norm {
            Norm::LInf => "Linf",
            Norm::L2 => "L2",
        };
        let labels = Vec::<i64>::try_from(&task.labels())?;
        let task = json!({
            "weights": task.weights, "pixels": pixels, "labels": labels, "n": size[0], "side": size[2],
            "norm": norm, "epsilon": epsilon.get(), "batch_size": batch_size, "seed": seed,
        });
        fs::write(&file, task.to_string())?;
        let networks = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../model/tests/pytorch");
        let mut command = Command::new(self.python);
        command.args(["-c", SCRIPT]).arg(&file).env("PYTHONPATH", env::join_paths([self.checkout, &networks])?);
        command.env("OMP_NUM_THREADS", "1").env("MKL_NUM_THREADS", "1").env_remove("LD_LIBRARY_PATH");
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("failed to start `{}`", self.python.display()))?;
        ensure!(output.status.success(), "the reference ended with {}", output.status);
        let text = String::from_utf8(output.stdout)?;
        let line = text.lines().last().context("the reference said nothing")?;
        serde_json::from_str(line).with_context(|| format!("the reference said `{line}`"))
    }
}
