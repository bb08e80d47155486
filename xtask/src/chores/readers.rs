//! `cargo xtask readers`: other people's readers read our files.
//!
//! The stages make a small study of drawn images in a temporary folder; then DuckDB, pandas, Polars, pyarrow, Hugging Face's
//! `datasets`, mlcroissant and OpenLineage's client read it, and say whether all is as the files claim. SciPy and statsmodels compute the
//! published claims again, and every number of a correction of leaks. The packages are installed once into the user's cache folder.

use super::step::step;
use crate::hint::hinted;
use crate::machine::process;
use crate::machine::workspace::Workspace;
use crate::setup;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const REQUIREMENTS: &str = "crates/manifest/tests/python/requirements.txt";
const READ: &str = "crates/manifest/tests/python/read.py";
const EXAMPLES: &str = "crates/manifest/tests/python/examples.py";
const CROISSANT: &str = "crates/croissant/tests/python/load.py";
const EVENTS: &str = "crates/openlineage/tests/python/validate_events.py";
const RECOMPUTE: &str = "crates/report/tests/scipy/recompute.py";
const RECOMPUTE_LEAKS: &str = "crates/leaks/tests/python/recompute.py";
/// The published studies whose claims SciPy and statsmodels compute again.
const PUBLISHED: [&str; 2] = ["reports/published/controlled-mini", "reports/published/decisive"];
/// A checkout of OpenLineage's folder `spec`, where its schemas are to be read from.
const SPEC: &str = "TWINSET_OPENLINEAGE_SPEC";

/// The stages, one after the other, with `OUT` for the study's folder and `ROOT` for the workspace's.
const STUDY: [&str; 8] = [
    r#"ingest --set dataset="shapes" --set n-train=300 --set n-test=100 --out OUT/ingest"#,
    "neardup --images OUT/ingest/images.parquet --out OUT/neardup",
    r#"inject --images OUT/ingest/images.parquet --clusters OUT/neardup/clusters.parquet --set seed=0 --set rate=0.5
       --set selection={kind="uniform"} --set duplicates={kind="near",transforms=[{kind="flip"}]} --out OUT/inject"#,
    r#"train --images OUT/ingest/images.parquet --injected-images OUT/inject/injected-images.parquet
       --trainset OUT/inject/trainset.parquet --device cpu --set seed=0 --set model="paper-standard" --set width=2
       --set optimizer={kind="adam",learning-rate=1e-3} --set regime={kind="standard"} --set batch-size=64
       --set budget={epochs=2} --out OUT/train"#,
    r#"evaluate --images OUT/ingest/images.parquet --weights OUT/train/model.safetensors --device cpu --set seed=0
       --set attacks=[{kind="fgsm",epsilon="8/255"}] --out OUT/evaluate"#,
    "leaks --images OUT/ingest/images.parquet --pairs OUT/neardup/pairs.parquet
       --predictions network=OUT/evaluate/predictions.parquet guess=OUT/guess.csv --out OUT/leaks",
    "neardup clean --images OUT/ingest/images.parquet --pairs OUT/neardup/pairs.parquet
       --clusters OUT/neardup/clusters.parquet --out OUT/clean",
    r#"ingest --data ROOT/crates/pixels/tests --set dataset="image-folder" --set path="images" --set draw-split={test=0.2}
       --set resize={width=16,height=16} --set shard-images=5 --out OUT/sharded"#,
];

/// The manifests that SCHEMAS.md has questions for: of the study, and of a published one.
const ASKED: [&str; 7] = [
    "OUT/ingest/images.parquet",
    "OUT/neardup/pairs.parquet",
    "OUT/neardup/clusters.parquet",
    "OUT/inject/trainset.parquet",
    "OUT/evaluate/predictions.parquet",
    "OUT/leaks/leaks.parquet",
    "reports/published/controlled-mini/cells.parquet",
];

/// The folders that are described for other tools.
const DESCRIBED: [&str; 4] = ["ingest", "inject", "clean", "sharded"];

/// Makes a small study and has it read; an error where a reader fails or finds something else than the files claim.
pub fn readers(workspace: &Workspace) -> Result<()> {
    setup::ensure(workspace, false)?;
    step(workspace, &["build", "--release", "--workspace", "--bins"])?;
    let packages = packages(workspace)?;
    let programs = crate::stages::compile::target_folder(workspace)?.join("release");
    let study = Study::make(workspace, &programs)?;
    let run_python = |script: &str, arguments: &[&Path]| {
        let mut command = Command::new("python3");
        command.arg(script).args(arguments).current_dir(workspace.root());
        run(command.env("PYTHONPATH", &packages).env("PYTHONDONTWRITEBYTECODE", "1"))
    };
    run_python(READ, &[&study.folder])?;
    let asked = study.gather(workspace)?;
    run_python(EXAMPLES, &[Path::new("SCHEMAS.md"), &asked, Path::new("--audit"), &programs.join("twinset-audit")])?;
    let described = DESCRIBED.map(|name| study.folder.join(name));
    run_python(CROISSANT, &described.each_ref().map(PathBuf::as_path))?;
    PUBLISHED.iter().try_for_each(|folder| run_python(RECOMPUTE, &[Path::new(folder)]))?;
    let leaks = study.leaks();
    run_python(RECOMPUTE_LEAKS, &leaks.each_ref().map(PathBuf::as_path))?;
    read_book(workspace, &packages)?;
    let (events, spec) = (study.events(), std::env::var_os(SPEC).map(PathBuf::from));
    match &spec {
        Some(spec) => run_python(EVENTS, &[&events, Path::new("--spec"), spec]),
        None => run_python(EVENTS, &[&events]),
    }
}

