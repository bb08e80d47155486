//! The attacks: what they were, how much each of them found, and what robust accuracy is.

use askama::Template;
use serde_json::{Map, Value};
use twinset_chart::short;
use twinset_manifest::rows::Split;

use super::{Context, Section};
use crate::evaluation::Run;
use crate::names::{epsilon, regime_title, split_name};
use crate::numerals::{counted, level, percent, percent_interval, range};
use crate::results::{ArmResults, Measure, RateResults};

#[derive(Template)]
#[template(path = "attacks.html")]
struct Attacks {
    tables: Vec<Table>,
}

struct Table {
    /// Empty where there is but one table.
    title: String,
    /// What else robust accuracy is here.
    note: &'static str,
    networks: Vec<Head>,
    rows: Vec<Row>,
    caption: String,
}

/// The networks of a pair of columns.
struct Head {
    regime: String,
    condition: String,
}

struct Row {
    name: String,
    how: String,
    /// `L∞ 8/255`.
    ball: String,
    n_images: String,
    /// How far images were moved, on average and at most.
    moved: String,
    entries: Vec<Option<Entry>>,
    is_whole: bool,
}

struct Entry {
    accuracy: String,
    interval: String,
    n_first: String,
    /// `apgd-ce 12, square 3`, of an attack that consists of several.
    parts: String,
}

/// Networks of one way of training whose attacks are shown: those with the fewest duplicates.
#[derive(Clone, Copy)]
struct Networks<'a> {
    arm: &'a ArmResults<'a>,
    rate: &'a RateResults<'a>,
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    let is_attacked = |split: &Split| context.results.measures_on(*split).iter().any(|measure| !measure.is_clean());
    let splits: Vec<Split> = context.results.splits().into_iter().filter(is_attacked).collect();
    if splits.is_empty() {
        return Ok(None);
    }
    let mut tables: Vec<Table> = splits.iter().map(|split| table(context, *split)).collect();
    if let [only] = tables.as_mut_slice() {
        only.title.clear();
    }
    Section::new("attacks", "Attacks and robust accuracy", &Attacks { tables }).map(Some)
}

fn table(context: &Context<'_>, split: Split) -> Table {
    let networks = networks(context, split);
    let mut runs: Vec<&Run> = Vec::new();
    for run in networks.iter().flat_map(|networks| networks.runs(split)) {
        if !runs.iter().any(|known| is_same(known, run)) {
            runs.push(run);
        }
    }
    let confidence = context.results.confidence;
    let mut rows: Vec<Row> = runs.iter().map(|run| row(run, &networks, confidence)).collect();
    let worst = context.results.measures_on(split).into_iter().find(|measure| measure.is_worst_case());
    rows.extend(worst.map(|worst| whole(worst, &networks, confidence)));
    let n_seeds = networks.iter().map(|networks| networks.runs_by_seed(split).count() as u64);
    Table {
        title: format!("On {} images", split_name(split)),
        note: note(&runs),
        caption: format!(
            "Accuracy in %: mean over seeds (n = {}) [{} t interval; Wilson\u{2019}s over images where there is one seed]. First to fool: \
             images that it made wrong and everything above it left right, mean over seeds. Moved: how far an image was changed, \
             on average and at most, in the attack\u{2019}s norm (L\u{221e}: the largest change of a pixel; L2: the length of the whole change), pixels being in [0, 1]. \
             {}",
            range(n_seeds),
            level(confidence),
            elsewhere(context, &networks),
        ),
        networks: networks
            .iter()
            .map(|Networks { arm, rate }| Head {
                regime: regime_title(arm.regime()),
                condition: format!("{}, rate {}", arm.arm.name, short(rate.rate)),
            })
            .collect(),
        rows,
    }
}

/// What a reader should know of these attacks taken together.
fn note(runs: &[&Run]) -> &'static str {
    let attacks = || runs.iter().filter(|run| run.attack != "clean").map(|run| &run.settings);
    let ball = |settings: &Map<String, Value>| (Norm::of(settings).symbol(), epsilon(settings).map(str::to_owned));
    let is_auto = |settings: &Map<String, Value>| settings.get("kind").and_then(Value::as_str) == Some("auto-attack");
    let first = attacks().next().map(ball);
    if attacks().any(|settings| Some(ball(settings)) != first) {
        return "The attacks differ in radius or norm: robust accuracy is the worst over all of these balls.";
    }
    if !attacks().any(is_auto) {
        return "AutoAttack, the field\u{2019}s usual measure, was not run here, so robust accuracy may be lower.";
    }
    ""
}

