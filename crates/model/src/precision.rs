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
    /// Checks that the device has instructions for this format.
    ///
    /// # Errors
    /// When it is a CPU that has none, or that torch may not use them of.
    pub fn check(self, device: Device) -> Result<(), ModelError> {
        if self == Self::Float32 || device != Device::Cpu {
            return Ok(());
        }
        let limit = ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"].map(|name| Some((name, std::env::var(name).ok()?)));
        match why_no_bfloat16(processor_has_bfloat16(), limit.into_iter().flatten().next()) {
            Some(reason) => Err(ModelError::Precision { reason }),
            None => Ok(()),
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

/// Instruction sets that oneDNN can be limited to and that have no bfloat16, as oneDNN names them in any case.
///
/// torch's convolutions and linear layers in bfloat16 are oneDNN's. `ATEN_CPU_CAPABILITY` limits other operators, which compute in
/// bfloat16 with any instruction set.
const LIMITS_WITHOUT_BFLOAT16: [&str; 7] =
    ["sse41", "avx", "avx2", "avx2_vnni", "avx2_vnni_2", "avx512_core", "avx512_core_vnni"];

/// Why a CPU does not compute in bfloat16; `limit` is the variable that limits oneDNN, with its value.
fn why_no_bfloat16(processor_has_it: bool, limit: Option<(&str, String)>) -> Option<String> {
    if !processor_has_it {
        return Some("this processor has no instructions for bfloat16".to_owned());
    }
    let (name, value) = limit?;
    let is_without = LIMITS_WITHOUT_BFLOAT16.contains(&value.to_ascii_lowercase().as_str());
    is_without.then(|| format!("{name}={value} allows no instructions for bfloat16"))
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
    fn bfloat16_needs_instructions_that_torch_may_use() {
        let limit = |value: &str| Some(("ONEDNN_MAX_CPU_ISA", value.to_owned()));
        let missing = Some("this processor has no instructions for bfloat16".to_owned());
        let forbidden = |value: &str| Some(format!("ONEDNN_MAX_CPU_ISA={value} allows no instructions for bfloat16"));
        for (processor_has_it, limit, expected) in [
            (true, None, None),
            (false, None, missing.clone()),
            (false, limit("ALL"), missing),
            (true, limit("AVX2"), forbidden("AVX2")),
            (true, limit("avx512_core"), forbidden("avx512_core")),
            (true, limit("AVX512_CORE_AMX"), None),
            (true, limit("all"), None),
        ] {
            assert_eq!(why_no_bfloat16(processor_has_it, limit), expected);
        }
    }

    #[test]
    fn float32_and_a_gpu_need_nothing() {
        assert!(Precision::Float32.check(Device::Cpu).is_ok());
        assert!(Precision::Bfloat16.check(Device::Cuda(0)).is_ok());
    }
}
