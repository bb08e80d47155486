//! Items that all threads make something of, handed on in the items' order.
//!
//! Threads take short runs of items, one after another, and whoever finishes the run that is next hands on what was made of
//! it. None waits for another, but where so much is held that it has to be handed on first. What is held is little, so that
//! memory is used again while it is warm.

use std::collections::BTreeMap;
use std::mem;
use std::ops::Range;
use std::slice;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;

use crate::shared::Shared;

/// Bytes of what was made and waits to be handed on. Once there are so many, no thread begins another item, but for that of
/// the run that is next; so no more is held than this and, for each thread, one item, what it has read ahead and what it has
/// not said.
const HELD_BYTES: u64 = 16 << 20;
/// Runs that are begun before the one that is next is handed on.
const MAX_AHEAD: usize = 256;
/// Items of a run, and the bytes that they are to have together; so many at most are read before the first of them is made.
const RUN_ITEMS: usize = 32;
const RUN_BYTES: u64 = 128 << 10;
/// Bytes that a thread holds before it says so: to say it of each small item would have the threads wait for one another.
const UNSAID_BYTES: u64 = 64 << 10;

/// What a thread makes something in.
pub(crate) struct Room<'a> {
    pub(crate) ask: &'a mut dyn FnMut(u64),
    pub(crate) shared: &'a mut Shared,
}

impl Room<'_> {
    /// Returns once there is room for so many bytes.
    pub(crate) fn ask(&mut self, n_bytes: u64) {
        (self.ask)(n_bytes);
    }
}

/// Makes something of each item, on rayon's threads, and hands it on in the items' order, some at a time.
///
/// A few items are read one after the other before something is made of them, so that reading, which is the system's code and data,
/// and making do not drive one another out of the processor's caches. Before `read` holds many bytes it [asks](Room::ask) for the room
/// of what is read and made. What was made of a few items is completed together.
///
/// # Errors
/// The first of `hand_on`; then no further item is begun.
pub(crate) fn in_order<'a, T: Sync, B, P, M: Send, E: Send>(
    items: &'a [T],
    read: impl Fn(&'a T, &mut Room) -> B + Sync,
    make: impl Fn(&'a T, B) -> P + Sync,
    complete: impl Fn(Vec<P>) -> Vec<M> + Sync,
    hand_on: impl FnMut(Vec<M>) -> Result<(), E> + Send,
) -> Result<(), E> {
    let state = State {
        n_items_begun: 0,
        n_runs_begun: 0,
        next: 0,
        waiting: BTreeMap::new(),
        held: 0,
        seen: Held::default(),
        outcome: Ok(()),
        is_stopped: false,
    };
    let (hand_on, state) = (Mutex::new(hand_on), Mutex::new(state));
    let work = Work { items, read, make, complete, hand_on, state, changed: Condvar::new() };
    rayon::broadcast(|_| work.help());
    work.state.into_inner().expect("a panic would have gone on").outcome
}

/// What the threads share.
struct Work<'a, T, M, E, G, F, C, H> {
    items: &'a [T],
    read: G,
    make: F,
    complete: C,
    hand_on: Mutex<H>,
    state: Mutex<State<M, E>>,
    changed: Condvar,
}

struct State<M, E> {
    n_items_begun: usize,
    n_runs_begun: usize,
    /// The run that is to be handed on next.
    next: usize,
    /// What was made of runs behind it.
    waiting: BTreeMap<usize, (Vec<M>, Held)>,
    /// Bytes of what was made and not handed on.
    held: u64,
    /// Items and bytes that were handed on: what the next ones are likely to have.
    seen: Held,
    outcome: Result<(), E>,
    is_stopped: bool,
}

/// What was made of a run and not completed.
struct Run<P> {
    /// Its place among the runs.
    at: usize,
    made: Vec<P>,
    held: Held,
    /// Bytes of it that are not among all that is held yet.
    unsaid: u64,
}

/// Some items and their bytes.
#[derive(Clone, Copy, Default)]
struct Held {
    n_items: u64,
    n_bytes: u64,
}

impl<M, E> State<M, E> {
    /// How many items a run begins with.
    fn run_items(&self) -> usize {
        if self.seen.n_items == 0 {
            // They may be large, and then threads would wait for the first of these runs.
            return 1;
        }
        let fitting = RUN_BYTES.saturating_mul(self.seen.n_items).checked_div(self.seen.n_bytes);
        fitting.and_then(|n| usize::try_from(n).ok()).unwrap_or(RUN_ITEMS).clamp(1, RUN_ITEMS)
    }

