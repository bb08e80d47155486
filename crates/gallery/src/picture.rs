//! Pictures for a page: small ones as PNG, those that had to be shrunk as JPEG, within the HTML.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{RgbImage, imageops};
use rayon::prelude::*;
use twinset_manifest::ManifestError;
use twinset_manifest::rows::{Image, Split};
use twinset_pixels::{decode_row, encode_png};

/// Longest side of a picture in its own pixels, where there are some hundreds.
const MAX_SIDE: u32 = 192;
/// The same where there are few and they can be looked at closely.
const MAX_LARGE_SIDE: u32 = 448;
/// The least that [`side_for`] goes down to.
const MIN_SIDE: u32 = 64;
/// Pixels of all pictures of a page together, about: as JPEG some 80 MB.
const MAX_PIXELS: f64 = 1e8;
/// The same of a page of larger pictures: some 20 MB.
const MAX_LARGE_PIXELS: f64 = 2.5e7;
const JPEG_QUALITY: u8 = 90;
/// A picture of at most so many pixels a side is shown with sharp pixels, a larger one smoothly.
const PIXELATED_SIDE: u32 = 64;

/// An image to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its split.
    pub split: Split,
    /// Its class's name.
    pub class_name: String,
    /// Where it comes from.
    pub source: String,
    /// The image's width in pixels, as its manifest has it.
    pub width: u32,
    /// The image's height in pixels, as its manifest has it.
    pub height: u32,
    /// The bytes of its file, where it has one of its own.
    pub n_bytes: Option<u64>,
    /// Whether it is a record of a file that holds several: its `source` ends in `#` and the row.
    pub is_record: bool,
    /// The `data:` address of its PNG or JPEG, or why there is none.
    pub uri: Result<String, String>,
}

impl Picture {
    /// Decodes an image and shrinks it to at most `max_side` pixels a side; `folder` is what its path is relative to.
    ///
    /// An image that need not be shrunk keeps its pixels.
    pub fn of(row: &Image, folder: &Path, max_side: u32) -> Self {
        let uri = decode_row(row, folder).map_err(|error| error.to_string()).map(|image| encode(image, max_side));
        let is_record = row.image.path.is_none() && row_of(&row.source).is_some();
        let n_bytes = match &row.image.path {
            Some(path) => fs::metadata(folder.join(path)).ok().map(|metadata| metadata.len()),
            None => row.image.bytes.as_ref().filter(|_| !is_record).map(|bytes| bytes.len() as u64),
        };
        Self {
            n_bytes,
            is_record,
            split: row.split,
            class_name: row.class_name.clone(),
            source: row.source.clone(),
            width: row.width,
            height: row.height,
            uri,
        }
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The file and the row in it, of a record of a file.
    pub(crate) fn row(&self) -> Option<(&str, &str)> {
        row_of(&self.source).filter(|_| self.is_record)
    }
}

/// `("train.parquet", "1026")` of `train.parquet#1026`.
fn row_of(source: &str) -> Option<(&str, &str)> {
    let is_number = |row: &str| !row.is_empty() && row.bytes().all(|byte| byte.is_ascii_digit());
    source.rsplit_once('#').filter(|(file, row)| !file.is_empty() && is_number(row))
}

/// The `max_side` of a page of so many pictures: at most 192, less where there are thousands, so that the page can be
/// opened.
pub fn side_for(n_pictures: usize) -> u32 {
    let side = (MAX_PIXELS / n_pictures.max(1) as f64).sqrt() as u32;
    side.clamp(MIN_SIDE, MAX_SIDE)
}

/// The `max_side` of a page on which so many pictures can be looked at closely: up to 448 where there are few, else that of
/// [`side_for`].
pub fn large_side_for(n_pictures: usize) -> u32 {
    let side = (MAX_LARGE_PIXELS / n_pictures.max(1) as f64).sqrt() as u32;
    side.min(MAX_LARGE_SIDE).max(side_for(n_pictures))
}

/// The pictures of these images of a manifest, as many as it has, of at most `max_side` pixels a side; `on_progress` is told how
/// many more rows are read.
///
/// # Errors
/// When the manifest cannot be read. An image that cannot be decoded is a picture that says why.
pub fn pictures(
    batches: impl IntoIterator<Item = Result<Vec<Image>, ManifestError>>,
    wanted: &BTreeSet<u64>,
    folder: &Path,
    max_side: u32,
    on_progress: impl Fn(u64),
) -> Result<BTreeMap<u64, Picture>, ManifestError> {
    let mut pictures = BTreeMap::new();
    for batch in batches {
        if pictures.len() == wanted.len() {
            break;
        }
        let rows = batch?;
        let rows_wanted = rows.par_iter().filter(|row| wanted.contains(&row.image_id));
        let decoded: Vec<_> = rows_wanted.map(|row| (row.image_id, Picture::of(row, folder, max_side))).collect();
        pictures.extend(decoded);
        on_progress(rows.len() as u64);
    }
    Ok(pictures)
}

/// The style sheet's rules that hold these pictures, for [`Twins`](crate::Twins) to show, and the images' widths and heights.
pub fn picture_rules<'a>(pictures: impl IntoIterator<Item = (&'a u64, &'a Picture)>) -> String {
    let mut rules = String::new();
    for (id, picture) in pictures {
        let Ok(uri) = &picture.uri else { continue };
        let is_small = picture.width.max(picture.height) <= PIXELATED_SIDE;
        let rendering = if is_small { ";image-rendering:pixelated" } else { "" };
        let Picture { width, height, .. } = picture;
        writeln!(rules, ".i{id}{{--w:{width};--h:{height};background-image:url({uri}){rendering}}}")
            .expect("writing to a string does not fail");
    }
    rules
}

