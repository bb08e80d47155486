//! Which device trains and evaluates.

use crate::hint::hinted;
use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

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

/// Resolves `auto`, so that a run has the same key however its device was asked for; and says how many GPUs there are for it.
///
/// Whether a GPU can be used is what `twinset-train` says. It is asked only where there is a driver, or a GPU is asked for.
pub fn resolve(choice: DeviceChoice, train: &Path) -> Result<(Device, usize)> {
    let has_driver = || ["/proc/driver/nvidia/version", "/dev/dxg"].iter().any(|path| Path::new(path).exists());
    if choice == DeviceChoice::Cpu || choice == DeviceChoice::Auto && !has_driver() {
        return Ok((Device::Cpu, 0));
    }
    match (count_gpus(train)?, choice) {
        (0, DeviceChoice::Cuda) => {
            let hint = "`--device auto` takes the CPU where no GPU can be used";
            Err(hinted("`--device cuda` asks for a GPU, but twinset-train finds none that it can use", hint))
        }
        (0, _) => Ok((Device::Cpu, 0)),
        (n_gpus, _) => Ok((Device::Cuda, n_gpus)),
    }
}

fn count_gpus(train: &Path) -> Result<usize> {
    let context = || format!("failed to ask `{}` for GPUs", train.display());
    let output = Command::new(train).arg("--count-gpus").output().with_context(context)?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.parse().map_err(|_| anyhow!("it answered `{text}`, expected a number")).with_context(context)
}

/// The GPUs' names for `CUDA_VISIBLE_DEVICES`: those that the user leaves visible.
pub fn gpu_names(n_gpus: usize) -> Vec<String> {
    let visible = env::var("CUDA_VISIBLE_DEVICES").unwrap_or_default();
    let named: Vec<String> =
        visible.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if named.len() >= n_gpus { named[..n_gpus].to_vec() } else { (0..n_gpus).map(|gpu| gpu.to_string()).collect() }
}
