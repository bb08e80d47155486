//! Which columns of a shard are images and labels, and what its footer says of them.

use std::path::Path;

use arrow_schema::DataType;
use serde_json::Value;

use super::Config;
use crate::error::wrong;
use crate::parquet_file::{LABEL_TYPES, ParquetFile, is_binary, is_label};
use crate::shards::Shard;
use crate::summary::listed;
use crate::{IngestError, SourceError};

/// The columns of a shard that are read.
pub(super) struct Columns {
    pub(super) image: String,
    pub(super) label: String,
    /// The footer's names of the classes.
    class_names: Option<Vec<String>>,
}

const IMAGE_TYPE: &str = "struct<bytes: binary, path: text>";

impl Columns {
    pub(super) fn find(config: &Config, path: &Path) -> Result<Self, IngestError> {
        let file = ParquetFile::open(path)?;
        let find = |name: &Option<String>, names: &[&str]| match name {
            Some(name) => file.find(&[name]),
            None => file.find(names),
        };
        let image = find(&config.image_column, &["image", "img"])?;
        file.expect_type(&image, is_image, IMAGE_TYPE)?;
        let label = find(&config.label_column, &["label", "labels"])?;
        file.expect_type(&label, is_label, LABEL_TYPES)?;
        let class_names = file.footer(twinset_manifest::huggingface::KEY).and_then(|json| class_names(json, &label));
        Ok(Self { image, label, class_names })
    }
}

/// The classes' names that the footers agree on; none where they name none.
pub(super) fn common_class_names(shards: &[Shard], columns: &[Columns]) -> Result<Option<Vec<String>>, SourceError> {
    let named = || shards.iter().zip(columns).filter_map(|(shard, of)| Some((shard, of.class_names.as_ref()?)));
    let Some((left, left_names)) = named().next() else { return Ok(None) };
    match named().find(|(_, names)| *names != left_names) {
        None => Ok(Some(left_names.clone())),
        Some((right, right_names)) => {
            let (left, right) = (&left.relative, &right.relative);
            let (left_names, right_names) = (listed(left_names, 6), listed(right_names, 6));
            Err(wrong!("`{left}` and `{right}` have different classes: {left_names} and {right_names}"))
        }
    }
}

fn is_image(data_type: &DataType) -> bool {
    let DataType::Struct(fields) = data_type else { return false };
    fields.iter().any(|field| field.name() == "bytes" && is_binary(field.data_type()))
}

/// `info.features.<label>.names` of a `ClassLabel`, where it has any.
fn class_names(json: &str, label: &str) -> Option<Vec<String>> {
    let footer: Value = serde_json::from_str(json).ok()?;
    let feature = footer.get("info")?.get("features")?.get(label)?;
    if feature.get("_type")? != "ClassLabel" {
        return None;
    }
    let names = feature.get("names")?.as_array()?;
    let names: Option<Vec<_>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
    names.filter(|names| !names.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_footer_names_the_classes_of_a_class_label() {
        let footer = |feature: &str| format!(r#"{{"info":{{"features":{{"label":{feature}}}}}}}"#);
        let check = |json: &str, expected: Option<&[&str]>| {
            let found = class_names(json, "label");
            assert_eq!(
                found.as_deref(),
                expected.map(|names| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>()).as_deref()
            );
        };
        check(&footer(r#"{"names":["cat","dog"],"_type":"ClassLabel"}"#), Some(&["cat", "dog"]));
        check(&footer(r#"{"names":[],"_type":"ClassLabel"}"#), None);
        check(&footer(r#"{"names":[1],"_type":"ClassLabel"}"#), None);
        check(&footer(r#"{"dtype":"int64","_type":"Value"}"#), None);
        check("{}", None);
        check("no JSON", None);
    }
}
