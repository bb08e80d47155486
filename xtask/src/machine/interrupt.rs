//! Ctrl-C and SIGTERM: children end, and what is under way is left so that the next call goes on from it. Ctrl-Z: they stop, and go on.

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

/// The error of a call that was interrupted in the midst of a study.
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

/// On the first interrupt, has `end_children` send them SIGTERM; from the second on, SIGKILL. What `nohup` has ignored stays so.
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

/// From now on Ctrl-Z stops the children, too; what has this process go on has them go on. To be called before there are other threads.
pub fn pass_on_stops(signal_children: fn(Signal)) -> Result<()> {
    let stop = SigSet::from(Signal::SIGTSTP);
    // For threads that begin later, too. Children begin without it.
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

/// Interrupts this call when so much time has passed.
pub fn after(limit: Duration, end_children: fn(Signal)) {
    thread::spawn(move || {
        thread::sleep(limit);
        IS_TIME_UP.store(true, Ordering::SeqCst);
        N_INTERRUPTS.fetch_add(1, Ordering::SeqCst);
        end_children(Signal::SIGTERM);
    });
}

/// Whether it was the time limit that asked to stop.
pub fn is_time_up() -> bool {
    IS_TIME_UP.load(Ordering::SeqCst)
}

/// Whether the user asked to stop.
pub fn requested() -> bool {
    N_INTERRUPTS.load(Ordering::SeqCst) > 0
}
