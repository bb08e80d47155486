//! Pairs that are no duplicates: a scan remembers the file of them.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use twinset_manifest::{Digest, write_atomically};

use super::ScanArgs;
use super::place::Place;

/// The file of pairs that are no duplicates, as this scan takes it.
pub(super) struct Marks {
    /// The user's file, or the one that lies in the scan's folder.
    pub(super) file: PathBuf,
    pub(super) digest: Digest,
    bytes: Vec<u8>,
    /// Whether the user named it in this call.
    pub(super) is_given: bool,
}

/// What the file did, as `scan.json` and `--json` have it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    /// The file.
    pub(super) file: String,
    /// Pairs that were found and left out.
    pub(super) n_left_out: u64,
    /// Pairs that the file tells of.
    pub(super) n_told: u64,
    /// Pairs of the file that did nothing: one of their pictures is not there.
    pub(super) n_missing: u64,
}

impl Marks {
    /// The file that the user names, else the one that an earlier scan or the user has put into the scan's folder.
    pub(super) fn of(args: &ScanArgs, place: &Place) -> anyhow::Result<Option<Self>> {
        let kept = place.not_duplicates();
        let (file, is_given) = match &args.not_duplicates {
            Some(file) => (file.clone(), true),
            None if place.reference.is_none() && kept.exists() => (kept, false),
            None => return Ok(None),
        };
        let bytes = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let digest = Digest(*blake3::hash(&bytes).as_bytes());
        Ok(Some(Self { file, digest, bytes, is_given }))
    }

    /// Has later scans take the file, too. One that names pictures by ids is not kept: when pictures come or go, an id becomes
    /// another picture's.
    pub(super) fn keep(&mut self, place: &Place) -> anyhow::Result<()> {
        if self.is_given && !self.has_ids() {
            let kept = place.not_duplicates();
            write_atomically(&kept, &self.bytes).with_context(|| format!("cannot write `{}`", kept.display()))?;
            self.file = kept;
        }
        Ok(())
    }

    /// Whether it is Parquet, which has ids as `twinset neardup` writes it, or a CSV with a column of them.
    fn has_ids(&self) -> bool {
        let header = self.bytes.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
        let header = String::from_utf8_lossy(header);
        let mut names = header.split([',', ';', '\t', '|']).map(|name| name.trim().trim_matches(['"', '\u{feff}']));
        self.bytes.starts_with(b"PAR1") || names.any(|name| name == "left_id")
    }

    /// What the file did, as the search has printed it.
    pub(super) fn left_out(&self, stdout: &str) -> anyhow::Result<LeftOut> {
        let first = |words: &str| words.split_whitespace().next()?.parse().ok();
        let line = |part: &str| stdout.lines().find(|line| line.contains(part));
        let told = || {
            let found = line(" left out: no duplicate")?;
            Some((first(found)?, first(found.split("tells of ").nth(1)?)?))
        };
        let (n_left_out, n_told) =
            told().context("`twinset-neardup` does not say what it left out; are all programs of one version?")?;
        let n_missing = line(" of the file name").and_then(first).unwrap_or(0);
        Ok(LeftOut { file: self.file.display().to_string(), n_left_out, n_told, n_missing })
    }
}
