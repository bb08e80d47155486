//! The search in parts: several machines share its work through a folder of files.
//!
//! Each [`Step`] is cut into parts. A part is one file, such as `hash-1-of-4.parquet`. Its provenance says from which
//! images and with which config it was made. Parts that agree in these belong together, no matter which machine made
//! them, because a part depends only on the images, the config and its number.

mod candidates;
mod error;
mod image;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use twinset_manifest::{Input, ManifestError, Provenance, Reader, Row, differences};

use crate::known::VERSION;
use crate::{Config, Part};

pub use error::PartsError;

/// A step whose work is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Decodes and hashes the images, and makes thumbnails.
    Hash,
    /// Searches the candidates.
    Search,
    /// Aligns and compares the candidates.
    Verify,
}

impl Step {
    /// The name of its command and of its files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Search => "search",
            Self::Verify => "verify",
        }
    }

    /// The name of a part's file.
    fn file_name(self, part: Part) -> String {
        format!("{}-{}-of-{}.parquet", self.as_str(), part.number(), part.count())
    }

    /// The part with this file name; none if it is not a part of this step.
    fn part_of(self, name: &str) -> Option<Part> {
        let numbers = name.strip_prefix(self.as_str())?.strip_prefix('-')?.strip_suffix(".parquet")?;
        let part = numbers.replacen("-of-", "/", 1).parse().ok()?;
        (self.file_name(part) == name).then_some(part)
    }
}

/// The images and config of parts; the same for all parts that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The manifest of the images.
    pub images: Input,
    /// The number of images.
    pub n_images: u64,
    /// The config of the search.
    pub config: Config,
}

/// The config in a part's provenance.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PartConfig {
    part: Part,
    /// The number of things that all parts share.
    n_shared: u64,
    n_images: u64,
    /// A version that changes if anything is computed in another way.
    format: u32,
    search: Config,
}

impl Made {
    /// The provenance of a part; all parts together share `n_shared` things.
    pub fn provenance(&self, part: Part, n_shared: u64) -> Provenance {
        let (n_images, search) = (self.n_images, self.config.clone());
        Provenance::of_stage("neardup", env!("CARGO_PKG_VERSION"))
            .with_config(&PartConfig { part, n_shared, n_images, format: VERSION, search })
            .with_inputs([self.images.clone()])
    }

    /// The images and config of a part, which part it is, and how many things all parts share.
    fn of(path: &Path, provenance: &Provenance) -> Result<(Self, Part, u64), PartsError> {
        let error = |detail: String| PartsError::NoPart { path: path.to_owned(), detail };
        let found: PartConfig =
            serde_json::from_value(provenance.config.clone()).map_err(|detail| error(detail.to_string()))?;
        let [images] = provenance.inputs.as_slice() else {
            return Err(error(format!("{} inputs, expected one", provenance.inputs.len())));
        };
        let PartConfig { part, n_shared, n_images, format, search: config } = found;
        let program = |version: &str, format: u32| format!("version {version}, format {format}");
        let (found, expected) = (program(&provenance.version, format), program(env!("CARGO_PKG_VERSION"), VERSION));
        if found != expected {
            return Err(PartsError::OtherProgram { path: path.to_owned(), found, expected });
        }
        Ok((Self { images: images.clone(), n_images, config }, part, n_shared))
    }
}

/// All parts of a step.
pub struct Parts {
    /// Their images and config.
    pub made: Made,
    /// In the order of their numbers.
    paths: Vec<PathBuf>,
}

impl Parts {
    /// Reads all rows, batch after batch, in the order of the parts.
    pub fn read<R: Row>(&self) -> impl Iterator<Item = Result<Vec<R>, ManifestError>> {
        self.paths.iter().flat_map(|path| {
            let (reader, error) = match Reader::<R>::open(path) {
                Ok(reader) => (Some(reader), None),
                Err(error) => (None, Some(Err(error))),
            };
            error.into_iter().chain(reader.into_iter().flatten())
        })
    }
}

/// Whether a part has to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It exists, is complete, and was made from the same images with the same config.
    Done,
    /// It does not exist.
    Missing,
    /// It exists, but has to be made again; why.
    Stale(String),
}

/// The folder that all machines read and write.
#[derive(Clone, Debug)]
pub struct PartsFolder {
    path: PathBuf,
}

