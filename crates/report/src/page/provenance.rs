//! Where every number comes from, and how to make it again.

use askama::Template;
use serde_json::Value;

use super::{Context, Section};
use crate::Arm;
use crate::numerals::count;
use crate::sources::Source;

#[derive(Template)]
#[template(path = "provenance.html")]
struct Provenance<'a> {
    command: String,
    precisions: Vec<Trained<'a>>,
    pipeline_file: &'a str,
    of_data: Vec<File<'a>>,
    of_cells: Vec<File<'a>>,
    configs: Vec<ArmConfig<'a>>,
}

/// The arms whose networks were trained in one number format.
struct Trained<'a> {
    precision: &'a str,
    arms: Vec<&'a str>,
}

struct File<'a> {
    name: &'a str,
    schema: &'a str,
    stage: &'a str,
    version: &'a str,
    n_rows: String,
    seed: String,
    blake3: String,
    used_by: String,
    config: String,
}

impl File<'_> {
    /// Enough of the digest to tell files apart.
    fn short_blake3(&self) -> &str {
        &self.blake3[..12]
    }
}

struct ArmConfig<'a> {
    name: &'a str,
    stages: [(&'static str, String); 3],
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    let study = context.study;
    // The generated dataset needs no folder of datasets.
    let data = if context.evidence.dataset.name == "shapes" { "" } else { " --data FOLDER-OF-DATASETS" };
    let precision = study.precision.as_ref().map_or_else(String::new, |precision| format!(" --precision {precision}"));
    let (of_cells, of_data): (Vec<_>, Vec<_>) =
        context.evidence.sources.iter().map(|source| file(context, source)).partition(|file| !file.used_by.is_empty());
    let configs = study.arms.iter().map(|arm| ArmConfig {
        name: &arm.name,
        stages: [("inject", pretty(&arm.inject)), ("train", pretty(&arm.train)), ("evaluate", pretty(&arm.evaluate))],
    });
    let template = Provenance {
        command: format!("cargo xtask reproduce {}{data}{precision}", study.pipeline),
        precisions: precisions(&study.arms),
        pipeline_file: &study.pipeline_file,
        of_data,
        of_cells,
        configs: configs.collect(),
    };
    Section::new("provenance", "Provenance", &template).map(Some)
}

/// Number formats, in the order in which arms use them.
fn precisions(arms: &[Arm]) -> Vec<Trained<'_>> {
    let mut found: Vec<Trained<'_>> = Vec::new();
    for arm in arms {
        // What train computes in where nothing is said.
        let precision = arm.train.get("precision").and_then(Value::as_str).unwrap_or("float32");
        match found.iter_mut().find(|trained| trained.precision == precision) {
            Some(trained) => trained.arms.push(&arm.name),
            None => found.push(Trained { precision, arms: vec![&arm.name] }),
        }
    }
    found
}

fn file<'a>(context: &Context<'_>, source: &'a Source) -> File<'a> {
    let provenance = source.provenance.as_ref();
    File {
        name: &source.input.name,
        schema: source.input.schema.as_deref().unwrap_or_default(),
        stage: provenance.map_or("", |provenance| &provenance.stage),
        version: provenance.map_or("", |provenance| &provenance.version),
        n_rows: source.n_rows.map_or_else(String::new, count),
        seed: provenance.and_then(|provenance| provenance.seed).map_or_else(String::new, |seed| seed.to_string()),
        blake3: source.input.blake3.to_string(),
        used_by: used_by(context, source),
        config: provenance.map_or_else(String::new, |provenance| pretty(&provenance.config)),
    }
}

/// The cells that a file belongs to; none for a file of the whole study.
pub(super) fn cells_of(context: &Context<'_>, source: &Source) -> Vec<String> {
    let cells = source
        .named_by
        .iter()
        .filter_map(|field| field.strip_prefix("cells[")?.split(']').next()?.parse::<usize>().ok());
    cells
        .filter_map(|i| context.study.cells.get(i))
        .map(|cell| format!("{} \u{b7} {} \u{b7} {}", cell.arm, cell.rate, cell.seed))
        .collect()
}

/// The same in few words.
fn used_by(context: &Context<'_>, source: &Source) -> String {
    match cells_of(context, source).as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, others @ ..] => format!("{first} (and {} more)", others.len()),
    }
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
