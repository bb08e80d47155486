//! Progress: bars on a terminal, a line every few seconds in a log, lines for a program to read, or nothing.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressState, ProgressStyle};

/// How progress is shown. Cheap to clone, shared by threads.
#[derive(Clone, Debug)]
pub struct Progress {
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Terminal,
    Log,
    Machine,
    Hidden,
}

impl Mode {
    /// The least time between two lines.
    fn interval(self) -> Duration {
        match self {
            Self::Log => Duration::from_secs(5),
            Self::Machine => Duration::from_millis(200),
            Self::Terminal | Self::Hidden => Duration::MAX,
        }
    }
}

impl Progress {
    /// None at all.
    pub fn hidden() -> Self {
        Self { mode: Mode::Hidden }
    }

    /// Bars where stderr is a terminal, lines for a runner where `TWINSET_PROGRESS=machine`, else lines for a log.
    pub fn from_environment() -> Self {
        let mode = if std::env::var_os("TWINSET_PROGRESS").is_some_and(|value| value == "machine") {
            Mode::Machine
        } else if std::io::stderr().is_terminal() {
            Mode::Terminal
        } else {
            Mode::Log
        };
        Self { mode }
    }

    /// Begins a piece of work of `total` units (`images`, `samples`, `pairs`), called `message`.
    pub fn begin(&self, unit: &'static str, total: u64, message: &str) -> Bar {
        let terminal = (self.mode == Mode::Terminal).then(|| {
            let template = "{msg} {wide_bar} {human_pos}/{human_len} {unit}{pace}";
            let style = ProgressStyle::with_template(template)
                .expect("the template is valid")
                .with_key("unit", move |_: &ProgressState, w: &mut dyn std::fmt::Write| {
                    let _ = w.write_str(unit);
                })
                .with_key("pace", |state: &ProgressState, w: &mut dyn std::fmt::Write| {
                    if let Some(pace) = pace(state.per_sec(), state.elapsed()) {
                        let _ = write!(w, ", {pace}, {:#} left", HumanDuration(state.eta()));
                    }
                });
            ProgressBar::new(total).with_style(style).with_message(message.to_owned())
        });
        Bar(Arc::new(State {
            mode: self.mode,
            terminal,
            unit,
            total,
            done: AtomicU64::new(0),
            line: Mutex::new(Line { message: message.to_owned(), last: Instant::now() }),
            start: Instant::now(),
        }))
    }
}

/// Before so much time has passed a pace says nothing.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// One piece of work under way. Cheap to clone, shared by threads; its end is when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Bar(Arc<State>);

#[derive(Debug)]
struct State {
    mode: Mode,
    terminal: Option<ProgressBar>,
    unit: &'static str,
    total: u64,
    done: AtomicU64,
    line: Mutex<Line>,
    start: Instant,
}

#[derive(Debug)]
struct Line {
    message: String,
    last: Instant,
}

impl Bar {
    /// `n` more units are done.
    pub fn inc(&self, n: u64) {
        let done = self.0.done.fetch_add(n, Ordering::Relaxed) + n;
        if let Some(bar) = &self.0.terminal {
            bar.inc(n);
            return;
        }
        if self.0.mode == Mode::Hidden {
            return;
        }
        // A thread that finds another one here has nothing newer to say.
        let Ok(mut line) = self.0.line.try_lock() else { return };
        if line.last.elapsed() >= self.0.mode.interval() {
            line.last = Instant::now();
            self.0.say(&line.message, done);
        }
    }

    /// What is being done now, for instance the epoch and its loss.
    pub fn set_message(&self, message: String) {
        if let Some(bar) = &self.0.terminal {
            bar.set_message(message.clone());
        }
        if let Ok(mut line) = self.0.line.lock() {
            line.message = message;
        }
    }
}

