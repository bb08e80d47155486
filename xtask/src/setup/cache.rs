//! The libtorch that all checkouts share, in the user's cache folder.
//!
//! It is unpacked into a folder of another name, synced and renamed, so a half-unpacked one is never used. A wheel is
//! kept from its complete download until it is unpacked, so an interrupted set-up does not download it again.

use super::{VERSION, inspect, python};
use crate::duration::duration;
use crate::hint::hinted;
use crate::machine::process;
use anyhow::{Context, Result, bail};
use nix::sys::statvfs::statvfs;
use std::fs::{self, File, TryLockError};
use std::io::{IsTerminal, Read, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What the CPU half of libtorch needs of the official wheels.
const REQUIREMENTS: [(&str, &str); 3] =
    [("torch", VERSION), ("nvidia-cuda-runtime", "13.0.96"), ("nvidia-cuda-cupti", "13.0.85")];
/// The wheel, pip's copy of it while it downloads, and what is unpacked.
const NEEDED_BYTES: u64 = 1_700_000_000;
const LOG_PERIOD: Duration = Duration::from_secs(5);

/// The folder of the shared libtorch, downloaded and unpacked when it is not there.
pub(super) fn ensure(cache: &Path, quiet: bool) -> Result<PathBuf> {
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    if (os, arch) != ("linux", "x86_64") {
        return Err(hinted(
            format!("no libtorch is known to download for {os} on {arch}"),
            format!("set LIBTORCH to a libtorch {VERSION}, or LIBTORCH_USE_PYTORCH=1 with torch {VERSION} installed"),
        ));
    }
    let folder = cache.join(format!("libtorch-{VERSION}-cpu-{arch}"));
    if inspect(&folder).is_ok() {
        return Ok(folder);
    }
    fs::create_dir_all(cache).with_context(|| format!("failed to make folder `{}`", cache.display()))?;
    let _lock = lock(&cache.join("setup.lock"), quiet)?;
    if inspect(&folder).is_ok() {
        return Ok(folder);
    }
    let pip = python::pip_version()?;
    enough_space(cache, free_bytes(cache)?)?;
    let shown = cache.display();
    say(
        quiet,
        &format!("getting libtorch {VERSION}, once for all checkouts: 540 MB to download, 500 MB kept in `{shown}`"),
    );
    let wheels_folder = cache.join(format!("wheels-{VERSION}"));
    let wheels = REQUIREMENTS
        .iter()
        .map(|(name, version)| Download { name, version, wheels: &wheels_folder, pip, quiet }.ensure())
        .collect::<Result<Vec<PathBuf>>>()?;
    unpack(&wheels, cache, &folder, quiet)?;
    let _ = fs::remove_dir_all(&wheels_folder);
    Ok(folder)
}

/// Unpacks beside the final name and renames.
fn unpack(wheels: &[PathBuf], cache: &Path, folder: &Path, quiet: bool) -> Result<()> {
    say(quiet, "unpacking libtorch");
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    for entry in fs::read_dir(cache)?.flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        if found.starts_with(&*name) && found.ends_with(".partial") {
            fs::remove_dir_all(entry.path())?;
        }
    }
    let partial = cache.join(format!("{name}.{}.partial", std::process::id()));
    let unpacked = python::extract(wheels, &partial).and_then(|()| inspect(&partial));
    if let Err(error) = unpacked {
        let _ = fs::remove_dir_all(&partial);
        let text = format!("{error:#}");
        if text.contains("BadZipFile") || text.contains("zlib.error") {
            wheels.iter().for_each(|wheel| drop(fs::remove_file(wheel)));
            return Err(hinted(text, "the damaged wheels were removed; the same command downloads them again"));
        }
        return Err(disk_hint(&text, cache).unwrap_or(error));
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("failed to remove folder `{}`", folder.display()))?;
    }
    fs::rename(&partial, folder).with_context(|| format!("failed to rename folder `{}`", partial.display()))?;
    Ok(File::open(cache)?.sync_all()?)
}

/// One wheel.
struct Download<'a> {
    name: &'a str,
    version: &'a str,
    wheels: &'a Path,
    pip: (u32, u32),
    quiet: bool,
}

