//! A chart on its own: an SVG file with its title, its legend, and the colours of light and dark.

use crate::{CHART_CSS, Chart, HEIGHT, Ink, Marker, WIDTH, escaped, swatch};

/// Width at which a viewer shows the file, in CSS pixels.
const SHOWN_WIDTH: u32 = 720;
/// Height of the title, in the chart's units.
const TITLE: u32 = 80;
/// Height of a line of the legend, in the chart's units.
const LINE: u32 = 48;

/// The variables of a chart: those of a page, [`CHART_CSS`], and what a file has around it.
const STYLE: &str = "\
svg { --paper: #ffffff; --text: #1d2127; color: var(--text); font-family: system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg { --paper: #14171c; --text: #e6e8eb; } }";

/// A line of the legend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legend {
    /// The colour of what it tells of.
    pub ink: Ink,
    /// Its marker.
    pub marker: Option<Marker>,
    /// What it is.
    pub text: String,
}

impl Chart {
    /// The chart as an SVG file, with a title above and a legend below.
    pub fn file(&self, title: &str, legend: &[Legend]) -> String {
        let height = TITLE + HEIGHT + LINE * legend.len() as u32 + LINE;
        let shown_height = height * SHOWN_WIDTH / WIDTH;
        let (alt, title, drawing) = (escaped(&self.alt), escaped(title), self.drawing());
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{SHOWN_WIDTH}\" height=\"{shown_height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{alt}\">\n<style>{STYLE}\n{CHART_CSS}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"var(--paper)\"/>\n\
             <text x=\"24\" y=\"52\" font-size=\"32\" font-weight=\"600\" fill=\"currentColor\">{title}</text>\n\
             <g transform=\"translate(0 {TITLE})\">\n{drawing}</g>\n"
        );
        for (number, Legend { ink, marker, text: line }) in legend.iter().enumerate() {
            let y = TITLE + HEIGHT + LINE / 2 + LINE * number as u32;
            let (swatch, line) = (swatch(*ink, *marker), escaped(line));
            text.push_str(&format!(
                "<g transform=\"translate(118 {y})\">{swatch}\
                 <text x=\"44\" y=\"17\" font-size=\"26\" fill=\"currentColor\">{line}</text></g>\n"
            ));
        }
        text.push_str("</svg>\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use crate::{Chart, Ink, Intervals, Legend, Marker, Point, Series};

    #[test]
    fn a_file_has_its_title_its_legend_and_both_themes_and_no_colour_of_plotters() {
        let points = [(0.2, 0.9), (0.8, 0.4)].map(|(x, y)| Point { x, y, interval: None }).to_vec();
        let series = Series {
            ink: Ink::Series(1),
            marker: Some(Marker::Square),
            points,
            intervals: Intervals::Whiskers,
            is_joined: true,
        };
        let chart = Chart {
            alt: "a < b".to_owned(),
            x_label: "x".to_owned(),
            y_label: "y".to_owned(),
            x_range: (0.0, 1.0),
            x_ticks: vec![(0.5, "half".to_owned())],
            y_range: (0.0, 1.0),
            dodge: 0.0,
            series: vec![series],
        };
        let legend = Legend { ink: Ink::Series(1), marker: Some(Marker::Square), text: "R&D".to_owned() };
        let file = chart.file("one & two", &[legend]);
        for part in ["<svg xmlns", "aria-label=\"a &lt; b\"", ">one &amp; two<", ">R&amp;D<", "half", "polyline"] {
            assert!(file.contains(part), "{part}: {file}");
        }
        assert!(file.contains("prefers-color-scheme: dark") && file.contains("stroke=\"var(--series-2)\""), "{file}");
        assert!(!file.contains("#0A00") && !file.contains("#0100"), "a stand-in colour is left: {file}");
        let n_ends = file.matches("</svg>").count();
        assert_eq!((file.matches("<svg").count(), n_ends), (2, 2), "the file and the legend's piece of line: {file}");
    }
}
