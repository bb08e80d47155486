//! A manifest of images: its provenance says from which dataset the study begins.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{anyhow, bail};
use serde_json::Value;
use twinset_manifest::Reader;
use twinset_manifest::rows::{ImageFacts, Split};
use twinset_pixels::Limits;
use twinset_stage::with_hint;

use super::data::Data;
use super::folder::text;

/// Looks at a manifest.
pub(super) fn look(path: &Path) -> anyhow::Result<Data> {
    let reader = Reader::<ImageFacts>::open(path)?;
    let provenance = reader.provenance();
    let (Value::Object(config), "ingest") = (provenance.config.clone(), provenance.stage.as_str()) else {
        let error = anyhow!(
            "it was made by {}, expected images that twinset ingest read: a study begins from a dataset",
            provenance.stage
        );
        return Err(with_hint(
            error,
            "`twinset clean --copy-to` makes a folder of cleaned images, which can be studied",
        ));
    };
    let (mut classes, mut n_of_split, mut sizes) = (BTreeSet::new(), BTreeMap::<Split, u64>::new(), BTreeMap::new());
    for batch in reader {
        for image in batch? {
            *n_of_split.entry(image.split).or_default() += 1;
            *sizes.entry((image.width, image.height)).or_default() += 1;
            if !image.class_name.is_empty() {
                classes.insert(image.class_name);
            }
        }
    }
    let n = |split: Split| n_of_split.get(&split).copied().unwrap_or(0);
    if classes.len() > 1 && n(Split::Train) == 0 {
        bail!("it has no training images");
    }
    if classes.len() > 1 && n(Split::Val) + n(Split::Test) == 0 {
        let error = anyhow!("all of its images are training images, expected some of split test or val");
        return Err(with_hint(error, "ingest it with --set draw-split='{ test = 0.2, seed = 0 }'"));
    }
    let (judged, n_judged) = if n(Split::Test) > 0 { ("test", n(Split::Test)) } else { ("val", n(Split::Val)) };
    // A study embeds its images.
    let is_left_out = |key: &str, value: &Value| match key {
        "embed" | "shard-images" => true,
        "max-pixels" => *value == Limits::default().max_pixels,
        _ => false,
    };
    let keys = config.iter().filter(|(key, value)| !is_left_out(key, value));
    let ingest = keys.map(|(key, value)| (key.clone(), inline(value), "")).collect();
    let name = config.get("path").and_then(Value::as_str).or(config.get("dataset").and_then(Value::as_str));
    let name = name.and_then(|name| Path::new(name).file_stem()?.to_str()).unwrap_or("images").to_owned();
    Ok(Data {
        name,
        folder: None,
        ingest,
        classes: classes.into_iter().collect(),
        n_train: n(Split::Train),
        n_judged,
        judged,
        sizes,
        notes: Vec::new(),
    })
}

/// A value as TOML has it on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let entries: Vec<_> =
                table.iter().map(|(key, value)| format!("{} = {}", text(key), inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        value => value.to_string(),
    }
}
