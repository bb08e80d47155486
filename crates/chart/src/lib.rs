//! A *chart* is lines over two axes as SVG, whose colours are CSS variables, so that it follows light and dark.
//!
//! In a page ([`Chart::svg`]) the page says what the variables are; a chart on its own ([`Chart::file`]) brings them.
//!
//! ```
//! use twinset_chart::{Chart, Ink, Intervals, Point, Series};
//!
//! let points = vec![Point { x: 0.0, y: 1.0, interval: None }, Point { x: 1.0, y: 0.5, interval: None }];
//! let chart = Chart {
//!     alt: "precision falls from 1 to 0.5 as recall rises from 0 to 1".to_owned(),
//!     x_label: "recall".to_owned(),
//!     y_label: "precision".to_owned(),
//!     x_range: (0.0, 1.0),
//!     x_ticks: vec![(0.0, "0".to_owned()), (1.0, "1".to_owned())],
//!     y_range: (0.0, 1.0),
//!     dodge: 0.0,
//!     series: vec![Series { ink: Ink::Series(0), marker: None, points, intervals: Intervals::Whiskers, is_joined: true }],
//! };
//! assert!(chart.svg().contains("precision falls from 1 to 0.5"));
//! ```

mod file;

pub use file::Legend;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::*;

/// What the CSS variables of charts are, in light and dark.
pub const CHART_CSS: &str = include_str!("chart.css");
/// Width of a chart in its own units, whole ones to plotters; the page shows it at about half that.
const WIDTH: u32 = 960;
/// Height of a chart in its own units.
const HEIGHT: u32 = 600;
/// Plotters writes a font of this size 1.24 times smaller: 33 units.
const FONT: (&str, f64) = ("sans-serif", 41.0);

/// Colours that stand in for CSS variables until the SVG is written.
const TEXT: RGBColor = RGBColor(1, 0, 0);
const AXIS: RGBColor = RGBColor(2, 0, 0);
const GRID: RGBColor = RGBColor(3, 0, 0);

/// A colour of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// One of six that are told apart: `--series-1` to `--series-6`.
    Series(u8),
    /// One of eleven in order: `--ramp-0` (the baseline) to `--ramp-10`.
    Ramp(u8),
}

/// The shape of a point, so that colour is not all that tells series apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square on its side.
    Square,
    /// A triangle on its base.
    Triangle,
    /// A square on its corner.
    Diamond,
}

/// A value over a place, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Where on the horizontal axis.
    pub x: f64,
    /// Where on the vertical axis.
    pub y: f64,
    /// The interval's ends on the vertical axis.
    pub interval: Option<(f64, f64)>,
}

/// How the intervals of a series are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intervals {
    /// A line with caps at each point.
    Whiskers,
    /// An area behind the line.
    Band,
}

/// Points, and mostly a line through them.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its colour.
    pub ink: Ink,
    /// The shape of its points; none for a line alone.
    pub marker: Option<Marker>,
    /// In the order in which they are joined.
    pub points: Vec<Point>,
    /// How its intervals are drawn.
    pub intervals: Intervals,
    /// Whether a line joins its points; those of a cloud, which none does, are drawn smaller, and one shines through another.
    pub is_joined: bool,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What a reader who does not see it is told.
    pub alt: String,
    /// The horizontal axis, with its unit.
    pub x_label: String,
    /// The vertical axis, with its unit.
    pub y_label: String,
    /// Ends of the horizontal axis.
    pub x_range: (f64, f64),
    /// Marks on the horizontal axis and what they say.
    pub x_ticks: Vec<(f64, String)>,
    /// Ends of the vertical axis.
    pub y_range: (f64, f64),
    /// How far neighbouring series are drawn apart along the horizontal axis, so that whiskers do not hide each other.
    pub dodge: f64,
    /// The lines.
    pub series: Vec<Series>,
}

