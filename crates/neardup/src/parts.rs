//! The search in parts: several machines share its work through a folder of files.
//!
//! Each [`Step`] is done in parts, each of which is one file: `hash-1-of-4.parquet` and so on. A part says from which images and
//! with which config it was made. Parts that agree in that go together, whoever made them: a part follows from the images, the
//! config and its number alone.

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
    /// Images are decoded, hashed and shrunk.
    Hash,
    /// Candidates are searched.
    Search,
    /// Candidates are aligned and compared.
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

    /// The part that a file of this name holds; none where it holds none of this step.
    fn part_of(self, name: &str) -> Option<Part> {
        let numbers = name.strip_prefix(self.as_str())?.strip_prefix('-')?.strip_suffix(".parquet")?;
        let part = numbers.replacen("-of-", "/", 1).parse().ok()?;
        (self.file_name(part) == name).then_some(part)
    }
}

/// What parts are made of: the same for all that go together.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The manifest of the images.
    pub images: Input,
    /// How many images it has.
    pub n_images: u64,
    /// How they are searched.
    pub config: Config,
}

/// What a part's provenance has as its config.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PartConfig {
    part: Part,
    /// Of how many things all parts are the shares.
    n_shared: u64,
    n_images: u64,
    /// Another one means that something was computed in another way.
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

    /// What a part is made of, which part it is, and how many things all parts share.
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
    /// What they are made of.
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
    /// It is there, whole, and made of the same.
    Done,
    /// It is not there.
    Missing,
    /// It is there and has to be made anew; why.
    Stale(String),
}

/// The folder that all who share the work read and write.
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
    /// When the folder has parts of another number of parts, or cannot be read.
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

    /// All parts of a step, each looked at; they must be made of the same as the parts of a step `before`.
    ///
    /// # Errors
    /// When a part is missing, not whole, another one than its name says, or made of something else.
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

    /// The parts of a step that are there, in order.
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

/// The first thing in which a part is made otherwise than expected; which part it is and how much it shares do not count.
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