impl PartsFolder {
    /// The folder at a path.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The file of a part.
    pub fn file(&self, step: Step, part: Part) -> PathBuf {
        self.path.join(step.file_name(part))
    }

    /// Whether a part has to be made.
    ///
    /// # Errors
    /// When the folder has parts of this step with another number of parts, or cannot be read.
    pub fn standing<R: Row>(&self, step: Step, part: Part, made: &Made) -> Result<Standing, PartsError> {
        let mut others = self.list(step)?.into_iter().filter(|other| other.count() != part.count());
        if let Some(other) = others.next() {
            return Err(PartsError::OtherCount {
                path: self.file(step, other),
                found: other.count(),
                expected: part.count(),
            });
        }
        let path = self.file(step, part);
        if !path.exists() {
            return Ok(Standing::Missing);
        }
        let found = match Reader::<R>::open(&path) {
            Ok(reader) => reader.provenance().clone(),
            Err(error) => return Ok(Standing::Stale(error.to_string())),
        };
        Ok(match difference(&found, &made.provenance(part, 0)) {
            None => Standing::Done,
            Some(difference) => Standing::Stale(format!("of the part that stands there, {difference}")),
        })
    }

    /// Checks and returns all parts of a step. Their images and config must be those of the parts of the step `before`.
    ///
    /// # Errors
    /// When a part is missing or incomplete, or its provenance has another part, other images or another config.
    pub fn all<R: Row>(&self, step: Step, before: Option<&Parts>) -> Result<Parts, PartsError> {
        let found = self.list(step)?;
        let Some(first) = found.first().copied() else {
            return Err(PartsError::None { folder: self.path.clone(), step });
        };
        if let Some(other) = found.iter().find(|part| part.count() != first.count()) {
            let path = self.file(step, *other);
            return Err(PartsError::OtherCount { path, found: other.count(), expected: first.count() });
        }
        if let Some(missing) = Part::all(first.count()).find(|part| !found.contains(part)) {
            return Err(PartsError::Missing { path: self.file(step, missing), step, missing });
        }
        let mut compared = before.and_then(|parts| Some((parts.paths.first()?.clone(), parts.made.clone())));
        let mut n_shared = None;
        let mut paths = Vec::new();
        for part in Part::all(first.count()) {
            let path = self.file(step, part);
            let reader = Reader::<R>::open(&path).map_err(|source| PartsError::Unreadable { step, part, source })?;
            let (made, found, n) = Made::of(&path, reader.provenance())?;
            if found != part {
                return Err(PartsError::OtherPart { path, found, expected: part });
            }
            let (first, expected) = compared.get_or_insert((path.clone(), made));
            if let Some(difference) = difference(reader.provenance(), &expected.provenance(part, n)) {
                return Err(PartsError::Differs { path, first: first.clone(), difference });
            }
            let n_shared = *n_shared.get_or_insert(n);
            let n_rows = part.range(n_shared).count() as u64;
            if n != n_shared || (step != Step::Search && reader.n_rows() != n_rows) {
                return Err(PartsError::OtherShare { path, found: reader.n_rows(), expected: n_rows, n_shared });
            }
            paths.push(path);
        }
        match compared {
            Some((_, made)) => Ok(Parts { made, paths }),
            None => Err(PartsError::None { folder: self.path.clone(), step }),
        }
    }

    /// The existing parts of a step, in order.
    fn list(&self, step: Step) -> Result<Vec<Part>, PartsError> {
        let error = |source| PartsError::Folder { folder: self.path.clone(), source };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(error)? {
            found.extend(step.part_of(&entry.map_err(error)?.file_name().to_string_lossy()));
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// The first difference between a part's provenance and the expected one, except for the part's number and its share.
fn difference(found: &Provenance, expected: &Provenance) -> Option<String> {
    let json = |provenance: &Provenance| {
        let mut json = serde_json::to_value(provenance).expect("a provenance serialises to JSON");
        if let Some(Value::Object(config)) = json.get_mut("config") {
            ["part", "n-shared"].iter().for_each(|key| drop(config.remove(*key)));
        }
        json
    };
    let (found, expected) = (json(found), json(expected));
    differences(&expected, &found).into_iter().next()
}