impl Download<'_> {
    /// The wheel, downloaded when it is not there.
    fn ensure(&self) -> Result<PathBuf> {
        if let Some(wheel) = self.find(self.wheels) {
            return Ok(wheel);
        }
        // Pip copies a wheel to its place byte by byte, so it gets a place of its own, and its temporary files lie beside.
        let partial = self.wheels.join(format!("{}.partial", self.name));
        let _ = fs::remove_dir_all(&partial);
        let temporary = partial.join("tmp");
        fs::create_dir_all(&temporary).with_context(|| format!("failed to make folder `{}`", temporary.display()))?;
        self.run(&partial, &temporary)?;
        let Some(wheel) = self.find(&partial) else {
            bail!("pip ended well but left no wheel of {} {}", self.name, self.version);
        };
        let kept = self.wheels.join(wheel.file_name().unwrap_or_default());
        File::open(&wheel)?.sync_all()?;
        fs::rename(&wheel, &kept)?;
        let _ = fs::remove_dir_all(&partial);
        Ok(kept)
    }

    fn run(&self, target: &Path, temporary: &Path) -> Result<()> {
        let requirement = format!("{}=={}", self.name, self.version);
        let on_terminal = !self.quiet && stderr().is_terminal() && stdout().is_terminal();
        let mut command = python::command();
        command.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]);
        command.args(["--dest"]).arg(target).env("TMPDIR", temporary);
        if self.pip >= (25, 1) {
            command.args(["--resume-retries", "10"]);
        }
        match on_terminal {
            true => command.stdout(Stdio::inherit()),
            false => command.args(["--progress-bar", "off"]).stdout(Stdio::null()),
        };
        let command = command.arg(&requirement).stderr(Stdio::piped());
        let mut running = process::spawn(command).context("failed to start `python3`")?;
        say(self.quiet, &format!("downloading {requirement} with pip"));
        let errors = running.stderr();
        let is_done = AtomicBool::new(false);
        let (ended, errors) = thread::scope(|scope| {
            let errors = scope.spawn(|| read(errors));
            if !on_terminal {
                scope.spawn(|| watch(&requirement, target, &is_done, self.quiet));
            }
            let ended = running.wait();
            is_done.store(true, Ordering::SeqCst);
            (ended, errors.join().unwrap_or_default())
        });
        let (status, _) = ended?;
        if status.success() {
            return Ok(());
        }
        let message = format!(
            "failed to download {requirement}: pip ended with {}: {}",
            process::describe(status),
            one_line(&errors)
        );
        Err(disk_hint(&message, self.wheels).unwrap_or_else(|| {
            hinted(
                message,
                "torch 2.11.0 has wheels for CPython 3.10 to 3.14; an index, a proxy and certificates are set as for any pip \
                 (`python3 -m pip config list`); finished downloads are kept for the next try",
            )
        }))
    }

    fn find(&self, folder: &Path) -> Option<PathBuf> {
        let start = format!("{}-{}-", self.name.replace('-', "_"), self.version);
        let is_it = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&start) && name.ends_with(".whl")
        };
        fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).find(is_it)
    }
}

/// Says every few seconds how much is there.
fn watch(what: &str, folder: &Path, is_done: &AtomicBool, quiet: bool) {
    let started = Instant::now();
    let mut said = started;
    while !is_done.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(100));
        if said.elapsed() >= LOG_PERIOD {
            said = Instant::now();
            let megabytes = n_bytes(folder) / 1_000_000;
            say(quiet, &format!("downloading {what}: {megabytes} MB in {}", duration(started.elapsed().as_secs_f64())));
        }
    }
}

/// The size of the largest file: pip has the wheel twice while it copies it to where it belongs.
fn n_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => n_bytes(&entry.path()),
            _ => entry.metadata().map_or(0, |metadata| metadata.len()),
        })
        .max()
        .unwrap_or(0)
}

fn lock(path: &Path, quiet: bool) -> Result<File> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("failed to open `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => say(quiet, "another set-up is under way; waiting for it"),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("failed to lock `{}`", path.display()));
        }
    }
    loop {
        thread::sleep(Duration::from_millis(200));
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(_) if crate::machine::interrupt::requested() => bail!("interrupted"),
            Err(_) => {}
        }
    }
}

fn enough_space(folder: &Path, free: u64) -> Result<()> {
    if free >= NEEDED_BYTES {
        return Ok(());
    }
    let (needed, free) = (NEEDED_BYTES / 1_000_000, free / 1_000_000);
    let message = format!("`{}` has {free} MB of free disk space, expected {needed} MB", folder.display());
    Err(hinted(message, "free some, or set XDG_CACHE_HOME to a folder on another disk"))
}

fn disk_hint(message: &str, folder: &Path) -> Option<anyhow::Error> {
    let is_full = message.contains("No space left on device") || message.contains("Errno 28");
    let advice =
        format!("free some space in `{}`, or set XDG_CACHE_HOME to a folder on another disk", folder.display());
    is_full.then(|| hinted(message, advice))
}

fn free_bytes(folder: &Path) -> Result<u64> {
    let stats = statvfs(folder).with_context(|| format!("failed to look at the disk of `{}`", folder.display()))?;
    Ok(stats.blocks_available() * stats.fragment_size())
}

fn read(pipe: Option<ChildStderr>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What pip printed, as a part of one line.
fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" / ")
}

fn say(quiet: bool, text: &str) {
    if !quiet {
        eprintln!("{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::render;

    #[test]
    fn a_full_disk_is_told_before_the_download() {
        assert!(enough_space(Path::new("/cache"), NEEDED_BYTES).is_ok());
        let error = enough_space(Path::new("/cache"), 12_000_000).unwrap_err();
        assert_eq!(
            render(&error),
            "error: `/cache` has 12 MB of free disk space, expected 1700 MB\n\
             hint: free some, or set XDG_CACHE_HOME to a folder on another disk"
        );
    }

    #[test]
    fn a_disk_that_fills_up_is_told() {
        let error = disk_hint("pip: [Errno 28] No space left on device", Path::new("/cache")).unwrap();
        assert!(render(&error).contains("hint: free some space in `/cache`"), "{error}");
        assert!(disk_hint("pip: no network", Path::new("/cache")).is_none());
    }
}
