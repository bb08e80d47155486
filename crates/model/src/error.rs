//! What can be wrong with a network or its weights.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use twinset_manifest::SCHEMA_KEY;
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
    /// The CPU does not compute in bfloat16.
    #[error("precision is `bfloat16`, expected `float32`: {reason}")]
    Precision {
        /// Why not.
        reason: String,
    },
    /// A GPU was asked for and there is none.
    #[error("device `cuda` was asked for, but {detail}")]
    Device {
        /// Why there is none.
        detail: String,
    },
}

impl ModelError {
    /// What can be done about it, where weights come from PyTorch and are nearly right.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { path, .. } if is_of_pytorch(path) => Some(
                "it is a file of PyTorch's own format, which Python alone can open; in Python: \
                 safetensors.torch.save_file(torch.load(FILE, weights_only=True), \"weights.safetensors\"), where FILE holds a state_dict"
                    .to_owned(),
            ),
            Self::Parameters { differences, .. } => {
                let (prefix, by) = [("_orig_mod.", "torch.compile"), ("module.", "DataParallel")]
                    .into_iter()
                    .find(|(prefix, _)| differences.contains(&format!("`{prefix}")))?;
                Some(format!(
                    "{by} puts `{prefix}` before each name; in Python: {{name.removeprefix(\"{prefix}\"): tensor for name, tensor \
                     in state_dict.items()}}"
                ))
            }
            Self::Metadata { key: SCHEMA_KEY, found, .. } if found == "nothing" => Some(
                "weights that another program wrote need the table `network` in the config: `model`, `image-size`, `class-names`, \
                 `normalisation`"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// Whether a file is one of `torch.save`, by its name or its first bytes: a zip archive, or a pickle.
fn is_of_pytorch(path: &Path) -> bool {
    let is_named_so = path.extension().is_some_and(|name| ["pt", "pth", "ckpt", "bin"].iter().any(|&of| name == of));
    let mut first = [0; 4];
    let is_read = File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok();
    is_named_so || is_read && (first == *b"PK\x03\x04" || first[..2] == [0x80, 2])
}
