//! How an encoded image of a file source is taken: read, decoded within limits, resized where the config asks.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::prelude::*;
use std::path::Path;

use bytes::Bytes;
use twinset_manifest::rows::{ImageData, Reject};
use twinset_pixels::{Decoded, Limits};

use crate::in_order::Room;
use crate::no_image::recognise;
use crate::resize::Resize;
use crate::taken::{Place, Taken};

/// Why an item gave no image: the short reason, and what was found, which does not say the reason again.
pub(crate) type Rejection = (&'static str, String);

/// Why an item without a label gives none, where its source does not know better.
pub(crate) const UNLABELLED: (&str, &str) = ("unlabelled", "it has no label");

/// How the names of images' files end, behind their last dot. The others are decoded by their first bytes all the same; these
/// are known to be meant for images.
const IMAGE_ENDINGS: [&str; 21] = [
    "png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "gif", "ico", "tga", "tif", "tiff", "ppm", "pgm",
    "pbm", "pnm", "qoi", "heic", "heif", "avif",
];

/// Whether a file's name ends as those of images do.
pub(crate) fn has_image_ending(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| is_image_ending(ending))
}

/// Whether images' names end so, behind the dot.
pub(crate) fn is_image_ending(ending: &str) -> bool {
    IMAGE_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

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
        let decoded = twinset_pixels::decode_with_losses(&bytes, &limits);
        let decoded = decoded.map_err(|error| recognise(&bytes).unwrap_or_else(|| (error.reason(), error.detail())));
        let Decoded { pixels: decoded, lost } = decoded?;
        let resized = self.resize.and_then(|resize| resize.apply(&decoded));
        let bytes = resized.as_ref().map_or(bytes, |pixels| twinset_pixels::encode_png(pixels).into());
        let pixels = resized.unwrap_or(decoded);
        let image = match keep {
            Keep::Bytes => ImageData { bytes: Some(bytes), path: None },
            Keep::Path(path) => ImageData { bytes: None, path: Some(path) },
        };
        Ok(Taken::new(place, pixels, image, lost))
    }

    /// Reads a file that may be an image, and is a regular file if it is known to be one.
    pub(crate) fn file(&self, path: &Path, is_regular: bool, room: &mut Room) -> Result<Bytes, Rejection> {
        // A pipe that is opened as a file is would be waited for, for ever.
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(unreadable)?;
        if !is_regular && !file.metadata().map_err(unreadable)?.is_file() {
            return Err(("unsupported", "no regular file".to_owned()));
        }
        // Most are small, and read in less time than it takes to ask how large they are.
        if let Some(bytes) = room.shared.read(&file).map_err(unreadable)? {
            room.ask(bytes.len() as u64);
            return Ok(bytes);
        }
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.len() > self.max_file_bytes() {
            return Err(self.too_large());
        }
        room.ask(metadata.len());
        read_from_start(file, metadata.len()).map_err(unreadable)
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

/// A file's bytes, of which there were so many; what is added meanwhile is not waited for.
fn read_from_start(mut file: File, n_bytes: u64) -> io::Result<Bytes> {
    file.rewind()?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(n_bytes as usize)?;
    file.take(n_bytes).read_to_end(&mut bytes)?;
    Ok(bytes.into())
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
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;
    use crate::shared::{BLOCK_BYTES, SMALL_BYTES, Shared};

    /// What files hold, which are read in turn.
    fn read_all(paths: &[PathBuf]) -> Vec<Result<Bytes, Rejection>> {
        let (take, mut shared, mut n_asked) = (Take { max_pixels: 1 << 20, resize: None }, Shared::new(), 0);
        let mut ask = |n_bytes| n_asked += n_bytes;
        let mut room = Room { ask: &mut ask, shared: &mut shared };
        let read: Vec<_> = paths.iter().zip(0..).map(|(path, at)| take.file(path, at % 2 == 0, &mut room)).collect();
        assert_eq!(n_asked, read.iter().flatten().map(|bytes| bytes.len() as u64).sum::<u64>());
        read
    }

    #[test]
    fn files_of_any_size_are_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let sizes = [0, 1, SMALL_BYTES, 100, SMALL_BYTES + 1, 7, 3 * BLOCK_BYTES];
        let files: Vec<(usize, u8)> = (0..30).flat_map(|_| sizes).zip(0..).collect();
        let path_of = |&(n_bytes, byte): &(usize, u8)| {
            let path = folder.path().join(byte.to_string());
            fs::write(&path, vec![byte; n_bytes]).unwrap();
            path
        };
        let paths: Vec<_> = files.iter().map(path_of).collect();
        for ((n_bytes, byte), read) in files.into_iter().zip(read_all(&paths)) {
            assert_eq!(read.unwrap(), vec![byte; n_bytes], "{n_bytes} bytes");
        }
    }

    #[test]
    fn what_a_file_grows_by_or_loses_while_it_is_read_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for (n_before, n_after, n_read) in [(10, 20, 10), (20, 10, 10), (SMALL_BYTES + 5, 3, 3)] {
            fs::write(&path, vec![1; n_before]).unwrap();
            let file = File::open(&path).unwrap();
            File::options().write(true).open(&path).unwrap().set_len(n_after).unwrap();
            assert_eq!(read_from_start(file, n_before as u64).unwrap().len(), n_read);
        }
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _writer = File::options().read(true).write(true).open(&pipe).unwrap();
        let [listed_as_file, unknown] = read_all(&[pipe.clone(), pipe]).try_into().unwrap();
        assert!(listed_as_file.unwrap_err().1.starts_with("cannot read the file: "));
        assert_eq!(unknown.unwrap_err(), ("unsupported", "no regular file".to_owned()));
    }
}
