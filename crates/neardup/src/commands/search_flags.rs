//! Flags that are short for settings of the search.

use twinset_neardup::Config;
use twinset_stage::{CommonArgs, ConfigError};

/// Flags that are short for settings of the search.
#[derive(clap::Args)]
pub(super) struct SearchFlags {
    /// Also find pictures that are `mirrored`, turned by right angles (`all`) or by any angle (`any`); short for
    /// --set orientations.
    #[arg(long, value_name = "WHICH")]
    orientations: Option<String>,

    /// Only pairs between two splits, such as test against train; short for --set between-splits=true. Finds fewer of them than
    /// the whole search: how alike a pair must be depends on how many alike pairs there are, and those within a split do not
    /// count then.
    #[arg(long)]
    between_splits: bool,

    /// From this similarity on, 0 to 1, a pair is near: the same shot; short for --set near-similarity.
    #[arg(long, value_name = "SIMILARITY")]
    near_similarity: Option<f64>,
}

impl SearchFlags {
    /// The config, with the flags as settings.
    pub(super) fn config(&self, common: &CommonArgs) -> Result<Config, ConfigError> {
        let flags = [
            self.orientations.as_ref().map(|orientations| format!("orientations={orientations}")),
            self.between_splits.then(|| "between-splits=true".to_owned()),
            self.near_similarity.map(|similarity| format!("near-similarity={similarity}")),
        ];
        let mut common = common.clone();
        common.set.extend(flags.into_iter().flatten());
        common.config(Config::validate)
    }
}
