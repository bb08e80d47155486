//! How an encoded image of a file source is taken: read, decoded within limits, resized where the config asks.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::prelude::*;
use std::path::Path;

use bytes::{BufMut, Bytes, BytesMut};
use twinset_manifest::rows::{ImageData, Reject};
use twinset_pixels::Limits;

use crate::resize::Resize;
use crate::taken::{Place, Taken};

/// Why an item gave no image: the short reason, and what was found, which does not say the reason again.
pub(crate) type Rejection = (&'static str, String);

/// Why an item without a label gives none, where its source does not know better.
pub(crate) const UNLABELLED: (&str, &str) = ("unlabelled", "it has no label");

/// Files of so few bytes lie together in memory, and how much memory they are given at a time: so much is held by each.
const SMALL_BYTES: usize = 16 << 10;
const SHARED_BYTES: usize = 64 << 10;

/// How images are taken, the same for all items of a source.
#[derive(Clone, Copy)]
pub(crate) struct Take<'a> {
    /// Largest width × height; an image with more is rejected before it is decoded.
    pub(crate) max_pixels: u64,
    /// Another size than the images' own.
    pub(crate) resize: Option<&'a Resize>,
}

/// What the manifest's `image` will hold.
pub(crate) enum Keep {
    /// The bytes.
    Bytes,
    /// The path of the file that holds them.
    Path(String),
}

impl Take<'_> {
    /// Takes an encoded image.
    pub(crate) fn image(&self, place: Place, bytes: Bytes, keep: Keep) -> Result<Taken, Rejection> {
        let limits = Limits { max_pixels: self.max_pixels };
        let decoded = twinset_pixels::decode(&bytes, &limits).map_err(|error| (error.reason(), error.detail()))?;
        let resized = self.resize.and_then(|resize| resize.apply(&decoded));
        let bytes = resized.as_ref().map_or(bytes, |pixels| twinset_pixels::encode_png(pixels).into());
        let pixels = resized.unwrap_or(decoded);
        let image = match keep {
            Keep::Bytes => ImageData { bytes: Some(bytes), path: None },
            Keep::Path(path) => ImageData { bytes: None, path: Some(path) },
        };
        Ok(Taken::new(place, pixels, image))
    }

    /// Opens a file that may be an image.
    pub(crate) fn open(&self, path: &Path) -> Result<Opened, Rejection> {
        // A pipe that is opened as a file is would be waited for, for ever.
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(("unsupported", "no regular file".to_owned()));
        }
        if metadata.len() > self.max_file_bytes() {
            return Err(self.too_large());
        }
        Ok(Opened { file, n_bytes: metadata.len() })
    }

    /// The bytes of an encoded image; none where they are more than any image within the limits has.
    pub(crate) fn read(&self, file: impl Read) -> io::Result<Option<Vec<u8>>> {
        let limit = self.max_file_bytes();
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 <= limit).then_some(bytes))
    }

    /// What [`read`](Self::read) has nothing for.
    pub(crate) fn too_large(&self) -> Rejection {
        ("too-large", format!("the file has more than {} bytes", self.max_file_bytes()))
    }

    /// Largest file that is read: twice what an uncompressed image of the most pixels takes, and room for metadata.
    fn max_file_bytes(&self) -> u64 {
        self.max_pixels.saturating_mul(16).saturating_add(64 << 20)
    }
}

/// A file that is about to be read.
pub(crate) struct Opened {
    file: File,
    pub(crate) n_bytes: u64,
}

impl Opened {
    /// The file's bytes; those of a small one lie in `shared`.
    pub(crate) fn read(self, shared: &mut BytesMut) -> Result<Bytes, Rejection> {
        let n_bytes = self.n_bytes as usize;
        // What is added meanwhile is not waited for.
        let mut file = self.file.take(self.n_bytes);
        if n_bytes > SMALL_BYTES {
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(n_bytes).map_err(|error| unreadable(error.into()))?;
            file.read_to_end(&mut bytes).map_err(unreadable)?;
            return Ok(bytes.into());
        }
        if shared.capacity() < n_bytes {
            *shared = BytesMut::with_capacity(SHARED_BYTES);
        }
        let copied = io::copy(&mut file, &mut shared.writer());
        let bytes = shared.split().freeze();
        copied.map_or_else(|error| Err(unreadable(error)), |_| Ok(bytes))
    }
}

fn unreadable(error: io::Error) -> Rejection {
    ("unreadable", format!("cannot read the file: {error}"))
}

/// A rejection as a row.
pub(crate) fn reject(source: &str, (reason, detail): Rejection) -> Reject {
    let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
    Reject { source: source.to_owned(), reason: reason.to_owned(), detail }
}

/// A reject for a message: which item, the reason, and what was found.
pub(crate) fn told(Reject { source, reason, detail }: &Reject) -> String {
    format!("`{source}`: {}: {detail}", reason.replace('-', " "))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_of_any_size_are_read_into_shared_memory_or_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let (take, mut shared) = (Take { max_pixels: 1 << 20, resize: None }, BytesMut::new());
        let sizes = [0, 1, SMALL_BYTES, 100, SMALL_BYTES + 1, 7, 3 * SHARED_BYTES];
        let files: Vec<(usize, u8)> = (0..30).flat_map(|_| sizes).zip(0..).collect();
        let read: Vec<_> = files
            .iter()
            .map(|&(n_bytes, byte)| {
                let path = folder.path().join(byte.to_string());
                fs::write(&path, vec![byte; n_bytes]).unwrap();
                take.open(&path).unwrap().read(&mut shared).unwrap()
            })
            .collect();
        for ((n_bytes, byte), read) in files.into_iter().zip(read) {
            assert_eq!(read, vec![byte; n_bytes], "{n_bytes} bytes");
        }
    }

    #[test]
    fn what_a_file_grows_by_or_loses_while_it_is_read_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut shared) = (folder.path().join("a"), BytesMut::new());
        let take = Take { max_pixels: 1 << 20, resize: None };
        for (n_before, n_after, n_read) in [(10, 20, 10), (20, 10, 10), (SMALL_BYTES + 5, 3, 3)] {
            fs::write(&path, vec![1; n_before]).unwrap();
            let opened = take.open(&path).unwrap();
            File::options().write(true).open(&path).unwrap().set_len(n_after).unwrap();
            assert_eq!(opened.read(&mut shared).unwrap().len(), n_read);
        }
    }
}
