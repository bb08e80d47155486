//! What a process used, and what it ran on.

use std::fs;

/// The largest resident set of this process so far, in bytes; `None` where the system does not say.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    peak_memory_bytes_of(std::process::id())
}

/// Seconds that all cores spent on this process so far; 0 where the system does not say.
pub(crate) fn cpu_seconds() -> f64 {
    let read = || {
        let status = fs::read_to_string("/proc/self/stat").ok()?;
        // After the program's name in brackets; user and system time are the 14th and 15th field, in hundredths of a second.
        let fields: Vec<&str> = status.rsplit_once(')')?.1.split_whitespace().collect();
        Some((fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?) / 100.0)
    };
    read().unwrap_or(0.0)
}

/// The same of another process.
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
