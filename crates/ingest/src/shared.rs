//! Memory that small things share.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};

/// So many bytes and fewer are small.
pub(crate) const SMALL_BYTES: usize = 16 << 10;
/// Most bytes of a block.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;
/// Things of the size of the first for which a block has room.
const BLOCK_THINGS: usize = 20;

/// A thread's memory for small things, which lie one behind the other in blocks. An allocation for each, which another thread frees,
/// has the two wait for one another.
pub(crate) struct Shared {
    /// Where a thing lies until its size is known.
    scratch: Vec<u8>,
    /// Empty, and what is free is its capacity.
    block: BytesMut,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self { scratch: Vec::with_capacity(SMALL_BYTES + 1), block: BytesMut::new() }
    }

    /// Begins a block for what is read next. What holds on to a block is counted within it, which has a thread wait where others
    /// let go of the block that it fills.
    pub(crate) fn begin_block(&mut self) {
        self.block = BytesMut::new();
    }

    /// All that the reader gives, if it is small; else a part was read.
    pub(crate) fn read(&mut self, reader: impl Read) -> io::Result<Option<Bytes>> {
        self.scratch.clear();
        let n_bytes = reader.take(SMALL_BYTES as u64 + 1).read_to_end(&mut self.scratch)?;
        if n_bytes > SMALL_BYTES {
            return Ok(None);
        }
        if self.block.capacity() < n_bytes {
            self.block = BytesMut::with_capacity((BLOCK_THINGS * n_bytes).min(BLOCK_BYTES));
        }
        self.block.extend_from_slice(&self.scratch);
        Ok(Some(self.block.split().freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_is_read_whole_and_what_never_ends_is_not_waited_for() {
        let mut shared = Shared::new();
        let small = [vec![], vec![1; 100], vec![2; SMALL_BYTES], vec![3; 7]];
        let read: Vec<_> = small.iter().map(|bytes| shared.read(&bytes[..]).unwrap().unwrap()).collect();
        assert!(shared.read(io::repeat(4)).unwrap().is_none());
        assert_eq!(read, small);
    }
}
