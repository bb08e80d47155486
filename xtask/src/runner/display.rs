//! What the user sees while a reproduction runs: on a terminal one line for the whole and one for each running stage;
//! in a log a line every few seconds and one for each finished run.

use crate::duration::duration;
use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

const LOG_PERIOD: Duration = Duration::from_secs(5);

/// How far a running stage is, as it says itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all; 0 where the stage does not know.
    pub total: u64,
    /// What is counted.
    pub unit: String,
    /// What is going on.
    pub message: String,
}

/// Where progress goes.
#[derive(Debug)]
pub struct Display {
    mode: Mode,
    started: Instant,
    running: BTreeMap<usize, Line>,
    last_log: Instant,
}

#[derive(Debug)]
enum Mode {
    Quiet,
    Log,
    Bars { all: MultiProgress, whole: ProgressBar },
}

#[derive(Debug)]
struct Line {
    title: String,
    progress: Option<Progress>,
    bar: ProgressBar,
}

/// The state of the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Whole {
    /// Cells that are done or failed.
    pub n_cells_ended: usize,
    /// All cells.
    pub n_cells: usize,
    /// Stage runs executed so far.
    pub n_executed: usize,
    /// Stage runs that were there already.
    pub n_cached: usize,
    /// Of the executed ones, those that went wrong.
    pub n_failed: usize,
    /// Time left, where it can be said.
    pub left_s: Option<f64>,
}

impl Display {
    /// A display on standard error.
    pub fn new(quiet: bool) -> Self {
        let mode = match (quiet, stderr().is_terminal()) {
            (true, _) => Mode::Quiet,
            (false, false) => Mode::Log,
            (false, true) => {
                let all = MultiProgress::new();
                let whole = all.add(ProgressBar::new(0));
                whole.set_style(style("{bar:24} {pos}/{len} cells · {elapsed} · {msg}"));
                Mode::Bars { all, whole }
            }
        };
        Self { mode, started: Instant::now(), running: BTreeMap::new(), last_log: Instant::now() }
    }

    /// A run begins.
    pub fn start(&mut self, id: usize, title: String) {
        let bar = match &self.mode {
            Mode::Bars { all, .. } => {
                let bar = all.add(ProgressBar::no_length());
                bar.set_style(style("  {prefix} {msg}"));
                bar.set_prefix(title.clone());
                bar
            }
            _ => ProgressBar::hidden(),
        };
        self.running.insert(id, Line { title, progress: None, bar });
    }

    /// A run says how far it is.
    pub fn progress(&mut self, id: usize, progress: Progress) {
        let Some(line) = self.running.get_mut(&id) else { return };
        if progress.total > 0 {
            line.bar.set_length(progress.total);
        }
        line.bar.set_position(progress.done);
        line.bar.set_message(format!("{}{}", amount(&progress), rate(&line.bar, &progress.unit)));
        line.progress = Some(progress);
    }

    /// A run ends; `how` is said of it.
    pub fn end(&mut self, id: usize, how: &str) {
        if let Some(line) = self.running.remove(&id) {
            line.bar.finish_and_clear();
            self.say(&format!("{}: {how}", line.title));
        }
    }

    /// A run is left to another runner for now: nothing is said of it.
    pub fn leave(&mut self, id: usize) {
        if let Some(line) = self.running.remove(&id) {
            line.bar.finish_and_clear();
        }
    }

    /// A line that stays.
    pub fn say(&self, text: &str) {
        match &self.mode {
            Mode::Quiet => {}
            Mode::Log => write_line(&format!("[{}] {text}", duration(self.started.elapsed().as_secs_f64()))),
            Mode::Bars { all, .. } => all.suspend(|| write_line(text)),
        }
    }

    /// The state of the whole, to be called often.
    pub fn whole(&mut self, whole: &Whole) {
        match &self.mode {
            Mode::Quiet => {}
            Mode::Log if self.last_log.elapsed() < LOG_PERIOD => {}
            Mode::Log => {
                self.last_log = Instant::now();
                let running: Vec<String> = self.running.values().map(Line::text).collect();
                let running = if running.is_empty() { "nothing runs".to_owned() } else { running.join("; ") };
                self.say(&format!("{}/{} cells, {} | {running}", whole.n_cells_ended, whole.n_cells, counts(whole)));
            }
            Mode::Bars { whole: bar, .. } => {
                bar.set_length(whole.n_cells as u64);
                bar.set_position(whole.n_cells_ended as u64);
                bar.set_message(counts(whole));
                bar.tick();
            }
        }
    }

    /// Takes the bars away.
    pub fn close(&mut self) {
        if let Mode::Bars { all, whole } = &self.mode {
            whole.finish_and_clear();
            let _ = all.clear();
        }
    }

    /// The share of a running run that is done, 0 to 1.
    pub fn share(&self, id: usize) -> f64 {
        match self.running.get(&id).and_then(|line| line.progress.as_ref()) {
            Some(progress) if progress.total > 0 => (progress.done as f64 / progress.total as f64).min(1.0),
            _ => 0.0,
        }
    }
}

impl Line {
    fn text(&self) -> String {
        match &self.progress {
            Some(progress) => format!("{} {}", self.title, amount(progress)),
            None => self.title.clone(),
        }
    }
}

fn counts(whole: &Whole) -> String {
    let mut text = format!("runs: {} executed, {} cached", whole.n_executed, whole.n_cached);
    if whole.n_failed > 0 {
        text.push_str(&format!(", {} failed", whole.n_failed));
    }
    if let Some(left_s) = whole.left_s {
        text.push_str(&format!(", about {} left", duration(left_s)));
    }
    text
}

fn amount(progress: &Progress) -> String {
    let total = if progress.total > 0 { format!("/{}", HumanCount(progress.total)) } else { String::new() };
    let message = if progress.message.is_empty() { String::new() } else { format!(" ({})", progress.message) };
    format!("{}{total} {}{message}", HumanCount(progress.done), progress.unit)
}

fn rate(bar: &ProgressBar, unit: &str) -> String {
    match bar.per_sec() {
        rate if rate >= 1.0 => format!(" {} {unit}/s", HumanCount(rate as u64)),
        _ => String::new(),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is good").progress_chars("━╸ ")
}

/// Standard error may be closed; that ends no reproduction.
fn write_line(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}
