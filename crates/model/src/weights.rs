//! Weights as a file: safetensors, with a header that says what they are.
//!
//! The header's `__metadata__` holds `format` (`pt`, which other readers ask for), [`twinset.schema`](SCHEMA_KEY), and as
//! JSON `twinset.network`, `twinset.normalisation`, `twinset.class_names` and `twinset.provenance`. The same weights and
//! metadata give the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tch::{Device, Kind, Tensor};
use twinset_manifest::{PROVENANCE_KEY, Provenance, SCHEMA_KEY, write_atomically};

use crate::{ModelError, Network, NetworkSpec, Normalisation};

/// What the header of a weights' file calls itself.
pub const WEIGHTS_SCHEMA: &str = "weights/1";

const NETWORK_KEY: &str = "twinset.network";
const NORMALISATION_KEY: &str = "twinset.normalisation";
const CLASS_NAMES_KEY: &str = "twinset.class_names";

/// What a weights' file says about its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightsMetadata {
    /// The network that they are of.
    pub network: NetworkSpec,
    /// What its first layer does to pixels in [0, 1].
    pub normalisation: Normalisation,
    /// The classes' names, by label.
    pub class_names: Vec<String>,
    /// What they were trained on, and how.
    pub provenance: Provenance,
}

impl WeightsMetadata {
    /// The metadata of a network's weights.
    pub fn of(network: &Network, provenance: Provenance) -> Self {
        Self {
            network: network.spec().clone(),
            normalisation: Normalisation::PAPER,
            class_names: network.class_names().to_vec(),
            provenance,
        }
    }
}

/// Writes a network's weights to `path`, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn save(path: &Path, network: &Network, metadata: &WeightsMetadata) -> Result<(), ModelError> {
    let error = |detail: String| ModelError::Write { path: path.to_owned(), detail };
    let tensors: Vec<_> = network.parameters().map(|(name, tensor)| (name, shape(tensor), bytes(tensor))).collect();
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|e| error(e.to_string()))?;
    let plain = safetensors::serialize(views, None).map_err(|e| error(e.to_string()))?;
    write_atomically(path, &with_metadata(&plain, metadata)).map_err(|e| error(e.to_string()))
}