/// Where the other conditions stand.
fn elsewhere(context: &Context<'_>, networks: &[Networks<'_>]) -> String {
    let n_conditions = context.results.arms.iter().flat_map(|arm| &arm.rates).count();
    if n_conditions == networks.len() {
        return String::new();
    }
    "Of each way of training one arm is shown, with the fewest duplicates; all arms and rates stand in the table before.".to_owned()
}

/// Of each way of training the first arm that was attacked, at its smallest rate.
fn networks<'a>(context: &Context<'a>, split: Split) -> Vec<Networks<'a>> {
    let mut found: Vec<Networks<'a>> = Vec::new();
    for arm in &context.results.arms {
        let of_rates = arm.rates.iter().map(|rate| Networks { arm, rate });
        let Some(networks) = of_rates.into_iter().find(|networks| networks.runs(split).next().is_some()) else {
            continue;
        };
        if found.iter().all(|other| other.arm.regime() != arm.regime()) {
            found.push(networks);
        }
    }
    found
}

impl<'a> Networks<'a> {
    /// The runs of each seed that has any.
    fn runs_by_seed(self, split: Split) -> impl Iterator<Item = Vec<&'a Run>> {
        let of_seed = move |evidence: &'a crate::CellEvidence| {
            evidence.evaluation.runs.iter().filter(move |run| run.split == split).collect::<Vec<_>>()
        };
        self.rate.seeds.iter().filter_map(|seed| seed.evidence).map(of_seed).filter(|runs| !runs.is_empty())
    }

    fn runs(self, split: Split) -> impl Iterator<Item = &'a Run> {
        self.runs_by_seed(split).flatten()
    }
}

fn is_same(one: &Run, other: &Run) -> bool {
    one.attack == other.attack && one.settings == other.settings
}

