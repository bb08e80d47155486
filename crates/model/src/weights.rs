//! Weights as a file: safetensors, with a header that says what they are.
//!
//! The header's `__metadata__` holds `format` (`pt`, which other readers ask for), [`twinset.schema`](SCHEMA_KEY), and as
//! JSON `twinset.network`, `twinset.normalisation`, `twinset.class_names` and `twinset.provenance`. The same weights and
//! metadata give the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use safetensors::tensor::{SafeTensors, TensorView};
use tch::{Device, Kind, Tensor};
use twinset_manifest::{SCHEMA_KEY, write_atomically};

use crate::differences::{Found, differences};
use crate::metadata::{NORMALISATION_KEY, json};
use crate::{ModelError, Network, NetworkSpec, Normalisation, WeightsMetadata};

/// Writes a network's weights to `path`, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn save(path: &Path, network: &Network, metadata: &WeightsMetadata) -> Result<(), ModelError> {
    let error = |detail: String| ModelError::Write { path: path.to_owned(), detail };
    let tensors: Vec<_> = network
        .tensors()
        .map(|(slot, tensor)| (slot.name.as_str(), slot.dtype(), shape(&slot.shape), bytes(tensor)))
        .collect();
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|e| error(e.to_string()))?;
    let plain = safetensors::serialize(views, None).map_err(|e| error(e.to_string()))?;
    write_atomically(path, &with_metadata(&plain, metadata)).map_err(|e| error(e.to_string()))
}

/// Reads weights and the network that their header names.
///
/// # Errors
/// When the file cannot be read, is cut short, has no such header, or holds other tensors than its header's network has.
pub fn load(path: &Path, device: Device) -> Result<(Network, WeightsMetadata), ModelError> {
    let bytes = read(path)?;
    let file = WeightsFile::parse(path, &bytes)?;
    let metadata = WeightsMetadata::parse(path, &file.entries)?;
    let network = file
        .network(&metadata.network, "in their header", device)?
        .with_normalisation(metadata.normalisation)
        .with_class_names(metadata.class_names.clone())?;
    Ok((network, metadata))
}

/// Reads the weights of this network.
///
/// # Errors
/// As [`load`]; also when they are of another network, with the tensors that differ.
pub fn load_expecting(
    path: &Path,
    expected: &NetworkSpec,
    device: Device,
) -> Result<(Network, WeightsMetadata), ModelError> {
    let (network, metadata) = load(path, device)?;
    if metadata.network == *expected {
        return Ok((network, metadata));
    }
    let found = network.tensors().map(|(slot, tensor)| (slot.name.clone(), (tensor.size(), slot.dtype())));
    let mut differences = differences(expected, &found.collect());
    if differences.is_empty() {
        "all tensors have the same shapes".clone_into(&mut differences);
    }
    Err(ModelError::OtherNetwork {
        path: path.to_owned(),
        found: metadata.network.to_string(),
        expected: expected.to_string(),
        differences,
    })
}

/// Reads weights that a training of this network can begin with: ours, or any safetensors file of tensors with the
/// network's names, as PyTorch users save a `state_dict`. Ours come with what their header says.
///
/// # Errors
/// As [`load_expecting`] where the file has a header of ours; also when that says another normalisation. Where it has
/// none, when it cannot be read, or its tensors are not those of this network: which are missing, too many, or of another
/// shape or type.
pub fn load_initial(
    path: &Path,
    expected: &NetworkSpec,
    normalisation: Normalisation,
    device: Device,
) -> Result<(Network, Option<WeightsMetadata>), ModelError> {
    expected.validate()?;
    let bytes = read(path)?;
    let file = WeightsFile::parse(path, &bytes)?;
    if !file.entries.contains_key(SCHEMA_KEY) {
        let network = file.network(expected, "of the config", device)?;
        return Ok((network.with_normalisation(normalisation), None));
    }
    let (network, metadata) = load_expecting(path, expected, device)?;
    if metadata.normalisation != normalisation {
        let (found, expected) = (json(&metadata.normalisation), format!("{} as in the config", json(&normalisation)));
        return Err(ModelError::Metadata { path: path.to_owned(), key: NORMALISATION_KEY, found, expected });
    }
    Ok((network, Some(metadata)))
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    fs::read(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })
}

/// A safetensors file: tensors, and the header's entries.
struct WeightsFile<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
    entries: BTreeMap<String, String>,
}

impl<'a> WeightsFile<'a> {
    fn parse(path: &'a Path, bytes: &'a [u8]) -> Result<Self, ModelError> {
        let damaged = |error: safetensors::SafeTensorError| ModelError::Damaged {
            path: path.to_owned(),
            detail: error.to_string(),
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let entries = header.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Self { path, tensors, entries })
    }

    /// The network of these tensors; `named_by` says who says that they are its.
    fn network(&self, spec: &NetworkSpec, named_by: &'static str, device: Device) -> Result<Network, ModelError> {
        let found: Found = self
            .tensors
            .tensors()
            .into_iter()
            .map(|(name, view)| (name, (view.shape().iter().map(|&size| size as i64).collect(), view.dtype())))
            .collect();
        let differences = differences(spec, &found);
        if !differences.is_empty() {
            let (path, expected) = (self.path.to_owned(), spec.to_string());
            return Err(ModelError::Parameters { path, named_by, expected, differences });
        }
        Ok(Network::from_slots(spec, device, |slot| {
            let view = self.tensors.tensor(&slot.name).expect("the names were compared");
            Tensor::from_data_size(view.data(), &slot.shape, slot.kind())
        }))
    }
}

fn shape(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|&size| size as usize).collect()
}

/// The values row by row, little-endian.
fn bytes(tensor: &Tensor) -> Vec<u8> {
    let flat = tensor.detach().to_device(Device::Cpu).contiguous().view([-1]);
    if flat.kind() == Kind::Int64 {
        let values = Vec::<i64>::try_from(&flat).expect("counters are 64-bit integers");
        return values.into_iter().flat_map(i64::to_le_bytes).collect();
    }
    let values = Vec::<f32>::try_from(&flat).expect("all else is 32-bit floats");
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// A safetensors file with metadata in its header. The crate's own writer would put it there in a random order.
fn with_metadata(plain: &[u8], metadata: &WeightsMetadata) -> Vec<u8> {
    let (length, rest) = plain.split_first_chunk::<8>().expect("a safetensors file begins with its header's length");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header = header.trim_ascii_end().strip_prefix(b"{").expect("a safetensors header is a JSON object");
    let mut file = format!("{{\"__metadata__\":{},", json(&metadata.entries())).into_bytes();
    file.extend_from_slice(header);
    file.resize(file.len().next_multiple_of(8), b' ');
    let length = (file.len() as u64).to_le_bytes();
    [&length[..], &file, data].concat()
}