fn encode(image: RgbImage, max_side: u32) -> String {
    let (width, height) = image.dimensions();
    let longest = width.max(height);
    if longest <= max_side {
        return format!("data:image/png;base64,{}", STANDARD.encode(encode_png(&image)));
    }
    let side = |length: u32| (u64::from(length) * u64::from(max_side) / u64::from(longest)).max(1) as u32;
    let small = imageops::thumbnail(&image, side(width), side(height));
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode_image(&small)
        .expect("a small RGB image in memory encodes as JPEG");
    format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use twinset_manifest::rows::ImageData;
    use twinset_pixels::{Limits, decode, digest};

    use super::*;

    fn row(image: &RgbImage) -> Image {
        Image {
            image_id: 1,
            split: Split::Test,
            label: 0,
            class_name: "disc".to_owned(),
            width: image.width(),
            height: image.height(),
            image: ImageData { bytes: Some(encode_png(image).into()), path: None },
            pixels_blake3: digest(image),
            source: "a.png".to_owned(),
            derived_from: None,
            transform: None,
            lost: None,
        }
    }

    #[test]
    fn a_small_image_keeps_its_pixels_and_a_large_one_becomes_small() {
        let check = |width: u32, height: u32, format: &str, expected: (u32, u32)| {
            let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 3]));
            let uri = Picture::of(&row(&image), Path::new(""), 192).uri.unwrap();
            let bytes = STANDARD.decode(uri.strip_prefix(format).unwrap()).unwrap();
            let shown = decode(&bytes, &Limits::default()).unwrap();
            assert_eq!(shown.dimensions(), expected);
            assert_eq!(shown == image, (width, height) == expected, "{width}x{height}");
        };
        check(32, 32, "data:image/png;base64,", (32, 32));
        check(192, 100, "data:image/png;base64,", (192, 100));
        check(768, 384, "data:image/jpeg;base64,", (192, 96));
        check(1, 2000, "data:image/jpeg;base64,", (1, 192));
    }

    #[test]
    fn a_record_of_a_file_has_a_row_and_a_file_of_its_own_has_bytes() {
        let found = |source: &str, path: Option<&str>| {
            let small = row(&RgbImage::new(1, 1));
            let bytes = if path.is_none() { small.image.bytes.clone() } else { None };
            let image = ImageData { bytes, path: path.map(str::to_owned) };
            let picture = Picture::of(&Image { image, source: source.to_owned(), ..small }, Path::new(""), 192);
            (picture.row().map(|(file, row)| format!("{file} {row}")), picture.n_bytes.is_some())
        };
        assert_eq!(found("a/train.parquet#1026", None), (Some("a/train.parquet 1026".to_owned()), false));
        assert_eq!(found("a.png", None), (None, true));
        assert_eq!(found("a#b.png", None), (None, true));
        assert_eq!(found("a#12", Some("Cargo.toml")), (None, true));
    }

    #[test]
    fn an_image_that_cannot_be_decoded_says_why_and_has_no_rule() {
        let damaged = ImageData { bytes: Some((&b"no image"[..]).into()), path: None };
        let picture = Picture::of(&Image { image: damaged, ..row(&RgbImage::new(1, 1)) }, Path::new(""), 192);
        assert!(picture.uri.as_ref().unwrap_err().contains("no known image format"));
        assert_eq!(picture_rules([(&1, &picture)]), "");
    }

    #[test]
    fn a_page_of_thousands_has_smaller_pictures() {
        for (n_pictures, side) in [(0, 192), (1_000, 192), (10_000, 100), (1_000_000, 64)] {
            assert_eq!(side_for(n_pictures), side, "{n_pictures}");
        }
        for (n_pictures, side) in [(0, 448), (100, 448), (500, 223), (1_000, 192), (10_000, 100)] {
            assert_eq!(large_side_for(n_pictures), side, "{n_pictures}");
        }
    }
}
