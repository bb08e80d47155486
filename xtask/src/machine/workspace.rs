//! The paths of programs, pipelines, data and reports: in a checkout, or around an installation.

use super::write;
use anyhow::{Context, Result, anyhow};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::Table;

/// Where studies are run: a checkout of Twinset, or any folder where the programs are installed.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    /// The folder of the installed programs.
    installed: Option<PathBuf>,
    pipelines: PathBuf,
    /// The `LIBTORCH` that the user set.
    user_libtorch: Option<PathBuf>,
}

/// The file with cargo's setting for the libtorch to build with, relative to the root.
const LIBTORCH_SETTING: &str = ".cargo/libtorch.toml";

impl Workspace {
    /// The checkout that contains `root`, or else the folder of cargo's manifest, or else the current folder.
    pub fn locate(root: Option<PathBuf>) -> Result<Self> {
        let start = match root.or_else(|| env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)) {
            Some(start) => start,
            None => env::current_dir().context("failed to find the current folder")?,
        };
        let start = start.canonicalize().with_context(|| format!("failed to open folder `{}`", start.display()))?;
        start
            .ancestors()
            .find(|folder| is_workspace(folder))
            .map(|root| Self {
                root: root.to_owned(),
                installed: None,
                pipelines: root.join("pipelines"),
                user_libtorch: user_libtorch(root),
            })
            .ok_or_else(|| anyhow!("failed to find Twinset's workspace in `{}` or above it", start.display()))
    }

    /// The current folder, with the programs in the folder of this program and the pipelines beside that folder. If
    /// there are no pipelines, as beside a build folder, this is the checkout instead.
    pub fn of_installation() -> Result<Self> {
        let program =
            env::current_exe().and_then(fs::canonicalize).context("failed to find this program's own file")?;
        let programs = program.parent().context("failed to find this program's own folder")?.to_owned();
        let pipelines = programs.parent().unwrap_or(&programs).join("pipelines");
        if pipelines.is_dir() {
            let root = env::current_dir().context("failed to find the current folder")?;
            return Ok(Self { root, installed: Some(programs), pipelines, user_libtorch: None });
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

    /// The checkout's folder, or with an installation the folder in which studies run.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the libtorch that is set up; `None` if none is.
    pub fn libtorch(&self) -> Option<PathBuf> {
        libtorch_setting(&self.root)
    }

    /// Makes cargo build with the libtorch in `folder`. This path becomes a part of the programs. It must not be a link
    /// in the checkout, so that checkouts that share a libtorch build the same programs.
    ///
    /// # Errors
    /// When the path is not UTF-8 or the file cannot be written.
    pub fn set_libtorch(&self, folder: &Path) -> Result<()> {
        let path = folder.to_str().with_context(|| format!("`{}` is not UTF-8", folder.display()))?;
        let setting = toml::toml! { env = { LIBTORCH = path } };
        let text = format!("# Written by `cargo xtask setup`.\n{setting}");
        write::atomically(&self.root.join(LIBTORCH_SETTING), text.as_bytes())
    }

    /// The folder of the pipeline files.
    pub fn pipelines(&self) -> PathBuf {
        self.pipelines.clone()
    }

    /// The folder of all stage runs.
    pub fn stages(&self) -> PathBuf {
        self.root.join("data/stages")
    }

    /// The folder with copies of the stage programs that made the runs, by their digests.
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

    /// `path` for commands and messages: relative to the root if it is below the root.
    pub fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// The `LIBTORCH` that the user set.
    pub fn user_libtorch(&self) -> Option<&Path> {
        self.user_libtorch.as_deref()
    }

    /// A cargo command in this workspace, with the environment of a call by hand. The variables that the outer `cargo
    /// run` adds would make build scripts run again.
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

/// The folder that cargo's settings name.
fn libtorch_setting(root: &Path) -> Option<PathBuf> {
    let settings: Table = fs::read_to_string(root.join(LIBTORCH_SETTING)).ok()?.parse().ok()?;
    settings.get("env")?.get("LIBTORCH")?.as_str().map(PathBuf::from)
}

/// The value of `LIBTORCH`, unless cargo set it.
fn user_libtorch(root: &Path) -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os("LIBTORCH").filter(|value| !value.is_empty())?);
    (libtorch_setting(root).as_ref() != Some(&path)).then_some(path)
}

fn is_workspace(folder: &Path) -> bool {
    fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]"))
}