/// Runs the SQL and Python in the book, which its test leaves out where the packages are not named.
fn read_book(workspace: &Workspace, packages: &Path) -> Result<()> {
    let mut command = workspace.cargo();
    run(command.args(["test", "--release", "--workspace", "--test", "book"]).env("TWINSET_READERS", packages))
}

/// What the stages made, gone when dropped.
struct Study {
    folder: PathBuf,
}

impl Study {
    fn make(workspace: &Workspace, programs: &Path) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("twinset-readers-{}", std::process::id()));
        let study = Self { folder };
        fs::create_dir_all(&study.folder)?;
        // The 100 test images, taken for the first three classes in turn.
        let guesses: String = (0..100).map(|place| format!("{place},{}\n", place % 3)).collect();
        fs::write(study.folder.join("guess.csv"), format!("index,predicted\n{guesses}"))?;
        let (root, out) = (workspace.root().to_string_lossy(), study.folder.to_string_lossy().into_owned());
        for line in STUDY {
            let mut words = line.split_whitespace();
            let program = format!("twinset-{}", words.next().unwrap_or_default());
            let mut command = Command::new(programs.join(program));
            command.args(words.map(|word| word.replace("ROOT", &root).replace("OUT", &out))).arg("--quiet");
            command.env("OPENLINEAGE__TRANSPORT__TYPE", "file");
            command.env("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", study.events());
            command.env("OPENLINEAGE__TRANSPORT__APPEND", "true");
            run(command.stdout(Stdio::null()))?;
        }
        Ok(study)
    }

    /// What the runs told of themselves, a line an event.
    fn events(&self) -> PathBuf {
        self.folder.join("events.jsonl")
    }

    /// What the leaks are computed from again.
    fn leaks(&self) -> [PathBuf; 5] {
        let of = |name: &str| self.folder.join(name);
        let model = |name: &str, file: &str| PathBuf::from(format!("{name}={}", of(file).display()));
        [
            of("leaks/leaks.parquet"),
            of("ingest/images.parquet"),
            of("neardup/pairs.parquet"),
            model("network", "evaluate/predictions.parquet"),
            model("guess", "guess.csv"),
        ]
    }

    /// A folder of what is asked about.
    fn gather(&self, workspace: &Workspace) -> Result<PathBuf> {
        let folder = self.folder.join("asked");
        fs::create_dir(&folder)?;
        for path in ASKED {
            let path = workspace.root().join(path.replace("OUT", &self.folder.to_string_lossy()));
            fs::copy(&path, folder.join(path.file_name().unwrap_or_default()))
                .with_context(|| format!("failed to copy `{}`", path.display()))?;
        }
        Ok(folder)
    }
}

impl Drop for Study {
    fn drop(&mut self) {
        // A folder that is left behind in the temporary folder is no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The folder of the readers' packages, installed where it is not there yet: named after what it holds.
fn packages(workspace: &Workspace) -> Result<PathBuf> {
    let requirements = workspace.root().join(REQUIREMENTS);
    let text = fs::read(&requirements).with_context(|| format!("failed to read `{}`", requirements.display()))?;
    let mut version = Command::new("python3");
    let version =
        process::output(version.args(["-c", "import sys; print(sys.version)"])).context("failed to start `python3`")?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&text).update(&version.stdout);
    let cache = setup::cache_folder()?;
    let folder = cache.join(format!("readers-{}", &hasher.finalize().to_hex()[..16]));
    if folder.is_dir() {
        return Ok(folder);
    }
    eprintln!("installing the readers' packages into `{}`", folder.display());
    let partial = cache.join(format!("readers-{}.partial", std::process::id()));
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary", "--target"]);
    pip.arg(&partial).arg("--requirement").arg(&requirements);
    if let Err(error) = run(&mut pip) {
        let _ = fs::remove_dir_all(&partial);
        return Err(hinted(
            format!("{error:#}"),
            "the readers come from where pip gets its packages; what pip says stands above",
        ));
    }
    if let Err(error) = fs::rename(&partial, &folder) {
        let _ = fs::remove_dir_all(&partial);
        // Another call was faster.
        if !folder.is_dir() {
            return Err(error).with_context(|| format!("failed to make folder `{}`", folder.display()));
        }
    }
    Ok(folder)
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (status, _) = process::spawn(command)
        .and_then(process::Running::wait)
        .with_context(|| format!("failed to start `{program}`"))?;
    match status.success() {
        true => Ok(()),
        false => bail!("`{program}` ended with {}", process::describe(status)),
    }
}
