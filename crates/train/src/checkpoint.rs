//! Checkpoints: all that a training is after an epoch, as a safetensors file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use twinset_manifest::{Provenance, differences, write_atomically};

use crate::TrainError;

/// The last two are kept, so that one is whole whatever happens to the disk.
const N_KEPT: usize = 2;

const TRAINING_KEY: &str = "twinset.training";
const SCHEMA: &str = "checkpoint/2";

/// The folder of one training's checkpoints: `epoch-<n>.safetensors`, of which the last two are kept.
///
/// Each says which training it is of: version, config, inputs and device, as its provenance has them. Another training's are never continued.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    training: Value,
}

/// What a folder of checkpoints holds.
#[derive(Debug, Default)]
pub struct Found {
    /// The newest that is whole; none where there is none.
    pub checkpoint: Option<Checkpoint>,
    /// Newer ones that are not whole, and why.
    pub damaged: Vec<(PathBuf, String)>,
}

/// A training after some epoch.
#[derive(Debug)]
pub struct Checkpoint {
    /// The file that it was read from.
    pub path: PathBuf,
    /// The epoch, counted from 1.
    pub epoch: u32,
    tensors: BTreeMap<String, Tensor>,
}

impl Checkpoints {
    /// The checkpoints in `folder`, which need not exist, of the training that has this provenance.
    pub fn new(folder: &Path, provenance: &Provenance) -> Self {
        let training = json!({ "schema": SCHEMA, "provenance": provenance });
        // As it is once read again, so that numbers compare.
        let training = serde_json::from_str(&training.to_string()).expect("JSON is read as it is written");
        Self { folder: folder.to_owned(), training }
    }

    /// The newest whole checkpoint.
    ///
    /// # Errors
    /// When the folder cannot be read, or a checkpoint is of another training: says in what it differs.
    pub fn find(&self) -> Result<Found, TrainError> {
        let mut found = Found::default();
        for (epoch, path) in self.files().map_err(|source| self.io_error(&self.folder, source))?.into_iter().rev() {
            let file = fs::read(&path).map_err(|source| self.io_error(&path, source))?;
            match read(&file) {
                Ok((training, tensors)) => {
                    let differences = differences(&training, &self.training);
                    if !differences.is_empty() {
                        return Err(TrainError::OtherTraining { path, differences: differences.join("; ") });
                    }
                    found.checkpoint = Some(Checkpoint { path, epoch, tensors });
                    return Ok(found);
                }
                Err(why) => found.damaged.push((path, why)),
            }
        }
        Ok(found)
    }

    /// Writes a checkpoint, whole or not at all, and removes the one before the last.
    pub(crate) fn save(&self, epoch: u32, tensors: &[(String, Tensor)]) -> Result<(), TrainError> {
        let path = self.folder.join(format!("epoch-{epoch:06}.safetensors"));
        let write = || {
            fs::create_dir_all(&self.folder)?;
            write_atomically(&path, &write(&self.training, tensors)?)?;
            let files = self.files()?;
            let n_old = files.len().saturating_sub(N_KEPT);
            files.iter().take(n_old).try_for_each(|(_, path)| fs::remove_file(path))
        };
        write().map_err(|source| self.io_error(&path, source))
    }

    /// Removes the folder and all in it.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self) -> Result<(), TrainError> {
        match fs::remove_dir_all(&self.folder) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(self.io_error(&self.folder, source)),
            _ => Ok(()),
        }
    }

    /// Epochs and paths, in ascending order.
    fn files(&self) -> io::Result<Vec<(u32, PathBuf)>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let epoch = name.strip_prefix("epoch-").and_then(|rest| rest.strip_suffix(".safetensors"));
            if let Some(epoch) = epoch.and_then(|digits| digits.parse().ok()) {
                files.push((epoch, path));
            }
        }
        files.sort();
        Ok(files)
    }

    fn io_error(&self, path: &Path, source: io::Error) -> TrainError {
        TrainError::Checkpoint { path: path.to_owned(), source }
    }
}

impl Checkpoint {
    /// The tensor of this name and shape.
    ///
    /// # Errors
    /// When there is none: a defect, as the file is of this training.
    pub(crate) fn tensor(&self, name: &str, shape: Option<&[i64]>) -> Result<&Tensor, TrainError> {
        let tensor = self.tensors.get(name).filter(|tensor| shape.is_none_or(|shape| tensor.size() == shape));
        tensor.ok_or_else(|| TrainError::Checkpoint {
            path: self.path.clone(),
            source: io::Error::new(io::ErrorKind::InvalidData, format!("there is no `{name}` of shape {shape:?}")),
        })
    }
}

fn write(training: &Value, tensors: &[(String, Tensor)]) -> io::Result<Vec<u8>> {
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, tensor)| {
            let (dtype, bytes) = bytes(tensor);
            let shape: Vec<_> = tensor.size().into_iter().map(|size| size as usize).collect();
            (name, dtype, shape, bytes)
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(io::Error::other)?;
    let metadata = [(TRAINING_KEY.to_owned(), training.to_string())].into();
    safetensors::serialize(views, Some(metadata)).map_err(io::Error::other)
}

