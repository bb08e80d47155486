//! By how much leaks make a network look better than it is.

use askama::Template;
use twinset_chart::{Chart, Intervals, Legend, Marker, Point, Series, short};
use twinset_manifest::rows::Split;

use super::{Context, Figures, Section};
use crate::figures::{Figure, MAX_SERIES, Panel, arm_ink, rate_ticks};
use crate::names::split_name;
use crate::numerals::{count, level, percent, points, points_interval, range};
use crate::results::{Among, ArmResults, Measure, RateResults};
use crate::statistics::{Mean, paired_difference};

#[derive(Template)]
#[template(path = "leaks.html")]
struct Leaks {
    on_purpose: Vec<Table>,
    by_nature: Vec<Table>,
    figures: Figures,
    level: String,
}

struct Table {
    title: String,
    measures: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    condition: String,
    n_seeds: String,
    n_images: String,
    n_leaked: String,
    /// Of how many of these the training set holds the duplicate.
    n_trained: String,
    entries: Vec<Option<Entry>>,
}

/// One measure of a row.
struct Entry {
    honest: String,
    leaked: String,
    reported: String,
    overstated: String,
    interval: String,
    is_clear: bool,
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    let splits: Vec<Split> = context.results.splits().into_iter().filter(|split| *split != Split::Train).collect();
    let on_purpose: Vec<_> = splits.iter().filter_map(|&split| on_purpose(context, split)).collect();
    let by_nature: Vec<_> = splits.iter().filter_map(|&split| by_nature(context, split)).collect();
    if on_purpose.is_empty() && by_nature.is_empty() {
        return Ok(None);
    }
    let figures = Figures { figures: splits.iter().flat_map(|&split| figures(context, split)).collect() };
    let level = level(context.results.confidence);
    let template = Leaks { on_purpose, by_nature, figures: figures.clone(), level };
    Ok(Some(Section::new("leaks", "Leaks", &template)?.with_figures(figures)))
}

/// What is reported is over all images that look like the split's own; what is honest, over those that no training image is like.
#[derive(Clone, Copy)]
struct Contrast {
    reported: Among,
    honest: Among,
    leaked: Among,
}

const ON_PURPOSE: Contrast = Contrast { reported: Among::WithLeaks, honest: Among::Own, leaked: Among::Leaked };
const BY_NATURE: Contrast = Contrast { reported: Among::Own, honest: Among::WithoutTwins, leaked: Among::Twins };

impl Contrast {
    /// Reported minus honest, of networks that are the same.
    fn overstatement(self, rate: &RateResults<'_>, measure: &Measure, confidence: f64) -> Option<Mean> {
        let values = |among| rate.values(&measure.among(among), None);
        paired_difference(&values(self.reported), &values(self.honest), confidence)
    }
}

fn on_purpose(context: &Context<'_>, split: Split) -> Option<Table> {
    let conditions = leaking(context, split);
    let conditions: Vec<_> =
        conditions.iter().flat_map(|(arm, rates)| rates.iter().map(|rate| (*arm, *rate))).collect();
    let title = format!("Duplicates of training images in the {split} split, put there on purpose");
    table(context, split, title, &conditions, ON_PURPOSE)
}

/// Of arms that share their networks at rate 0, the first.
fn by_nature(context: &Context<'_>, split: Split) -> Option<Table> {
    let mut seen = Vec::new();
    let mut conditions = Vec::new();
    for arm in &context.results.arms {
        let Some(rate) = arm.rates.iter().find(|rate| rate.rate == 0.0).or(arm.rates.first()) else { continue };
        let weights: Vec<_> = rate.seeds.iter().filter_map(|seed| seed.cell?.weights.as_ref()).collect();
        let has_twins = context.results.measures_on(split).iter().any(|measure| n_twins(rate, measure) > 0);
        if has_twins && !seen.contains(&weights) {
            seen.push(weights);
            conditions.push((arm, rate));
        }
    }
    let title = format!("The {split} images' own duplicates among the training images");
    table(context, split, title, &conditions, BY_NATURE)
}

fn table(
    context: &Context<'_>,
    split: Split,
    title: String,
    conditions: &[(&ArmResults<'_>, &RateResults<'_>)],
    contrast: Contrast,
) -> Option<Table> {
    let measures = context.results.measures_on(split);
    let confidence = context.results.confidence;
    let rows: Vec<_> = conditions.iter().map(|(arm, rate)| row(arm, rate, &measures, contrast, confidence)).collect();
    let names = measures.iter().map(|measure| context.names().measure(measure));
    (!rows.is_empty()).then(|| Table { title, measures: names.collect(), rows })
}

fn row(
    arm: &ArmResults<'_>,
    rate: &RateResults<'_>,
    measures: &[&Measure],
    contrast: Contrast,
    confidence: f64,
) -> Row {
    let of = |among| measures.first().map(|measure| rate.proportions(&measure.among(among), None)).unwrap_or_default();
    let (reported, honest) = (of(contrast.reported), of(contrast.honest));
    let n_leaked = reported.iter().zip(&honest).map(|((_, all), (_, own))| all.n - own.n);
    Row {
        condition: format!("{}, rate {}", arm.arm.name, short(rate.rate)),
        n_seeds: count(reported.len() as u64),
        n_images: range(reported.iter().map(|(_, proportion)| proportion.n)),
        n_leaked: range(n_leaked),
        n_trained: range(trained_twins(rate)),
        entries: measures.iter().map(|measure| entry(rate, measure, contrast, confidence)).collect(),
    }
}

