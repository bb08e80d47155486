//! The header of a network's weights, which says where they come from as a manifest's footer does.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use twinset_manifest::{PROVENANCE_KEY, Provenance, SCHEMA_KEY};

/// Longer headers are no network's of ours.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// What a safetensors file says of itself.
#[derive(Clone, Debug)]
pub struct Header {
    /// The schema, for instance `weights/1`.
    pub schema: Option<String>,
    /// Where it comes from.
    pub provenance: Option<Provenance>,
}

#[derive(Deserialize)]
struct Json {
    #[serde(rename = "__metadata__", default)]
    metadata: HashMap<String, String>,
}

impl Header {
    /// Reads a file's header: its length as a little-endian u64, then JSON. None where it has none.
    pub fn read(path: &Path) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let mut length = [0; 8];
        file.read_exact(&mut length).ok()?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER_BYTES {
            return None;
        }
        let mut json = Vec::new();
        file.take(length).read_to_end(&mut json).ok()?;
        let Json { metadata } = serde_json::from_slice(&json).ok()?;
        let provenance = metadata.get(PROVENANCE_KEY).and_then(|json| serde_json::from_str(json).ok());
        Some(Self { schema: metadata.get(SCHEMA_KEY).cloned(), provenance })
    }
}
