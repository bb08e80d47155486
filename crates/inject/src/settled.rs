//! The config as the provenance tells it.

use serde::Serialize;

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
    selection: Option<Selection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    with_replacement: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<Placement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicates: Option<Duplicates>,
}

impl Settled {
    /// What of the config can matter.
    pub fn of(config: &Config) -> Self {
        let is_any = config.rate > 0.0;
        let is_drawn = is_any && config.selection != Selection::WholeSet;
        Self {
            // Turns -0 into 0.
            rate: config.rate + 0.0,
            remove: config.remove,
            seed: config.is_random().then_some(config.seed),
            selection: is_any.then(|| config.selection.clone()),
            with_replacement: is_drawn.then_some(config.with_replacement),
            placement: is_drawn.then_some(config.placement),
            duplicates: is_any.then(|| config.duplicates.clone()),
        }
    }

    /// The seed; none where nothing is random.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }
}
