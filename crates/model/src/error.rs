//! What can be wrong with a network or its weights.

use std::path::PathBuf;

use twinset_stage::InvalidField;

use crate::Model;

/// What can be wrong with a network, its weights' file or its device.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A network that cannot be.
    #[error("`{model}` with `{}` {}, expected {}", invalid.field, invalid.found, invalid.expected)]
    Spec {
        /// The design.
        model: Model,
        /// The number that is wrong.
        invalid: InvalidField,
    },
    /// As many class names as classes are needed.
    #[error("{found} class names, expected {expected}: one for each class of the network")]
    ClassNames {
        /// How many were given.
        found: usize,
        /// How many classes the network has.
        expected: i64,
    },
    /// The weights' file cannot be read.
    #[error("cannot read weights `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The weights' file cannot be written; nothing was left behind.
    #[error("cannot write weights `{path}`: {detail}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// The file is no safetensors file, or it is cut short or damaged.
    #[error("weights `{path}` are not a whole safetensors file: {detail}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the safetensors reader says.
        detail: String,
    },
    /// The header does not say what the weights are.
    #[error("weights `{path}`, metadata `{key}`: found {found}, expected {expected}")]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The header's key.
        key: &'static str,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
    /// The weights are of another network than was asked for.
    #[error("weights `{path}` are of {found}, expected {expected}: {differences}")]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The network in its header.
        found: String,
        /// The network that was asked for.
        expected: String,
        /// Which tensors are missing, too many, or of another shape.
        differences: String,
    },
    /// The tensors are not those of the network that they should be of.
    #[error("weights `{path}` do not fit the network {named_by}, {expected}: {differences}")]
    Parameters {
        /// The file.
        path: PathBuf,
        /// What names the network: the header, or whoever loads weights without one.
        named_by: &'static str,
        /// The network.
        expected: String,
        /// Which tensors are missing, too many, or of another shape.
        differences: String,
    },
    /// The processor does not compute in bfloat16.
    #[error("precision `bfloat16` was asked for, but {why}, expected `float32`")]
    Precision {
        /// What keeps it from that.
        why: String,
    },
    /// A GPU was asked for and there is none.
    #[error("device `cuda` was asked for, but {detail}")]
    Device {
        /// Why there is none.
        detail: String,
    },
}
