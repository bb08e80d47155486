//! What attacks, regimes and splits are called on the page.

use twinset_manifest::rows::Split;

use crate::results::Measure;
use crate::study::Study;

/// Names that depend on the study's configs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    study: &'a Study,
}

impl<'a> Names<'a> {
    /// The names of a study.
    pub(crate) fn of(study: &'a Study) -> Self {
        Self { study }
    }

    /// `Clean accuracy`, or `Robust accuracy: pgd-20, ε = 8/255`.
    pub(crate) fn measure(&self, measure: &Measure) -> String {
        if measure.is_clean() {
            return "Clean accuracy".to_owned();
        }
        format!("Robust accuracy: {}", self.attack(measure))
    }

    /// `clean`, or `pgd-20, ε = 8/255`.
    pub(crate) fn attack(&self, measure: &Measure) -> String {
        match self.epsilon(&measure.attack) {
            Some(epsilon) => format!("{}, ε\u{a0}=\u{a0}{epsilon}", measure.attack),
            None => measure.attack.clone(),
        }
    }

    /// The radius that all arms have for an attack of this name; none where they differ or do not say.
    fn epsilon(&self, attack: &str) -> Option<String> {
        let arms = self.study.arms.iter();
        let attacks = arms.filter_map(|arm| arm.evaluate.get("attacks")?.as_array()).flatten();
        let text = |value: &serde_json::Value, key: &str| Some(value.get(key)?.as_str()?.to_owned());
        let mut radii: Vec<Option<String>> = attacks
            .filter(|config| {
                let kind = text(config, "kind").unwrap_or_default();
                let steps = config.get("n-steps").and_then(serde_json::Value::as_u64);
                let by_steps = steps.map_or_else(|| kind.clone(), |steps| format!("{kind}-{steps}"));
                text(config, "name").map_or(kind == attack || by_steps == attack, |name| name == attack)
            })
            .map(|config| text(config, "epsilon"))
            .collect();
        radii.dedup();
        match radii.as_slice() {
            [Some(radius)] => Some(radius.clone()),
            _ => None,
        }
    }
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
