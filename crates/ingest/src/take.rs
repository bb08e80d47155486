//! How an encoded image of a file source is taken: read, decoded within limits, resized where the config asks.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::prelude::*;
use std::path::Path;

use bytes::Bytes;
use twinset_manifest::rows::{Image, ImageData};
use twinset_pixels::{Decoded, Limits};

use crate::image_row::Place;
use crate::no_image::recognise;
use crate::rejection::Rejection;
use crate::resize::Resize;

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

/// The default of a config's `max-pixels`.
pub(crate) fn max_pixels() -> u64 {
    Limits::default().max_pixels
}

/// What the manifest's `image` will hold.
pub(crate) enum Keep {
    /// The bytes.
    Bytes,
    /// The path of the file that holds them.
    Path(String),
}

impl Keep {
    /// The column `image` of an image with these bytes.
    pub(crate) fn data(self, bytes: Bytes) -> ImageData {
        match self {
            Self::Bytes => ImageData { bytes: Some(bytes), path: None },
            Self::Path(path) => ImageData { bytes: None, path: Some(path) },
        }
    }
}

impl Take<'_> {
    /// Decodes an encoded image and makes its row.
    pub(crate) fn image(&self, place: Place, bytes: Bytes, keep: Keep) -> Result<Image, Rejection> {
        let limits = Limits::of_pixels(self.max_pixels);
        let decoded = twinset_pixels::decode_with_losses(&bytes, &limits);
        let decoded = decoded.map_err(|error| recognise(&bytes).unwrap_or_else(|| (error.reason(), error.detail())));
        let Decoded { pixels: decoded, lost } = decoded?;
        let resized = self.resize.and_then(|resize| resize.apply(&decoded));
        let bytes = resized.as_ref().map_or(bytes, |pixels| twinset_pixels::encode_png(pixels).into());
        let pixels = resized.unwrap_or(decoded);
        Ok(place.row(&pixels, keep.data(bytes), lost))
    }

    /// Reads a file that may be an image.
    pub(crate) fn file(&self, path: &Path) -> Result<Bytes, Rejection> {
        // Without this flag, opening a pipe waits for a writer for ever.
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(("unsupported", "no regular file".to_owned()));
        }
        if metadata.len() > self.max_file_bytes() {
            return Err(self.too_large());
        }
        read_first(file, metadata.len()).map_err(unreadable)
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

/// The first `n_bytes` of a file. What is appended while it is read is left out.
fn read_first(file: File, n_bytes: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(n_bytes as usize)?;
    file.take(n_bytes).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

fn unreadable(error: io::Error) -> Rejection {
    ("unreadable", format!("cannot read the file: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    const TAKE: Take = Take { max_pixels: 1 << 20, resize: None };

    #[test]
    fn files_of_any_size_are_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for n_bytes in [0, 1, 100, 16 << 10, 200 << 10] {
            fs::write(&path, vec![7; n_bytes]).unwrap();
            assert_eq!(TAKE.file(&path).unwrap(), vec![7; n_bytes], "{n_bytes} bytes");
        }
    }

    #[test]
    fn a_file_that_grows_or_shrinks_while_it_is_read_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for (n_before, n_after, n_read) in [(10, 20, 10), (20, 10, 10), (20_000, 3, 3)] {
            fs::write(&path, vec![1; n_before]).unwrap();
            let file = File::open(&path).unwrap();
            File::options().write(true).open(&path).unwrap().set_len(n_after).unwrap();
            assert_eq!(read_first(file, n_before as u64).unwrap().len(), n_read);
        }
    }

    #[test]
    fn a_pipe_is_rejected_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _writer = File::options().read(true).write(true).open(&pipe).unwrap();
        assert_eq!(TAKE.file(&pipe).unwrap_err(), ("unsupported", "no regular file".to_owned()));
    }
}
