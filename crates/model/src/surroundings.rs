//! What a process computes with, which its results may depend on.

use std::path::PathBuf;

use serde::Serialize;

use crate::device::open_cuda;
use crate::{DeviceChoice, ModelError};

/// The libtorch that this process has loaded, and what that found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Surroundings {
    /// GPUs that can be used; 0 where the CPU was asked for.
    pub n_gpus: i64,
    /// The file of its library for CPUs, which all operators begin in.
    pub libtorch: PathBuf,
    /// The instruction set that torch's own operators use, such as `AVX2`.
    pub cpu_capability: String,
}

impl Surroundings {
    /// Of this process. Call it before anything else of torch.
    ///
    /// # Errors
    /// When the system does not say which files are loaded.
    pub fn of(choice: DeviceChoice) -> Result<Self, ModelError> {
        let n_gpus = if choice == DeviceChoice::Cpu { 0 } else { open_cuda().unwrap_or(0) };
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let is_libtorch = |path: &PathBuf| path.file_name().is_some_and(|name| name == "libtorch_cpu.so");
        // Such as `7f0000000000-7f0000001000 r--p 00000000 fd:00 12345    /lib/libtorch_cpu.so`.
        let mut files = maps.lines().filter_map(|line| Some(PathBuf::from(&line[line.find('/')?..])));
        let libtorch = files.find(is_libtorch).ok_or_else(|| ModelError::Device {
            detail: "/proc/self/maps names no libtorch_cpu.so, which this program is linked with".to_owned(),
        })?;
        Ok(Self { n_gpus, libtorch, cpu_capability: torch::cpu_capability() })
    }
}

#[expect(unsafe_code, reason = "torch has no other way to its choice than C++")]
mod torch {
    use std::ffi::{CStr, c_char};

    unsafe extern "C" {
        /// See `numerics.cpp`.
        fn twinset_cpu_capability(text: *mut c_char, n_bytes: usize);
    }

    pub(super) fn cpu_capability() -> String {
        let mut text = [0; 32];
        // SAFETY: it writes a C string of at most so many bytes, the final 0 included.
        unsafe { twinset_cpu_capability(text.as_mut_ptr(), text.len()) };
        // SAFETY: it is a C string that lies in `text`.
        unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_says_what_it_has_loaded() {
        let found = Surroundings::of(DeviceChoice::Cpu).unwrap();
        assert!(found.libtorch.is_file() && found.n_gpus == 0, "{found:?}");
        assert!(["DEFAULT", "AVX2", "AVX512"].contains(&found.cpu_capability.as_str()), "{found:?}");
    }
}