impl State {
    fn say(&self, message: &str, done: u64) {
        let text = match self.mode {
            Mode::Machine => format!("@progress {done} {} {} {message}\n", self.total, self.unit),
            _ => log_line(message, done, self.total, self.unit, self.start.elapsed()),
        };
        // Progress is a courtesy: a stderr that nobody reads any more must not end the work, as a write to it would.
        if is_stderr_read() {
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(bar) = &self.terminal {
            bar.finish_and_clear();
        } else if self.mode == Mode::Machine {
            let message = self.line.get_mut().map_or_else(|_| String::new(), |line| line.message.clone());
            self.say(&message, self.done.load(Ordering::Relaxed));
        }
    }
}

/// Whether a write to stderr would not fail, as that to a pipe whose reader has gone.
#[cfg(unix)]
#[expect(unsafe_code, reason = "a descriptor is polled through libc")]
fn is_stderr_read() -> bool {
    let mut stderr = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one entry is polled, which outlives the call.
    let n_ready = unsafe { libc::poll(&raw mut stderr, 1, 0) };
    n_ready < 1 || stderr.revents & (libc::POLLERR | libc::POLLNVAL) == 0
}

#[cfg(not(unix))]
fn is_stderr_read() -> bool {
    true
}

fn log_line(message: &str, done: u64, total: u64, unit: &str, elapsed: Duration) -> String {
    let per_s = done as f64 / elapsed.as_secs_f64().max(1e-9);
    let left = Duration::from_secs_f64((total.saturating_sub(done) as f64 / per_s.max(1e-9)).min(1e9));
    let pace = pace(per_s, elapsed).map(|pace| format!(", {pace}, {} left", HumanDuration(left)));
    format!("{message}: {} of {} {unit}{}\n", HumanCount(done), HumanCount(total), pace.unwrap_or_default())
}

/// The pace as a whole number of two or three digits that count: by the second, and what is slow by the minute or the hour. None
/// where too little time has passed to tell.
fn pace(per_s: f64, elapsed: Duration) -> Option<String> {
    if elapsed < LEAST_TIME || per_s.is_nan() || per_s <= 0.0 {
        return None;
    }
    let scales = [(1.0, "s"), (60.0, "min"), (3600.0, "h")];
    let (seconds, unit) = scales.into_iter().find(|(seconds, _)| per_s * seconds >= 10.0).unwrap_or((3600.0, "h"));
    let pace = per_s * seconds;
    if pace < 1.0 {
        return None;
    }
    let step = 10_f64.powi((pace.log10().floor() as i32 - 2).max(0));
    Some(format!("{}/{unit}", HumanCount(((pace / step).round() * step) as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_whole_number_with_few_digits_that_count() {
        let check = |per_s: f64, elapsed_s: f64, expected: Option<&str>| {
            assert_eq!(pace(per_s, Duration::from_secs_f64(elapsed_s)).as_deref(), expected, "{per_s}");
        };
        check(93_241_526.793, 0.1, None);
        check(93_241_526.793, 2.0, Some("93,200,000/s"));
        check(50_537.634_3, 2.0, Some("50,500/s"));
        check(999.6, 2.0, Some("1,000/s"));
        check(123.4, 2.0, Some("123/s"));
        check(10.0, 2.0, Some("10/s"));
        check(3.4, 2.0, Some("204/min"));
        check(0.05, 90.0, Some("180/h"));
        check(0.0001, 9e5, None);
        check(0.0, 9.0, None);
        check(f64::NAN, 9.0, None);
    }

    #[test]
    fn a_log_line_has_rate_and_time_left() {
        let line = log_line("hashing", 12_000, 60_000, "images", Duration::from_secs(4));
        assert_eq!(line, "hashing: 12,000 of 60,000 images, 3,000/s, 16 seconds left\n");
        let line = log_line("hashing", 12_000, 60_000, "images", Duration::from_micros(40));
        assert_eq!(line, "hashing: 12,000 of 60,000 images\n");
    }
}
