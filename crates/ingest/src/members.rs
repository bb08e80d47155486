//! The members of a tar archive, one after another, with names that are believed only when they stay within the folder.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entries, PaxExtensions};

use crate::error::wrong;
use crate::inner_path::within;
use crate::{IngestError, SourceError};

/// Longest extension header that is read, which holds a name.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// A member of an archive.
pub(crate) struct Member<'a> {
    /// Its path, with `/`, without `.`.
    pub(crate) name: String,
    /// Whether it is a file, and no link or device.
    pub(crate) is_file: bool,
    /// How many bytes it should have.
    pub(crate) n_bytes: u64,
    /// Its bytes; they are skipped where they are not read.
    pub(crate) body: &'a mut dyn Read,
}

/// The first bytes of files that are packed otherwise than with gzip.
const PACKED: [(&[u8], &str); 5] = [
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ", "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
];

/// Visits the members of an archive that are no folders, in order. Its first bytes tell whether it is packed with gzip.
pub(crate) fn each_member(
    path: &Path,
    visit: &mut dyn FnMut(Member) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let damaged = |source| damaged(path, &source);
    let mut file = File::open(path).map_err(damaged)?;
    let mut first = Vec::new();
    (&file).take(8).read_to_end(&mut first).map_err(damaged)?;
    file.rewind().map_err(damaged)?;
    let shown = path.display();
    if first.is_empty() {
        return Err(wrong!("`{shown}` has 0 bytes, expected a tar archive").into());
    }
    if let Some((_, found)) = PACKED.iter().find(|(magic, _)| first.starts_with(magic)) {
        return Err(wrong!("`{shown}` is a {found} file, expected a tar archive, perhaps packed with gzip").into());
    }
    if !first.starts_with(b"\x1f\x8b") {
        let mut archive = Archive::new(BufReader::new(file));
        walk(path, archive.entries_with_seek().map_err(damaged)?, visit)
    } else {
        let mut archive = Archive::new(MultiGzDecoder::new(BufReader::new(file)));
        walk(path, archive.entries().map_err(damaged)?, visit)?;
        // To the end, where the checksum of the whole is.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map(|_| ()).map_err(|source| damaged(source).into())
    }
}

/// The error of what is no tar archive, cut short, or damaged.
pub(crate) fn damaged(path: &Path, error: &io::Error) -> SourceError {
    wrong!("`{}` cannot be read as a tar archive: {error}", path.display())
}

/// Entries are taken raw: the `tar` crate would read extension headers of any length into memory.
fn walk<R: Read>(
    path: &Path,
    entries: Entries<R>,
    visit: &mut dyn FnMut(Member) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let damaged = |source| damaged(path, &source);
    let mut long_name = None;
    for entry in entries.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            let header = read_header(&mut entry).map_err(damaged)?;
            long_name = if kind.is_gnu_longname() { Some(header) } else { name_of_pax(&header).or(long_name) };
            continue;
        }
        if kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
            continue;
        }
        let bytes = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches('\0');
        let name = within(text).ok_or_else(|| {
            let path = path.display();
            wrong!("`{path}`: member `{text}` is absolute or leaves the folder, expected paths within it")
        })?;
        if kind.is_dir() {
            continue;
        }
        let (is_file, n_bytes) = (kind.is_file() || kind.is_contiguous(), entry.size());
        visit(Member { name, is_file, n_bytes, body: &mut entry })?;
    }
    Ok(())
}

fn read_header(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(MAX_HEADER_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_HEADER_BYTES {
        return Err(io::Error::other(format!("a header has more than {MAX_HEADER_BYTES} bytes")));
    }
    Ok(bytes)
}

fn name_of_pax(header: &[u8]) -> Option<Vec<u8>> {
    let mut records = PaxExtensions::new(header).filter_map(Result::ok);
    records.find(|record| record.key_bytes() == b"path").map(|record| record.value_bytes().to_owned())
}
