//! Child processes that never outlive the runner, and what they cost.
//!
//! Each child leads a process group of its own, so that a Ctrl-C reaches it through [`super::interrupt`] only, and the
//! kernel kills it if the runner is killed.

use super::interrupt;
use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Environment variables that limit a child to one thread.
pub const ONE_THREAD: [(&str, &str); 3] =
    [("OMP_NUM_THREADS", "1"), ("MKL_NUM_THREADS", "1"), ("RAYON_NUM_THREADS", "1")];
/// How long a child may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(3);

static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// The time and memory that a process used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// From start to end.
    pub wall_s: f64,
    /// User and system time over all threads.
    pub cpu_s: f64,
    /// The largest resident set.
    pub peak_memory_bytes: u64,
}

/// A child process under way.
#[derive(Debug)]
pub struct Running {
    child: Child,
    started: Instant,
}

/// Starts a child whose standard input is empty.
///
/// The kernel kills the child when the calling *thread* ends. So this thread must wait for the child.
pub fn spawn(command: &mut Command) -> io::Result<Running> {
    start(command.stdin(Stdio::null()))
}

fn start(command: &mut Command) -> io::Result<Running> {
    command.process_group(0);
    die_with_parent(command);
    let child = command.spawn()?;
    groups().insert(group_of(&child));
    if interrupt::requested() {
        signal_all(Signal::SIGTERM);
    }
    Ok(Running { child, started: Instant::now() })
}

/// Runs a command to its end. It is an error if the command fails; `name` is its name in this error.
pub fn run(command: &mut Command, name: &str) -> Result<()> {
    let (status, _) = spawn(command).and_then(Running::wait).with_context(|| format!("failed to start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` ended with {}", describe(status));
    }
    Ok(())
}

/// Runs a command to its end and catches what it prints.
pub fn output(command: &mut Command) -> io::Result<Output> {
    output_for(command, String::new())
}

/// The same for a command that reads `input` from its standard input.
pub fn output_for(command: &mut Command, input: String) -> io::Result<Output> {
    let mut running = start(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (stdin, stdout, stderr) = (running.child.stdin.take(), running.stdout(), running.stderr());
    // An error is ignored: if a child ends before it has read everything, it says why itself.
    thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
    let stdout = thread::spawn(move || read_all(stdout));
    let stderr = read_all(stderr);
    let (status, _) = running.wait()?;
    Ok(Output { status, stdout: stdout.join().unwrap_or_default(), stderr })
}

/// Sends `signal` to every child's group.
pub fn signal_all(signal: Signal) {
    for group in groups().iter() {
        // A group that has ended by now is no error.
        let _ = killpg(Pid::from_raw(*group), signal);
    }
    if signal == Signal::SIGTERM {
        thread::spawn(|| {
            thread::sleep(GRACE);
            signal_all(Signal::SIGKILL);
        });
    }
}

impl Running {
    /// The child's piped standard output, once.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The child's piped standard error, once.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits for the end; the cost is the child's own, not that of the runner's other children.
    pub fn wait(self) -> io::Result<(ExitStatus, Cost)> {
        let group = group_of(&self.child);
        let waited = wait4(group);
        groups().remove(&group);
        let (status, usage) = waited?;
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;
        let cost = Cost {
            wall_s: self.started.elapsed().as_secs_f64(),
            cpu_s: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            peak_memory_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * MAXRSS_UNIT,
        };
        Ok((status, cost))
    }
}

/// `ru_maxrss` counts KiB on Linux, bytes on macOS.
const MAXRSS_UNIT: u64 = if cfg!(target_os = "macos") { 1 } else { 1024 };

/// `exit status 1` or `killed by signal 9`, as it is said to the user.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "no exit status".to_owned(),
    }
}

fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn group_of(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("a process id fits an i32")
}

fn read_all(pipe: Option<impl io::Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.read_to_end(&mut bytes);
    }
    bytes
}

#[expect(unsafe_code, reason = "the standard library's wait does not say what the child used")]
fn wait4(pid: i32) -> io::Result<(ExitStatus, libc::rusage)> {
    let mut status = 0;
    loop {
        // SAFETY: rusage is a plain struct of numbers, for which all zeros are valid; both pointers live through the call.
        let (waited, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            (libc::wait4(pid, &raw mut status, 0, &raw mut usage), usage)
        };
        if waited == pid {
            return Ok((ExitStatus::from_raw(status), usage));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "only the child can ask the kernel to be ended with its parent")]
fn die_with_parent(command: &mut Command) {
    let parent = Pid::this();
    // SAFETY: prctl and getppid are async-signal-safe, and nothing is allocated between fork and exec.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // The parent may have died before the call above.
            if Pid::parent() == parent { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_the_childs_own() {
        let mut busy = Command::new("sh");
        busy.args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 3"]);
        let (status, cost) = spawn(&mut busy).unwrap().wait().unwrap();
        assert_eq!(describe(status), "exit status 3");
        assert!(cost.cpu_s > 0.0 && cost.cpu_s < cost.wall_s + 0.1, "{cost:?}");
        assert!(cost.peak_memory_bytes > 100_000, "{cost:?}");
    }

    #[test]
    fn input_longer_than_a_pipe_reaches_the_child() {
        let input = "line\n".repeat(100_000);
        let output = output_for(Command::new("sh").args(["-c", "cat"]), input.clone()).unwrap();
        assert!(output.stdout == input.as_bytes());
        assert!(super::output(&mut Command::new("cat")).unwrap().stdout.is_empty());
        let deaf = output_for(Command::new("sh").args(["-c", "exit 4"]), input).unwrap();
        assert_eq!(describe(deaf.status), "exit status 4");
    }

    #[test]
    fn signal_is_named() {
        let (status, _) = spawn(Command::new("sh").args(["-c", "kill -9 $$"])).unwrap().wait().unwrap();
        assert_eq!(describe(status), "killed by signal 9");
    }
}
