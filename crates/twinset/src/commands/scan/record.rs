//! `scan.json`: of what a folder holds the scan, and in which state the pictures were.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};
use twinset_manifest::{Digest, write_atomically};
use twinset_stage::with_hint;

use super::marks::LeftOut;

/// Counted up when a folder of an earlier version cannot be gone on with.
const FORMAT: u32 = 1;

/// What stands in `scan.json`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    /// The folder of the pictures.
    pub(super) folder: PathBuf,
    /// The folder that it is in, from which the manifests' paths start.
    data: PathBuf,
    pub(super) reference: Option<PathBuf>,
    /// What the last scan that came to its end has seen.
    pub(super) done: Option<Done>,
    /// What a file of pairs that are no duplicates did then.
    #[serde(default)]
    pub(super) left_out: Option<LeftOut>,
}

/// What a scan has seen. A scan that would see the same has nothing to do.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) version: String,
    pub(super) settings: Vec<String>,
    pub(super) files: Digest,
    pub(super) reference_files: Option<Digest>,
}

impl Record {
    pub(super) fn new(folder: &Path, data: &Path, reference: Option<&Path>) -> Self {
        let reference = reference.map(Path::to_owned);
        Self { format: FORMAT, folder: folder.to_owned(), data: data.to_owned(), reference, done: None, left_out: None }
    }

    /// Whether a folder is that of a scan.
    pub(crate) fn is_in(out: &Path) -> bool {
        path(out).is_file()
    }

    /// Reads the record of a scan's folder.
    pub(crate) fn read(out: &Path) -> anyhow::Result<Self> {
        let path = path(out);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let record: serde_json::Result<Self> = serde_json::from_str(&text);
        match record {
            Ok(record) if record.format == FORMAT => Ok(record),
            found => {
                let found = found.map_or_else(|error| error.to_string(), |record| format!("format {}", record.format));
                let error = anyhow!(
                    "`{}` is no record of a scan that can be gone on with: found {found}, expected format {FORMAT}",
                    path.display()
                );
                Err(with_hint(error, "remove the folder, or name another --out"))
            }
        }
    }

    pub(super) fn write(&self, out: &Path) -> anyhow::Result<()> {
        let (path, json) = (path(out), serde_json::to_vec_pretty(self).context("the name of a folder is not UTF-8")?);
        write_atomically(&path, &json).with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// The arguments of `clean`, `split`, `gallery` or `leaks` for what a scan's folder holds; none for another command.
    pub(crate) fn stage_args(&self, command: &str, out: &Path) -> anyhow::Result<Vec<OsString>> {
        let images = ["--images".into(), out.join("images/images.parquet").into_os_string()];
        let pairs = ["--pairs".into(), out.join("duplicates/pairs.parquet").into_os_string()];
        let clusters = ["--clusters".into(), out.join("duplicates/clusters.parquet").into_os_string()];
        let folder = ["--folder".into(), self.data.clone().into_os_string()];
        let args: Vec<OsString> = match command {
            "clean" => [images, pairs, clusters, folder].into_iter().flatten().collect(),
            "split" => [images, clusters].into_iter().flatten().collect(),
            "gallery" => [images, pairs, folder].into_iter().flatten().collect(),
            "leaks" => vec!["--scan".into(), out.into()],
            _ => return Ok(Vec::new()),
        };
        let out = out.display();
        if self.done.is_none() {
            let error = anyhow!("the scan in `{out}` did not come to its end");
            return Err(with_hint(error, format!("call `twinset scan {} --out {out}` again", self.folder.display())));
        }
        if self.reference.is_some() {
            return Err(anyhow!(
                "`{out}` is a scan with --reference, expected one without: it has no pairs within the folder"
            ));
        }
        Ok(args)
    }
}

fn path(out: &Path) -> PathBuf {
    out.join("scan.json")
}
