//! Checkpoints: what an evaluation has finished, batch by batch.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use twinset_attack::{AutoAttacked, Component, Outcome};
use twinset_manifest::rows::{Prediction, Split};
use twinset_manifest::{Provenance, Reader, differences, write_atomically, write_manifest};

use crate::EvaluateError;
use crate::done::{Done, Idle};

const SCHEMA: &str = "evaluation-checkpoint/1";
/// Says which evaluation the folder is of.
const KEY: &str = "evaluation.json";
/// What AutoAttack has done to the batch that it is at.
const PART: &str = "part.safetensors";

/// A batch of a split under an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The attack's place in the config.
    pub(crate) attack: usize,
    pub(crate) split: Split,
    /// Counted from 0 in the split.
    pub(crate) batch: usize,
}

impl Place {
    fn name(self) -> String {
        let Self { attack, split, batch } = self;
        format!("{attack}-{split}-{batch:06}")
    }
}

/// The folder of one evaluation's checkpoints: the predictions of each attacked batch, and those parts of AutoAttack that
/// are done with the batch under way.
///
/// It says which evaluation it is of: version, config, inputs and device, as its provenance has them. Another evaluation's is never continued.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    evaluation: Value,
}

/// What a folder of checkpoints holds.
#[derive(Debug, Default)]
pub struct Found {
    done: BTreeMap<String, Done>,
    part: Option<(String, AutoAttacked)>,
    /// Files that are not whole, and why.
    pub damaged: Vec<(PathBuf, String)>,
}

impl Found {
    /// What there is to go on from, in words; none where there is nothing.
    pub fn describe(&self) -> Option<String> {
        let batches = match self.done.len() {
            0 => None,
            1 => Some("1 attacked batch".to_owned()),
            n => Some(format!("{n} attacked batches")),
        };
        let parts = self.part.as_ref().map(|(_, done)| match done.n_parts {
            1 => "1 part of AutoAttack on the next".to_owned(),
            n => format!("{n} parts of AutoAttack on the next"),
        });
        let found: Vec<_> = batches.into_iter().chain(parts).collect();
        (!found.is_empty()).then(|| found.join(" and "))
    }

    /// What the batch came to; none where it is not done.
    pub(crate) fn take(&mut self, place: Place) -> Option<Done> {
        self.done.remove(&place.name())
    }

    /// What AutoAttack has done to the batch; none where it has not begun.
    pub(crate) fn take_part(&mut self, place: Place) -> Option<AutoAttacked> {
        self.part.take_if(|(name, _)| *name == place.name()).map(|(_, done)| done)
    }
}

impl Checkpoints {
    /// The checkpoints in `folder`, which need not exist, of the evaluation that has this provenance.
    pub fn new(folder: &Path, provenance: &Provenance) -> Self {
        let evaluation = json!({ "schema": SCHEMA, "provenance": provenance });
        // As it is once read again, so that numbers compare.
        let evaluation = serde_json::from_str(&evaluation.to_string()).expect("JSON is read as it is written");
        Self { folder: folder.to_owned(), evaluation }
    }

    /// What is done, and makes the folder ready for more.
    ///
    /// # Errors
    /// When the folder cannot be read or written, or is of another evaluation: says in what it differs.
    pub fn open(&self, device: Device) -> Result<Found, EvaluateError> {
        let key = self.folder.join(KEY);
        let there = match fs::read(&key) {
            Ok(bytes) => serde_json::from_slice::<Value>(&bytes).ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(io_error(&key, source)),
        };
        // Without a key nothing says of which evaluation the rest is.
        let Some(there) = there else {
            self.remove()?;
            let create = || {
                fs::create_dir_all(&self.folder)?;
                write_atomically(&key, self.evaluation.to_string().as_bytes())
            };
            create().map_err(|source| io_error(&key, source))?;
            return Ok(Found::default());
        };
        let differences = differences(&there, &self.evaluation);
        if !differences.is_empty() {
            let differences = differences.join("; ");
            return Err(EvaluateError::OtherEvaluation { path: self.folder.clone(), differences });
        }
        let mut found = Found::default();
        let entries = fs::read_dir(&self.folder).map_err(|source| io_error(&self.folder, source))?;
        for entry in entries {
            let path = entry.map_err(|source| io_error(&self.folder, source))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name == PART {
                match read_part(&path, device) {
                    Ok(part) => found.part = Some(part),
                    Err(why) => found.damaged.push((path, why)),
                }
            } else if let Some(name) = name.strip_suffix(".parquet") {
                match read_batch(&path) {
                    Ok(done) => drop(found.done.insert(name.to_owned(), done)),
                    Err(why) => found.damaged.push((path, why)),
                }
            }
        }
        found.damaged.sort();
        Ok(found)
    }

