//! Runs several tracks at the same time. Each key runs once, and a finished run is not repeated.

use super::display::{Display, Progress, Whole};
use super::execute::{Ended, Executor, Outcome};
use crate::duration::duration;
use crate::forecast::pace::{Settings, settings};
use crate::forecast::works::{Works, work_key};
use crate::machine::digest::Digest;
use crate::machine::interrupt;
use crate::stages::Stage;
use crate::stages::ask::Work;
use crate::stages::device::gpu_names;
use crate::store::Finished;
use crate::store::ledger::{Entry, Ledger};
use crate::store::run::StageRun;
use crate::study::arm::Arm;
use crate::study::cell::Cell;
use crate::study::pipeline::Pipeline;
use crate::study::track::{Failure, Planner, Status, Track};
use anyhow::{Result, anyhow};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(200);

/// The settings of a scheduler.
#[derive(Debug)]
pub struct Scheduler<'a> {
    /// Finds the next run of a track.
    pub planner: &'a Planner,
    /// Executes runs.
    pub executor: &'a Executor<'a>,
    /// The ledger for times and memory.
    pub ledger: &'a Ledger,
    /// The number of runs at the same time.
    pub n_jobs: usize,
    /// Whether the first failure ends everything.
    pub fail_fast: bool,
    /// How much each run computes, to estimate the time left.
    pub works: &'a Works,
}

/// What was done, over several calls.
#[derive(Debug, Default)]
pub struct Tally {
    /// Keys that were executed.
    pub executed: BTreeSet<Digest>,
    /// Keys that were finished before.
    pub cached: BTreeSet<Digest>,
    /// The failures, each with the cells that need the failed run.
    pub failures: Vec<(Vec<String>, Failure)>,
    /// The executions, with their times and memory.
    pub entries: Vec<Entry>,
    /// Seconds and units of trainings and evaluations by their kind, for the time left; as [`crate::forecast::pace`] counts them.
    pub spent: BTreeMap<Settings, (f64, f64)>,
    /// All cells, and those that are done or failed; for the display.
    pub n_cells: usize,
    /// See [`Self::n_cells`].
    pub n_cells_ended: usize,
}

fn kinds(pipeline: &Pipeline) -> BTreeMap<(Stage, usize), Settings> {
    let of_arm = |(place, arm): (usize, &Arm)| {
        let (train, evaluate) = ((Stage::Train, &arm.train), (Stage::Evaluate, &arm.evaluate));
        [((Stage::Train, place), settings(&[train])), ((Stage::Evaluate, place), settings(&[evaluate, train]))]
    };
    pipeline.arms.iter().enumerate().flat_map(of_arm).collect()
}

/// A run, and the tracks that need it.
struct Job {
    run: StageRun,
    tracks: Vec<usize>,
    work: Option<Work>,
    urgency: Urgency,
}

enum Event {
    Start(usize),
    Progress(usize, Progress),
    End(usize, Result<Ended>),
}

/// The state of one call.
struct State<'a, 'b> {
    scheduler: &'a Scheduler<'b>,
    tracks: &'a mut [Track],
    tally: &'a mut Tally,
    display: &'a mut Display,
    /// Every run that a track needs, by its number. Ended runs stay in the list.
    jobs: Vec<Job>,
    by_key: BTreeMap<Digest, usize>,
    ready: BTreeSet<(Urgency, usize)>,
    /// The runs that another runner was working on when their turn came.
    busy: BTreeSet<(Urgency, usize)>,
    running: BTreeSet<usize>,
    /// The kinds of the arms' trainings and evaluations.
    kinds: BTreeMap<(Stage, usize), Settings>,
    error: Option<anyhow::Error>,
}

/// The smallest is first: injections, which trainings need, then evaluations, which are short. Then one seed after the other, so that a study
/// that is stopped has whole seeds, which can be reported. Of one seed long trainings are first.
type Urgency = (u8, u64, std::cmp::Reverse<u64>, usize);

