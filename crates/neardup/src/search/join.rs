//! A *join* compares the hashes of two partitions wherever their keys are alike.
//!
//! The innermost loop streams one bucket, a block of eight hashes at a time, past four hashes of another. Only where a
//! block holds a pair is it looked at hash by hash. A bucket's first and last block may hold hashes of its neighbours:
//! they are compared too, for that is cheaper than to treat the edges, and told apart in that second look.

use std::ops::{ControlFlow, Range};

use multiversion::multiversion;
use multiversion::target::match_target;

use super::distance_bits;
use super::index::Partition;
#[cfg(target_arch = "x86_64")]
use super::lanes::avx512;
use super::lanes::{Block, GROUP, Group, LANES, Lanes, first_near};

/// Two partitions, and which of their hashes to compare.
pub(super) struct Task<'a, const W: usize> {
    pub left: &'a Partition<W>,
    /// The hashes of `left` that take part.
    pub places: Range<usize>,
    pub right: &'a Partition<W>,
    /// How the keys of compared hashes differ.
    pub masks: &'a [u32],
    /// Whether `left` and `right` are the same: then each two hashes are compared once, and none with itself.
    pub is_within: bool,
    /// In how many bits hashes may differ.
    pub radius: u32,
}

/// Two places of a task within the radius.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub left: usize,
    pub right: usize,
    pub distance_bits: u32,
}

/// Whom a join tells; a break ends it.
type Tell<'a> = dyn FnMut(Hit) -> ControlFlow<()> + 'a;

/// Tells of all pairs of a task.
///
/// The build targets any x86-64, which has not even a population count: what more the processor at hand has is found out
/// here, once a call.
#[multiversion(targets(
    "x86_64+avx512f+avx512vpopcntdq+avx2+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+avx2+bmi1+bmi2+lzcnt+popcnt",
    "x86_64+popcnt+sse4.2",
))]
pub(super) fn join<const W: usize>(task: &Task<'_, W>, tell: &mut Tell<'_>) -> ControlFlow<()> {
    match_target! {
        "x86_64+avx512f+avx512vpopcntdq" => {
            task.join(|group: &Group<W>, blocks: &[Block<W>], radius| avx512::first_near(group, blocks, radius), tell)
        }
        _ => task.join(|group: &Group<W>, blocks: &[Block<W>], radius| first_near(group, blocks, radius), tell),
    }
}

// All is inlined into `join`, to be compiled for the same processors.
impl<const W: usize> Task<'_, W> {
    #[inline(always)]
    fn join(
        &self,
        first_near: impl Fn(&Group<W>, &[Block<W>], u32) -> Option<usize> + Copy,
        tell: &mut Tell<'_>,
    ) -> ControlFlow<()> {
        for (key, bounds) in self.left.starts.windows(2).enumerate() {
            let bucket = (bounds[0] as usize).max(self.places.start)..(bounds[1] as usize).min(self.places.end);
            for start in bucket.clone().step_by(GROUP) {
                let lefts = start..(start + GROUP).min(bucket.end);
                // Past the last hash the last is compared again.
                let hash = |number: usize| self.left.hash((start + number).min(lefts.end - 1));
                let group = std::array::from_fn(|number| hash(number).map(|word| Lanes([word; LANES])));
                for mask in self.masks {
                    let other = key ^ *mask as usize;
                    let mut rights = self.right.starts[other] as usize..self.right.starts[other + 1] as usize;
                    if self.is_within && other == key {
                        rights.start = lefts.end.next_multiple_of(LANES).min(rights.end);
                        for left in lefts.clone() {
                            self.look(left, left + 1..rights.start, tell)?;
                        }
                    } else if self.is_within && other < key {
                        continue;
                    }
                    self.join_group(&group, lefts.clone(), rights, first_near, tell)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    #[inline(always)]
    fn join_group(
        &self,
        group: &Group<W>,
        lefts: Range<usize>,
        rights: Range<usize>,
        first_near: impl Fn(&Group<W>, &[Block<W>], u32) -> Option<usize>,
        tell: &mut Tell<'_>,
    ) -> ControlFlow<()> {
        let mut blocks = rights.start / LANES..rights.end.div_ceil(LANES);
        while let Some(number) = first_near(group, &self.right.blocks[blocks.clone()], self.radius) {
            let block = blocks.start + number;
            blocks.start = block + 1;
            let rights = rights.start.max(block * LANES)..rights.end.min(blocks.start * LANES);
            for left in lefts.clone() {
                self.look(left, rights.clone(), tell)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Tells which of `rights` are within the radius of one hash.
    #[inline(always)]
    fn look(&self, left: usize, rights: Range<usize>, tell: &mut Tell<'_>) -> ControlFlow<()> {
        let hash = self.left.hash(left);
        for right in rights {
            let distance_bits = distance_bits(&hash, &self.right.hash(right));
            if distance_bits <= self.radius {
                tell(Hit { left, right, distance_bits })?;
            }
        }
        ControlFlow::Continue(())
    }
}
