//! The columns of a manifest as fields.

use serde_json::{Value, json};
use twinset_manifest::{ColumnSummary, SchemaDoc, one_line};

use crate::Part;

/// A field without a source: its rows are in the Croissant itself.
pub(crate) fn field(set: &str, name: &str, description: &str, data_type: Value) -> Value {
    json!({
        "@type": "cr:Field",
        "@id": format!("{set}/{name}"),
        "name": name,
        "description": description,
        "dataType": data_type,
    })
}

/// A manifest's columns; the picture of an image is one field, the path of the file that holds it another.
pub(crate) fn fields(part: &Part, doc: Option<&SchemaDoc>, has_classes: bool) -> Vec<Value> {
    let of_column = |column: &ColumnSummary| {
        let doc = doc.and_then(|doc| doc.columns.iter().find(|doc| doc.name == column.name));
        let description = doc.map(|doc| one_line(doc.doc)).unwrap_or_default();
        match column.fields.is_empty() {
            true => vec![plain(part, column, &description, has_classes)],
            false => image(part, column),
        }
    };
    part.footer().columns.iter().flat_map(of_column).collect()
}

fn plain(part: &Part, column: &ColumnSummary, description: &str, has_classes: bool) -> Value {
    let name = column.name.as_str();
    let data_type = match column.type_name.as_str() {
        "bool" => "sc:Boolean",
        "float32" | "float64" => "sc:Float",
        number if number.starts_with("uint") || number.starts_with("int") => "sc:Integer",
        _ => "sc:Text",
    };
    let is_label = name == "label";
    let data_type = if is_label { json!([data_type, "cr:Label"]) } else { json!(data_type) };
    let mut field = field(part.name(), name, description, data_type);
    field["source"] = part.source();
    field["source"]["extract"] = json!({ "column": name });
    match name {
        "split" => field["references"] = json!({ "field": { "@id": "split/name" } }),
        "label" if has_classes => field["references"] = json!({ "field": { "@id": "class/label" } }),
        "derived_from" => field["equivalentProperty"] = json!("prov:wasDerivedFrom"),
        _ => {}
    }
    field
}

/// The picture where any row has its bytes, the path where any row names a file.
fn image(part: &Part, column: &ColumnSummary) -> Vec<Value> {
    let has_any = |name: &str| {
        part.files.iter().any(|(_, footer)| {
            let column = footer.columns.iter().find(|of_file| of_file.name == column.name);
            let field = column.and_then(|column| column.fields.iter().find(|field| field.name == name));
            field.is_some_and(|field| field.n_null.is_none_or(|n_null| n_null < footer.n_rows))
        })
    };
    let (has_bytes, has_paths) = (has_any("bytes"), has_any("path"));
    let of = |name: &str, description: &str, data_type: &str, json_path: &str| {
        let mut field = field(part.name(), name, description, json!(data_type));
        field["source"] = part.source();
        field["source"]["extract"] = json!({ "column": column.name });
        field["source"]["transform"] = json!({ "jsonPath": json_path });
        field
    };
    let mut fields = Vec::new();
    if has_bytes || !has_paths {
        let picture =
            if has_paths { "The picture; null where a file outside this dataset holds it." } else { "The picture." };
        fields.push(of("image", picture, "sc:ImageObject", "bytes"));
    }
    if has_paths {
        let path = "The path of the file that holds the picture. The file is no part of this dataset: the path is relative \
                    to the folder that the dataset was made from.";
        fields.push(of("image_path", path, "sc:Text", "path"));
    }
    fields
}
