//! The device that tensors are on.

use std::fmt;
use std::str::FromStr;

use tch::{Cuda, Device};

use crate::{GpuNumerics, ModelError};

/// Which device to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A GPU if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU, or an error.
    Cuda,
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        })
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            _ => Err(format!("`{text}` is no device, expected `auto`, `cpu` or `cuda`")),
        }
    }
}

/// Opens the device and says which it is and why. Call it before anything else of torch.
///
/// On a CPU, torch gets as many threads as `OMP_NUM_THREADS` says, or one: several processes side by side are faster
/// than several threads in one, and one thread gives the same bits each time. A GPU computes as `numerics` says.
///
/// # Errors
/// When a GPU is asked for and there is none.
pub fn open_device(choice: DeviceChoice, numerics: GpuNumerics) -> Result<(Device, String), ModelError> {
    let cuda = if choice == DeviceChoice::Cpu { Err("the CPU was asked for".to_owned()) } else { open_cuda() };
    let n_threads = std::env::var("OMP_NUM_THREADS").ok().and_then(|text| text.parse().ok()).filter(|&n| n > 0);
    tch::set_num_threads(n_threads.unwrap_or(1));
    numerics.set();
    twinset_stage::keep_freed_memory();
    match cuda {
        Ok(n_devices) => Ok((Device::Cuda(0), format!("cuda (the first of {n_devices})"))),
        Err(detail) if choice == DeviceChoice::Cuda => Err(ModelError::Device { detail }),
        Err(detail) => Ok((Device::Cpu, format!("cpu ({detail})"))),
    }
}

/// What a provenance calls the device.
pub fn device_name(device: Device) -> &'static str {
    if device.is_cuda() { "cuda" } else { "cpu" }
}

/// How many GPUs there are, or why there is none.
pub(crate) fn open_cuda() -> Result<i64, String> {
    let is_open = open_cuda_library();
    if !is_open {
        return Err("no libtorch_cuda.so can be opened".to_owned());
    }
    match Cuda::device_count() {
        n if n > 0 && Cuda::is_available() => Ok(n),
        _ => Err("libtorch_cuda.so finds no usable GPU".to_owned()),
    }
}

/// Gives torch its CUDA half, which a binary linked to the CPU libraries lacks. Torch asks once whether it is there.
#[expect(unsafe_code, reason = "a library's symbols are made visible by dlopen alone")]
fn open_cuda_library() -> bool {
    // SAFETY: the name is a C string; running the initialisers of torch's own library is what loading it is for.
    let handle = unsafe { libc::dlopen(c"libtorch_cuda.so".as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    !handle.is_null()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_written_as_it_is_read() {
        for choice in [DeviceChoice::Auto, DeviceChoice::Cpu, DeviceChoice::Cuda] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        let error = "gpu".parse::<DeviceChoice>().unwrap_err();
        assert_eq!(error, "`gpu` is no device, expected `auto`, `cpu` or `cuda`");
    }

    #[test]
    fn the_cpu_is_always_there_and_says_why() {
        let (device, why) = open_device(DeviceChoice::Cpu, GpuNumerics::default()).unwrap();
        assert_eq!((device, why.as_str()), (Device::Cpu, "cpu (the CPU was asked for)"));
    }
}
