//! How a GPU computes.

use serde::{Deserialize, Serialize};

/// How a GPU computes 32-bit floats; on a CPU nothing of it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct GpuNumerics {
    /// Whether convolutions and matrix products may round their factors to TF32, which has 10 bits where a 32-bit float has 23. It is
    /// faster, and logits differ in the third digit. Not where nothing is said.
    pub tf32: bool,
    /// Whether cuDNN keeps to algorithms that give the same bits each time; so where nothing is said. Else it measures which are
    /// fastest, and two runs of one seed differ.
    pub deterministic: bool,
}

impl Default for GpuNumerics {
    fn default() -> Self {
        Self { tf32: false, deterministic: true }
    }
}

impl GpuNumerics {
    /// Whether it is what is taken where nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Tells torch, which keeps it for the whole process.
    pub(crate) fn set(self) {
        torch::set(self);
    }
}

#[expect(unsafe_code, reason = "torch has no other way to these settings than C++")]
mod torch {
    use super::GpuNumerics;

    unsafe extern "C" {
        /// See `numerics.cpp`.
        fn twinset_set_gpu_numerics(tf32: bool, deterministic: bool);
        #[cfg(test)]
        fn twinset_gpu_numerics(tf32: *mut bool, deterministic: *mut bool);
    }

    pub(super) fn set(GpuNumerics { tf32, deterministic }: GpuNumerics) {
        // SAFETY: it takes two values and writes four fields of torch's own.
        unsafe { twinset_set_gpu_numerics(tf32, deterministic) }
    }

    #[cfg(test)]
    pub(super) fn get() -> GpuNumerics {
        let (mut tf32, mut deterministic) = (false, false);
        // SAFETY: both pointers are of live values.
        unsafe { twinset_gpu_numerics(&raw mut tf32, &raw mut deterministic) }
        GpuNumerics { tf32, deterministic }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torch_keeps_to_what_is_set() {
        for tf32 in [true, false] {
            for deterministic in [false, true] {
                let numerics = GpuNumerics { tf32, deterministic };
                numerics.set();
                assert_eq!(torch::get(), numerics);
            }
        }
        assert!(torch::get().is_default());
    }

    #[test]
    fn what_is_left_out_is_exact_and_the_same_each_time() {
        let numerics = serde_json::from_str::<GpuNumerics>(r#"{"tf32":true}"#).unwrap();
        assert_eq!(numerics, GpuNumerics { tf32: true, deterministic: true });
        assert!(serde_json::from_str::<GpuNumerics>(r#"{"tf-32":true}"#).is_err());
    }
}
