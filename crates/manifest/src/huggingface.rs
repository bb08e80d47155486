//! The footer entry by which Hugging Face `datasets` knows that a column is an image and another a class.

use std::collections::HashSet;

use arrow_schema::DataType;
use serde_json::{Map, Value, json};

use crate::rows::Image;
use crate::{ManifestError, Row, Writer, Written};

/// The footer key that `datasets` reads.
pub const KEY: &str = "huggingface";

/// The features of an `images` manifest: `image` decodes to a picture, `label` is a class label with the classes' names.
///
/// A class without a name is called by its number. Where no class has a name, as of images without labels, or two classes have the same one, `label` is a
/// number, for `datasets` would not open the file otherwise.
pub fn image_features(class_names: &[String]) -> String {
    let of_class = |(label, name): (usize, &String)| if name.is_empty() { label.to_string() } else { name.clone() };
    let names: Vec<String> = class_names.iter().enumerate().map(of_class).collect();
    let is_named = class_names.iter().any(|name| !name.is_empty());
    let has_names = is_named && names.iter().collect::<HashSet<_>>().len() == names.len();
    let features: Map<String, Value> = Image::columns()
        .into_iter()
        .map(|column| {
            let feature = match (column.name, &column.data_type) {
                ("image", _) => json!({ "_type": "Image" }),
                ("label", _) if has_names => json!({ "names": names, "_type": "ClassLabel" }),
                (_, DataType::Utf8) => json!({ "dtype": "string", "_type": "Value" }),
                (_, other) => json!({ "dtype": format!("{other:?}").to_lowercase(), "_type": "Value" }),
            };
            (column.name.to_owned(), feature)
        })
        .collect();
    json!({ "info": { "features": features } }).to_string()
}

/// The class names, by label, of the features that [`image_features`] wrote; empty where it did not.
pub fn class_names(features: &str) -> Vec<String> {
    let names = |features: Value| -> Option<Vec<String>> {
        let names = features.pointer("/info/features/label/names")?.as_array()?;
        names.iter().map(|name| name.as_str().map(str::to_owned)).collect()
    };
    serde_json::from_str(features).ok().and_then(names).unwrap_or_default()
}

impl Writer<Image> {
    /// [`finish`](Writer::finish) for images: with the class names, by label, in Hugging Face's footer entry.
    ///
    /// # Errors
    /// As [`finish`](Writer::finish).
    pub fn finish_images(
        mut self,
        provenance: &crate::Provenance,
        class_names: &[String],
    ) -> Result<Written, ManifestError> {
        self.put_metadata(KEY, image_features(class_names));
        self.finish(provenance)
    }
}
