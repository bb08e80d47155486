//! The scripts that are given to sbatch.

use super::site::Site;
use anyhow::{Context, Result, bail};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// How many seconds before its time limit a job gets SIGTERM. Stages need only a few seconds to end; their checkpoints
/// are kept.
const WARNING_S: u32 = 60;

/// The jobs of a study.
#[derive(Debug)]
pub struct Jobs<'a> {
    /// The study's name.
    pub name: &'a str,
    /// The folder that the jobs work in.
    pub root: &'a Path,
    /// The folder of their scripts and logs, relative to `root`.
    pub folder: &'a Path,
    /// The runner's program.
    pub runner: &'a Path,
    /// The folder of the stage programs.
    pub programs: PathBuf,
    /// The arguments after `work` and `reproduce`.
    pub arguments: Vec<String>,
    /// The site's settings.
    pub site: &'a Site,
}

impl Jobs<'_> {
    /// The script of an array of `n` workers.
    ///
    /// # Errors
    /// When a path cannot be written in a script.
    pub fn workers(&self, n: u16) -> Result<String> {
        let mut options = vec![format!("--array=1-{n}"), "--requeue".to_owned()];
        options.extend(self.site.of_workers());
        self.text("work", "worker-%a.log", options)
    }

    /// The script of the job that runs what is left and makes the report.
    ///
    /// # Errors
    /// When a path cannot be written in a script.
    pub fn report(&self) -> Result<String> {
        self.text("reproduce", "report.log", self.site.of_report())
    }

    fn text(&self, command: &str, log: &str, options: Vec<String>) -> Result<String> {
        let path = |path: &Path| {
            path.to_str().map(str::to_owned).with_context(|| format!("`{}` is not UTF-8", path.display()))
        };
        // In sbatch's `--output`, a per cent sign starts a pattern such as `%a`.
        let output = format!("{}/{log}", path(self.folder)?.replace('%', "%%"));
        let mut text = "#!/bin/bash\n".to_owned();
        let own = [
            format!("--job-name=twinset-{}", self.name),
            format!("--chdir={}", path(self.root)?),
            format!("--output={output}"),
            "--open-mode=append".to_owned(),
            format!("--signal=B:TERM@{WARNING_S}"),
        ];
        for word in own.into_iter().chain(options) {
            let _ = writeln!(text, "#SBATCH {}", option(&word)?);
        }
        let setup = self.site.setup.trim_end();
        let _ = writeln!(text, "\n{setup}{}", if setup.is_empty() { "" } else { "\n" });
        let _ = writeln!(text, "export TWINSET_STAGE_BIN_DIR={}", quoted(&path(&self.programs)?)?);
        text.push_str("# In the shell's place, so that it hears Slurm's SIGTERM.\n");
        let words = [path(self.runner)?, command.to_owned()].into_iter().chain(self.arguments.iter().cloned());
        let words: Vec<String> = words.map(|word| quoted(&word)).collect::<Result<_>>()?;
        let _ = writeln!(text, "exec {}", words.join(" "));
        Ok(text)
    }
}

/// An option with its value quoted, as sbatch reads it in a script.
fn option(word: &str) -> Result<String> {
    match word.split_once('=') {
        Some((name, value)) => Ok(format!("{name}={}", quoted(value)?)),
        None => Ok(word.to_owned()),
    }
}

/// A word quoted for the shell and for sbatch.
fn quoted(word: &str) -> Result<String> {
    if word.contains('\n') {
        bail!("`{word}` has a line break, which a script of sbatch cannot hold");
    }
    Ok(shlex::try_quote(word).with_context(|| format!("`{word}` cannot stand in a script"))?.into_owned())
}