fn row(run: &Run, networks: &[Networks<'_>], confidence: f64) -> Row {
    let same = || networks.iter().flat_map(|networks| networks.runs(run.split)).filter(|other| is_same(run, other));
    let norm = Norm::of(&run.settings);
    let is_clean = run.attack == "clean";
    let moved = |run: &Run| match norm {
        Norm::LInf => run.linf,
        Norm::L2 => run.l2,
    };
    let n_images: u64 = same().map(|run| run.n_images).sum();
    let mean = same().map(|run| moved(run).sum).sum::<f64>() / n_images.max(1) as f64;
    let largest = same().map(|run| moved(run).largest).fold(0.0, f64::max);
    Row {
        name: run.attack.clone(),
        how: if is_clean { "images as they are".to_owned() } else { how(&run.settings) },
        ball: epsilon(&run.settings).map_or_else(String::new, |radius| format!("{} {radius}", norm.symbol())),
        n_images: range(same().map(|run| run.n_images)),
        moved: if is_clean { String::new() } else { format!("{}; {}", norm.distance(mean), norm.distance(largest)) },
        entries: networks.iter().map(|networks| entry(run, *networks, confidence)).collect(),
        is_whole: false,
    }
}

fn entry(run: &Run, networks: Networks<'_>, confidence: f64) -> Option<Entry> {
    let accuracy = networks.rate.accuracy(&Measure::new(run.split, run.attack.clone()), None, confidence)?;
    let same: Vec<&Run> = networks.runs(run.split).filter(|other| is_same(run, other)).collect();
    if same.is_empty() {
        return None;
    }
    let mean = |sum: u64| mean_count(sum, same.len());
    let mut parts: Vec<(&str, u64)> = Vec::new();
    for (part, n) in same.iter().flat_map(|run| &run.first_by_part) {
        match parts.iter_mut().find(|(known, _)| known == part) {
            Some((_, sum)) => *sum += n,
            None => parts.push((part, *n)),
        }
    }
    let parts: Vec<String> = parts.iter().map(|(part, sum)| format!("{part}\u{a0}{}", mean(*sum))).collect();
    Some(Entry {
        accuracy: percent(accuracy.mean.mean),
        interval: accuracy.mean.interval.or(accuracy.wilson).map_or_else(String::new, percent_interval),
        n_first: mean(same.iter().map(|run| run.n_first).sum()),
        parts: parts.join(", "),
    })
}

/// All attacks together: robust accuracy.
fn whole(worst: &Measure, networks: &[Networks<'_>], confidence: f64) -> Row {
    let proportions = || networks.iter().flat_map(|networks| networks.rate.proportions(worst, None));
    let entry = |networks: &Networks<'_>| {
        let accuracy = networks.rate.accuracy(worst, None, confidence)?;
        let fooled: Vec<u64> = networks
            .rate
            .proportions(worst, None)
            .iter()
            .map(|(_, proportion)| proportion.n - proportion.n_correct)
            .collect();
        Some(Entry {
            accuracy: percent(accuracy.mean.mean),
            interval: accuracy.mean.interval.or(accuracy.wilson).map_or_else(String::new, percent_interval),
            n_first: mean_count(fooled.iter().sum(), fooled.len()),
            parts: String::new(),
        })
    };
    Row {
        name: "Robust accuracy".to_owned(),
        how: "right in every row above".to_owned(),
        ball: String::new(),
        n_images: range(proportions().map(|(_, proportion)| proportion.n)),
        moved: String::new(),
        entries: networks.iter().map(entry).collect(),
        is_whole: true,
    }
}

/// A mean of counts: whole where it is.
fn mean_count(sum: u64, n: usize) -> String {
    let mean = sum as f64 / n.max(1) as f64;
    if mean.fract() == 0.0 { crate::numerals::count(mean as u64) } else { format!("{mean:.1}") }
}

#[derive(Clone, Copy)]
enum Norm {
    LInf,
    L2,
}

impl Norm {
    /// Configs leave L∞ out.
    fn of(settings: &Map<String, Value>) -> Self {
        if settings.get("norm").and_then(Value::as_str) == Some("l2") { Self::L2 } else { Self::LInf }
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::LInf => "L\u{221e}",
            Self::L2 => "L2",
        }
    }

    /// `7.9/255`, or `0.482` for L2.
    fn distance(self, distance: f64) -> String {
        match self {
            Self::LInf => format!("{:.1}/255", distance * 255.0),
            Self::L2 => format!("{distance:.3}"),
        }
    }
}

/// What an attack does, in the words of its settings.
fn how(settings: &Map<String, Value>) -> String {
    let text = |key: &str| settings.get(key).and_then(Value::as_str);
    let number = |key: &str| settings.get(key).and_then(Value::as_u64);
    let mut said: Vec<String> = Vec::new();
    match text("kind") {
        Some("fgsm") => said.push("one step".to_owned()),
        Some("auto-attack") => {
            let parts: Vec<&str> = settings
                .get("attacks")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            said.push(match text("version") {
                Some("custom") | None => format!("AutoAttack of {}", parts.join(", ")),
                Some(version) => format!("AutoAttack, version {version}"),
            });
        }
        Some("pgd") | None => {}
        Some(other) => said.push(other.to_owned()),
    }
    if let Some(n_steps) = number("n-steps") {
        let size = text("step-size").map_or_else(String::new, |size| format!(" of {size}"));
        said.push(format!("{}{size}", counted(n_steps, "step", "steps")));
    }
    match (settings.get("random-start").and_then(Value::as_bool), number("n-restarts")) {
        (Some(true), Some(n)) if n > 1 => said.push(format!("{} from random starts", counted(n, "run", "runs"))),
        (Some(true), _) => said.push("random start".to_owned()),
        _ => {}
    }
    if text("iterate") == Some("last") {
        said.push("the last step counts".to_owned());
    }
    if let Some(range) = settings.get("pixel-range").filter(|range| **range != serde_json::json!([0.0, 1.0])) {
        said.push(format!("pixels kept in {range}"));
    }
    if settings.contains_key("augmentation") {
        said.push("after augmentation".to_owned());
    }
    said.join(", ")
}
