//! Which charts the page has, and what is written below them.

use twinset_chart::{Chart, Ink, Intervals, Legend, Marker, Point, Series, round_ticks, short};
use twinset_manifest::rows::{Epoch, Split};

use crate::names::{Names, regime_title};
use crate::numerals::{level, range};
use crate::results::{ArmResults, Measure, RateResults, Results};
use crate::statistics::{Interval, mean};

/// Charts that share a legend and a caption.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// What its files are called, without blanks; each once on the page.
    pub(crate) id: String,
    /// What they have in common.
    pub(crate) title: String,
    /// What colours and shapes mean.
    pub(crate) legend: Vec<Legend>,
    /// The charts.
    pub(crate) panels: Vec<Panel>,
    /// What is shown, over how many seeds and images, with which intervals.
    pub(crate) caption: String,
}

/// One chart.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// What it shows.
    pub(crate) title: String,
    /// The chart.
    pub(crate) chart: Chart,
    /// What each series of the chart is.
    pub(crate) series: Vec<String>,
}

/// More lines than this in one chart are too many.
pub(crate) const MAX_SERIES: usize = 4;

/// Accuracy over rate: for each way of training one figure, for each attack one chart, for each arm one line.
pub(crate) fn over_rate(results: &Results<'_>, names: &Names<'_>, split: Split) -> Vec<Figure> {
    let mut regimes: Vec<Option<&str>> = Vec::new();
    for arm in &results.arms {
        if !regimes.contains(&arm.regime()) {
            regimes.push(arm.regime());
        }
    }
    let measures = results.measures_on(split);
    let has_line = |arm: &&ArmResults<'_>| {
        let is_measured = |rate: &&RateResults<'_>| measures.iter().any(|m| !rate.proportions(m, None).is_empty());
        arm.leaks_into().is_none() && arm.rates.iter().filter(is_measured).count() > 1
    };
    let mut figures = Vec::new();
    for regime in regimes {
        let arms: Vec<_> = results.arms.iter().filter(|arm| arm.regime() == regime).filter(has_line).collect();
        let groups: Vec<_> = arms.chunks(MAX_SERIES).collect();
        for (i, group) in groups.iter().enumerate() {
            let part = if groups.len() > 1 { format!(" ({} of {})", i + 1, groups.len()) } else { String::new() };
            let panels = measures.iter().filter_map(|measure| {
                let series = rate_series(group, measure, results.confidence)?;
                let title = names.measure(measure);
                let chart = rate_chart(series, group, &title);
                Some(Panel { title, chart, series: group.iter().map(|arm| arm.arm.name.clone()).collect() })
            });
            let legend = group.iter().enumerate().map(|(i, arm)| Legend {
                ink: arm_ink(i),
                marker: Some(Marker::ALL[i % 4]),
                text: arm.arm.name.clone(),
            });
            let number = if groups.len() > 1 { format!("-{}", i + 1) } else { String::new() };
            figures.push(Figure {
                id: format!("over-rate-{}-{split}{number}", regime.unwrap_or("all")),
                title: format!("{}{part}", regime_title(regime)),
                legend: legend.collect(),
                panels: panels.collect(),
                caption: rate_caption(results, group, &measures, split),
            });
        }
    }
    figures
}

/// What is drawn over the samples seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    /// Clean accuracy on held-out images, or else accuracy in training.
    Accuracy,
    /// Accuracy on attacked held-out images.
    Attacked,
}

/// Accuracy over samples seen: one chart an arm, one line a rate.
pub(crate) fn over_samples(results: &Results<'_>) -> Vec<Figure> {
    [Watched::Accuracy, Watched::Attacked].into_iter().filter_map(|watched| samples_figure(results, watched)).collect()
}

