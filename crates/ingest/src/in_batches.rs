//! Makes a row of each item in parallel, and passes the rows on in the items' order.

use std::mem;

use rayon::prelude::*;

/// The most items of a batch.
const BATCH_ITEMS: usize = 1024;
/// The most bytes of a batch: these, and more for each thread, so that many threads do not wait for one large image.
const BATCH_BYTES: u64 = 8 << 20;
const THREAD_BYTES: u64 = 2 << 20;

/// Makes a row of each item, and passes the rows of a batch on while those of the next are made.
///
/// `n_bytes` is how many bytes an item's row holds. So at most two batches are held at a time; an item with more bytes than a batch
/// may have is a batch of its own.
///
/// # Errors
/// The first of `pass_on`. No further batch is begun then.
pub(crate) fn in_batches<'a, T: Sync, R: Send, E: Send>(
    items: &'a [T],
    n_bytes: impl Fn(&T) -> u64 + Sync,
    make: impl Fn(&'a T) -> R + Sync,
    mut pass_on: impl FnMut(Vec<R>) -> Result<(), E> + Send,
) -> Result<(), E> {
    let max_bytes = max_batch_bytes();
    let mut made = Vec::new();
    for window in items.chunks(BATCH_ITEMS) {
        let sizes: Vec<u64> = window.par_iter().map(&n_bytes).collect();
        let mut begin = 0;
        while begin < window.len() {
            let end = begin + n_fitting(&sizes[begin..], max_bytes);
            let make_next = || window[begin..end].par_iter().with_max_len(1).map(&make).collect();
            let (passed_on, next) = rayon::join(|| pass_on(mem::take(&mut made)), make_next);
            passed_on?;
            (made, begin) = (next, end);
        }
    }
    pass_on(made)
}

fn max_batch_bytes() -> u64 {
    BATCH_BYTES + THREAD_BYTES * rayon::current_num_threads() as u64
}

/// How many of the first items have no more than `max_bytes` together; at least one.
fn n_fitting(sizes: &[u64], max_bytes: u64) -> usize {
    let mut sum = 0_u64;
    let fits = |&&size: &&u64| {
        sum = sum.saturating_add(size);
        sum <= max_bytes
    };
    sizes.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// Passes on the sizes of so many items, each of which holds its size. Also the most bytes that were held at once.
    fn sizes_in_batches(sizes: &[u64]) -> (Vec<u64>, u64) {
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut passed_on = Vec::new();
        let make = |&size: &u64| {
            most.fetch_max(held.fetch_add(size, Ordering::SeqCst) + size, Ordering::SeqCst);
            // The small ones overtake the large.
            thread::sleep(Duration::from_micros(size / MIB * 20));
            size
        };
        let pass_on = |sizes: Vec<u64>| {
            held.fetch_sub(sizes.iter().sum(), Ordering::SeqCst);
            passed_on.extend(sizes);
            Ok::<_, ()>(())
        };
        in_batches(sizes, |&size| size, make, pass_on).unwrap();
        (passed_on, most.into_inner())
    }

    #[test]
    fn rows_are_passed_on_in_order_and_at_most_two_batches_are_held() {
        let check = |sizes: &[u64], largest: u64| {
            let (passed_on, most) = sizes_in_batches(sizes);
            assert_eq!(passed_on, sizes);
            assert!(most <= 2 * max_batch_bytes().max(largest), "{most} bytes were held");
        };
        check(&[], 0);
        check(&[0; 10_000], 0);
        check(&[MIB; 200], MIB);
        check(&[1000 * MIB, MIB, 1000 * MIB, 3], 1000 * MIB);
        let mixed: Vec<_> = (0..2000).map(|at: u64| at * 7919 % 20 * MIB).collect();
        check(&mixed, 20 * MIB);
    }

    #[test]
    fn a_batch_ends_before_the_item_that_does_not_fit() {
        let cases: [(&[u64], usize); 6] =
            [(&[1], 1), (&[11], 1), (&[4, 6, 1], 2), (&[10, 0, 0, 1], 3), (&[11, 1], 1), (&[1, u64::MAX, 1], 1)];
        for (sizes, expected) in cases {
            assert_eq!(n_fitting(sizes, 10), expected, "{sizes:?}");
        }
    }

    #[test]
    fn an_error_ends_the_work() {
        let (n_made, items) = (AtomicU64::new(0), vec![(); 1_000_000]);
        let make = |(): &()| n_made.fetch_add(1, Ordering::Relaxed);
        let mut n_passed_on = 0;
        let pass_on = |made: Vec<u64>| {
            n_passed_on += made.len();
            if n_passed_on < 5000 { Ok(()) } else { Err("the disk is full") }
        };
        assert_eq!(in_batches(&items, |()| 0, make, pass_on), Err("the disk is full"));
        assert!(n_passed_on < 5000 + BATCH_ITEMS && n_made.into_inner() <= (n_passed_on + BATCH_ITEMS) as u64);
    }

    #[test]
    fn a_panic_goes_on_to_the_caller() {
        let items: Vec<_> = (0..10_000).collect();
        let make = |&at: &u64| assert_ne!(at, 5000, "a decoder gave up");
        let work = || in_batches(&items, |_| MIB, make, |_| Ok::<_, ()>(()));
        assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
    }
}
