//! Which device trains and evaluates.

use clap::ValueEnum;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// What the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// A GPU where the machine has one and libtorch can use it, else the CPU.
    Auto,
    /// The CPU: the same bits on every run.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

/// What a run computes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// See [`DeviceChoice::Cpu`].
    Cpu,
    /// See [`DeviceChoice::Cuda`].
    Cuda,
}

impl Device {
    /// As it is written on command lines and in keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

/// What else a computation on the device depends on, as text: on a CPU its instruction sets, and the limits that torch keeps to.
pub fn fingerprint(device: Device) -> String {
    let limits = ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"];
    let limits = limits.map(|name| env::var(name).unwrap_or_default());
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = processor.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    format!("{} {limits:?} {flags}", device.name())
}

/// Resolves `auto`, so that a run has the same key however its device was asked for.
///
/// A GPU needs a driver, and libtorch's CUDA half beside the CPU half or on the library path.
pub fn resolve(choice: DeviceChoice, libtorch: &Path) -> Device {
    match choice {
        DeviceChoice::Cpu => Device::Cpu,
        DeviceChoice::Cuda => Device::Cuda,
        DeviceChoice::Auto => {
            let on_path = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
            let mut folders = env::split_paths(&on_path).chain([libtorch.join("lib")]);
            let has_driver = Path::new("/proc/driver/nvidia/version").exists();
            let has_library = |folder: &PathBuf| folder.join("libtorch_cuda.so").exists();
            if has_driver && folders.any(|folder| has_library(&folder)) { Device::Cuda } else { Device::Cpu }
        }
    }
}
