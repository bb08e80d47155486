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
    /// When it is a CPU that does not, or that the environment keeps from it.
    pub fn check(self, device: Device) -> Result<(), ModelError> {
        if self == Self::Float32 || device != Device::Cpu {
            return Ok(());
        }
        if !processor_has_bfloat16() {
            return Err(ModelError::Precision { why: "this processor has no instructions for it".to_owned() });
        }
        let limit = INSTRUCTION_LIMITS.iter().find_map(|&name| Some((name, std::env::var(name).ok()?)));
        match limit {
            Some((name, limit)) if is_below_bfloat16(&limit) => {
                Err(ModelError::Precision { why: format!("`{name}={limit}` keeps torch from its instructions") })
            }
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

/// The variables that limit the instructions which oneDNN uses, and with it torch's convolutions and linear layers. The first
/// that is set counts.
const INSTRUCTION_LIMITS: [&str; 2] = ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"];

/// Whether torch falls back to code of its own under such a limit, which is eight times slower and sums in 16 bits, or to
/// oneDNN's emulation. oneDNN ignores names that it does not know.
fn is_below_bfloat16(limit: &str) -> bool {
    let lesser = ["SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI"];
    lesser.iter().any(|name| name.eq_ignore_ascii_case(limit))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_below_bfloat16_is_known() {
        let check = |limit, expected| assert_eq!(is_below_bfloat16(limit), expected, "{limit}");
        check("AVX2", true);
        check("avx2", true);
        check("AVX512_CORE", true);
        check("AVX512_CORE_BF16", false);
        check("AVX512_CORE_AMX", false);
        check("ALL", false);
    }
}
