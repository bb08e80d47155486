//! The same trainings in eager PyTorch, where a Python has it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

const SCRIPT: &str = include_str!("eager.py");

/// The script under way, waiting for the name of a workload.
pub(crate) struct Eager {
    child: Child,
    names: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// PyTorch and its version.
    pub(crate) version: String,
}

impl Eager {
    /// Starts the script with workloads of this many batches.
    pub(crate) fn start(python: &Path, n_standard: usize, n_robust: usize) -> Result<Self> {
        let mut command = Command::new(python);
        command.args(["-c", SCRIPT, &n_standard.to_string(), &n_robust.to_string()]);
        command.env("OMP_NUM_THREADS", "1").env("MKL_NUM_THREADS", "1").env_remove("LD_LIBRARY_PATH");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("failed to start `{}`", python.display()))?;
        let names = child.stdin.take().context("the script has no stdin")?;
        let answers = BufReader::new(child.stdout.take().context("the script has no stdout")?);
        let mut eager = Self { child, names, answers, version: String::new() };
        eager.version = eager.answer().with_context(|| format!("`{}` has no PyTorch", python.display()))?;
        Ok(eager)
    }

    /// Images a second of one run of a workload.
    pub(crate) fn measure(&mut self, workload: &str) -> Result<f64> {
        writeln!(self.names, "{workload}")?;
        let answer = self.answer()?;
        answer.parse().with_context(|| format!("{workload}: the script said `{answer}`"))
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => bail!("the script ended"),
            _ => Ok(line.trim().to_owned()),
        }
    }
}

impl Drop for Eager {
    fn drop(&mut self) {
        // It only waits for another name; a failure means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
