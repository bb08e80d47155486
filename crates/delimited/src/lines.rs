//! The lines of a text, by byte.

/// Counts lines on the way through a text, as an editor does. The CSV reader's own count is one too small where lines end in
/// CR LF, and where empty lines stand before a row.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The line, from 1, of the row that the reader began to look for at the byte `start`. Calls go forwards only.
    pub(crate) fn of_row(&mut self, start: u64) -> u64 {
        while let Some(&byte) = self.text.get(self.at)
            && ((self.at as u64) < start || is_end(byte))
        {
            let is_second = byte == b'\n' && self.at > 0 && self.text[self.at - 1] == b'\r';
            self.line += u64::from(is_end(byte) && !is_second);
            self.at += 1;
        }
        self.line
    }
}

/// Whether a byte ends a line.
pub(crate) fn is_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}
