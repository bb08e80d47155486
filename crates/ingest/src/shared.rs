//! Memory that small things share.

use std::io::{self, ErrorKind, Read};

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
    scratch: Box<[u8]>,
    /// Empty, and what is free is its capacity.
    block: BytesMut,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self { scratch: vec![0; SMALL_BYTES + 1].into(), block: BytesMut::new() }
    }

    /// Begins a block for what is read next. What holds on to a block is counted within it, which has a thread wait where others
    /// let go of the block that it fills.
    pub(crate) fn begin_block(&mut self) {
        self.block = BytesMut::new();
    }

    /// All that the reader gives, if it is small; else a part was read.
    pub(crate) fn read(&mut self, mut reader: impl Read) -> io::Result<Option<Bytes>> {
        let n_bytes = fill(&mut reader, &mut self.scratch)?;
        if n_bytes > SMALL_BYTES {
            return Ok(None);
        }
        if self.block.capacity() < n_bytes {
            self.block = BytesMut::with_capacity((BLOCK_THINGS * n_bytes).min(BLOCK_BYTES));
        }
        self.block.extend_from_slice(&self.scratch[..n_bytes]);
        Ok(Some(self.block.split().freeze()))
    }
}

/// Reads until the buffer is full or nothing follows; how many bytes it has then.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n_read = 0;
    while n_read < buffer.len() {
        match reader.read(&mut buffer[n_read..]) {
            Ok(0) => break,
            Ok(n) => n_read += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n_read)
}
