//! What the rows of a dataset's manifests hold.

use serde_json::{Value, json};
use twinset_manifest::rows::Split;
use twinset_manifest::{SchemaDoc, catalog};

use crate::Part;
use crate::field::{field, fields};

/// The splits and the classes where the manifests have them, then a record set for each manifest.
pub(crate) fn record_sets(parts: &[Part]) -> Vec<Value> {
    let has_splits = parts.iter().flat_map(|part| &part.footer().columns).any(|column| column.name == "split");
    let class_names = parts.iter().map(|part| &part.footer().class_names).find(|names| !names.is_empty());
    let mut sets = Vec::new();
    sets.extend(has_splits.then(splits));
    sets.extend(class_names.map(|names| classes(names)));
    sets.extend(parts.iter().map(|part| record_set(part, class_names.is_some())));
    sets
}

/// The splits, with what each means in Croissant's vocabulary.
fn splits() -> Value {
    let meaning = |split: Split| match split {
        Split::Train => "cr:TrainingSplit",
        Split::Val => "cr:ValidationSplit",
        Split::Test => "cr:TestSplit",
    };
    let row = |&split: &Split| json!({ "split/name": split.as_str(), "split/url": meaning(split) });
    json!({
        "@type": "cr:RecordSet",
        "@id": "split",
        "name": "split",
        "description": "The parts that an image can belong to; a dataset need not have images of all of them.",
        "dataType": "cr:Split",
        "key": { "@id": "split/name" },
        "field": [
            field("split", "name", "The split's name.", json!("sc:Text")),
            field("split", "url", "What it is for.", json!(["sc:URL", "cr:Split"])),
        ],
        "data": Split::ALL.iter().map(row).collect::<Vec<_>>(),
    })
}

/// The classes, by label.
fn classes(names: &[String]) -> Value {
    let row = |(label, name): (usize, &String)| json!({ "class/label": label, "class/name": name });
    json!({
        "@type": "cr:RecordSet",
        "@id": "class",
        "name": "class",
        "description": "The classes.",
        "dataType": "sc:Enumeration",
        "key": { "@id": "class/label" },
        "field": [
            field("class", "label", "The class, counted from 0.", json!("sc:Integer")),
            field("class", "name", "The class's name.", json!("sc:Text")),
        ],
        "data": names.iter().enumerate().map(row).collect::<Vec<_>>(),
    })
}

/// A manifest's rows.
fn record_set(part: &Part, has_classes: bool) -> Value {
    let doc = catalog().into_iter().find(|doc| doc.schema == part.footer().schema);
    let name = part.name();
    let mut set = json!({
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": doc.as_ref().map_or("", |doc| doc.doc.as_str()),
        "field": fields(part, doc.as_ref(), has_classes),
    });
    if let Some([key]) = doc.as_ref().and_then(SchemaDoc::key) {
        set["key"] = json!({ "@id": format!("{name}/{key}") });
    }
    set
}