/// Reads weights and the network that their header names.
///
/// # Errors
/// When the file cannot be read, is cut short, has no such header, or holds other parameters than its header's network
/// has.
pub fn load(path: &Path, device: Device) -> Result<(Network, WeightsMetadata), ModelError> {
    let file = fs::read(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
    let damaged =
        |error: safetensors::SafeTensorError| ModelError::Damaged { path: path.to_owned(), detail: error.to_string() };
    let (_, header) = SafeTensors::read_metadata(&file).map_err(damaged)?;
    let tensors = SafeTensors::deserialize(&file).map_err(damaged)?;
    let entries: BTreeMap<_, _> = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let metadata = read_metadata(path, &entries)?;
    metadata.network.validate()?;
    let differences = differences(&metadata.network, &tensors);
    if !differences.is_empty() {
        let expected = metadata.network.to_string();
        return Err(ModelError::Parameters { path: path.to_owned(), expected, differences });
    }
    let network = Network::from_layers(&metadata.network, device, |name, shape, _| {
        let view = tensors.tensor(name).expect("the names were compared");
        Tensor::from_data_size(view.data(), shape, Kind::Float)
    });
    let network = network.with_class_names(metadata.class_names.clone())?;
    Ok((network, metadata))
}

/// Reads the weights of this network.
///
/// # Errors
/// As [`load`]; also when they are of another network, with the parameters that differ.
pub fn load_expecting(
    path: &Path,
    expected: &NetworkSpec,
    device: Device,
) -> Result<(Network, WeightsMetadata), ModelError> {
    let (network, metadata) = load(path, device)?;
    if metadata.network == *expected {
        return Ok((network, metadata));
    }
    let found = network.parameters().map(|(name, tensor)| (name, tensor.size())).collect();
    let mut differences = describe_differences(expected, &found);
    if differences.is_empty() {
        "all parameters have the same shapes".clone_into(&mut differences);
    }
    Err(ModelError::OtherNetwork {
        path: path.to_owned(),
        found: metadata.network.to_string(),
        expected: expected.to_string(),
        differences,
    })
}

fn shape(tensor: &Tensor) -> Vec<usize> {
    tensor.size().into_iter().map(|size| size as usize).collect()
}

/// The values row by row, little-endian.
fn bytes(tensor: &Tensor) -> Vec<u8> {
    let flat = tensor.detach().to_device(Device::Cpu).contiguous().view([-1]);
    let values = Vec::<f32>::try_from(&flat).expect("parameters are 32-bit floats");
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// A safetensors file with metadata in its header. The crate's own writer would put it there in a random order.
fn with_metadata(plain: &[u8], metadata: &WeightsMetadata) -> Vec<u8> {
    let entries: BTreeMap<&str, String> = BTreeMap::from([
        ("format", "pt".to_owned()),
        (SCHEMA_KEY, WEIGHTS_SCHEMA.to_owned()),
        (NETWORK_KEY, json(&metadata.network)),
        (NORMALISATION_KEY, json(&metadata.normalisation)),
        (CLASS_NAMES_KEY, json(&metadata.class_names)),
        (PROVENANCE_KEY, json(&metadata.provenance)),
    ]);
    let (length, rest) = plain.split_first_chunk::<8>().expect("a safetensors file begins with its header's length");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header = header.trim_ascii_end().strip_prefix(b"{").expect("a safetensors header is a JSON object");
    let mut file = format!("{{\"__metadata__\":{},", json(&entries)).into_bytes();
    file.extend_from_slice(header);
    file.resize(file.len().next_multiple_of(8), b' ');
    let length = (file.len() as u64).to_le_bytes();
    [&length[..], &file, data].concat()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("metadata serialises to JSON")
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("`{text}` ({error})"))
}

fn read_metadata(path: &Path, entries: &BTreeMap<String, String>) -> Result<WeightsMetadata, ModelError> {
    let error = |key, found: String, expected: &str| ModelError::Metadata {
        path: path.to_owned(),
        key,
        found,
        expected: expected.to_owned(),
    };
    let entry =
        |key: &'static str, expected: &str| entries.get(key).ok_or_else(|| error(key, "nothing".to_owned(), expected));
    let schema = entry(SCHEMA_KEY, WEIGHTS_SCHEMA)?;
    if schema != WEIGHTS_SCHEMA {
        return Err(error(SCHEMA_KEY, format!("`{schema}`"), &format!("`{WEIGHTS_SCHEMA}`")));
    }
    let network: NetworkSpec =
        parse(entry(NETWORK_KEY, "a network")?).map_err(|found| error(NETWORK_KEY, found, "a network"))?;
    let normalisation = parse(entry(NORMALISATION_KEY, "mean and std")?)
        .map_err(|found| error(NORMALISATION_KEY, found, "mean and std"))?;
    if normalisation != Normalisation::PAPER {
        return Err(error(NORMALISATION_KEY, json(&normalisation), &json(&Normalisation::PAPER)));
    }
    let class_names: Vec<String> =
        parse(entry(CLASS_NAMES_KEY, "class names")?).map_err(|found| error(CLASS_NAMES_KEY, found, "class names"))?;
    if class_names.len() as i64 != network.n_classes {
        let expected = format!("{}, as the network has classes", network.n_classes);
        return Err(error(CLASS_NAMES_KEY, format!("{} names", class_names.len()), &expected));
    }
    let provenance =
        parse(entry(PROVENANCE_KEY, "a provenance")?).map_err(|found| error(PROVENANCE_KEY, found, "a provenance"))?;
    Ok(WeightsMetadata { network, normalisation, class_names, provenance })
}

/// What a file's parameters lack, have too many, or have in another shape or type than the network; empty if nothing.
fn differences(expected: &NetworkSpec, tensors: &SafeTensors<'_>) -> String {
    let found = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.shape().iter().map(|&size| size as i64).collect()))
        .collect();
    let mut parts = vec![describe_differences(expected, &found)];
    let mut other_types: Vec<_> = tensors
        .tensors()
        .into_iter()
        .filter(|(_, view)| view.dtype() != Dtype::F32)
        .map(|(name, view)| format!("`{name}` is of type {:?}, expected F32", view.dtype()))
        .collect();
    other_types.sort();
    parts.append(&mut other_types);
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

fn describe_differences(expected: &NetworkSpec, found: &BTreeMap<String, Vec<i64>>) -> String {
    let expected: BTreeMap<_, _> = expected.parameter_shapes().into_iter().collect();
    let missing = expected.keys().filter(|name| !found.contains_key(*name)).map(|name| format!("`{name}` is missing"));
    let extra = found.keys().filter(|name| !expected.contains_key(*name)).map(|name| format!("`{name}` is too many"));
    let reshaped = expected.iter().filter_map(|(name, shape)| {
        let found = found.get(name).filter(|found| *found != shape)?;
        Some(format!("`{name}` has shape {found:?}, expected {shape:?}"))
    });
    missing.chain(extra).chain(reshaped).collect::<Vec<_>>().join("; ")
}
