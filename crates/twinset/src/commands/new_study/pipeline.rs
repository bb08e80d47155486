//! The text of a study.

use super::data::{Data, SIDE};
use super::folder;

/// Training images that a network sees in all: enough to learn something, few enough for minutes.
const N_SAMPLES: u64 = 20_000;

/// The pipeline of a name.
pub(super) fn text(name: &str, data: &Data) -> String {
    let quoted = folder::text;
    let (class, judged) = (quoted(&data.classes[0]), data.judged);
    let about =
        format!("{} classes, {} training images, {} {judged} images", data.classes.len(), data.n_train, data.n_judged);
    let (epochs, batch) = ((N_SAMPLES / data.n_train.max(1)).clamp(3, 30), batch_size(data.n_train));
    let (name, ingest) = (quoted(name), ingest(data));
    let description = quoted(&format!("What do duplicates of training images do to the accuracy on {}?", data.name));
    format!(
        r#"# Written by `twinset new-study`: {about}.
# `cargo xtask plan` with this file says what would run and how long, `cargo xtask reproduce` runs it. Change what you like.
name = {name}
description = {description}
seeds = [0, 1, 2]                       # every condition is trained three times; more seeds make intervals narrower

[ingest]
{ingest}
[neardup]                               # the duplicates that are there already: the report shows them

[report]

# What is asked, declared before anything runs.
[[report.claim]]
name = "duplicates of any image"
text = "One duplicate of every second training image lowers the accuracy."
left = {{ arm = "any-image", rate = 0.5 }}
right = {{ arm = "any-image", rate = 0.0 }}
direction = "lower"
smallest-effect = 0.02                  # two points of accuracy: a smaller difference does not matter

[[report.claim]]
name = "duplicates in one class"
text = "As many duplicates, all of one class, lower the accuracy more."
left = {{ arm = "one-class", rate = 0.5 }}
right = {{ arm = "any-image", rate = 0.5 }}
direction = "lower"
smallest-effect = 0.02

[[arm]]
name = "any-image"
rates = [0.0, 0.5]                      # injected duplicates / training images

[arm.inject]
selection = {{ kind = "uniform" }}

[arm.train]
model = "paper-standard"                # a small network; or resnet-18
optimizer = {{ kind = "adam", learning-rate = 1e-3 }}
regime = {{ kind = "standard" }}          # or {{ kind = "pgd", ... }}: see pipelines/quick.toml
batch-size = {batch}
budget = {{ epochs = {epochs} }}

[arm.evaluate]
splits = ["{judged}"]

[[arm]]
name = "one-class"
extends = "any-image"                   # the same but for what is set here

[arm.inject]
selection = {{ kind = "non-uniform", class-weights = {{ single-class = {class} }} }}
"#
    )
}

/// Small sets are trained in small batches, so that there are steps enough.
fn batch_size(n_train: u64) -> u64 {
    match n_train {
        0..200 => 8,
        200..1000 => 16,
        _ => 64,
    }
}

/// The lines of `[ingest]`.
fn ingest(data: &Data) -> String {
    let mut lines = String::new();
    for (key, value, comment) in &data.ingest {
        lines += &commented(&format!("{key} = {value}"), comment);
    }
    let is_resized = data.ingest.iter().any(|(key, ..)| key == "resize");
    if data.needs_resize() && !is_resized && has_files(data) {
        let resize = format!("resize = {{ width = {SIDE}, height = {SIDE}, fit = \"crop\" }}");
        lines += &commented(&resize, "the network takes images of one size");
    }
    lines
}

/// Whether the source takes `resize`; the others have images of one size.
fn has_files(data: &Data) -> bool {
    let takes = ["image-folder", "table", "hugging-face", "webdataset"].map(folder::text);
    data.ingest.iter().any(|(key, value, _)| key == "dataset" && takes.contains(value))
}

fn commented(line: &str, comment: &str) -> String {
    if comment.is_empty() { format!("{line}\n") } else { format!("{line:<39} # {comment}\n") }
}