fn entry(rate: &RateResults<'_>, measure: &Measure, contrast: Contrast, confidence: f64) -> Option<Entry> {
    let accuracy = |among| rate.accuracy(&measure.among(among), None, confidence).map(|accuracy| accuracy.mean.mean);
    let overstated = contrast.overstatement(rate, measure, confidence)?;
    Some(Entry {
        honest: percent(accuracy(contrast.honest)?),
        leaked: accuracy(contrast.leaked).map_or_else(String::new, percent),
        reported: percent(accuracy(contrast.reported)?),
        overstated: points(overstated.mean),
        interval: overstated.interval.map_or_else(String::new, points_interval),
        is_clear: overstated.is_clear(),
    })
}

/// For each network, of how many images the training set holds a duplicate.
fn trained_twins<'a>(rate: &'a RateResults<'_>) -> impl Iterator<Item = u64> + 'a {
    rate.seeds.iter().filter_map(|seed| Some(seed.evidence?.trained_twins.as_ref()?.len() as u64))
}

fn n_twins(rate: &RateResults<'_>, measure: &Measure) -> u64 {
    let n = |among| rate.proportions(&measure.among(among), None).iter().map(|(_, p)| p.n).sum::<u64>();
    n(Among::Own) - n(Among::WithoutTwins)
}

type Leaking<'a> = (&'a ArmResults<'a>, Vec<&'a RateResults<'a>>);

/// The arms whose duplicates leak into the split, with their rates above 0.
fn leaking<'a>(context: &Context<'a>, split: Split) -> Vec<Leaking<'a>> {
    let arms = context.results.arms.iter().filter(|arm| arm.leaks_into() == Some(split));
    arms.map(|arm| (arm, arm.rates.iter().filter(|rate| rate.rate > 0.0).collect())).collect()
}

/// The overstatement over the rate: a chart for each measure, a line for each arm.
fn figures(context: &Context<'_>, split: Split) -> Vec<Figure> {
    let (arms, measures) = (leaking(context, split), context.results.measures_on(split));
    let groups: Vec<_> = arms.chunks(MAX_SERIES).collect();
    let figure = |(i, group): (usize, &&[Leaking<'_>])| Figure {
        id: format!("leaks-{split}-{}", i + 1),
        title: format!("How much better leaks into the {split} split make it look"),
        legend: group
            .iter()
            .enumerate()
            .map(|(i, (arm, _))| Legend {
                ink: arm_ink(i),
                marker: Some(Marker::ALL[i % 4]),
                text: arm.arm.name.clone(),
            })
            .collect(),
        panels: measures.iter().map(|measure| panel(context, group, measure)).collect(),
        caption: format!(
            "Accuracy on {} images with the leaked ones minus accuracy without them, in points, the same networks; mean over \
             seeds, whiskers: {} t interval.",
            split_name(split),
            level(context.results.confidence),
        ),
    };
    groups.iter().enumerate().map(figure).collect()
}

fn panel(context: &Context<'_>, arms: &[Leaking<'_>], measure: &Measure) -> Panel {
    let confidence = context.results.confidence;
    let title = context.names().measure(measure);
    let series = arms.iter().enumerate().map(|(i, (_, rates))| {
        let points = rates.iter().filter_map(|rate| {
            let overstated = ON_PURPOSE.overstatement(rate, measure, confidence)?;
            let interval = overstated.interval.map(|interval| (interval.low * 100.0, interval.high * 100.0));
            Some(Point { x: rate.rate, y: overstated.mean * 100.0, interval })
        });
        let marker = Some(Marker::ALL[i % 4]);
        Series { ink: arm_ink(i), marker, points: points.collect(), intervals: Intervals::Whiskers, is_joined: true }
    });
    let series: Vec<Series> = series.collect();
    let rates = arms.iter().flat_map(|(_, rates)| rates.iter().map(|rate| rate.rate));
    let (x_range, x_ticks) = rate_ticks(rates.chain([0.0]).collect());
    let drawn = series.iter().flat_map(|series| &series.points);
    let ends = drawn.flat_map(|point| point.interval.map_or([point.y; 2], |(low, high)| [low, high]));
    let (low, high) = ends.fold((0.0_f64, 1.0_f64), |(low, high), end| (low.min(end), high.max(end)));
    let margin = (high - low) * 0.06;
    let names: Vec<String> = arms.iter().map(|(arm, _)| arm.arm.name.clone()).collect();
    let chart = Chart {
        alt: format!("{title}: overstatement over the share of leaked images, for {}", names.join(", ")),
        x_label: "leaked images \u{f7} the split’s own".to_owned(),
        y_label: "overstatement (points)".to_owned(),
        x_range,
        x_ticks,
        y_range: (low - margin, high + margin),
        dodge: (x_range.1 - x_range.0) * 0.018,
        series,
    };
    Panel { title, chart, series: names }
}
