//! The files of a dataset, and what they were made from.

use std::fs::File;
use std::io;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use twinset_manifest::{Footer, Input, Provenance};

use crate::{CroissantError, Part};

/// The registered media type, and the older one that `mlcroissant` knows Parquet by.
const MEDIA_TYPES: [&str; 2] = ["application/vnd.apache.parquet", "application/x-parquet"];

/// A manifest, or a shard of one, as a file: where it is, its checksum, its provenance.
pub(crate) fn file_object(folder: &Path, file_name: &str, footer: &Footer) -> Result<Value, CroissantError> {
    let path = folder.join(file_name);
    let sha256 = sha256(&path).map_err(|source| CroissantError::Read { path, source })?;
    let mut file = json!({
        "@type": "cr:FileObject",
        "@id": file_name,
        "name": file_name,
        "description": format!("A Parquet manifest of Twinset's schema {}; its footer holds its provenance.", footer.schema),
        "contentUrl": file_name,
        "contentSize": format!("{} B", footer.n_bytes),
        "encodingFormat": MEDIA_TYPES,
        "sha256": sha256,
        "prov:wasGeneratedBy": activity(&footer.provenance),
    });
    let sources: Vec<Value> = footer.provenance.inputs.iter().map(entity).collect();
    if !sources.is_empty() {
        file["prov:wasDerivedFrom"] = Value::Array(sources);
    }
    Ok(file)
}

/// The shards of a manifest as one.
pub(crate) fn file_set(part: &Part) -> Value {
    let id = file_set_id(part);
    json!({
        "@type": "cr:FileSet",
        "@id": id,
        "name": id,
        "description": format!("The {} shards of a manifest of Twinset's schema {}, each a file above.", part.files.len(), part.footer().schema),
        "includes": format!("{}/*.parquet", part.manifest),
        "encodingFormat": MEDIA_TYPES,
    })
}

/// The name of the shards of a manifest, which is another than its record set's.
pub(crate) fn file_set_id(part: &Part) -> String {
    format!("shards-of-{}", part.name())
}

/// The run of a stage: which program, and how it was configured.
fn activity(provenance: &Provenance) -> Value {
    let Provenance { stage, version, config, .. } = provenance;
    let mut config = config.clone();
    config.sort_all_objects();
    json!({
        "@type": "prov:Activity",
        "prov:label": format!("twinset-{stage} {version}"),
        "description": format!("with the config {config}"),
    })
}

/// An input, known by its digest.
fn entity(input: &Input) -> Value {
    let Input { name, schema, blake3 } = input;
    let schema = schema.as_ref().map(|schema| format!(" ({schema})")).unwrap_or_default();
    json!({ "@type": "prov:Entity", "@id": format!("urn:blake3:{blake3}"), "prov:label": format!("{name}{schema}") })
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