    /// Writes what a batch came to, whole or not at all.
    pub(crate) fn save(&self, place: Place, done: &Done) -> Result<(), EvaluateError> {
        let Idle { n_images, n_without_gradient, n_unmoved } = done.idle;
        let counts = json!({ "n_images": n_images, "n_without_gradient": n_without_gradient, "n_unmoved": n_unmoved });
        let provenance = Provenance::of_stage("evaluate", env!("CARGO_PKG_VERSION")).with_config(&counts);
        write_manifest(&self.folder.join(format!("{}.parquet", place.name())), done.rows.iter().cloned(), &provenance)?;
        Ok(())
    }

    /// Writes what AutoAttack has done to a batch, in place of what it had done before.
    pub(crate) fn save_part(&self, place: Place, done: &AutoAttacked) -> io::Result<()> {
        let AutoAttacked { n_parts, pixels, outcomes, n_queries, n_without_gradient } = done;
        let integers = |values: &[i64]| Tensor::from_slice(values);
        let outcomes: Vec<_> = outcomes.iter().map(|&outcome| code(outcome)).collect();
        let n_queries: Vec<_> = n_queries.iter().map(|&n| i64::from(n)).collect();
        let place: Vec<_> = place.name().bytes().map(i64::from).collect();
        let tensors = [
            ("place", integers(&place)),
            ("counts", integers(&[*n_parts as i64, *n_without_gradient as i64])),
            ("outcomes", integers(&outcomes)),
            ("n_queries", integers(&n_queries)),
            ("pixels", pixels.to_device(Device::Cpu).contiguous()),
        ];
        let (path, new) = (self.folder.join(PART), self.folder.join(format!("{PART}.new")));
        Tensor::write_safetensors(&tensors, &new).map_err(io::Error::other)?;
        File::open(&new)?.sync_all()?;
        fs::rename(&new, &path)
    }

    /// Removes the folder and all in it.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self) -> Result<(), EvaluateError> {
        match fs::remove_dir_all(&self.folder) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(io_error(&self.folder, source)),
            _ => Ok(()),
        }
    }
}

fn io_error(path: &Path, source: io::Error) -> EvaluateError {
    EvaluateError::Checkpoint { path: path.to_owned(), source }
}

fn read_batch(path: &Path) -> Result<Done, String> {
    let reader = Reader::<Prediction>::open(path).map_err(|error| error.to_string())?;
    let counts = reader.provenance().config.clone();
    let count = |name: &str| counts[name].as_u64().ok_or_else(|| format!("its provenance lacks `{name}`"));
    let idle = Idle {
        n_images: count("n_images")?,
        n_without_gradient: count("n_without_gradient")?,
        n_unmoved: count("n_unmoved")?,
    };
    Ok(Done { rows: reader.read_all().map_err(|error| error.to_string())?, idle })
}

fn read_part(path: &Path, device: Device) -> Result<(String, AutoAttacked), String> {
    let tensors = Tensor::read_safetensors(path).map_err(|error| error.to_string())?;
    let tensors: BTreeMap<_, _> = tensors.into_iter().collect();
    let tensor = |name: &str| tensors.get(name).ok_or_else(|| format!("there is no `{name}`"));
    let integers = |name: &str| {
        let values = Some(tensor(name)?).filter(|tensor| tensor.kind() == Kind::Int64 && tensor.dim() == 1);
        values.and_then(|values| Vec::<i64>::try_from(values).ok()).ok_or_else(|| format!("`{name}` are no integers"))
    };
    let counts = integers("counts")?;
    let &[n_parts, n_without_gradient] = &counts[..] else { return Err(format!("`counts` are {counts:?}")) };
    let outcomes = integers("outcomes")?.into_iter().map(outcome).collect::<Option<Vec<_>>>();
    let done = AutoAttacked {
        n_parts: n_parts as usize,
        pixels: tensor("pixels")?.to_device(device),
        outcomes: outcomes.ok_or("`outcomes` holds one that is not known")?,
        n_queries: integers("n_queries")?.into_iter().map(|n| n as u32).collect(),
        n_without_gradient: n_without_gradient as u64,
    };
    let place: String = integers("place")?.into_iter().map(|byte| char::from(byte as u8)).collect();
    Ok((place, done))
}

fn code(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Robust => -1,
        Outcome::WrongAsItIs => -2,
        Outcome::FooledBy(component) => {
            Component::ALL.iter().position(|&other| other == component).expect("all of them are in the list") as i64
        }
    }
}

fn outcome(code: i64) -> Option<Outcome> {
    match code {
        -1 => Some(Outcome::Robust),
        -2 => Some(Outcome::WrongAsItIs),
        _ => Component::ALL.get(usize::try_from(code).ok()?).copied().map(Outcome::FooledBy),
    }
}
