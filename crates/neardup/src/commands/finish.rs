//! What comes after the verification: kinds of pairs, clusters, what is printed and written.

use std::path::{Path, PathBuf};

use anyhow::Context;
use twinset_manifest::{Input, Provenance, write_manifest};
use twinset_neardup::{
    Candidates, Clusters, Config, Fingerprint, ImageIndex, LeftOut, Missing, NotDuplicates, Phase, Searched, Summary,
    Truth, TruthError, chain_warning, chance_warning, loss_warning,
};

/// Files that tell what is known of pairs.
#[derive(clap::Args)]
pub(crate) struct KnownArgs {
    /// CSV or Parquet file of known duplicates (see `evaluate --help`): the summary says how many of them were found.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,

    /// CSV or Parquet file of pairs that are no duplicates: they are left out. Columns: left,right (names of files, as `source`
    /// of the images has them) or left_id,right_id. Pairs whose column is_duplicate is true are passed over.
    #[arg(long, value_name = "FILE")]
    not_duplicates: Option<PathBuf>,

    /// Pass over pairs of --not-duplicates that name a file that is not there, instead of an error: a file that is kept while
    /// images come and go. How many are passed over is printed.
    #[arg(long, requires = "not_duplicates")]
    skip_missing: bool,
}

/// What is known of pairs.
pub(super) struct KnownPairs<'a> {
    truth: Option<(Truth, &'a Path)>,
    not_duplicates: Option<NotDuplicates>,
}

impl KnownArgs {
    /// An error where a file is wrong whatever the images are; gives the file that decides over pairs.
    pub(super) fn input(&self) -> anyhow::Result<Option<Input>> {
        self.truth.as_deref().map(expect_truth).transpose()?;
        self.not_duplicates.as_deref().map(file_input).transpose()
    }

    /// Reads the files, among the images that `index` gives if it is needed.
    pub(super) fn read(&self, index: impl Fn() -> anyhow::Result<ImageIndex>) -> anyhow::Result<KnownPairs<'_>> {
        let truth = match self.truth.as_deref() {
            None => None,
            Some(path) => {
                let truth = Truth::read(path, Some(&index()?), None).with_context(|| unusable("truth file", path))?;
                Some((truth, path))
            }
        };
        let not_duplicates = match &self.not_duplicates {
            None => None,
            Some(path) => {
                let missing = if self.skip_missing { Missing::PassedOver } else { Missing::Refused };
                Some(NotDuplicates::read(path, &index()?, missing).with_context(|| unusable("file", path))?)
            }
        };
        Ok(KnownPairs { truth, not_duplicates })
    }
}

/// What `--fail-on-leak` tells of: how many, and the first of them.
#[derive(Default)]
pub(crate) struct LeaksFound {
    pub(crate) n: u64,
    /// Of what, where it is one, and where it is more.
    pub(super) what: [&'static str; 2],
    pub(crate) first: Option<String>,
}

impl LeaksFound {
    pub(crate) fn what(&self) -> &'static str {
        self.what[usize::from(self.n != 1)]
    }
}

/// Verifies what is not yet verified, decides over the pairs, and writes pairs.parquet and clusters.parquet.
pub(super) fn finish<P: Fn(u64) + Sync>(
    images: &[Fingerprint],
    candidates: &mut Candidates,
    config: &Config,
    known: KnownPairs<'_>,
    mut provenance: Provenance,
    out: &Path,
    begin: &impl Fn(Phase, u64) -> P,
) -> anyhow::Result<LeaksFound> {
    let mut matches = candidates.matches(images, config, begin);
    let n_found = matches.len();
    if let Some(not_duplicates) = &known.not_duplicates {
        let id = |index: u32| images[index as usize].image_id;
        matches.retain(|pair| !not_duplicates.contains(id(pair.left), id(pair.right)));
    }
    let clusters = Clusters::of(images.len(), &matches);
    let recall =
        |(truth, path): (Truth, &Path)| truth.recall(images, &matches).with_context(|| unusable("truth file", path));
    let recall = known.truth.map(recall).transpose()?;
    let searched = Searched::of(config, images.len() as u64);
    let mut summary = Summary::of(images, &matches, &clusters, recall, searched);
    let n_left_out = (n_found - matches.len()) as u64;
    summary.left_out = known.not_duplicates.map(|not_duplicates| LeftOut::of(n_left_out, &not_duplicates));

    let warnings = [
        chain_warning(&summary, config),
        chance_warning(&summary, candidates.n_by_chance(), config),
        loss_warning(images, &matches),
    ];
    for warning in warnings.into_iter().flatten() {
        eprintln!("warning: {warning}");
        provenance.warnings.push(warning);
    }
    let pairs = matches.iter().map(|pair| pair.to_row(images, config));
    write_manifest(&out.join("pairs.parquet"), pairs, &provenance)?;
    write_manifest(&out.join("clusters.parquet"), clusters.to_rows(images), &provenance)?;
    println!("{summary}wrote hashes.parquet, pairs.parquet and clusters.parquet to {}", out.display());
    Ok(LeaksFound {
        n: summary.n_leaks(),
        what: ["pair of duplicates lies in two splits", "pairs of duplicates lie in two splits"],
        first: summary.first_leak.map(|first| first.to_string()),
    })
}

/// An error where a truth file is wrong whatever the images are, before they are read.
fn expect_truth(path: &Path) -> anyhow::Result<()> {
    match Truth::read(path, None, None) {
        Ok(_) | Err(TruthError::NeedsImages(_)) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("failed to read the truth file `{}`", path.display())),
    }
}

fn file_input(path: &Path) -> anyhow::Result<Input> {
    Input::of_file(path).with_context(|| format!("failed to read the file `{}`", path.display()))
}

fn unusable(what: &str, path: &Path) -> String {
    format!("failed to use the {what} `{}`", path.display())
}
