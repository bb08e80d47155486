//! The config as the provenance tells it.

use serde::Serialize;
use twinset_manifest::rows::Split;

use crate::{Config, Duplicates, Placement, Removal, Selection};

/// The config without the keys that cannot matter, so that what cannot differ has the same provenance, and thus the same
/// bytes: the training set at rate 0 is one, whatever arm and seed it is made for, and its training runs once.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settled {
    rate: f64,
    remove: Removal,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    originals: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selection: Option<Selection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    with_replacement: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    into: Option<Split>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<Placement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicates: Option<Duplicates>,
}

impl Settled {
    /// What of the config can matter to the training set: nothing of what leaks.
    pub fn of_trainset(config: &Config) -> Self {
        Self::new(config, config.rate > 0.0 && !config.leaks())
    }

    /// What of the config can matter to what leaks.
    pub fn of_leaks(config: &Config) -> Self {
        Self::new(config, config.rate > 0.0 && config.leaks())
    }

    fn new(config: &Config, is_any: bool) -> Self {
        let is_drawn = is_any && config.selection != Selection::WholeSet;
        Self {
            rate: if is_any { config.rate } else { 0.0 },
            remove: config.remove,
            seed: (config.originals.is_some() || is_any && config.is_random()).then_some(config.seed),
            originals: config.originals,
            sources: config.sources.filter(|_| is_drawn),
            selection: is_any.then(|| config.selection.clone()),
            with_replacement: is_drawn.then_some(config.with_replacement),
            into: (is_any && config.leaks()).then_some(config.into),
            placement: is_drawn.then_some(config.placement),
            duplicates: is_any.then(|| config.duplicates.clone()),
        }
    }

    /// The seed; none where nothing is random.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }
}
