//! Which of two duplicates is worth more.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use image::ImageFormat;
use twinset_manifest::rows::Image;

use super::config::Keep;
use super::error::CleanError;

/// Bytes by which an image's format is known.
const HEAD: usize = 64;

/// How images are weighed against one another.
#[derive(Clone, Debug)]
pub struct Scales {
    keep: Keep,
    /// What the paths of images that are not embedded are relative to.
    folder: PathBuf,
}

/// What an image is worth: the larger one stays.
pub(super) type Worth = (u64, u64);

impl Scales {
    /// Weighs as a rule says; `folder` is what the paths of images that are not embedded are relative to.
    pub fn new(keep: Keep, folder: &Path) -> Self {
        Self { keep, folder: folder.to_owned() }
    }

    /// # Errors
    /// When the rule asks for the image's file and that cannot be read.
    pub(super) fn weigh(&self, row: &Image) -> Result<Worth, CleanError> {
        let n_pixels = u64::from(row.width) * u64::from(row.height);
        match self.keep {
            Keep::First => Ok((0, 0)),
            Keep::Largest => Ok(Self::by_pixels(n_pixels)),
            Keep::LosslessFirst => Ok((u64::from(is_lossless(&self.head(row)?)), n_pixels)),
            Keep::FileSize => Ok((self.n_bytes(row)?, n_pixels)),
        }
    }

    /// What an image of so many pixels is worth where the largest stays.
    pub(super) fn by_pixels(n_pixels: u64) -> Worth {
        (n_pixels, 0)
    }

    fn n_bytes(&self, row: &Image) -> Result<u64, CleanError> {
        match &row.image.bytes {
            Some(bytes) => Ok(bytes.len() as u64),
            None => self.of_file(row, |path| Ok(fs::metadata(path)?.len())),
        }
    }

    /// The first bytes of the image's file.
    fn head(&self, row: &Image) -> Result<Vec<u8>, CleanError> {
        match &row.image.bytes {
            Some(bytes) => Ok(bytes[..bytes.len().min(HEAD)].to_vec()),
            None => self.of_file(row, |path| {
                let mut head = Vec::new();
                File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
                Ok(head)
            }),
        }
    }

    fn of_file<T>(&self, row: &Image, read: impl Fn(&Path) -> io::Result<T>) -> Result<T, CleanError> {
        let path = self.folder.join(row.image.path.as_deref().unwrap_or_default());
        read(&path).map_err(|error| CleanError::File {
            image_id: row.image_id,
            path: path.display().to_string(),
            detail: error.to_string(),
        })
    }
}

/// Whether a file of this head holds its pixels as they are. GIF does not count: it has 256 colours. Of WebP the plain lossless
/// kind counts alone.
fn is_lossless(head: &[u8]) -> bool {
    use ImageFormat::{Bmp, Farbfeld, Png, Pnm, Qoi, Tiff, WebP};
    match image::guess_format(head) {
        Ok(Png | Bmp | Tiff | Pnm | Qoi | Farbfeld) => true,
        Ok(WebP) => head.get(12..16) == Some(b"VP8L"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_known_by_its_first_bytes() {
        let check = |head: &[u8], expected: bool| assert_eq!(is_lossless(head), expected, "{head:?}");
        check(b"\x89PNG\r\n\x1a\n", true);
        check(b"BM\0\0", true);
        check(b"II*\0", true);
        check(b"\xff\xd8\xff\xe0", false);
        check(b"GIF89a", false);
        check(b"RIFF\0\0\0\0WEBPVP8L", true);
        check(b"RIFF\0\0\0\0WEBPVP8 ", false);
        check(b"", false);
    }
}
