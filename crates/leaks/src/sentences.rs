//! What was found, in sentences: the same in the terminal and on the page.

use twinset_stage::printable_line;

use crate::numerals::{count, difference, images, percent, points};
use crate::{Analysis, ModelResult, Ranking, Reversal};

/// The confound, to stand beside every difference.
pub(crate) const CONFOUND: &str = "Leaked images may simply be easier than others. The difference says what they add to the \
     accuracy, not that a model remembers them: only training again without the twins tells the two apart.";

/// How many images leaked.
pub(crate) fn leaked(analysis: &Analysis) -> String {
    let Analysis { split, n_images, n_leaked, n_leaked_exact, n_leaked_near, .. } = analysis;
    let within = match analysis.n_twin_within_split {
        None => format!(" Twins within the {split} split were not searched."),
        Some(0) => String::new(),
        Some(n) => format!(
            " {} more {} a twin only within the {split} split; {} as images without a twin.",
            count(n),
            if n == 1 { "has" } else { "have" },
            if n == 1 { "it counts" } else { "they count" }
        ),
    };
    if *n_leaked == 0 {
        return format!("None of {} of the {split} split has a twin in the training split.{within}", images(*n_images));
    }
    format!(
        "{} of {} of the {split} split ({} %) {} a twin in the training split: {} exact, {} near.{within}",
        count(*n_leaked),
        images(*n_images),
        percent(*n_leaked as f64 / *n_images as f64),
        if *n_leaked == 1 { "has" } else { "have" },
        count(*n_leaked_exact),
        count(*n_leaked_near),
    )
}

/// How much of a model's accuracy is leakage, without the model's name.
pub(crate) fn of_model(model: &ModelResult) -> String {
    let ModelResult { reported, without_twin, leaked, overstatement, .. } = model;
    let reported = reported.accuracy.map(percent).unwrap_or_default();
    let (Some(clean), Some(of)) = (without_twin.accuracy, overstatement) else {
        return format!("{reported} % as reported. Every image has leaked, so there is nothing to compare with.");
    };
    if leaked.n_images == 0 {
        return format!("{reported} % as reported. No image has leaked, so it stands.");
    }
    let change = match (of.is_clear(), of.value > 0.0) {
        (true, true) => "leaked images add",
        (true, false) => "leaked images take away",
        (false, _) => "leaked images make no clear difference,",
    };
    let value = if of.is_clear() { points(of.value.abs()).replace('+', "") } else { difference(*of) };
    format!(
        "{reported} % as reported, {} % on the {} without a twin: {change} {value} points.",
        percent(clean),
        images(without_twin.n_images)
    )
}

/// Whether the models' order hangs on leaks.
pub(crate) fn ranking(analysis: &Analysis) -> String {
    let n = analysis.reversals.len();
    let n_clear = analysis.reversals.iter().filter(|reversal| reversal.is_clear).count();
    let change = match n {
        0 => return format!("Without leaked images the models rank as before.{}", lead(analysis)),
        1 => "one pair of models changes its order".to_owned(),
        n => format!("{n} pairs of models change their order"),
    };
    let noise = match (n, n_clear) {
        (1, 1) => "beyond noise".to_owned(),
        (1, _) => "but not beyond noise".to_owned(),
        (_, 0) => "but none beyond noise".to_owned(),
        (_, n_clear) => format!("{n_clear} of them beyond noise"),
    };
    format!("Without leaked images {change}, {noise}.")
}

/// By how much the best model leads the next one; nothing where all have leaked.
fn lead(analysis: &Analysis) -> String {
    let lead = |ranking: &Ranking| ranking.0.first().and_then(|first| first.lead).map(difference);
    let (Some(best), Some(reported), Some(without)) =
        (analysis.ranking.0.first(), lead(&analysis.ranking), lead(&analysis.ranking_without_twins))
    else {
        return String::new();
    };
    let Some(next) = best.next.map(|next| &analysis.models[next].name) else { return String::new() };
    format!(
        " {} leads {} by {reported} points on all images, and by {without} points on those without a twin.",
        printable_line(&best.name),
        printable_line(next)
    )
}

/// How the order of two models changes.
pub(crate) fn reversal(reversal: &Reversal) -> String {
    let Reversal { left, right, reported, without_twins, .. } = reversal;
    let noise = match (reported.is_clear(), without_twins.is_clear()) {
        (true, true) => "both beyond noise",
        (true, false) => "the second within noise",
        (false, true) => "the first within noise",
        (false, false) => "both within noise",
    };
    format!(
        "{left} less {right}: {} points on all images, {} points without leaked ones ({noise})",
        difference(*reported),
        difference(*without_twins),
    )
}
