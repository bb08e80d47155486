//! The JSON-LD context: what the short names of a Croissant stand for.

use serde_json::{Map, Value, json};

/// Names that stand for the term of the same name in Croissant's vocabulary.
const TERMS: &str = "annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field fileObject \
    fileProperty fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path readLines recordSet references \
    regex repeated replace samplingRate sdVersion separator source subField transform unArchive value";

/// Vocabularies and their prefixes.
const PREFIXES: [(&str, &str); 5] = [
    ("cr", "http://mlcommons.org/croissant/"),
    ("dct", "http://purl.org/dc/terms/"),
    ("prov", "http://www.w3.org/ns/prov#"),
    ("rai", "http://mlcommons.org/croissant/RAI/"),
    ("sc", "https://schema.org/"),
];

/// The context that Croissant 1.1 recommends, with the W3C's provenance vocabulary.
pub(crate) fn context() -> Value {
    let mut context = Map::new();
    for (prefix, vocabulary) in PREFIXES {
        context.insert(prefix.to_owned(), json!(vocabulary));
    }
    for term in TERMS.split_whitespace() {
        context.insert(term.to_owned(), json!(format!("cr:{term}")));
    }
    for term in ["data", "examples"] {
        context.insert(term.to_owned(), json!({ "@id": format!("cr:{term}"), "@type": "@json" }));
    }
    context.insert("dataType".to_owned(), json!({ "@id": "cr:dataType", "@type": "@vocab" }));
    context.insert("conformsTo".to_owned(), json!("dct:conformsTo"));
    context.insert("@language".to_owned(), json!("en"));
    context.insert("@vocab".to_owned(), json!("https://schema.org/"));
    Value::Object(context)
}