/// Which training a checkpoint is of, and its tensors; else why it is none.
fn read(file: &[u8]) -> Result<(Value, BTreeMap<String, Tensor>), String> {
    let (_, header) = SafeTensors::read_metadata(file).map_err(|error| error.to_string())?;
    let training = header.metadata().as_ref().and_then(|entries| entries.get(TRAINING_KEY));
    let training = training.ok_or_else(|| format!("its header lacks `{TRAINING_KEY}`"))?;
    let training = serde_json::from_str(training).map_err(|error| error.to_string())?;
    let views = SafeTensors::deserialize(file).map_err(|error| error.to_string())?.tensors();
    let tensors = views.into_iter().map(|(name, view)| {
        let kind = match view.dtype() {
            Dtype::F32 => Kind::Float,
            Dtype::F64 => Kind::Double,
            Dtype::I64 => Kind::Int64,
            other => return Err(format!("`{name}` is of type {other:?}")),
        };
        let shape: Vec<_> = view.shape().iter().map(|&size| size as i64).collect();
        Ok((name, Tensor::from_data_size(view.data(), &shape, kind)))
    });
    Ok((training, tensors.collect::<Result<_, _>>()?))
}

/// The values row by row, little-endian.
fn bytes(tensor: &Tensor) -> (Dtype, Vec<u8>) {
    let flat = tensor.detach().to_device(Device::Cpu).contiguous().view([-1]);
    let is_right = "the tensor is of this type";
    match tensor.kind() {
        Kind::Float => {
            let values = Vec::<f32>::try_from(&flat).expect(is_right);
            (Dtype::F32, values.into_iter().flat_map(f32::to_le_bytes).collect())
        }
        Kind::Double => {
            let values = Vec::<f64>::try_from(&flat).expect(is_right);
            (Dtype::F64, values.into_iter().flat_map(f64::to_le_bytes).collect())
        }
        Kind::Int64 => {
            let values = Vec::<i64>::try_from(&flat).expect(is_right);
            (Dtype::I64, values.into_iter().flat_map(i64::to_le_bytes).collect())
        }
        other => unreachable!("a training holds no tensor of type {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoints(folder: &Path, learning_rate: f64) -> Checkpoints {
        let provenance = Provenance::of_stage("train", "1.0.0")
            .with_device("cpu")
            .with_config(&json!({ "optimizer": { "learning-rate": learning_rate }, "seed": 1 }));
        Checkpoints::new(folder, &provenance)
    }

    fn state(value: f32) -> Vec<(String, Tensor)> {
        let channels_last = Tensor::arange(2 * 3 * 4 * 5, (Kind::Float, Device::Cpu)).view([2, 4, 5, 3]);
        vec![
            ("weights".to_owned(), channels_last.permute([0, 3, 1, 2]) * f64::from(value)),
            ("epochs".to_owned(), Tensor::from_slice(&[0.1f64, f64::NAN])),
            ("steps".to_owned(), Tensor::from_slice(&[1i64 << 60])),
        ]
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_last_two_are_kept_and_the_newest_is_found_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("checkpoints");
        let checkpoints = checkpoints(&folder, 0.1);
        assert!(checkpoints.find().unwrap().checkpoint.is_none());
        for epoch in [1, 2, 9, 10] {
            checkpoints.save(epoch, &state(epoch as f32 + 1e-6)).unwrap();
        }
        assert_eq!(names(&folder), ["epoch-000009.safetensors", "epoch-000010.safetensors"]);
        let checkpoint = checkpoints.find().unwrap().checkpoint.unwrap();
        assert_eq!(checkpoint.epoch, 10);
        for (name, expected) in state(10.0 + 1e-6) {
            let found = checkpoint.tensor(&name, Some(&expected.size())).unwrap();
            assert_eq!(bytes(found), bytes(&expected), "{name}");
        }
        let error = checkpoint.tensor("weights", Some(&[7])).unwrap_err().to_string();
        assert!(error.contains("there is no `weights` of shape Some([7])"), "{error}");
        checkpoints.remove().unwrap();
        assert!(!folder.exists());
        checkpoints.remove().unwrap();
    }

    #[test]
    fn one_cut_anywhere_falls_back_to_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(folder.path(), 0.1);
        checkpoints.save(1, &state(1.0)).unwrap();
        checkpoints.save(2, &state(2.0)).unwrap();
        let path = folder.path().join("epoch-000002.safetensors");
        let whole = fs::read(&path).unwrap();
        for length in (0..whole.len()).step_by(7) {
            fs::write(&path, &whole[..length]).unwrap();
            let found = checkpoints.find().unwrap();
            assert_eq!(found.checkpoint.unwrap().epoch, 1, "cut to {length} of {} bytes", whole.len());
            assert_eq!(found.damaged[0].0, path);
        }
        fs::write(folder.path().join("epoch-000001.safetensors"), "").unwrap();
        let found = checkpoints.find().unwrap();
        assert!(found.checkpoint.is_none());
        assert_eq!(found.damaged.len(), 2);
    }

    #[test]
    fn another_trainings_is_refused_with_the_fields_that_differ() {
        let folder = tempfile::tempdir().unwrap();
        checkpoints(folder.path(), 0.1).save(1, &state(1.0)).unwrap();
        assert!(checkpoints(folder.path(), 0.1).find().is_ok());
        let error = checkpoints(folder.path(), 0.01).find().unwrap_err().to_string();
        assert!(error.contains("`config.optimizer.learning-rate` was 0.1 there and is 0.01 here"), "{error}");
        assert!(!error.contains("seed") && !error.contains("version"), "{error}");
        let mut older = checkpoints(folder.path(), 0.1);
        older.training["schema"] = "checkpoint/1".into();
        let error = older.find().unwrap_err().to_string();
        assert!(error.contains(r#"`schema` was "checkpoint/2" there and is "checkpoint/1" here"#), "{error}");
        let mut other = checkpoints(folder.path(), 0.1);
        other.training["provenance"]["device"] = "cuda".into();
        other.training["provenance"]["inputs"] = json!(["a"]);
        let error = other.find().unwrap_err().to_string();
        assert!(error.contains(r#"`device` was "cpu" there and is "cuda" here; `inputs` was [] there"#), "{error}");
    }
}
