//! A program's run within a scan: its progress becomes the scan's.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, anyhow, bail};
use twinset_stage::{Bar, Progress, with_hint};

use crate::programs;

/// A program and its arguments.
pub(super) struct Step {
    name: &'static str,
    args: Vec<std::ffi::OsString>,
}

impl Step {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, args: Vec::new() }
    }

    pub(super) fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(super) fn args<const N: usize>(&mut self, args: [&str; N]) -> &mut Self {
        args.iter().for_each(|arg| self.args.push(arg.into()));
        self
    }

    /// Runs the program as step `at` of `of`; what it printed on stdout.
    pub(super) fn run(&self, at: usize, of: usize, progress: &Progress) -> anyhow::Result<String> {
        let path = programs::find(self.name).ok_or_else(|| programs::missing(self.name))?;
        let mut command = Command::new(&path);
        command.args(&self.args).env("TWINSET_PROGRESS", "machine");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        end_with_parent(&mut command);
        let mut child = command.spawn().with_context(|| format!("cannot start `{}`", path.display()))?;
        let stdout = child.stdout.take();
        let stdout = thread::spawn(move || {
            let mut text = Vec::new();
            // What a program prints is courtesy here; its manifests are what counts.
            let _ = stdout.map(|mut stdout| stdout.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut said = Vec::new();
        let mut display = Display { at, of, progress, bar: None };
        for line in child.stderr.take().map(BufReader::new).into_iter().flat_map(|stderr| stderr.split(b'\n')) {
            let line = line.context("cannot read what the program says")?;
            let line = String::from_utf8_lossy(&line).into_owned();
            match line.strip_prefix("@progress ") {
                Some(told) => display.show(told),
                None => said.push(line),
            }
        }
        drop(display);
        let status = child.wait().with_context(|| format!("cannot wait for `{}`", self.name))?;
        let stdout = stdout.join().unwrap_or_default();
        if status.success() {
            said.iter().filter(|line| line.starts_with("warning: ")).for_each(|line| eprintln!("{line}"));
            return Ok(stdout);
        }
        if let Some(signal) = status.signal() {
            let error = anyhow!("`{}` was ended by signal {signal}", self.name);
            return Err(with_hint(error, "the same command goes on from where it ended"));
        }
        let part = |prefix: &str| said.iter().find_map(|line| line.strip_prefix(prefix)).map(str::to_owned);
        match (part("error: "), part("hint: ")) {
            (Some(error), Some(hint)) => Err(with_hint(anyhow!("{error}"), hint)),
            (Some(error), None) => Err(anyhow!("{error}")),
            (None, _) => bail!("`{}` ended with {status}: {}", self.name, said.join(" / ")),
        }
    }
}

/// One bar for all that a program does.
struct Display<'a> {
    at: usize,
    of: usize,
    progress: &'a Progress,
    bar: Option<Work>,
}

/// A piece of the program's work.
struct Work {
    message: String,
    total: u64,
    n_done: u64,
    bar: Bar,
}

impl Display<'_> {
    /// Shows what a line says behind `@progress`: done, total, unit, and what is done.
    fn show(&mut self, told: &str) {
        let mut words = told.splitn(4, ' ');
        let (Some(Ok(n_done)), Some(Ok(total)), Some(unit), Some(message)) =
            (words.next().map(str::parse::<u64>), words.next().map(str::parse::<u64>), words.next(), words.next())
        else {
            return;
        };
        let is_same = |work: &Work| work.message == message && work.total == total && work.n_done <= n_done;
        if !self.bar.as_ref().is_some_and(is_same) {
            let unit = if unit == "pairs" { "pairs" } else { "pictures" };
            // The bar before this one goes first.
            self.bar = None;
            let bar = self.progress.begin(unit, total, &format!("{}/{} {message}", self.at, self.of));
            self.bar = Some(Work { message: message.to_owned(), total, n_done: 0, bar });
            // What was done before the bar began would look like an endless pace.
            return;
        }
        if let Some(work) = &mut self.bar {
            work.bar.inc(n_done - work.n_done);
            work.n_done = n_done;
        }
    }
}

/// Has the kernel end the program should the scan be killed: nobody would wait for it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "only the child can ask the kernel to be ended with its parent")]
fn end_with_parent(command: &mut Command) {
    let parent = std::process::id();
    // SAFETY: prctl and getppid are async-signal-safe, and nothing is allocated between fork and exec.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            // The parent may have died before the call above.
            let is_there = u32::try_from(libc::getppid()) == Ok(parent);
            if is_there { Ok(()) } else { Err(std::io::Error::from_raw_os_error(libc::ESRCH)) }
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent(_: &mut Command) {}