impl Ink {
    fn colour(self) -> RGBColor {
        match self {
            Self::Series(i) => RGBColor(10, 0, i),
            Self::Ramp(i) => RGBColor(11, 0, i),
        }
    }

    /// The CSS that gives this colour.
    pub fn css(self) -> String {
        match self {
            Self::Series(i) => format!("var(--series-{})", i + 1),
            Self::Ramp(i) => format!("var(--ramp-{i})"),
        }
    }
}

impl Marker {
    /// One for each of the first series.
    pub const ALL: [Self; 4] = [Self::Circle, Self::Square, Self::Triangle, Self::Diamond];

    /// Corners around its middle; none for a circle.
    fn corners(self) -> &'static [(i32, i32)] {
        match self {
            Self::Circle => &[],
            Self::Square => &[(-9, -9), (9, -9), (9, 9), (-9, 9)],
            Self::Triangle => &[(0, -11), (11, 9), (-11, 9)],
            Self::Diamond => &[(0, -12), (12, 0), (0, 12), (-12, 0)],
        }
    }
}

/// A legend's piece of line, with its marker.
pub fn swatch(ink: Ink, marker: Option<Marker>) -> String {
    let shape = match marker {
        None => String::new(),
        Some(Marker::Circle) => "<circle cx=\"28\" cy=\"16\" r=\"10\"/>".to_owned(),
        Some(marker) => {
            let corners: Vec<_> = marker.corners().iter().map(|(x, y)| format!("{},{}", 28 + x, 16 + y)).collect();
            format!("<polygon points=\"{}\"/>", corners.join(" "))
        }
    };
    let colour = ink.css();
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 56 32\" width=\"28\" height=\"16\" aria-hidden=\"true\" fill=\"{colour}\">\
         <path d=\"M0 16H56\" stroke=\"{colour}\" stroke-width=\"5\"/>{shape}</svg>"
    )
}

/// Round numbers within a range, about `n` of them.
pub fn round_ticks(low: f64, high: f64, n: usize) -> Vec<f64> {
    let rough = (high - low) / n as f64;
    let magnitude = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].iter().map(|factor| factor * magnitude).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * magnitude);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

