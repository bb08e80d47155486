//! Signals. On Ctrl-C and SIGTERM the children end, and the next call continues what was under way. On Ctrl-Z the
//! children stop, too.

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal, raise};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// The exit code of an interrupted call.
pub const EXIT_CODE: u8 = 130;

static N_INTERRUPTS: AtomicUsize = AtomicUsize::new(0);
static IS_TIME_UP: AtomicBool = AtomicBool::new(false);

/// The error of a call that was interrupted during a study.
#[derive(Debug)]
pub struct Interrupted {
    /// Cells that are done.
    pub n_done: usize,
    /// All cells.
    pub n_cells: usize,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} cells are done; the same command goes on from here", self.n_done, self.n_cells)
    }
}

impl std::error::Error for Interrupted {}

/// Handles interrupts: `end_children` sends SIGTERM on the first one and SIGKILL on later ones. SIGHUP stays ignored
/// under `nohup`.
#[expect(unsafe_code, reason = "a signal's disposition is known and set through libc alone")]
pub fn install(end_children: fn(Signal)) -> Result<()> {
    // SAFETY: no handler of ours is involved.
    let ignores_hangup = unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) == libc::SIG_IGN };
    ctrlc::set_handler(move || {
        let is_first = N_INTERRUPTS.fetch_add(1, Ordering::SeqCst) == 0;
        end_children(if is_first { Signal::SIGTERM } else { Signal::SIGKILL });
    })
    .context("failed to install the handler of Ctrl-C")?;
    if ignores_hangup {
        // SAFETY: as above.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    }
    Ok(())
}

/// From now on Ctrl-Z also stops the children, and they continue when this process continues. Call this before other
/// threads start.
pub fn pass_on_stops(signal_children: fn(Signal)) -> Result<()> {
    let stop = SigSet::from(Signal::SIGTSTP);
    // Threads that start later inherit this block. Children do not.
    stop.thread_block().context("failed to block the signal of Ctrl-Z")?;
    thread::spawn(move || {
        while stop.wait().is_ok() {
            signal_children(Signal::SIGSTOP);
            let _ = raise(Signal::SIGSTOP);
            signal_children(Signal::SIGCONT);
        }
    });
    Ok(())
}

/// Interrupts this call after this time.
pub fn after(limit: Duration, end_children: fn(Signal)) {
    thread::spawn(move || {
        thread::sleep(limit);
        IS_TIME_UP.store(true, Ordering::SeqCst);
        N_INTERRUPTS.fetch_add(1, Ordering::SeqCst);
        end_children(Signal::SIGTERM);
    });
}

/// Whether the time limit has interrupted this call.
pub fn is_time_up() -> bool {
    IS_TIME_UP.load(Ordering::SeqCst)
}

/// Whether this call was interrupted, by a signal or by the time limit.
pub fn requested() -> bool {
    N_INTERRUPTS.load(Ordering::SeqCst) > 0
}
