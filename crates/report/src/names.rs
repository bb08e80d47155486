//! What attacks, regimes and splits are called on the page.

use serde_json::{Map, Value};
use twinset_manifest::rows::Split;

use crate::measure::Measure;
use crate::results::Results;
use crate::shared::{attacks_on, settings_of};

/// Names that depend on what was run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    results: &'a Results<'a>,
}

impl<'a> Names<'a> {
    /// The names of a study's measures.
    pub(crate) fn of(results: &'a Results<'a>) -> Self {
        Self { results }
    }

    /// `Clean accuracy`, `Robust accuracy (worst of: fgsm, pgd-20)`, or `Accuracy under pgd-20, ε = 8/255`.
    pub(crate) fn measure(&self, measure: &Measure) -> String {
        if measure.is_clean() {
            return "Clean accuracy".to_owned();
        }
        if measure.is_worst_case() {
            return match attacks_on(self.results, measure.split).as_slice() {
                [same] => format!("Robust accuracy (worst of: {})", same.what.join(", ")),
                _ => "Robust accuracy (worst of each arm\u{2019}s attacks)".to_owned(),
            };
        }
        format!("Accuracy under {}", self.attack(measure))
    }

    /// `clean`, or `pgd-20, ε = 8/255`; says so where arms have other settings.
    pub(crate) fn attack(&self, measure: &Measure) -> String {
        let ways = settings_of(self.results, measure);
        let mut radii: Vec<Option<&str>> = ways.iter().map(|way| epsilon(way.what)).collect();
        radii.dedup();
        let radius = match radii.as_slice() {
            [Some(radius)] => format!(", ε\u{a0}=\u{a0}{radius}"),
            _ => String::new(),
        };
        let differ = if ways.len() > 1 { " (settings differ between arms)" } else { "" };
        format!("{}{radius}{differ}", measure.attack)
    }
}

/// `clean`, `robust`, or the attack's name: for narrow columns.
pub(crate) fn short_attack(measure: &Measure) -> &str {
    if measure.is_worst_case() { "robust" } else { &measure.attack }
}

/// An attack's radius, as its settings have it.
pub(crate) fn epsilon(settings: &Map<String, Value>) -> Option<&str> {
    settings.get("epsilon")?.as_str()
}

/// What a way of training is called: its kind in `train`'s config.
pub(crate) fn regime_title(regime: Option<&str>) -> String {
    match regime {
        Some("standard") => "Standard training".to_owned(),
        Some("pgd") => "Adversarial training (PGD)".to_owned(),
        Some(other) => format!("Training: {other}"),
        None => "All arms".to_owned(),
    }
}

/// `training`, `validation`, `test`.
pub(crate) fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "training",
        Split::Val => "validation",
        Split::Test => "test",
    }
}
