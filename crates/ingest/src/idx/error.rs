//! What can be wrong with IDX files.

use std::path::PathBuf;

use crate::summary::listed;

/// What can be wrong with IDX files: where, what was found, what was expected.
#[derive(Debug, thiserror::Error)]
pub enum IdxError {
    /// The folder has none of the names that a file may have.
    #[error("`{folder}` has no {}, found {}", .expected.join(" or "),
        if .found.is_empty() { "nothing".to_owned() } else { listed(.found, 6) })]
    NoFile {
        /// The folder.
        folder: PathBuf,
        /// The names that were looked for.
        expected: Vec<String>,
        /// What is in it.
        found: Vec<String>,
        /// A folder in it that has them.
        inner: Option<PathBuf>,
    },
    /// A file that ends within its header.
    #[error("`{path}` has {found} bytes, expected a header of {expected}")]
    NoHeader {
        /// The file.
        path: PathBuf,
        /// How many bytes it has.
        found: u64,
        /// How many a header has.
        expected: usize,
    },
    /// A file of another format or content.
    #[error("`{path}` begins with the bytes {}, expected {} as {content} have", hex(.found), hex(.expected))]
    WrongMagic {
        /// The file.
        path: PathBuf,
        /// What it begins with.
        found: [u8; 4],
        /// What it should begin with.
        expected: [u8; 4],
        /// What it should hold.
        content: &'static str,
    },
    /// A file with no images or with images of no pixels.
    #[error("`{path}` promises {}, expected at least 1 along each axis", product(.shape))]
    Empty {
        /// The file.
        path: PathBuf,
        /// The lengths in its header.
        shape: Vec<u32>,
    },
    /// A header that promises more than is read into memory.
    #[error("`{path}` promises {}, expected at most {limit} bytes", product(.shape))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The lengths in its header.
        shape: Vec<u32>,
        /// The most that is read.
        limit: u64,
    },
    /// A header that promises something else than the file holds.
    #[error("`{path}` holds {found} bytes after its header, expected {expected}, the {} that the header promises",
        product(.shape))]
    WrongSize {
        /// The file.
        path: PathBuf,
        /// How many bytes follow: of a gzipped file that holds more, `more than` what was expected.
        found: String,
        /// How many should follow.
        expected: u64,
        /// The lengths in its header.
        shape: Vec<u32>,
    },
    /// Another number of images than of labels.
    #[error("`{images}` has {n_images} images and `{labels}` has {n_labels} labels, expected as many")]
    CountsDiffer {
        /// The file of images.
        images: PathBuf,
        /// How many it has.
        n_images: usize,
        /// The file of labels.
        labels: PathBuf,
        /// How many it has.
        n_labels: usize,
    },
    /// A label that is no class.
    #[error("`{path}`, label {at} is {found}, expected 0 to {}", .n_classes - 1)]
    WrongLabel {
        /// The file.
        path: PathBuf,
        /// Its place, counted from 0.
        at: usize,
        /// The label.
        found: u8,
        /// How many classes there are.
        n_classes: usize,
    },
}

impl IdxError {
    /// What a user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoFile { inner: Some(inner), .. } => Some(format!("did you mean `{}`?", inner.display())),
            Self::NoFile { .. } => Some(
                "name the files in the config: train = { images = \"FILE\", labels = \"FILE\" }; \
                 `twinset-ingest download mnist` and `download fashion-mnist` fetch theirs"
                    .to_owned(),
            ),
            Self::WrongLabel { .. } => Some("`class-names` in the config names the classes".to_owned()),
            _ => None,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn product(shape: &[u32]) -> String {
    shape.iter().map(u32::to_string).collect::<Vec<_>>().join(" x ")
}
