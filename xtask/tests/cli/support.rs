//! A checkout with fake stage programs, in a temporary folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};
use xtask::machine::workspace::Workspace;

const FAKE: &str = include_str!("fake-stage.sh");
const STAGES: [&str; 7] = ["ingest", "neardup", "inject", "train", "evaluate", "gaussian", "report"];

/// Two arms that differ in inject alone, two rates, two seeds: 8 cells.
pub(crate) const PIPELINE: &str = r#"name = "small"
seeds = [0, 1]
[ingest]
dataset = "fake"
[neardup]
max-distance = 6
[[arm]]
name = "uniform"
rates = [0.0, 0.5]
[arm.inject]
selection = "uniform"
[arm.train]
model = "fake"
[arm.evaluate]
[[arm]]
name = "non-uniform"
rates = [0.0, 0.5]
[arm.inject]
selection = "zipf"
[arm.train]
model = "fake"
[arm.evaluate]
[report]
"#;

/// The same, and every train run takes a while.
pub(crate) fn slow() -> String {
    PIPELINE.replace("model = \"fake\"", "model = \"fake\"\nsleep = 0.4")
}

pub(crate) struct Checkout {
    folder: tempfile::TempDir,
}

impl Checkout {
    /// A checkout whose one pipeline, `small`, is `pipeline`.
    pub(crate) fn new(pipeline: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let checkout = Self { folder };
        fs::write(checkout.path("Cargo.toml"), "[workspace]\n").unwrap();
        fs::create_dir_all(checkout.path("pipelines")).unwrap();
        fs::create_dir_all(checkout.path("bin")).unwrap();
        checkout.set_pipeline(pipeline);
        checkout.set_needs("");
        fs::write(checkout.path("bin/libtorch"), "libtorch").unwrap();
        fs::write(checkout.path("bin/capability"), "AVX512").unwrap();
        for stage in STAGES {
            let program = checkout.path("bin").join(format!("twinset-{stage}"));
            fs::write(&program, FAKE).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        checkout
    }

    pub(crate) fn set_pipeline(&self, text: &str) {
        fs::write(self.path("pipelines/small.toml"), text).unwrap();
    }

    /// What the fake report says that claims need: items of a JSON list.
    pub(crate) fn set_needs(&self, claims: &str) {
        let text = format!("{{\"power\": POWER, \"max_seeds\": 1000, \"claims\": [{claims}]}}\n");
        fs::write(self.path("bin/needs"), text).unwrap();
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(below)
    }

    /// The libtorch that cargo builds with here.
    pub(crate) fn libtorch(&self) -> Option<PathBuf> {
        self.workspace().libtorch()
    }

    pub(crate) fn set_libtorch(&self, folder: &Path) {
        self.workspace().set_libtorch(folder).unwrap();
    }

    fn workspace(&self) -> Workspace {
        Workspace::locate(Some(self.path(""))).unwrap()
    }

    /// `cargo xtask` in this checkout.
    pub(crate) fn xtask(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(words).current_dir(self.path("")).env_remove("CARGO_MANIFEST_DIR").env_remove("LIBTORCH");
        // What a stage is told must come from xtask, not from whoever runs the tests.
        for variable in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"] {
            command.env_remove(variable);
        }
        command.env("TWINSET_STAGE_BIN_DIR", self.path("bin")).env("FAKE_FOLDER", self.path("bin"));
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        Ended::from(self.xtask(words).output().unwrap())
    }

    /// Executions so far, by stage.
    pub(crate) fn executions(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for line in fs::read_to_string(self.path("bin/executions")).unwrap_or_default().lines() {
            *counts.entry(line.split(' ').next().unwrap().to_owned()).or_default() += 1;
        }
        counts
    }

    /// The processes of a stage that run just now; of all stages for an empty name.
    pub(crate) fn running(&self, stage: &str) -> Vec<u32> {
        let executions = fs::read_to_string(self.path("bin/executions")).unwrap_or_default();
        let of_stage = executions.lines().filter_map(|line| line.strip_prefix(stage)?.split(' ').nth(1)?.parse().ok());
        // A number may have become another process's.
        let is_stage = |id: &u32| {
            let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&command).contains(&format!("/twinset-{stage}"))
        };
        of_stage.filter(is_stage).collect()
    }

    /// Every output, by its path in the store; logs name folders and are left out, as is what trainings cost.
    pub(crate) fn outputs(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        Self::outputs_in(&self.path(""))
    }

    /// Every output of the studies that were run in a folder.
    pub(crate) fn outputs_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let stages = folder.join("data/stages");
        for stage in STAGES {
            for run in read_dir(&stages.join(stage)) {
                for file in read_dir(&run).into_iter().filter(|file| file.is_file() && !file.ends_with("log.txt")) {
                    let mut bytes = fs::read(&file).unwrap();
                    if file.ends_with("study.json") {
                        let text = String::from_utf8(bytes).unwrap();
                        let lines = text.lines().filter(|line| !line.contains("train_cpu_seconds"));
                        bytes = lines.collect::<Vec<_>>().join("\n").into_bytes();
                    }
                    files.insert(file.strip_prefix(&stages).unwrap().to_owned(), bytes);
                }
            }
        }
        files
    }

    /// Folders of runs whose names end in `suffix`.
    pub(crate) fn folders(&self, suffix: &str) -> Vec<PathBuf> {
        let stages = STAGES.iter().flat_map(|stage| read_dir(&self.path("data/stages").join(stage)));
        stages.filter(|folder| folder.to_string_lossy().ends_with(suffix)).collect()
    }
}

pub(crate) fn kill(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

/// What a call printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// Waits until `condition` holds, for at most two minutes: the machine may be busy.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(120), "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn read_dir(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