impl Scheduler<'_> {
    /// Runs each track until it ends or fails.
    pub fn run(&self, tracks: &mut [Track], tally: &mut Tally, display: &mut Display) -> Result<()> {
        let (todo, work) = channel::<(usize, StageRun)>();
        let (tell, events) = channel::<Event>();
        let work = Mutex::new(work);
        let n_tracks = tracks.len();
        let mut state = State {
            scheduler: self,
            tracks,
            tally,
            display,
            jobs: vec![],
            by_key: BTreeMap::new(),
            ready: BTreeSet::new(),
            busy: BTreeSet::new(),
            running: BTreeSet::new(),
            kinds: kinds(&self.planner.pipeline),
            error: None,
        };
        (0..n_tracks).for_each(|track| state.advance(track));
        if state.ready.is_empty() {
            return Ok(());
        }
        thread::scope(|scope| {
            let gpus = gpu_names(self.planner.machine.n_gpus);
            for worker in 0..self.n_jobs {
                let (tell, work) = (tell.clone(), &work);
                let gpu = (!gpus.is_empty()).then(|| gpus[worker % gpus.len()].clone());
                scope.spawn(move || self.work(work, gpu.as_deref(), &tell));
            }
            state.dispatch_all(&todo, &events);
            // The worker threads end when this channel is closed.
            drop(todo);
        });
        state.error.map_or(Ok(()), Err)
    }

    /// The loop of a worker thread: executes one run after the other. If there are GPUs, it uses only one of them.
    fn work(&self, work: &Mutex<Receiver<(usize, StageRun)>>, gpu: Option<&str>, tell: &Sender<Event>) {
        loop {
            let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((id, run)) = next else { return };
            let _ = tell.send(Event::Start(id));
            let on_progress = {
                let tell = Mutex::new(tell.clone());
                move |progress| {
                    let _ = tell.lock().unwrap_or_else(PoisonError::into_inner).send(Event::Progress(id, progress));
                }
            };
            let _ = tell.send(Event::End(id, self.executor.execute(&run, gpu, &on_progress)));
        }
    }
}

