//! Where things lie: in a checkout, or around an installation.

use anyhow::{Context, Result, anyhow};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where studies are run: a checkout of Twinset, or any folder where the programs are installed.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    /// The folder of the installed programs.
    installed: Option<PathBuf>,
    pipelines: PathBuf,
}

impl Workspace {
    /// The checkout that `root` names, or the one that cargo or the current folder are in.
    pub fn locate(root: Option<PathBuf>) -> Result<Self> {
        let start = match root.or_else(|| env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)) {
            Some(start) => start,
            None => env::current_dir().context("failed to find the current folder")?,
        };
        let start = start.canonicalize().with_context(|| format!("failed to open folder `{}`", start.display()))?;
        start
            .ancestors()
            .find(|folder| is_workspace(folder))
            .map(|root| Self { root: root.to_owned(), installed: None, pipelines: root.join("pipelines") })
            .ok_or_else(|| anyhow!("failed to find Twinset's workspace in `{}` or above it", start.display()))
    }

    /// The current folder, for the programs that lie beside this one and the pipelines beside their folder. Programs of a build folder
    /// have none there, and work in a checkout.
    pub fn of_installation() -> Result<Self> {
        let program =
            env::current_exe().and_then(fs::canonicalize).context("failed to find this program's own file")?;
        let programs = program.parent().context("failed to find this program's own folder")?.to_owned();
        let pipelines = programs.parent().unwrap_or(&programs).join("pipelines");
        if pipelines.is_dir() {
            let root = env::current_dir().context("failed to find the current folder")?;
            return Ok(Self { root, installed: Some(programs), pipelines });
        }
        let checkout =
            Self::locate(None).with_context(|| format!("there are no pipelines in `{}`", pipelines.display()))?;
        Ok(Self { installed: Some(programs), ..checkout })
    }

    /// The folder of the installed programs; `None` in a checkout, where they are built.
    pub fn installed_programs(&self) -> Option<&Path> {
        self.installed.as_deref()
    }

    /// What a user types to run a study here.
    pub fn command(&self) -> &'static str {
        if self.installed.is_some() { "twinset" } else { "cargo xtask" }
    }

    /// The checkout's folder, or the one that the studies of an installation are run in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the build looks for libtorch.
    pub fn libtorch(&self) -> PathBuf {
        self.root.join(".libtorch")
    }

    /// The folder of the pipeline files.
    pub fn pipelines(&self) -> PathBuf {
        self.pipelines.clone()
    }

    /// The folder of all stage runs.
    pub fn stages(&self) -> PathBuf {
        self.root.join("data/stages")
    }

    /// The folder of the stage programs that runs were made with, by their digests.
    pub fn programs(&self) -> PathBuf {
        self.stages().join(".programs")
    }

    /// The folder of all reports.
    pub fn reports(&self) -> PathBuf {
        self.root.join("reports")
    }

    /// The folder of a pipeline's report and ledger.
    pub fn report(&self, pipeline: &str) -> PathBuf {
        self.reports().join(pipeline)
    }

    /// `path` as it is written in commands and messages: from the root where it lies below it.
    pub fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// The `LIBTORCH` that the user set. Cargo sets it too (`.cargo/config.toml`), to [`Self::libtorch`].
    pub fn user_libtorch(&self) -> Option<PathBuf> {
        let path = PathBuf::from(env::var_os("LIBTORCH").filter(|value| !value.is_empty())?);
        // The checkout may be reached through a link, while our root follows it.
        let is_ours = path.ends_with(".libtorch")
            && path.parent().and_then(|parent| parent.canonicalize().ok()).is_some_and(|parent| parent == self.root);
        (!is_ours).then_some(path)
    }

    /// A cargo command in this workspace that sees the environment as if it was called by hand: what the outer `cargo
    /// run` adds would make build scripts run anew.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        let of_outer_cargo = |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.starts_with(start));
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(of_outer_cargo) {
                command.env_remove(name);
            }
        }
        if self.user_libtorch().is_none() {
            command.env_remove("LIBTORCH");
        }
        command
    }
}

fn is_workspace(folder: &Path) -> bool {
    fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]"))
}
