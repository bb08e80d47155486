//! *Room* is what a chunk of items may take of memory: of many items each one's size is known when it is opened, and not before.

use std::sync::atomic::{AtomicU64, Ordering};

/// Items of a chunk: enough for many threads, few enough for little memory.
const CHUNK_ITEMS: usize = 2048;
/// Items of the first chunk, of whose sizes nothing is known.
const FIRST_ITEMS: usize = 64;
/// Bytes of source files that a chunk holds.
const CHUNK_BYTES: u64 = 64 << 20;

/// The room of one chunk, shared by the threads that make its items.
pub(crate) struct Room {
    left: AtomicU64,
    n_bytes: AtomicU64,
    n_items: AtomicU64,
}

impl Room {
    pub(crate) fn of_chunk() -> Self {
        Self::new(CHUNK_BYTES)
    }

    /// For one item, whatever its size.
    pub(crate) fn of_item() -> Self {
        Self::new(u64::MAX)
    }

    fn new(n_bytes: u64) -> Self {
        Self { left: AtomicU64::new(n_bytes), n_bytes: AtomicU64::new(0), n_items: AtomicU64::new(0) }
    }

    /// Takes the room of an item. Without enough of it the item has to wait for a later chunk, and no other is begun.
    pub(crate) fn take(&self, n_bytes: u64) -> bool {
        let is_taken =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(n_bytes)).is_ok();
        if is_taken {
            self.n_bytes.fetch_add(n_bytes, Ordering::Relaxed);
            self.n_items.fetch_add(1, Ordering::Relaxed);
        } else {
            self.left.store(0, Ordering::Relaxed);
        }
        is_taken
    }

    /// How many items the next chunk begins with: so many as take half the room, if they are like those of this one.
    pub(crate) fn next_chunk_items(&self) -> usize {
        let (n_bytes, n_items) = (self.n_bytes.load(Ordering::Relaxed), self.n_items.load(Ordering::Relaxed));
        let fitting = (CHUNK_BYTES / 2).saturating_mul(n_items).checked_div(n_bytes).unwrap_or(u64::MAX);
        usize::try_from(fitting).unwrap_or(usize::MAX).clamp(1, CHUNK_ITEMS)
    }
}

/// How many items the first chunk begins with.
pub(crate) fn first_chunk_items() -> usize {
    FIRST_ITEMS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_until_an_item_does_not_fit() {
        let room = Room::of_chunk();
        assert!(room.take(CHUNK_BYTES - 10));
        assert!(!room.take(11));
        assert!(!room.take(1), "nothing is begun once an item had to wait");
        assert!(Room::of_item().take(u64::MAX));
    }

    #[test]
    fn the_next_chunk_is_as_long_as_the_sizes_of_this_one_allow() {
        let check = |sizes: &[u64], expected: usize| {
            let room = Room::of_chunk();
            for &size in sizes {
                assert!(room.take(size));
            }
            assert_eq!(room.next_chunk_items(), expected);
        };
        check(&[], CHUNK_ITEMS);
        check(&[0, 0], CHUNK_ITEMS);
        check(&[1, 3], CHUNK_ITEMS);
        check(&[CHUNK_BYTES / 64; 4], 32);
        check(&[CHUNK_BYTES], 1);
    }
}
