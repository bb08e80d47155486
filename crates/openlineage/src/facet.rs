//! A *facet* is one aspect of a run, a job or a dataset, with the schema that it follows.

use serde_json::{Map, Value, json};

/// Who makes the events.
pub(crate) const PRODUCER: &str = concat!("urn:twinset:", env!("CARGO_PKG_VERSION"));
/// The schema of a run event.
pub(crate) const RUN_EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// Facets by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facets(Map<String, Value>);

impl Facets {
    /// Adds a facet: `kind` is its type's name, `version` that of the type's schema, `content` an object.
    pub(crate) fn with(mut self, name: &str, kind: &str, version: &str, mut content: Value) -> Self {
        content["_producer"] = json!(PRODUCER);
        content["_schemaURL"] =
            json!(format!("https://openlineage.io/spec/facets/{version}/{kind}.json#/$defs/{kind}"));
        self.0.insert(name.to_owned(), content);
        self
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}