impl State<'_, '_> {
    fn dispatch_all(&mut self, todo: &Sender<(usize, StageRun)>, events: &Receiver<Event>) {
        let mut looked = Instant::now();
        loop {
            if looked.elapsed() >= TICK {
                self.look_after_others();
                looked = Instant::now();
            }
            while !self.is_stopping() && self.running.len() < self.scheduler.n_jobs {
                let Some((_, id)) = self.ready.pop_first() else { break };
                self.running.insert(id);
                let _ = todo.send((id, self.jobs[id].run.clone()));
            }
            if self.running.is_empty() && (self.busy.is_empty() || self.is_stopping()) {
                return;
            }
            match events.recv_timeout(TICK) {
                Ok(event) => self.hear(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let whole = self.whole();
            self.display.whole(&whole);
        }
    }

    /// Tries the runs again that other runners have released.
    fn look_after_others(&mut self) {
        let Self { busy, ready, jobs, scheduler, .. } = self;
        let is_held = |(_, id): &(Urgency, usize)| {
            let run = &jobs[*id].run;
            scheduler.executor.store.is_under_way(&run.key)
        };
        let free: Vec<_> = busy.iter().filter(|job| !is_held(job)).copied().collect();
        for job in free {
            busy.remove(&job);
            ready.insert(job);
        }
    }

    fn is_stopping(&self) -> bool {
        interrupt::requested() || self.error.is_some() || self.scheduler.executor.is_stopped.load(Ordering::SeqCst)
    }

    /// Takes a track to its next run, which becomes ready unless another track wants it too.
    fn advance(&mut self, track: usize) {
        let Scheduler { planner, executor, works, .. } = *self.scheduler;
        let run = planner.skip_finished(&executor.store, &mut self.tracks[track], &mut self.tally.cached);
        // A run that this call executed does not count as found in the store.
        self.tally.cached.retain(|key| !self.tally.executed.contains(key));
        let Some(run) = run else { return self.fail_with_others(track) };
        if let Some(id) = self.by_key.get(&run.key) {
            self.jobs[*id].tracks.push(track);
            return;
        }
        let cell = self.tracks[track].cell.as_ref();
        let work = cell.and_then(|cell| works.get(&work_key(cell)).copied());
        let weight = work
            .map_or_else(|| cell.map_or(0, |cell| (cell.rate * 1000.0) as u64), |work| work.n_forward_backward_passes);
        let order = match run.stage {
            Stage::Train => 2,
            Stage::Evaluate => 1,
            _ => 0,
        };
        let id = self.jobs.len();
        let urgency = (order, cell.map_or(0, |cell| cell.seed), std::cmp::Reverse(weight), id);
        self.ready.insert((urgency, id));
        self.by_key.insert(run.key.clone(), id);
        let work = work.filter(|_| run.stage == Stage::Train);
        self.jobs.push(Job { run, tracks: vec![track], work, urgency });
    }

    /// Lets a track fail if its evaluation needs the network of another cell that has failed.
    fn fail_with_others(&mut self, track: usize) {
        let cell = self.tracks[track].cell.as_ref().filter(|_| self.tracks[track].next_stage().is_some());
        let others = cell.map_or_else(Vec::new, |cell| self.scheduler.planner.transfer_from(cell));
        let is_other = |track: &&Track| track.cell.as_ref().is_some_and(|cell| others.contains(cell));
        let failure = self.tracks.iter().filter(is_other).find_map(|track| track.failure.clone());
        let Some(failure) = failure else { return };
        if let Some((labels, _)) = self.tally.failures.iter_mut().find(|(_, known)| *known == failure) {
            labels.push(self.tracks[track].label.clone());
        }
        self.tracks[track].failure = Some(failure);
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Start(id) => {
                let run = &self.jobs[id].run;
                self.display.start(id, format!("{} {}", run.stage, run.label));
            }
            Event::Progress(id, progress) => self.display.progress(id, progress),
            Event::End(id, Ok(ended)) => {
                self.running.remove(&id);
                if let Err(error) = self.note(id, &ended) {
                    self.stop(error);
                }
                match ended.outcome {
                    Outcome::Finished(finished) => self.finished(id, &finished),
                    Outcome::Failed(failure) => self.failed(id, &failure),
                    Outcome::Stopped => self.display.end(id, "stopped"),
                    Outcome::Busy => {
                        self.display.leave(id);
                        self.busy.insert((self.jobs[id].urgency, id));
                    }
                }
            }
            Event::End(id, Err(error)) => {
                self.running.remove(&id);
                self.display.end(id, "stopped");
                let run = &self.jobs[id].run;
                let context = format!("failed to run {} for {}", run.stage, run.label);
                self.stop(error.context(context));
            }
        }
    }

    fn note(&mut self, id: usize, ended: &Ended) -> Result<()> {
        let Some(spent) = &ended.spent else { return Ok(()) };
        let job = &self.jobs[id];
        let cells = job.tracks.iter().map(|track| self.tracks[*track].label.clone()).collect();
        let n_passes = job.work.map(|work| work.n_forward_backward_passes);
        let entry = Entry::now(&job.run, cells, spent, n_passes);
        self.scheduler.ledger.append(&entry)?;
        let cell = self.tracks[job.tracks[0]].cell.as_ref().filter(|_| entry.is_success());
        if let Some(kind) = cell.and_then(|cell| self.kinds.get(&(job.run.stage, cell.arm))) {
            let n_units = job.work.map_or(1.0, |work| work.n_forward_backward_passes as f64);
            let sum = self.tally.spent.entry(kind.clone()).or_default();
            *sum = (sum.0 + entry.wall_s, sum.1 + n_units);
        }
        self.tally.entries.push(entry);
        Ok(())
    }

    fn finished(&mut self, id: usize, finished: &Finished) {
        let (stage, key) = (self.jobs[id].run.stage, self.jobs[id].run.key.clone());
        let how = match self.tally.entries.last().filter(|entry| entry.key == key) {
            Some(entry) => {
                self.tally.executed.insert(key);
                format!("done in {}", duration(entry.wall_s))
            }
            None => {
                self.tally.cached.insert(key);
                "done by another runner".to_owned()
            }
        };
        self.display.end(id, &how);
        for track in self.jobs[id].tracks.clone() {
            self.tracks[track].done.insert(stage, finished.clone());
            self.advance(track);
        }
        for track in self.waiting_for(id) {
            self.advance(track);
        }
    }

    /// The tracks whose evaluations wait for a network of this job's cells.
    fn waiting_for(&self, id: usize) -> Vec<usize> {
        let Job { run, tracks, .. } = &self.jobs[id];
        let made: Vec<&Cell> = tracks.iter().filter_map(|track| self.tracks[*track].cell.as_ref()).collect();
        let is_waiting = |track: &Track| {
            let others = track.cell.iter().flat_map(|cell| self.scheduler.planner.transfer_from(cell));
            track.next_stage() == Some(Stage::Evaluate) && others.into_iter().any(|other| made.contains(&&other))
        };
        match run.stage {
            Stage::Inject | Stage::Train => (0..self.tracks.len())
                .filter(|track| !tracks.contains(track) && is_waiting(&self.tracks[*track]))
                .collect(),
            _ => vec![],
        }
    }

    fn failed(&mut self, id: usize, failure: &Failure) {
        let job = &self.jobs[id];
        self.tally.executed.insert(job.run.key.clone());
        self.display.end(id, &format!("failed: {} (log: {})", failure.reason, failure.log.display()));
        for track in &job.tracks {
            self.tracks[*track].failure = Some(failure.clone());
        }
        let labels = job.tracks.iter().map(|track| self.tracks[*track].label.clone()).collect();
        self.tally.failures.push((labels, failure.clone()));
        for track in self.waiting_for(id) {
            self.fail_with_others(track);
        }
        if self.scheduler.fail_fast {
            self.stop(anyhow!("stopped at the first failure, as --fail-fast says"));
        }
    }

    /// Ends the runs under way and starts no more. If this is called several times, the first error is kept.
    fn stop(&mut self, error: anyhow::Error) {
        self.scheduler.executor.is_stopped.store(true, Ordering::SeqCst);
        crate::machine::process::signal_all(nix::sys::signal::Signal::SIGTERM);
        self.error.get_or_insert(error);
    }

    fn whole(&mut self) -> Whole {
        if self.tracks.iter().any(|track| track.cell.is_some()) {
            self.tally.n_cells_ended = self.tracks.iter().filter(|track| track.status() != Status::Missing).count();
        }
        Whole {
            n_cells: self.tally.n_cells,
            n_cells_ended: self.tally.n_cells_ended,
            n_executed: self.tally.executed.len(),
            n_cached: self.tally.cached.len(),
            n_failed: self.tally.failures.len(),
            left_s: self.left_s(),
        }
    }

    /// Estimated seconds left, from the pace of each kind of run so far. None until each kind has run once.
    fn left_s(&self) -> Option<f64> {
        let pace = |stage, cell: &Cell| {
            let (seconds, n_units) = self.tally.spent.get(self.kinds.get(&(stage, cell.arm))?)?;
            (*n_units > 0.0).then(|| seconds / n_units)
        };
        let mut left_s = 0.0;
        let mut seen = BTreeSet::new();
        for (i, track) in self.tracks.iter().enumerate() {
            let (Some(cell), Some(next)) = (&track.cell, track.next_stage()) else { continue };
            let job = self.jobs.iter().position(|job| job.run.stage == next && job.tracks.contains(&i));
            if job.is_some_and(|id| !seen.insert(id)) {
                continue;
            }
            let left = job.map_or(1.0, |id| 1.0 - self.display.share(id));
            if next == Stage::Evaluate {
                left_s += left * pace(next, cell)?;
                continue;
            }
            let share = if next == Stage::Train { left } else { 1.0 };
            let n_passes = share * self.scheduler.works.get(&work_key(cell))?.n_forward_backward_passes as f64;
            // An unknown pace of evaluations counts as 0, because they are short compared with trainings.
            left_s += n_passes * pace(Stage::Train, cell)? + pace(Stage::Evaluate, cell).unwrap_or(0.0);
        }
        (left_s > 0.0).then(|| left_s / self.scheduler.n_jobs as f64)
    }
}
