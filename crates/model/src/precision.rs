//! The number format of a network's activations.

use std::fmt;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

use crate::ModelError;

/// The number format in which convolutions and linear layers compute, and in which activations stand between them.
///
/// Weights, their gradients, batch normalisations' statistics, logits and the loss are 32-bit floats in either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Float32,
    /// 16-bit floats with the range of 32-bit ones and 8 significant bits; sums are 32-bit.
    Bfloat16,
}

impl Precision {
    /// Checks that the device computes in this format without falling back to a slower one.
    ///
    /// # Errors
    /// When it is a CPU that does not.
    pub fn check(self, device: Device) -> Result<(), ModelError> {
        match self {
            Self::Bfloat16 if device == Device::Cpu && !processor_has_bfloat16() => Err(ModelError::Precision),
            _ => Ok(()),
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Float32 => Kind::Float,
            Self::Bfloat16 => Kind::BFloat16,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
        })
    }
}

#[cfg(target_arch = "x86_64")]
fn processor_has_bfloat16() -> bool {
    std::arch::is_x86_feature_detected!("avx512bf16")
}

#[cfg(target_arch = "aarch64")]
fn processor_has_bfloat16() -> bool {
    std::arch::is_aarch64_feature_detected!("bf16")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn processor_has_bfloat16() -> bool {
    false
}
