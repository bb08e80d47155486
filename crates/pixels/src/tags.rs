//! The directories of tags that TIFF files consist of, and EXIF data.

/// A directory of tags (TIFF 6.0, section 2).
#[derive(Clone, Copy)]
pub(crate) struct Directory<'a> {
    bytes: &'a [u8],
    is_little: bool,
    /// Whether places and counts have 64 bits (BigTIFF).
    is_big: bool,
    begin: usize,
}

impl<'a> Directory<'a> {
    /// The first directory; none where the bytes are no TIFF.
    pub(crate) fn first(bytes: &'a [u8]) -> Option<Self> {
        let is_little = match bytes.get(..2)? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let file = Self { bytes, is_little, is_big: false, begin: 0 };
        match file.unsigned(2, 2)? {
            42 => file.at(file.unsigned(4, 4)?),
            43 => Self { is_big: true, ..file }.at(file.unsigned(8, 8)?),
            _ => None,
        }
    }

    /// The directory behind this one.
    pub(crate) fn next(&self) -> Option<Self> {
        let end = self.begin + self.count_bytes() + self.n_entries()? * self.entry_bytes();
        match self.unsigned(end, self.place_bytes())? {
            0 => None,
            begin => self.at(begin),
        }
    }

    /// The first number of a tag that holds 8, 16 or 32 bits.
    pub(crate) fn number(&self, tag: u16) -> Option<u64> {
        let first = self.begin + self.count_bytes();
        // Entries are in ascending order, as they should be and often are not.
        let mut entries = (0..self.n_entries()?).map(|n| first + n * self.entry_bytes());
        let entry = entries.find(|&entry| self.unsigned(entry, 2) == Some(u64::from(tag)))?;
        let n_bytes = match self.unsigned(entry + 2, 2)? {
            1 => 1,
            3 => 2,
            4 => 4,
            _ => return None,
        };
        (self.unsigned(entry + 4, self.place_bytes())? == 1).then_some(())?;
        self.unsigned(entry + 4 + self.place_bytes(), n_bytes)
    }

    fn at(self, begin: u64) -> Option<Self> {
        let directory = Self { begin: usize::try_from(begin).ok()?, ..self };
        (directory.begin < self.bytes.len()).then_some(directory)
    }

    fn n_entries(&self) -> Option<usize> {
        // More than there are bytes is nonsense, and keeps the sums above within bounds.
        self.unsigned(self.begin, self.count_bytes())
            .and_then(|n| usize::try_from(n).ok())
            .filter(|&n| n <= self.bytes.len())
    }

    fn count_bytes(&self) -> usize {
        if self.is_big { 8 } else { 2 }
    }

    fn place_bytes(&self) -> usize {
        if self.is_big { 8 } else { 4 }
    }

    fn entry_bytes(&self) -> usize {
        4 + 2 * self.place_bytes()
    }

    /// The number of so many bytes, at most 8.
    fn unsigned(&self, begin: usize, n_bytes: usize) -> Option<u64> {
        let bytes = self.bytes.get(begin..begin.checked_add(n_bytes)?)?;
        let add = |number, &byte: &u8| number << 8 | u64::from(byte);
        Some(if self.is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    }
}

const SUBFILE_TYPE: u16 = 254;
/// Directories that are looked at: a chain may be a ring.
const MAX_DIRECTORIES: usize = 64;

/// Whether a TIFF has further pages behind the first one; a smaller copy of it is none.
pub(crate) fn has_further_pages(tiff: &[u8]) -> bool {
    let first = Directory::first(tiff);
    let further = std::iter::successors(first.and_then(|first| first.next()), Directory::next).take(MAX_DIRECTORIES);
    let is_smaller_copy = |directory: &Directory| directory.number(SUBFILE_TYPE).is_some_and(|kind| kind & 1 == 1);
    further.into_iter().any(|directory| !is_smaller_copy(&directory))
}
