//! Where a manifest comes from.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Check;

/// A BLAKE3 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        blake3::Hash::from_hex(text)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|_| format!("`{text}`, expected 64 hexadecimal digits"))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where a manifest comes from: the stage that wrote it, the config it had, and what it read.
///
/// It holds no clock, no host and no path, so that the same inputs give the same bytes on every machine. An input is
/// known by its file's name and digest: the folder that a stage's output lies in is named after the binary that made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The stage, for instance `inject`.
    pub stage: String,
    /// The version of the stage's crate.
    pub version: String,
    /// The config with all defaults filled in.
    pub config: serde_json::Value,
    /// The seed of the stage's random choices; null where it made none.
    pub seed: Option<u64>,
    /// What the stage computed on, `cpu` or `cuda`, where its results depend on that; not written elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// What the stage read.
    pub inputs: Vec<Input>,
    /// What a reader of the result should know, for instance that a source file was not the official one.
    pub warnings: Vec<String>,
    /// What came of the checks that the stage ran on its own result; not written where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

impl Provenance {
    /// The provenance of a stage that had no config, no seed and no inputs: the ground to fill in.
    pub fn of_stage(stage: &str, version: &str) -> Self {
        Self {
            stage: stage.to_owned(),
            version: version.to_owned(),
            config: serde_json::Value::Object(serde_json::Map::new()),
            seed: None,
            device: None,
            inputs: Vec::new(),
            warnings: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// The same with this config.
    ///
    /// # Panics
    /// When the config does not serialise to JSON, which is a defect of its type.
    pub fn with_config(mut self, config: &impl Serialize) -> Self {
        self.config = serde_json::to_value(config).expect("a config serialises to JSON");
        self
    }

    /// The same with this seed.
    pub fn with_seed(mut self, seed: Option<u64>) -> Self {
        self.seed = seed;
        self
    }

    /// The same with what the stage computed on.
    pub fn with_device(mut self, device: &str) -> Self {
        self.device = Some(device.to_owned());
        self
    }

    /// The same with these inputs.
    pub fn with_inputs(mut self, inputs: impl IntoIterator<Item = Input>) -> Self {
        self.inputs.extend(inputs);
        self
    }
}

/// A file that a stage read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The file's name without its folder.
    pub name: String,
    /// Its schema where it is a manifest, else null.
    pub schema: Option<String>,
    /// The digest of its bytes.
    pub blake3: Digest,
}

impl Input {
    /// A file that is no manifest.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        Ok(Self { name: file_name(path), schema: None, blake3: digest_file(path)? })
    }
}

/// The BLAKE3 digest of a file's bytes.
///
/// # Errors
/// When the file cannot be read.
pub fn digest_file(path: &Path) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