impl Chart {
    /// The chart as an `<svg>` element of a page, which says what the CSS variables are.
    pub fn svg(&self) -> String {
        let (alt, drawing) = (escaped(&self.alt), self.drawing());
        format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{alt}\">{drawing}</svg>"
        )
    }

    /// What is drawn, [`WIDTH`] by [`HEIGHT`], without an element around it.
    fn drawing(&self) -> String {
        let mut text = String::new();
        let area = SVGBackend::with_string(&mut text, (WIDTH, HEIGHT)).into_drawing_area();
        // Drawing writes into memory; what cannot be drawn is left out.
        let drawn = self.draw(&area).and_then(|()| area.present());
        drop(area);
        debug_assert!(drawn.is_ok(), "{drawn:?}");
        themed(&text)
    }

    fn draw<'a>(
        &self,
        area: &DrawingArea<SVGBackend<'a>, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
        let y_ticks = round_ticks(self.y_range.0, self.y_range.1, 5);
        let x_ticks = self.x_ticks.iter().map(|(x, _)| *x).collect();
        let mut chart = ChartBuilder::on(area)
            .margin_top(20)
            .margin_right(44)
            .margin_bottom(4)
            .margin_left(4)
            .x_label_area_size(100)
            .y_label_area_size(118)
            .build_cartesian_2d(Axis::new(self.x_range, x_ticks), Axis::new(self.y_range, y_ticks))?;
        let x_text = |x: &f64| {
            let tick = self.x_ticks.iter().find(|(tick, _)| tick == x);
            tick.map_or_else(String::new, |(_, text)| text.clone())
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(self.x_ticks.len())
            .y_labels(8)
            .x_desc(&self.x_label)
            .y_desc(&self.y_label)
            .x_label_formatter(&x_text)
            .y_label_formatter(&|y| short(*y))
            .axis_style(AXIS)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(FONT.into_font().color(&TEXT))
            .axis_desc_style(FONT.into_font().color(&TEXT))
            .draw()?;
        for (i, series) in self.series.iter().enumerate() {
            let offset = (i as f64 - (self.series.len() - 1) as f64 / 2.0) * self.dodge;
            let points = series.points.iter().map(|point| Point { x: point.x + offset, ..*point }).collect();
            self.draw_series(&mut chart, &Series { points, ..series.clone() })?;
        }
        Ok(())
    }

    fn draw_series<'a>(
        &self,
        chart: &mut ChartContext<'_, SVGBackend<'a>, Cartesian2d<Axis, Axis>>,
        series: &Series,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
        let colour = series.ink.colour();
        let intervals = || series.points.iter().filter_map(|point| Some((point.x, point.interval?)));
        match series.intervals {
            Intervals::Band => {
                let upper = intervals().map(|(x, (_, high))| (x, high));
                let lower: Vec<_> = intervals().map(|(x, (low, _))| (x, low)).collect();
                let outline: Vec<_> = upper.chain(lower.into_iter().rev()).collect();
                if outline.len() > 2 {
                    chart.draw_series([Polygon::new(outline, colour.mix(0.16).filled())])?;
                }
            }
            Intervals::Whiskers => {
                let cap = (self.x_range.1 - self.x_range.0) * 0.01;
                let whiskers = intervals().flat_map(|(x, (low, high))| {
                    [
                        vec![(x, low), (x, high)],
                        vec![(x - cap, low), (x + cap, low)],
                        vec![(x - cap, high), (x + cap, high)],
                    ]
                });
                chart.draw_series(whiskers.map(|line| PathElement::new(line, colour.stroke_width(4))))?;
            }
        }
        if series.is_joined {
            let points = series.points.iter().map(|point| (point.x, point.y));
            chart.draw_series(LineSeries::new(points, colour.stroke_width(4)))?;
        }
        let (radius, opacity) = if series.is_joined { (10, 1.0) } else { (6, 0.6) };
        let filled = || colour.mix(opacity).filled();
        let place = |point: &Point| EmptyElement::at((point.x, point.y));
        match series.marker {
            None if series.is_joined && series.points.len() > 1 => {}
            None | Some(Marker::Circle) => {
                let points = series.points.iter();
                chart.draw_series(points.map(|point| place(point) + Circle::new((0, 0), radius, filled())))?;
            }
            Some(marker) => {
                let corners: Vec<_> =
                    marker.corners().iter().map(|(x, y)| (x * radius / 10, y * radius / 10)).collect();
                let shape = || Polygon::new(corners.clone(), filled());
                chart.draw_series(series.points.iter().map(|point| place(point) + shape()))?;
            }
        }
        Ok(())
    }
}

/// What plotters drew, within its `<svg>` element: colours become the page's.
fn themed(svg: &str) -> String {
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let mut text = body.trim_end().trim_end_matches("</svg>").to_owned();
    for (colour, css) in [(TEXT, "currentColor"), (AXIS, "var(--axis)"), (GRID, "var(--grid)")] {
        text = text.replace(&hex(colour), css);
    }
    for ink in (0..6).map(Ink::Series).chain((0..11).map(Ink::Ramp)) {
        text = text.replace(&hex(ink.colour()), &ink.css());
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// A number without needless decimals.
pub fn short(number: f64) -> String {
    // -0 is 0, and prints as 0.
    let text = format!("{:.4}", number + 0.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// A linear axis whose marks are given.
struct Axis {
    range: (f64, f64),
    ticks: Vec<f64>,
}

impl Axis {
    fn new(range: (f64, f64), ticks: Vec<f64>) -> Self {
        Self { range, ticks }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let share = (value - self.range.0) / (self.range.1 - self.range.0);
        start + (share * f64::from(end - start)).round() as i32
    }

    /// The given marks; there are no lighter ones between them.
    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.range.0..self.range.1
    }
}