fn samples_figure(results: &Results<'_>, watched: Watched) -> Option<Figure> {
    let has_curves = |arm: &&ArmResults<'_>| {
        arm.leaks_into().is_none() && arm.rates.iter().any(|rate| epochs(rate, watched).next().is_some())
    };
    let arms: Vec<_> = results.arms.iter().filter(has_curves).collect();
    let mut rates: Vec<f64> = arms.iter().flat_map(|arm| arm.rates.iter().map(|rate| rate.rate)).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    let panels: Vec<_> = arms.iter().map(|arm| samples_panel(arm, &rates, watched, results.confidence)).collect();
    if panels.is_empty() {
        return None;
    }
    let legend = rates.iter().map(|&rate| Legend {
        ink: rate_ink(rate, &rates),
        marker: None,
        text: format!("rate {}", short(rate)),
    });
    let (id, title) = match watched {
        Watched::Accuracy => ("over-samples", ""),
        Watched::Attacked => ("over-samples-attacked", "Under attack: robust overfitting"),
    };
    Some(Figure {
        id: id.to_owned(),
        title: title.to_owned(),
        legend: legend.collect(),
        panels,
        caption: samples_caption(&arms, watched, results.confidence),
    })
}

pub(crate) fn arm_ink(i: usize) -> Ink {
    Ink::Series(u8::try_from(i % 6).unwrap_or_default())
}

/// Rate 0 is the baseline; the others are in order from light to dark.
fn rate_ink(rate: f64, rates: &[f64]) -> Ink {
    let above: Vec<f64> = rates.iter().copied().filter(|rate| *rate > 0.0).collect();
    let Some(i) = above.iter().position(|other| *other == rate) else { return Ink::Ramp(0) };
    let stop = match above.len() {
        1 => 7,
        n => 2 + (i * 8 + (n - 1) / 2) / (n - 1),
    };
    Ink::Ramp(u8::try_from(stop).unwrap_or(10))
}

