//! The stages as a graph: who was made from whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::tree::Tree;

const WIDTH: f64 = 126.0;
const HEIGHT: f64 = 46.0;
const GAP_X: f64 = 46.0;
const GAP_Y: f64 = 26.0;
/// How far below the boxes an edge goes for each stage that it passes by.
const DROP: f64 = 13.0;

/// Stages, and the files that go from one to another.
pub(super) struct Graph {
    /// From stage, to stage, the files' names.
    pub(super) edges: Vec<(String, String, String)>,
    /// How many runs of each stage there are.
    stages: BTreeMap<String, usize>,
}

impl Graph {
    pub(super) fn of(tree: &Tree) -> Self {
        let mut folders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut edges: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for entry in tree.selected() {
            let Some(provenance) = entry.provenance() else { continue };
            folders.entry(provenance.stage.clone()).or_default().insert(tree.relative(entry.folder()));
            for input in &provenance.inputs {
                let from = match tree.find(&input.name, input.blake3) {
                    Some(found) => found.provenance().map_or_else(|| "sources".to_owned(), |found| found.stage),
                    None if input.schema.is_none() => "sources".to_owned(),
                    None => "not here".to_owned(),
                };
                if from != provenance.stage {
                    edges.entry((from, provenance.stage.clone())).or_default().insert(input.name.clone());
                }
            }
        }
        let mut stages: BTreeMap<String, usize> =
            folders.into_iter().map(|(stage, runs)| (stage, runs.len())).collect();
        for (from, _) in edges.keys() {
            stages.entry(from.clone()).or_default();
        }
        let names = |names: BTreeSet<String>| {
            let n = names.len();
            let first: Vec<String> = names.into_iter().take(4).collect();
            if n > 4 { format!("{} and {} more", first.join(", "), n - 4) } else { first.join(", ") }
        };
        let edges = edges.into_iter().map(|((from, to), files)| (from, to, names(files))).collect();
        Self { edges, stages }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// Boxes from left to right, each to the right of all that it comes from.
    pub(super) fn svg(&self) -> String {
        let layers = self.layers();
        let n_rows = layers.iter().map(Vec::len).max().unwrap_or(0);
        let boxes = n_rows as f64 * (HEIGHT + GAP_Y) - GAP_Y + 2.0;
        let width = layers.len() as f64 * (WIDTH + GAP_X) - GAP_X + 2.0;
        let height = boxes + layers.len().saturating_sub(1) as f64 * DROP;
        let mut places: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for (x, layer) in layers.iter().enumerate() {
            let top = (n_rows - layer.len()) as f64 * (HEIGHT + GAP_Y) / 2.0 + 1.0;
            for (y, stage) in layer.iter().enumerate() {
                places.insert(stage, (x as f64 * (WIDTH + GAP_X) + 1.0, top + y as f64 * (HEIGHT + GAP_Y)));
            }
        }
        let mut svg = format!(
            "<svg class=\"graph\" role=\"img\" aria-label=\"The stages and what they were made from, as the table below says\" \
             viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
             <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
             <path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n"
        );
        for (from, to, _) in &self.edges {
            let ((x1, y1), (x2, y2)) = (places[from.as_str()], places[to.as_str()]);
            let n_passed = ((x2 - x1) / (WIDTH + GAP_X) - 1.0).max(0.0);
            let way = if n_passed < 0.5 {
                let (x1, y1, y2) = (x1 + WIDTH, y1 + HEIGHT / 2.0, y2 + HEIGHT / 2.0);
                let (left, right) = (x1 + GAP_X / 2.0, x2 - GAP_X / 2.0);
                format!("M{x1} {y1}C{left} {y1} {right} {y2} {x2} {y2}")
            } else {
                // Below what lies between.
                let low = boxes + n_passed * DROP;
                let (x1, x2) = (x1 + WIDTH * 0.7, x2 + WIDTH * 0.3 - n_passed * 3.0);
                let (y1, y2) = (y1 + HEIGHT, y2 + HEIGHT);
                format!(
                    "M{x1} {y1}C{x1} {low} {x1} {low} {} {low}H{}C{x2} {low} {x2} {low} {x2} {y2}",
                    x1 + 30.0,
                    x2 - 30.0
                )
            };
            let _ = writeln!(svg, "<path class=\"edge\" d=\"{way}\" marker-end=\"url(#tip)\"/>");
        }
        for (stage, (x, y)) in &places {
            let n = match self.stages[*stage] {
                0 => "made by no stage".to_owned(),
                1 => "1 run".to_owned(),
                n => format!("{n} runs"),
            };
            let n = if *stage == "not here" { "not in this tree".to_owned() } else { n };
            let (middle, name, below) = (x + WIDTH / 2.0, y + 20.0, y + 36.0);
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"5\"/>\
                 <text class=\"name\" x=\"{middle}\" y=\"{name}\">{}</text><text x=\"{middle}\" y=\"{below}\">{n}</text>",
                escaped(stage)
            );
        }
        svg + "</svg>"
    }

    /// The stages by the longest way to them.
    fn layers(&self) -> Vec<Vec<&str>> {
        let mut depth: BTreeMap<&str, usize> = self.stages.keys().map(|stage| (stage.as_str(), 0)).collect();
        // A loop, which sound provenances do not have, ends after as many rounds as there are stages.
        for _ in 0..self.stages.len() {
            for (from, to, _) in &self.edges {
                let next = (depth[from.as_str()] + 1).min(self.stages.len());
                if depth[to.as_str()] < next {
                    depth.insert(to, next);
                }
            }
        }
        let mut layers: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (stage, depth) in depth {
            layers.entry(depth).or_default().push(stage);
        }
        layers.into_values().collect()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
