//! The files of images.

use std::path::{Component, Path, PathBuf};

use twinset_manifest::rows::Image;

/// Why an image's file cannot be named or copied.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is a record of a file that holds several.
    #[error("image {image_id} (`{source_name}`) is a record of a file, expected a file of its own")]
    Record {
        /// The image.
        image_id: u64,
        /// Where it comes from.
        source_name: String,
    },
    /// It is not there.
    #[error("image {image_id}: `{}` is no file", .path.display())]
    NotThere {
        /// The image.
        image_id: u64,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Its name cannot stand on a line.
    #[error("image {image_id}: the name {path:?} has a line break, expected a name that fits on one line")]
    LineBreak {
        /// The image.
        image_id: u64,
        /// Its name.
        path: PathBuf,
    },
    /// Its name leads out of the folder.
    #[error("image {image_id}: `source` is `{source_name}`, expected a path within the dataset")]
    Outside {
        /// The image.
        image_id: u64,
        /// Where it comes from.
        source_name: String,
    },
}

/// The file of an image. It is relative to where `folder` is, or to nothing where there is none.
///
/// A referenced image has a path of its own, and `folder` is what it is relative to. Of an embedded one it is `source`, and `folder`
/// is the dataset's.
///
/// # Errors
/// When the image is a record of a file, when its name has a line break, and when `folder` is given and has no such file.
pub fn file_of(row: &Image, folder: Option<&Path>) -> Result<PathBuf, FileError> {
    let image_id = row.image_id;
    let name = row.image.path.as_ref().unwrap_or(&row.source);
    let path = folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
    if row.image.path.is_none() && row.source.contains('#') && !path.is_file() {
        return Err(FileError::Record { image_id, source_name: row.source.clone() });
    }
    if folder.is_some() && !path.is_file() {
        return Err(FileError::NotThere { image_id, path });
    }
    match path.to_string_lossy().contains(['\n', '\r']) {
        true => Err(FileError::LineBreak { image_id, path }),
        false => Ok(path),
    }
}

/// Where a copy of an image goes, below the folder of copies: its `source`, with the extension of its format where it has another. An
/// image that is no file of its own has the folders `split` and `class_name` before that.
///
/// # Errors
/// When `source` leads out of the folder.
pub(crate) fn copy_name(row: &Image) -> Result<PathBuf, FileError> {
    let mut name = row.source.clone();
    if let Some(bytes) = &row.image.bytes {
        let extensions = image::guess_format(bytes).map_or(&[][..], |format| format.extensions_str());
        let has =
            |extension: &&str| Path::new(&name).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension));
        if !extensions.iter().any(has) {
            let is_record = name.contains('#');
            name = extensions.first().map_or(name.clone(), |extension| format!("{name}.{extension}"));
            if is_record {
                let class = if row.class_name.is_empty() { String::new() } else { format!("{}/", row.class_name) };
                name = format!("{}/{class}{name}", row.split);
            }
        }
    }
    let path = PathBuf::from(name);
    let is_within = path.components().all(|part| matches!(part, Component::Normal(_)));
    match is_within && path.file_name().is_some() {
        true => Ok(path),
        false => Err(FileError::Outside { image_id: row.image_id, source_name: row.source.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use twinset_manifest::Digest;
    use twinset_manifest::rows::{ImageData, Split};

    use super::*;

    fn row(source: &str, bytes: Option<&[u8]>, path: Option<&str>) -> Image {
        Image {
            image_id: 3,
            split: Split::Test,
            label: 0,
            class_name: "cat".to_owned(),
            width: 1,
            height: 1,
            image: ImageData { bytes: bytes.map(|bytes| bytes.to_vec().into()), path: path.map(str::to_owned) },
            pixels_blake3: Digest([0; 32]),
            source: source.to_owned(),
            derived_from: None,
            transform: None,
            lost: None,
        }
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0";

    #[test]
    fn a_copy_has_the_name_of_its_file() {
        let check = |row: Image, expected: &str| assert_eq!(copy_name(&row).unwrap(), Path::new(expected));
        check(row("cat/a.jpg", Some(JPEG), None), "cat/a.jpg");
        check(row("cat/a.JPEG", Some(JPEG), None), "cat/a.JPEG");
        check(row("cat/a#1.png", Some(PNG), None), "cat/a#1.png");
        check(row("cat/a.jpg", Some(PNG), None), "cat/a.jpg.png");
        check(row("batch.bin#12", Some(PNG), None), "test/cat/batch.bin#12.png");
        check(row("cat/a.jpg", None, Some("set/cat/a.jpg")), "cat/a.jpg");
        for source in ["../a.png", "/a.png", "cat/../../a.png", ""] {
            let error = copy_name(&row(source, None, Some("x"))).unwrap_err().to_string();
            assert_eq!(error, format!("image 3: `source` is `{source}`, expected a path within the dataset"));
        }
    }

    #[test]
    fn a_file_is_named_as_it_can_be_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("set")).unwrap();
        fs::write(folder.path().join("set/a.png"), PNG).unwrap();
        let [set, within] = ["set", "set/a.png"].map(|path| folder.path().join(path));
        assert_eq!(file_of(&row("a.png", None, Some("set/a.png")), Some(folder.path())).unwrap(), within);
        assert_eq!(file_of(&row("a.png", Some(PNG), None), Some(&set)).unwrap(), within);
        assert_eq!(file_of(&row("a.png", Some(PNG), None), None).unwrap(), Path::new("a.png"));
        let refused = |row: Image, folder: Option<&Path>, expected: &str| {
            let error = file_of(&row, folder).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        refused(row("a.png", Some(PNG), None), Some(folder.path()), "/a.png` is no file");
        refused(row("b.bin#1", Some(PNG), None), None, "image 3 (`b.bin#1`) is a record of a file");
        refused(row("a\nb.png", Some(PNG), None), None, "has a line break");
    }
}
