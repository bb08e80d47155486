//! What was published, beside ours.

use askama::Template;
use twinset_chart::{Chart, Ink, Intervals, Legend, Marker, Point, Series, short};

use super::{Context, Figures, Section};
use crate::figures::{Figure, Panel, rate_ticks, y_range};
use crate::names::split_name;
use crate::numerals::{counted, level, percent_interval, points, range};
use crate::published::{Level, Repeated};

#[derive(Template)]
#[template(path = "published.html")]
struct PublishedTables {
    tables: Vec<Table>,
    level: String,
    figures: Figures,
}

struct Table {
    title: String,
    source: String,
    summary: String,
    rows: Vec<Row>,
    has_one_seed: bool,
}

struct Row {
    rate: String,
    published: String,
    ours: String,
    interval: String,
    is_one_seed: bool,
    n_seeds: String,
    difference: String,
    single_run: String,
    is_inside: Option<bool>,
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    if context.published.is_empty() {
        return Ok(None);
    }
    let tables: Vec<_> = context.published.iter().map(|repeated| table(context, repeated)).collect();
    let figures = Figures { figures: vec![figure(context)] };
    let level = level(context.results.confidence);
    let template = PublishedTables { tables, level, figures: figures.clone() };
    Ok(Some(Section::new("published", "Published and ours", &template)?.with_figures(figures)))
}

fn table(context: &Context<'_>, repeated: &Repeated<'_>) -> Table {
    let rows: Vec<Row> = repeated.levels.iter().map(row).collect();
    Table {
        title: title(context, repeated),
        source: repeated.published.source.clone(),
        summary: summary(repeated),
        has_one_seed: rows.iter().any(|row| row.is_one_seed),
        rows,
    }
}

fn title(context: &Context<'_>, repeated: &Repeated<'_>) -> String {
    let measure = context.names().measure(&repeated.measure);
    format!("{}: {measure}, {} images", repeated.arm.arm.name, split_name(repeated.measure.split))
}

/// How far apart they are, and of how many levels that can be judged.
fn summary(repeated: &Repeated<'_>) -> String {
    let levels = &repeated.levels;
    let differences: Vec<f64> = levels.iter().filter_map(Level::difference).collect();
    let n_published = levels.iter().filter(|level| level.published.is_some()).count();
    let largest = differences.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
    if differences.is_empty() {
        return format!("None of the {n_published} published levels was run.");
    }
    let judged: Vec<bool> = levels.iter().filter_map(Level::is_inside).collect();
    let n_inside = judged.iter().filter(|is_inside| **is_inside).count();
    let inside = match judged.len() {
        0 => "With one seed a level nothing says how far chance alone would set them apart.".to_owned(),
        n => format!("{n_inside} of {n} published values lie where one more run of ours would."),
    };
    format!(
        "{} of {} repeated; the largest difference is {} points, the mean of all {}. {inside}",
        differences.len(),
        counted(n_published as u64, "published level", "published levels"),
        points(largest),
        points(differences.iter().sum::<f64>() / differences.len() as f64),
    )
}

fn row(level: &Level) -> Row {
    let interval = level.ours.and_then(|ours| ours.interval).or(level.wilson);
    Row {
        rate: short(level.rate),
        published: level.published.map_or_else(String::new, percent_2),
        ours: level.ours.map_or_else(String::new, |ours| percent_2(ours.mean)),
        interval: interval.map_or_else(String::new, percent_interval),
        is_one_seed: level.wilson.is_some(),
        n_seeds: level.ours.map_or_else(|| "not run".to_owned(), |ours| ours.n.to_string()),
        difference: level.difference().map_or_else(String::new, points),
        single_run: level.single_run.map_or_else(String::new, percent_interval),
        is_inside: level.is_inside(),
    }
}

/// With as many decimals as papers give.
fn percent_2(fraction: f64) -> String {
    format!("{:.2}", fraction * 100.0)
}

/// One chart for each table: theirs and ours over the rate.
fn figure(context: &Context<'_>) -> Figure {
    let (theirs, ours) = ((Ink::Series(1), Marker::Square), (Ink::Series(0), Marker::Circle));
    let panels = context.published.iter().map(|repeated| {
        let levels = &repeated.levels;
        let line = |(ink, marker), value: &dyn Fn(&Level) -> Option<Point>| Series {
            ink,
            marker: Some(marker),
            points: levels.iter().filter_map(value).collect(),
            intervals: Intervals::Whiskers,
            is_joined: true,
        };
        let published = |level: &Level| Some(Point { x: level.rate, y: level.published? * 100.0, interval: None });
        let of_ours = |level: &Level| {
            let interval = level.ours?.interval.or(level.wilson);
            let interval = interval.map(|interval| (interval.low * 100.0, interval.high * 100.0));
            Some(Point { x: level.rate, y: level.ours?.mean * 100.0, interval })
        };
        let series = vec![line(theirs, &published), line(ours, &of_ours)];
        let (x_range, x_ticks) = rate_ticks(levels.iter().map(|level| level.rate).collect());
        let title = title(context, repeated);
        let chart = Chart {
            alt: format!("{title}: published and ours over the rate; the numbers are in the table"),
            x_label: "rate (duplicates \u{f7} originals)".to_owned(),
            y_label: "accuracy (%)".to_owned(),
            x_range,
            x_ticks,
            y_range: y_range(&series),
            dodge: 0.0,
            series,
        };
        Panel { title, chart, series: vec!["published".to_owned(), "ours".to_owned()] }
    });
    let all = || context.published.iter().flat_map(|repeated| &repeated.levels);
    let n_seeds = range(all().filter_map(|level| level.ours).map(|ours| ours.n as u64));
    let legend = |(ink, marker): (Ink, Marker), text: &str| Legend { ink, marker: Some(marker), text: text.to_owned() };
    Figure {
        id: "published".to_owned(),
        title: String::new(),
        legend: vec![legend(theirs, "published, one run a level"), legend(ours, "ours")],
        panels: panels.collect(),
        caption: format!(
            "Published values, one training each, beside our mean over seeds (n = {n_seeds}); whiskers: {} t interval over seeds, \
             Wilson interval over images where there is one seed. Vertical axes differ and need not begin at 0.",
            level(context.results.confidence),
        ),
    }
}
