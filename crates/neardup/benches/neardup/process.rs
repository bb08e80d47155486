//! What a process used, and what it ran on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// The largest resident set of this process so far, in bytes; `None` where the system does not say.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    peak_memory_bytes_of(std::process::id())
}

/// Seconds that all cores spent on this process so far; 0 where the system does not say.
pub(crate) fn cpu_seconds() -> f64 {
    cpu_seconds_of("self").unwrap_or(0.0)
}

fn cpu_seconds_of(process: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the program's name in brackets; user and system time are the 14th and 15th field, in hundredths of a second.
    let fields: Vec<&str> = status.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?) / 100.0)
}

/// The largest resident set of another process so far.
pub(crate) fn peak_memory_bytes_of(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The processor and how busy it was with other things.
pub(crate) fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or("unknown processor", |(_, name)| name.trim());
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
    format!("{name}, {n_cores} cores; load before the start: {load}")
}

/// A program that was built together with this bench.
pub(crate) fn beside(name: &str) -> Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let folder = bench.parent().and_then(Path::parent).context("the bench lies in target/release/deps")?;
    let program = folder.join(name);
    ensure!(program.is_file(), "`{}` is not built", program.display());
    Ok(program)
}

/// What a program used.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    pub(crate) took: Duration,
    pub(crate) cpu_seconds: f64,
    /// The most memory that it was seen to have.
    pub(crate) memory_bytes: u64,
}

/// Runs a program and looks at what it uses, fifty times a second.
pub(crate) fn watch(command: &mut Command) -> Result<Used> {
    let start = Instant::now();
    let mut child: Child = command.spawn().with_context(|| format!("failed to start {command:?}"))?;
    let (mut cpu_seconds, mut memory_bytes) = (0.0_f64, 0);
    loop {
        // Before it is waited for: then its figures are gone.
        cpu_seconds = cpu_seconds.max(cpu_seconds_of(&child.id().to_string()).unwrap_or(0.0));
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "{command:?} ended with {status}");
            return Ok(Used { took: start.elapsed(), cpu_seconds, memory_bytes });
        }
        memory_bytes = memory_bytes.max(peak_memory_bytes_of(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
}
