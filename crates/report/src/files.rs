//! The page's figures and tables as files beside it: SVG, CSV, LaTeX, and rows of the `figure-points` manifest.

use twinset_manifest::rows::FigurePoint;

use crate::figures::Figure;

/// A file beside the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path from the page's folder.
    pub path: String,
    /// What it holds.
    pub text: String,
}

impl Figure {
    /// Where its panels stand as SVG, in their order.
    pub(crate) fn svg_paths(&self) -> Vec<String> {
        (1..=self.panels.len()).map(|number| format!("figures/{}-{number}.svg", self.id)).collect()
    }

    /// Where its numbers stand as CSV.
    pub(crate) fn csv_path(&self) -> String {
        format!("figures/{}.csv", self.id)
    }

    /// Every point of every panel.
    pub(crate) fn points(&self) -> Vec<FigurePoint> {
        let mut points = Vec::new();
        for (number, panel) in self.panels.iter().enumerate() {
            for (series, name) in panel.chart.series.iter().zip(&panel.series) {
                points.extend(series.points.iter().map(|point| FigurePoint {
                    figure: self.id.clone(),
                    panel: number as u32 + 1,
                    panel_title: panel.title.clone(),
                    series: name.clone(),
                    x_label: panel.chart.x_label.clone(),
                    x: point.x,
                    y_label: panel.chart.y_label.clone(),
                    y: point.y,
                    interval_low: point.interval.map(|(low, _)| low),
                    interval_high: point.interval.map(|(_, high)| high),
                }));
            }
        }
        points
    }

    /// Each panel as SVG, and the numbers of all as CSV.
    pub(crate) fn files(&self) -> Vec<File> {
        let svg = |(panel, path): (&crate::figures::Panel, String)| {
            let is_titled = self.title.is_empty() || self.title == panel.title;
            let title = if is_titled { panel.title.clone() } else { format!("{}: {}", self.title, panel.title) };
            File { path, text: panel.chart.file(&title, &self.legend) }
        };
        let mut files: Vec<File> = self.panels.iter().zip(self.svg_paths()).map(svg).collect();
        files.push(File { path: self.csv_path(), text: csv(&self.points()) });
        files
    }
}

/// Points as CSV (RFC 4180), with a header.
fn csv(points: &[FigurePoint]) -> String {
    let mut text = "figure,panel,panel_title,series,x_label,x,y_label,y,interval_low,interval_high\n".to_owned();
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for point in points {
        let fields = [
            quoted(&point.figure),
            point.panel.to_string(),
            quoted(&point.panel_title),
            quoted(&point.series),
            quoted(&point.x_label),
            point.x.to_string(),
            quoted(&point.y_label),
            point.y.to_string(),
            number(point.interval_low),
            number(point.interval_high),
        ];
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_csv_quotes_what_would_break_it() {
        let point = FigurePoint {
            figure: "f".to_owned(),
            panel: 1,
            panel_title: "Accuracy under pgd-10, \"weak\"".to_owned(),
            series: "a".to_owned(),
            x_label: "rate".to_owned(),
            x: 0.5,
            y_label: "accuracy (%)".to_owned(),
            y: 61.25,
            interval_low: Some(60.0),
            interval_high: None,
        };
        let text = csv(&[point]);
        let line = text.lines().nth(1).unwrap();
        assert_eq!(line, "f,1,\"Accuracy under pgd-10, \"\"weak\"\"\",a,rate,0.5,accuracy (%),61.25,60,");
    }
}