    fn release(&mut self, held: Held) {
        self.held -= held.n_bytes;
        self.seen.n_items += held.n_items;
        self.seen.n_bytes += held.n_bytes;
    }
}

impl<'a, T, B, P, M, E, G, F, C, H> Work<'a, T, M, E, G, F, C, H>
where
    G: Fn(&'a T, &mut Room) -> B,
    F: Fn(&'a T, B) -> P,
    C: Fn(Vec<P>) -> Vec<M>,
    H: FnMut(Vec<M>) -> Result<(), E>,
{
    /// What each thread does, until nothing is left to do.
    fn help(&self) {
        let _stop = StopOnPanic(|| self.stop(&mut self.lock()));
        let (mut shared, mut ahead) = (Shared::new(), Vec::new());
        while let Some((run, items)) = self.begin() {
            shared.begin_block();
            let mut run = Run { at: run, made: Vec::with_capacity(items.len()), held: Held::default(), unsaid: 0 };
            let mut items = self.items[items].iter();
            while !items.as_slice().is_empty() {
                self.read_ahead(&mut items, &mut run, &mut shared, &mut ahead);
                for (item, read, n_held) in ahead.drain(..) {
                    run.made.push((self.make)(item, read));
                    run.held.n_items += 1;
                    run.held.n_bytes += n_held;
                }
            }
            self.finish(run);
        }
    }

    /// Reads the next items of a run, one at least; with each are the bytes that it holds.
    fn read_ahead(
        &self,
        items: &mut slice::Iter<'a, T>,
        run: &mut Run<P>,
        shared: &mut Shared,
        ahead: &mut Vec<(&'a T, B, u64)>,
    ) {
        let mut n_ahead = 0;
        while n_ahead < RUN_BYTES
            && let Some(item) = items.next()
        {
            let mut n_held = 0;
            let mut ask = |n_bytes| {
                if run.unsaid + n_bytes >= UNSAID_BYTES {
                    self.wait_for_room(run);
                }
                n_held += n_bytes;
            };
            let read = (self.read)(item, &mut Room { ask: &mut ask, shared });
            ahead.push((item, read, n_held));
            n_ahead += n_held;
            run.unsaid += n_held;
            if run.unsaid >= UNSAID_BYTES {
                self.lock().held += mem::take(&mut run.unsaid);
            }
        }
    }

    /// The next run, and its items.
    fn begin(&self) -> Option<(usize, Range<usize>)> {
        // While a run is ahead of the next one, the next one is under way, and makes room.
        let has_to_wait = |state: &mut State<M, E>| {
            let n_ahead = state.n_runs_begun - state.next;
            !state.is_stopped && (n_ahead >= MAX_AHEAD || n_ahead > 0 && state.held >= HELD_BYTES)
        };
        let mut state = self.changed.wait_while(self.lock(), has_to_wait).expect(UNPOISONED);
        let first = state.n_items_begun;
        if state.is_stopped || first == self.items.len() {
            return None;
        }
        let run = state.n_runs_begun;
        state.n_items_begun += state.run_items().min(self.items.len() - first);
        state.n_runs_begun += 1;
        Some((run, first..state.n_items_begun))
    }

    /// Waits for room, unless the run is next: then what was made of it is handed on, which makes room.
    fn wait_for_room(&self, run: &mut Run<P>) {
        let is_full = |state: &State<M, E>| !state.is_stopped && state.held >= HELD_BYTES;
        let has_to_wait = |state: &mut State<M, E>| is_full(state) && state.next != run.at;
        let mut state = self.lock();
        state.held += mem::take(&mut run.unsaid);
        let state = self.changed.wait_while(state, has_to_wait).expect(UNPOISONED);
        if is_full(&state) && !run.made.is_empty() {
            drop(state);
            self.hand_on((self.complete)(mem::take(&mut run.made)));
            self.lock().release(mem::take(&mut run.held));
            self.changed.notify_all();
        }
    }

    /// Completes the run and hands it on, if it is next, and those that waited for it.
    fn finish(&self, run: Run<P>) {
        let made = (self.complete)(run.made);
        let mut state = self.lock();
        state.held += run.unsaid;
        state.waiting.insert(run.at, (made, run.held));
        while !state.is_stopped {
            let next = state.next;
            let Some((made, held)) = state.waiting.remove(&next) else { break };
            drop(state);
            self.hand_on(made);
            state = self.lock();
            state.next += 1;
            state.release(held);
            self.changed.notify_all();
        }
    }

    /// Called for one run at a time, the next.
    fn hand_on(&self, made: Vec<M>) {
        let outcome = self.hand_on.lock().expect(UNPOISONED)(made);
        if outcome.is_err() {
            let mut state = self.lock();
            state.outcome = outcome;
            self.stop(&mut state);
        }
    }

    fn stop(&self, state: &mut State<M, E>) {
        state.is_stopped = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<M, E>> {
        self.state.lock().expect(UNPOISONED)
    }
}

const UNPOISONED: &str = "nothing that may panic is done under the lock";

/// Tells the other threads, so that none waits for what will not come.
struct StopOnPanic<S: Fn()>(S);

impl<S: Fn()> Drop for StopOnPanic<S> {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0)();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// Hands on the sizes of so many items, each of which holds its size; also the most that was held at once.
    fn sizes_in_order(sizes: &[u64]) -> (Vec<u64>, u64) {
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut handed_on = Vec::new();
        let read = |&size: &u64, room: &mut Room| {
            room.ask(size);
            most.fetch_max(held.fetch_add(size, Ordering::SeqCst) + size, Ordering::SeqCst);
        };
        let make = |&size: &u64, ()| {
            // The small ones overtake the large.
            thread::sleep(Duration::from_micros(size / MIB * 20));
            size
        };
        let hand_on = |sizes: Vec<u64>| {
            held.fetch_sub(sizes.iter().sum(), Ordering::SeqCst);
            handed_on.extend(sizes);
            Ok::<_, ()>(())
        };
        in_order(sizes, read, make, |sizes| sizes, hand_on).unwrap();
        (handed_on, most.into_inner())
    }

    #[test]
    fn what_is_made_is_handed_on_in_order_and_no_more_is_held_than_there_is_room_for() {
        let n_threads = rayon::current_num_threads() as u64;
        let check = |sizes: &[u64], largest: u64| {
            let (handed_on, most) = sizes_in_order(sizes);
            assert_eq!(handed_on, sizes);
            assert!(most <= HELD_BYTES + n_threads * (largest + RUN_BYTES + UNSAID_BYTES), "{most} bytes were held");
        };
        check(&[], 0);
        check(&[0; 10_000], 0);
        check(&[MIB; 200], MIB);
        check(&[1000 * MIB, MIB, 1000 * MIB, 3], 1000 * MIB);
        let mixed: Vec<_> = (0..2000).map(|at: u64| at * 7919 % 20 * MIB).collect();
        check(&mixed, 20 * MIB);
    }

    #[test]
    fn small_items_are_not_begun_either_while_enough_is_held() {
        const SMALL: u64 = 3 << 10;
        let sizes: Vec<_> = [HELD_BYTES, 0].into_iter().chain([SMALL; 20_000]).collect();
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        let read = |&size: &u64, room: &mut Room| {
            if size == 0 {
                // Meanwhile nothing is handed on.
                thread::sleep(Duration::from_millis(50));
            }
            room.ask(size);
            most.fetch_max(held.fetch_add(size, Ordering::SeqCst) + size, Ordering::SeqCst);
        };
        let hand_on = |sizes: Vec<u64>| {
            held.fetch_sub(sizes.iter().sum(), Ordering::SeqCst);
            Ok::<_, ()>(())
        };
        in_order(&sizes, read, |&size, ()| size, |sizes| sizes, hand_on).unwrap();
        let (most, n_threads) = (most.into_inner(), rayon::current_num_threads() as u64);
        assert!(most <= HELD_BYTES + n_threads * (SMALL + RUN_BYTES + UNSAID_BYTES), "{most} bytes were held");
    }

    #[test]
    fn an_error_ends_the_work() {
        let (n_made, items) = (AtomicU64::new(0), vec![(); 1_000_000]);
        let make = |(): &(), ()| n_made.fetch_add(1, Ordering::Relaxed);
        let mut n_handed_on = 0;
        let outcome = in_order(
            &items,
            |_, _| (),
            make,
            |made| made,
            |made| {
                n_handed_on += made.len();
                if n_handed_on < 100 { Ok(()) } else { Err("the disk is full") }
            },
        );
        assert_eq!(outcome, Err("the disk is full"));
        assert!(n_handed_on < 100 + RUN_ITEMS && n_made.into_inner() < 100_000);
    }

    #[test]
    fn a_panic_goes_on_and_no_thread_waits_for_it() {
        let items: Vec<_> = (0..1000).collect();
        let make = |&at: &u64, ()| {
            assert_ne!(at, 20, "a decoder gave up");
        };
        let work = || in_order(&items, |_, room| room.ask(MIB), make, |made| made, |_| Ok::<_, ()>(()));
        assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
    }
}