fn rate_series(arms: &[&ArmResults<'_>], measure: &Measure, confidence: f64) -> Option<Vec<Series>> {
    let series = arms.iter().enumerate().map(|(i, arm)| {
        let points = arm.rates.iter().filter_map(|rate| {
            let accuracy = rate.accuracy(measure, None, confidence)?;
            let interval = accuracy.mean.interval.or(accuracy.wilson);
            Some(point(rate.rate, accuracy.mean.mean, interval))
        });
        let marker = Some(Marker::ALL[i % 4]);
        Series { ink: arm_ink(i), marker, points: points.collect(), intervals: Intervals::Whiskers, is_joined: true }
    });
    let series: Vec<_> = series.collect();
    series.iter().any(|series| !series.points.is_empty()).then_some(series)
}

fn rate_chart(series: Vec<Series>, arms: &[&ArmResults<'_>], title: &str) -> Chart {
    let (x_range, x_ticks) = rate_ticks(arms.iter().flat_map(|arm| &arm.rates).map(|rate| rate.rate).collect());
    let names: Vec<_> = arms.iter().map(|arm| arm.arm.name.as_str()).collect();
    Chart {
        alt: format!(
            "{title} over the rate of duplicates, for {}; the numbers are in the table above",
            names.join(", ")
        ),
        x_label: "rate (duplicates \u{f7} originals)".to_owned(),
        y_label: "accuracy (%)".to_owned(),
        x_range,
        x_ticks,
        y_range: y_range(&series),
        dodge: (x_range.1 - x_range.0) * 0.018,
        series,
    }
}

/// A range of rates with its margins, and its marks: all rates where they have room, else round numbers.
pub(crate) fn rate_ticks(mut rates: Vec<f64>) -> ((f64, f64), Vec<(f64, String)>) {
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    let (low, high) = (rates.first().copied().unwrap_or(0.0), rates.last().copied().unwrap_or(1.0));
    let margin = if high > low { (high - low) * 0.06 } else { 0.5 };
    let has_room = rates.windows(2).all(|pair| pair[1] - pair[0] > (high - low) * 0.085);
    let ticks = if has_room { rates } else { round_ticks(low, high, 6) };
    ((low - margin, high + margin), ticks.into_iter().map(|rate| (rate, short(rate))).collect())
}

fn samples_panel(arm: &ArmResults<'_>, rates: &[f64], watched: Watched, confidence: f64) -> Panel {
    let is_held_out = is_held_out(arm);
    let trained: Vec<_> = arm.rates.iter().filter(|rate| epochs(rate, watched).next().is_some()).collect();
    let has_bands = trained.len() <= MAX_SERIES;
    let value = |epoch: &Epoch| match watched {
        Watched::Accuracy if is_held_out => epoch.held_out_accuracy,
        Watched::Accuracy => Some(epoch.train_accuracy),
        Watched::Attacked => epoch.held_out_attacked_accuracy,
    };
    let series = trained.iter().map(|rate| {
        let mut points = epoch_points(rate, watched, value, confidence);
        if !has_bands {
            let last = points.len() - 1;
            points[..last].iter_mut().for_each(|point| point.interval = None);
        }
        let intervals = if has_bands { Intervals::Band } else { Intervals::Whiskers };
        Series { ink: rate_ink(rate.rate, rates), marker: None, points, intervals, is_joined: true }
    });
    let series: Vec<_> = series.collect();
    let longest = series.iter().flat_map(|series| &series.points).map(|point| point.x).fold(1.0, f64::max);
    let what = match watched {
        Watched::Accuracy if is_held_out => "held-out accuracy",
        Watched::Accuracy => "training accuracy",
        Watched::Attacked => "held-out accuracy under attack",
    };
    let chart = Chart {
        alt: format!("{what} of {} over the training samples seen, one line a rate", arm.arm.name),
        x_label: "training samples seen".to_owned(),
        y_label: format!("{what} (%)"),
        x_range: (0.0, longest * 1.02),
        x_ticks: round_ticks(0.0, longest * 1.02, 4).into_iter().map(|n| (n, samples(n))).collect(),
        y_range: y_range(&series),
        dodge: 0.0,
        series,
    };
    let names = trained.iter().map(|rate| format!("rate {}", short(rate.rate)));
    Panel { title: arm.arm.name.clone(), chart, series: names.collect() }
}

/// The epochs of each seed that has what is watched.
fn epochs<'a>(rate: &RateResults<'a>, watched: Watched) -> impl Iterator<Item = &'a Vec<Epoch>> {
    let has_it = move |epochs: &&Vec<Epoch>| match watched {
        Watched::Accuracy => !epochs.is_empty(),
        Watched::Attacked => epochs.iter().any(|epoch| epoch.held_out_attacked_accuracy.is_some()),
    };
    rate.seeds.iter().filter_map(|seed| Some(&seed.evidence?.epochs)).filter(has_it)
}

fn is_held_out(arm: &ArmResults<'_>) -> bool {
    let epochs = arm.rates.iter().flat_map(|rate| epochs(rate, Watched::Accuracy)).flatten();
    epochs.into_iter().all(|epoch| epoch.held_out_accuracy.is_some())
}

/// The mean over the seeds that have the epoch.
fn epoch_points(
    rate: &RateResults<'_>,
    watched: Watched,
    value: impl Fn(&Epoch) -> Option<f64>,
    confidence: f64,
) -> Vec<Point> {
    let n_epochs = epochs(rate, watched).map(Vec::len).max().unwrap_or(0);
    let points = (0..n_epochs).filter_map(|i| {
        let rows: Vec<_> = epochs(rate, watched).filter_map(|epochs| epochs.get(i)).collect();
        let values: Vec<f64> = rows.iter().filter_map(|row| value(row)).collect();
        let seen: Vec<f64> = rows.iter().map(|row| row.n_samples_seen as f64).collect();
        let accuracy = mean(&values, confidence)?;
        Some(point(mean(&seen, confidence)?.mean, accuracy.mean, accuracy.interval.map(Interval::of_fraction)))
    });
    points.collect()
}

fn point(x: f64, fraction: f64, interval: Option<Interval>) -> Point {
    Point { x, y: fraction * 100.0, interval: interval.map(|interval| (interval.low * 100.0, interval.high * 100.0)) }
}

