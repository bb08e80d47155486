//! Which device trains and evaluates.

use crate::hint::hinted;
use crate::machine::digest::{Digest, SourceDigests};
use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
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
    /// The name on command lines and in keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

/// The device, libtorch and kind of processor for trainings and evaluations.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// The kind of device.
    pub device: Device,
    /// The number of usable GPUs; 0 on a CPU.
    pub n_gpus: usize,
    /// The digest of libtorch's library.
    pub libtorch: Digest,
    /// The processor's class: the instruction sets that torch and oneDNN choose. On a GPU its model.
    pub processor: String,
}

/// The answer of `twinset-train --describe-device`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Answer {
    n_gpus: usize,
    libtorch: PathBuf,
    cpu_capability: String,
}

/// The variables that limit oneDNN's instruction sets. If both are set, the second one counts.
const LIMITS: [&str; 2] = ["DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA"];
/// The flag of /proc/cpuinfo that an instruction set of oneDNN needs, the best first.
const INSTRUCTION_SETS: [(&str, &str); 7] = [
    ("amx_bf16", "AVX512_CORE_AMX"),
    ("avx512_fp16", "AVX512_CORE_FP16"),
    ("avx512_bf16", "AVX512_CORE_BF16"),
    ("avx512_vnni", "AVX512_CORE_VNNI"),
    ("avx512bw", "AVX512_CORE"),
    ("avx2", "AVX2"),
    ("sse4_1", "SSE41"),
];

/// What else a computation on the device depends on, as text. On a CPU: its instruction sets, and the variables that
/// limit them.
pub fn fingerprint(device: Device) -> String {
    let limits = ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"];
    let limits = limits.map(|name| env::var(name).unwrap_or_default());
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = processor.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    format!("{} {limits:?} {flags}", device.name())
}

/// Chooses the device. `auto` becomes a kind of device, so that a run has the same key whether its device was named or
/// chosen.
///
/// `twinset-train` says whether a GPU can be used. It is asked only if there is a driver, or if the user asks for a
/// GPU.
pub fn resolve(choice: DeviceChoice, train: &Path, digests: &mut SourceDigests) -> Result<Machine> {
    let has_driver = || ["/proc/driver/nvidia/version", "/dev/dxg"].iter().any(|path| Path::new(path).exists());
    let is_cpu = choice == DeviceChoice::Cpu || choice == DeviceChoice::Auto && !has_driver();
    let Answer { n_gpus, libtorch, cpu_capability } = ask(train, if is_cpu { "cpu" } else { "auto" })?;
    let libtorch = digests.of(&libtorch)?;
    match (n_gpus, choice) {
        (0, DeviceChoice::Cuda) => {
            let hint = "`--device auto` takes the CPU where no GPU can be used";
            Err(hinted("`--device cuda` asks for a GPU, but twinset-train finds none that it can use", hint))
        }
        (0, _) => {
            let flags = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
            let limit = LIMITS.iter().filter_map(|name| env::var(name).ok()).rfind(|value| !value.is_empty());
            let processor = format!("{cpu_capability}, oneDNN {}", instruction_set(&flags, limit.as_deref()));
            Ok(Machine { device: Device::Cpu, n_gpus, libtorch, processor })
        }
        (n_gpus, _) => Ok(Machine { device: Device::Cuda, n_gpus, libtorch, processor: gpu_models() }),
    }
}

/// The same for work on another machine. Its device is the one that the user asks for; this machine's GPUs do not
/// matter.
pub fn elsewhere(choice: DeviceChoice, train: &Path, digests: &mut SourceDigests) -> Result<Machine> {
    let machine = resolve(DeviceChoice::Cpu, train, digests)?;
    Ok(Machine { device: if choice == DeviceChoice::Cuda { Device::Cuda } else { Device::Cpu }, ..machine })
}

fn ask(train: &Path, device: &str) -> Result<Answer> {
    let context = || format!("failed to ask `{}` what it computes with", train.display());
    let output = Command::new(train).args(["--describe-device", "--device", device]).output().with_context(context)?;
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).map_err(|_| anyhow!("it answered `{}`", errors.trim())).with_context(context)
}

/// The best instruction set of oneDNN that the processor has and the limit allows.
fn instruction_set(cpuinfo: &str, limit: Option<&str>) -> &'static str {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |flag: &str| flags.split_whitespace().any(|known| known == flag);
    let limit = limit.map(str::to_uppercase).filter(|limit| *limit != "DEFAULT");
    let best = limit.and_then(|limit| INSTRUCTION_SETS.iter().position(|(_, name)| *name == limit)).unwrap_or(0);
    INSTRUCTION_SETS[best..].iter().find(|(flag, _)| has(flag)).map_or("of an unknown kind", |(_, name)| name)
}

/// The models of this machine's GPUs, each once.
fn gpu_models() -> String {
    let folders = fs::read_dir("/proc/driver/nvidia/gpus").into_iter().flatten().flatten();
    let texts = folders.filter_map(|folder| fs::read_to_string(folder.path().join("information")).ok());
    let model = |text: String| text.lines().find_map(|line| Some(line.strip_prefix("Model:")?.trim().to_owned()));
    let models: BTreeSet<String> = texts.filter_map(model).collect();
    if models.is_empty() { "a GPU".to_owned() } else { models.into_iter().collect::<Vec<_>>().join(" and ") }
}

/// The GPUs' names for `CUDA_VISIBLE_DEVICES`: those that the user leaves visible.
pub fn gpu_names(n_gpus: usize) -> Vec<String> {
    let visible = env::var("CUDA_VISIBLE_DEVICES").unwrap_or_default();
    let named: Vec<String> =
        visible.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if named.len() >= n_gpus { named[..n_gpus].to_vec() } else { (0..n_gpus).map(|gpu| gpu.to_string()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onednn_takes_the_best_instruction_set_that_it_may() {
        let new = "processor: 0\nflags\t\t: fpu avx2 avx512bw avx512_vnni avx512_bf16 amx_bf16 sse4_1\n";
        let old = "flags : fpu sse4_1 avx2";
        for (cpuinfo, limit, expected) in [
            (new, None, "AVX512_CORE_AMX"),
            (new, Some("DEFAULT"), "AVX512_CORE_AMX"),
            (new, Some("avx512_core_bf16"), "AVX512_CORE_BF16"),
            (new, Some("AVX2"), "AVX2"),
            (old, None, "AVX2"),
            (old, Some("AVX512_CORE"), "AVX2"),
            ("", None, "of an unknown kind"),
        ] {
            assert_eq!(instruction_set(cpuinfo, limit), expected, "{limit:?}");
        }
    }
}
