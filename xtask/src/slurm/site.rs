//! A site's settings for its Slurm jobs: the file `slurm.toml`.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs;
use std::path::Path;
use toml::{Table, Value};

/// The file's name in the checkout's folder.
pub const FILE: &str = "slurm.toml";

/// Options of sbatch that Twinset sets itself, so that a site cannot.
const OWN: [&str; 9] =
    ["array", "chdir", "dependency", "job-name", "open-mode", "output", "parsable", "signal", "wrap"];

/// A site's settings for its Slurm jobs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Site {
    /// Lines of shell that each job runs before its command.
    pub setup: String,
    /// Long options of sbatch for all jobs. `true` stands for an option without a value, and `false` leaves an option
    /// out.
    pub options: Table,
    /// Options for the job that makes the report; they replace those of `options`.
    pub report: Table,
}

impl Site {
    /// Reads the file.
    ///
    /// # Errors
    /// When the file cannot be read, or has a key or value that cannot be an option of sbatch.
    pub fn load(file: &Path) -> Result<Self> {
        let shown = file.display();
        let text = fs::read_to_string(file).with_context(|| format!("failed to read `{shown}`"))?;
        let site: Self = toml::from_str(&text).with_context(|| format!("failed to read `{shown}`"))?;
        for (table, options) in [("options", &site.options), ("report", &site.report)] {
            check(options).with_context(|| format!("`{shown}`, table `{table}`"))?;
        }
        Ok(site)
    }

    /// The options of the workers' job, as words.
    pub fn of_workers(&self) -> Vec<String> {
        words(&self.options)
    }

    /// The options of the report's job, as words.
    pub fn of_report(&self) -> Vec<String> {
        let mut options = self.options.clone();
        options.extend(self.report.clone());
        words(&options)
    }
}

fn check(options: &Table) -> Result<()> {
    for (name, value) in options {
        if OWN.contains(&name.as_str()) {
            bail!("key `{name}`: Twinset sets this option of sbatch itself");
        }
        if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') || name.starts_with('-') {
            bail!("key `{name}`: expected a long option of sbatch without its hyphens, such as `partition`");
        }
        let is_one_line = |text: &String| !text.contains('\n');
        match value {
            Value::String(text) if is_one_line(text) => {}
            Value::Integer(_) | Value::Boolean(_) => {}
            other => bail!("key `{name}`: found `{other}`, expected a text of one line, an integer, true or false"),
        }
    }
    Ok(())
}

fn words(options: &Table) -> Vec<String> {
    let word = |(name, value): (&String, &Value)| match value {
        Value::Boolean(false) => None,
        Value::Boolean(true) => Some(format!("--{name}")),
        Value::String(text) => Some(format!("--{name}={text}")),
        other => Some(format!("--{name}={other}")),
    };
    options.iter().filter_map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint;

    fn load(text: &str) -> Result<Site, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        fs::write(&file, text).unwrap();
        let hide = |text: String| text.replace(folder.path().to_str().unwrap(), "DIR");
        Site::load(&file).map_err(|error| hide(hint::render(&error)))
    }

    #[test]
    fn options_become_words_and_the_report_has_its_own() {
        let site = load(
            "setup = \"module load gcc\"\n[options]\npartition = \"gpu\"\ngres = \"gpu:1\"\ncpus-per-task = 8\nexclusive = true\n\
             [report]\npartition = \"short\"\ngres = false\n",
        );
        let site = site.unwrap();
        assert_eq!(site.of_workers(), ["--cpus-per-task=8", "--exclusive", "--gres=gpu:1", "--partition=gpu"]);
        assert_eq!(site.of_report(), ["--cpus-per-task=8", "--exclusive", "--partition=short"]);
    }

    #[test]
    fn what_no_option_can_be_is_told_with_file_and_key() {
        for (text, expected) in [
            (
                "[options]\narray = \"1-3\"\n",
                "`DIR/slurm.toml`, table `options`: key `array`: Twinset sets this option",
            ),
            (
                "[report]\nmem = [1]\n",
                "`DIR/slurm.toml`, table `report`: key `mem`: found `[1]`, expected a text of one line",
            ),
            ("[options]\nPartition = \"a\"\n", "key `Partition`: expected a long option of sbatch without its hyphens"),
            ("[option]\n", "failed to read `DIR/slurm.toml`: TOML parse error at line 1, column 2"),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