/// From the lowest interval to the highest, at least ten points, so that noise does not look like a mountain.
pub(crate) fn y_range(series: &[Series]) -> (f64, f64) {
    let points = || series.iter().flat_map(|series| &series.points);
    let low = points().map(|point| point.interval.map_or(point.y, |(low, _)| low)).fold(100.0, f64::min);
    let high = points().map(|point| point.interval.map_or(point.y, |(_, high)| high)).fold(0.0, f64::max);
    let missing = (10.0 - (high - low)).max(0.0) / 2.0;
    let margin = ((high - low) * 0.06).max(0.5) + missing;
    ((low - margin).max(0.0), (high + margin).min(100.0))
}

fn samples(n: f64) -> String {
    match n {
        n if n >= 1e6 => format!("{} M", short(n / 1e6)),
        n if n >= 1e3 => format!("{} k", short(n / 1e3)),
        n => short(n),
    }
}

fn rate_caption(results: &Results<'_>, arms: &[&ArmResults<'_>], measures: &[&Measure], split: Split) -> String {
    let rates = || arms.iter().flat_map(|arm| &arm.rates);
    let accuracies =
        || rates().flat_map(|rate| measures.iter().filter_map(|m| rate.accuracy(m, None, results.confidence)));
    let level = level(results.confidence);
    let n_seeds: Vec<u64> = accuracies().map(|accuracy| accuracy.mean.n as u64).collect();
    let intervals = match (n_seeds.iter().min(), n_seeds.iter().max()) {
        (_, Some(1)) => {
            format!("one seed, so whiskers are {level} Wilson intervals over images and say nothing about seeds")
        }
        (Some(1), _) => format!(
            "whiskers: {level} t interval over seeds, {level} Wilson interval over images where there is one seed"
        ),
        _ => format!("whiskers: {level} t interval over seeds"),
    };
    let apart =
        if arms.len() > 1 { " Points are set apart sideways so that whiskers do not hide each other." } else { "" };
    format!(
        "Accuracy on {} {split} images; mean over seeds (n = {}); {intervals}.{apart} Vertical axes differ and need not begin at 0.",
        range(accuracies().map(|accuracy| accuracy.n_images)),
        range(n_seeds),
    )
}

fn samples_caption(arms: &[&ArmResults<'_>], watched: Watched, confidence: f64) -> String {
    let all = || arms.iter().flat_map(|arm| &arm.rates);
    let rows = || all().flat_map(|rate| epochs(rate, watched)).flatten();
    let n_seeds = range(all().map(|rate| epochs(rate, watched).count() as u64).filter(|n| *n > 0));
    let n_held_out = rows().filter_map(|epoch| match watched {
        Watched::Accuracy => epoch.n_held_out,
        Watched::Attacked => epoch.n_held_out_attacked,
    });
    let are_held_out = (arms.iter().all(|arm| is_held_out(arm)), arms.iter().any(|arm| is_held_out(arm)));
    let measured = match (watched, are_held_out) {
        (Watched::Attacked, _) => format!(
            "Accuracy on {} held-out images under PGD of ten steps, in the ball of the training\u{2019}s attack, after each epoch. Where a line \
             falls while training goes on, the network overfits, which clean accuracy hides",
            range(n_held_out)
        ),
        (_, (true, _)) => format!("Clean accuracy on {} held-out images after each epoch", range(n_held_out)),
        (_, (false, true)) => {
            format!("Clean accuracy on {} held-out images, else training accuracy, by epoch", range(n_held_out))
        }
        (_, (false, false)) => {
            "Training accuracy of each epoch: on the samples as trained on (augmented, attacked in adversarial training, duplicates counted \
             as often as they stand in the set), before each step"
                .to_owned()
        }
    };
    let level = level(confidence);
    let drawn = if arms.iter().all(|arm| arm.rates.len() <= MAX_SERIES) {
        format!("bands: {level} t interval over seeds, none where there is one seed")
    } else {
        format!(
            "whiskers at the last epoch (bands where there are at most {MAX_SERIES} rates): {level} t interval over seeds"
        )
    };
    format!(
        "{measured}; mean over seeds (n = {n_seeds}); {drawn}. Where duplicates are appended, an epoch has more samples."
    )
}
