//! A folder of images: `twinset-ingest` says how it is laid out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use twinset_pixels::Limits;
use twinset_stage::with_hint;

use super::data::Data;
use crate::programs;

/// Images that are decoded to learn their sizes.
const N_SAMPLE: usize = 40;
const PROGRAM: &str = "twinset-ingest";
const DRAW: &str = "{ test = 0.2, seed = 0 }";

/// What `--count` prints.
#[derive(Deserialize)]
struct Counts {
    train: u64,
    val: u64,
    test: u64,
    classes: u64,
}

/// Looks at a folder.
pub(super) fn look(folder: &Path) -> anyhow::Result<Data> {
    let folder = match folder.file_name() {
        Some(_) => std::path::absolute(folder),
        None => folder.canonicalize(),
    }?;
    let parent = folder.parent().context("it is the root, expected a folder below it")?.to_owned();
    let name = folder.file_name().and_then(|name| name.to_str()).context("its name is not UTF-8")?.to_owned();
    let counts = count(&folder, &[])?;
    if counts.classes > 0 && counts.val + counts.test > 0 {
        return of_splits(&folder, name, parent, &counts);
    }
    if counts.val + counts.test > 0 {
        let error = anyhow!("its splits have no folders of classes, so its images have no labels");
        return Err(with_hint(error, "expected <split>/<class>/<image>"));
    }
    // There may be one split, `train`, from which the test images are held out.
    let (below, path) = match counts.classes {
        0 => (folder.clone(), name.clone()),
        _ => {
            let first = list(&folder, &[])?.into_iter().next().context("it holds no image")?;
            let split = first
                .strip_prefix(&folder)?
                .iter()
                .next()
                .and_then(|split| split.to_str())
                .unwrap_or_default()
                .to_owned();
            (folder.join(&split), format!("{name}/{split}"))
        }
    };
    let sets = ["layout=classes".to_owned(), format!("draw-split={DRAW}")];
    let counts = count(&below, &sets).map_err(|_| no_classes())?;
    let files = list(&below, &sets)?;
    let classes = classes(&files, &below, 0);
    let mut notes =
        vec![format!("there is no test split: a fifth of each class is held out, with draw-split = {DRAW}")];
    if counts.classes > 0 {
        let first: Vec<_> = classes.iter().take(5).cloned().collect();
        notes.push(format!(
            "the folders are taken for classes: {}{}",
            first.join(", "),
            if classes.len() > 5 { ", …" } else { "" }
        ));
    }
    Ok(Data {
        name,
        folder: Some(parent),
        ingest: vec![
            entry("dataset", &text("image-folder"), ""),
            entry("path", &text(&path), "below the folder that --data names"),
            entry("layout", &text("classes"), "<class>/<image>"),
            entry("draw-split", DRAW, "no test folder: a fifth of each class is held out"),
        ],
        sizes: sizes(&files),
        classes,
        n_train: counts.train,
        n_judged: counts.test,
        judged: "test",
        notes,
    })
}

fn of_splits(folder: &Path, name: String, parent: PathBuf, counts: &Counts) -> anyhow::Result<Data> {
    let files = list(folder, &[])?;
    let (judged, n_judged) = if counts.test > 0 { ("test", counts.test) } else { ("val", counts.val) };
    if counts.train == 0 {
        bail!("it has no training images, expected a folder `train`");
    }
    let notes = (judged == "val").then(|| "there is no test split: networks are judged on val".to_owned());
    Ok(Data {
        ingest: vec![
            entry("dataset", &text("image-folder"), ""),
            entry("path", &text(&name), "below the folder that --data names: <split>/<class>/<image>"),
        ],
        name,
        folder: Some(parent),
        classes: classes(&files, folder, 1),
        n_train: counts.train,
        n_judged,
        judged,
        sizes: sizes(&files),
        notes: notes.into_iter().collect(),
    })
}

fn no_classes() -> anyhow::Error {
    let error = anyhow!("it has no folders of classes, so its images have no labels");
    with_hint(
        error,
        "expected <class>/<image> or <split>/<class>/<image>; for a CSV of labels see `dataset = \"table\"` in `twinset ingest --help`",
    )
}

fn entry(key: &str, value: &str, comment: &'static str) -> (String, String, &'static str) {
    (key.to_owned(), value.to_owned(), comment)
}

/// Text as TOML has it.
pub(super) fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The names of the folders at a depth below a folder.
fn classes(files: &[PathBuf], folder: &Path, depth: usize) -> Vec<String> {
    let class = |file: &PathBuf| {
        let mut parts = file.strip_prefix(folder).ok()?.iter();
        let class = parts.nth(depth)?.to_str()?.to_owned();
        // What has nothing below is a file beside the classes.
        parts.next().map(|_| class)
    };
    files.iter().filter_map(class).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The sizes of some of the images, from the first to the last.
fn sizes(files: &[PathBuf]) -> BTreeMap<(u32, u32), usize> {
    let mut sizes = BTreeMap::new();
    for file in files.iter().step_by(files.len().div_ceil(N_SAMPLE).max(1)) {
        // What cannot be read is a reject later on.
        let image = std::fs::read(file).ok().and_then(|bytes| twinset_pixels::decode(&bytes, &Limits::default()).ok());
        if let Some(image) = image {
            *sizes.entry(image.dimensions()).or_default() += 1;
        }
    }
    sizes
}

fn count(folder: &Path, sets: &[String]) -> anyhow::Result<Counts> {
    let stdout = ask(folder, "--count", sets)?;
    serde_json::from_slice(&stdout).with_context(|| format!("`{PROGRAM} --count` printed something else than counts"))
}

fn list(folder: &Path, sets: &[String]) -> anyhow::Result<Vec<PathBuf>> {
    let stdout = ask(folder, "--list-inputs", sets)?;
    Ok(String::from_utf8_lossy(&stdout).lines().map(PathBuf::from).collect())
}

fn ask(folder: &Path, what: &str, sets: &[String]) -> anyhow::Result<Vec<u8>> {
    let program = programs::find(PROGRAM).ok_or_else(|| programs::missing(PROGRAM))?;
    let mut command = Command::new(program);
    command.arg(folder).args([what, "--quiet"]).stdin(Stdio::null());
    sets.iter().for_each(|set| {
        command.args(["--set", set]);
    });
    let output = command.output().with_context(|| format!("cannot start `{PROGRAM}`"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let part = |prefix: &str| stderr.lines().find_map(|line| line.strip_prefix(prefix)).map(str::to_owned);
    let error = anyhow!("{}", part("error: ").unwrap_or(stderr.clone()));
    Err(part("hint: ").map_or(anyhow!("{error}"), |hint| with_hint(error, hint)))
}
