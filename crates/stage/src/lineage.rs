//! Telling a lineage service, where the environment names one, what a run reads and writes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use twinset_openlineage::{Run, RunError, Settings};

use crate::invocation::Invocation;

/// The exit code of an interrupted run.
const INTERRUPTED: i32 = 130;

/// A run that is told of. Dropped without an end, by a panic, it is told to have failed.
pub(crate) struct Lineage {
    run: Arc<Mutex<Option<Run>>>,
    invocation: Invocation,
    started: SystemTime,
}

impl Lineage {
    /// Begins to tell of this program's run; none where the environment says nothing of it, or the run writes nothing.
    pub(crate) fn begin() -> Option<Self> {
        let settings = match Settings::from_environment(|name| std::env::var(name).ok()) {
            Ok(settings) => settings?,
            Err(error) => {
                eprintln!("warning: no OpenLineage events: {error}");
                return None;
            }
        };
        let invocation = Invocation::of(std::env::args_os())?;
        let mut run = Run::new(settings, &invocation.job, &invocation.inputs);
        let started = SystemTime::now();
        warn(run.start());
        let run = Arc::new(Mutex::new(Some(run)));
        abort_when_interrupted(&run);
        Some(Self { run, invocation, started })
    }

    /// The run has written what it should.
    pub(crate) fn complete(self) {
        let outputs = self.invocation.outputs(self.started);
        end(&self.run, |run| run.complete(&outputs));
    }

    /// The run ended with an error.
    pub(crate) fn fail(self, message: &str) {
        end(&self.run, |run| run.fail(message));
    }
}

impl Drop for Lineage {
    fn drop(&mut self) {
        end(&self.run, |run| run.fail("the program panicked"));
    }
}

/// The run's last event; nothing where it had one.
fn end(run: &Mutex<Option<Run>>, tell: impl FnOnce(&mut Run) -> Result<(), RunError>) {
    let run = run.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(mut run) = run {
        warn(tell(&mut run));
    }
}

/// A stage's result does not depend on who hears of it.
fn warn(told: Result<(), RunError>) {
    if let Err(error) = told {
        eprintln!("warning: {error}");
    }
}

#[expect(unsafe_code, reason = "a signal's disposition is known and set through libc alone")]
fn abort_when_interrupted(run: &Arc<Mutex<Option<Run>>>) {
    let run = Arc::clone(run);
    // SAFETY: no handler of ours is involved.
    let ignores_hangup = unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) == libc::SIG_IGN };
    let handled = ctrlc::set_handler(move || {
        end(&run, Run::abort);
        std::process::exit(INTERRUPTED);
    });
    if ignores_hangup {
        // As `nohup` wants it.
        // SAFETY: as above.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    }
    if let Err(error) = handled {
        eprintln!("warning: an interrupt will send no OpenLineage event: {error}");
    }
}
