//! What can be wrong with a source: where, what was found, what was expected.

use std::io;
use std::path::{Path, PathBuf};

use twinset_manifest::ManifestError;
use twinset_manifest::rows::Split;

use crate::cifar::CifarError;
use crate::hugging_face::FeatureError;
use crate::idx::IdxError;
use crate::labels::LabelError;
use crate::members::ArchiveError;
use crate::parquet_file::ParquetError;
use crate::shards::ShardError;
use crate::splits::SplitError;
use crate::summary::listed;
use crate::table::TableError;
use crate::unicode_forms;

/// What can be wrong with a source: where, what was found, what was expected.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The config's path is relative and there is nothing that it is relative to.
    #[error("the dataset's path `{path}` is relative, and no data folder was given")]
    NoDataFolder {
        /// The path in the config.
        path: PathBuf,
    },
    /// There is nothing at the source's path, or something else than expected.
    #[error("dataset `{path}` {found}, expected {expected}")]
    NoDataset {
        /// Where it should be.
        path: PathBuf,
        /// What is there.
        found: &'static str,
        /// What should be there.
        expected: &'static str,
    },
    /// A file or folder of the source cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An output cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something stands where the images belong, or beside that place.
    #[error("`{path}` {found}, expected it gone, or another --out")]
    Taken {
        /// The file or folder.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// What is written would take the place of what is read.
    #[error("--out `{out}` holds `{input}`, which is read and would be replaced, expected another folder")]
    OutOverInput {
        /// The folder of the output.
        out: PathBuf,
        /// The file that is read.
        input: PathBuf,
    },
    /// What is written would be read by the next run.
    #[error("--out `{out}` lies in `{folder}`, all of which is read, expected a folder beside it")]
    OutAmongInputs {
        /// The folder of the output.
        out: PathBuf,
        /// The folder that is read.
        folder: PathBuf,
    },
    /// A manifest cannot be written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The official files are not all there.
    #[error("dataset `{path}` lacks {}; expected {}", .missing.join(", "), .expected.join(", "))]
    MissingFiles {
        /// The folder or archive.
        path: PathBuf,
        /// What is missing.
        missing: Vec<String>,
        /// What it should hold.
        expected: Vec<String>,
        /// A folder in it that holds them all.
        inner: Option<PathBuf>,
    },
    /// A file of CIFAR-10 or CIFAR-100 cannot be believed.
    #[error(transparent)]
    Cifar(#[from] CifarError),
    /// An IDX file cannot be believed.
    #[error(transparent)]
    Idx(#[from] IdxError),
    /// A subset that asks for more than there is.
    #[error("class `{class}` has {found} {split} images, expected at least the {asked} that `subset` asks for")]
    SubsetTooLarge {
        /// The class.
        class: String,
        /// The split.
        split: Split,
        /// How many there are.
        found: usize,
        /// How many were asked for.
        asked: u32,
    },
    /// An image folder without folders for splits.
    #[error("`{folder}` has no folder `train`, `val` or `test`, found {}; expected <split>/<class>/<image>",
        if .found.is_empty() { "nothing".to_owned() } else { listed(.found, 6) })]
    NoSplits {
        /// The image folder.
        folder: PathBuf,
        /// What is in it.
        found: Vec<String>,
    },
    /// Two folders of one split.
    #[error("folders `{left}` and `{right}` are both of split `{split}`, expected one")]
    SplitTwice {
        /// The split.
        split: Split,
        /// One folder.
        left: PathBuf,
        /// The other folder.
        right: PathBuf,
    },
    /// A split's folder without folders for classes.
    #[error("split folder `{folder}` has no class folders; expected <split>/<class>/<image>")]
    NoClasses {
        /// The split's folder.
        folder: PathBuf,
    },
    /// Two splits with different classes.
    #[error("splits `{left}` and `{right}` of `{folder}` have different classes: {}",
        differing(*.left, .only_left, *.right, .only_right))]
    ClassesDiffer {
        /// The image folder.
        folder: PathBuf,
        /// One split.
        left: Split,
        /// The other split.
        right: Split,
        /// Classes that only the one has.
        only_left: Vec<String>,
        /// Classes that only the other has.
        only_right: Vec<String>,
    },
    /// A class without files in any split.
    #[error("class `{class}` has no files in {}, expected at least one image",
        .folders.iter().map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(" or "))]
    EmptyClass {
        /// The class.
        class: String,
        /// Its folders.
        folders: Vec<PathBuf>,
    },
    /// A folder whose name is no text.
    #[error("the name of folder `{folder}` is not UTF-8, expected one, as it is a class's name")]
    ClassNotUtf8 {
        /// The class's folder.
        folder: PathBuf,
    },
    /// No file gave an image.
    #[error("all {n} files of `{folder}` were rejected, for instance {example}")]
    AllRejected {
        /// The image folder.
        folder: PathBuf,
        /// How many files there are.
        n: usize,
        /// One of them and why.
        example: String,
    },
    /// A label that is no class of the source.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// Splits that are not told, or told twice.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// Shards that are no set of images.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// A Parquet file of another layout.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// Shards of Hugging Face that do not agree.
    #[error(transparent)]
    Feature(#[from] FeatureError),
    /// A tar archive that cannot be read or believed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A table of another layout, or with wrong rows.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl IngestError {
    /// What a user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoDataFolder { path } | Self::NoDataset { path, .. } | Self::MissingFiles { path, .. }
                if has_tilde(path) =>
            {
                Some(HOME.to_owned())
            }
            Self::Cifar(CifarError::Absent { path, .. }) if has_tilde(path) => Some(HOME.to_owned()),
            Self::NoDataFolder { path } => {
                Some(format!("add --data DIR, where DIR is the folder that holds `{}`", path.display()))
            }
            Self::Cifar(error) => error.hint(),
            Self::Idx(error) => error.hint(),
            Self::MissingFiles { inner: Some(inner), .. } => Some(format!("did you mean `{}`?", inner.display())),
            Self::NoDataset { .. } | Self::MissingFiles { .. } => {
                Some("`path` in the config is relative to the folder that --data names".to_owned())
            }
            Self::NoSplits { found, .. } if !found.is_empty() => Some(
                "where these are the classes: layout = \"classes\", perhaps with draw-split = { test = 0.2, seed = 0 }"
                    .to_owned(),
            ),
            Self::NoClasses { .. } => Some("layout = \"flat\" takes all images without labels".to_owned()),
            Self::ClassesDiffer { left, right, only_left, only_right, .. } => {
                let twins = unicode_forms::twins(only_left, only_right);
                let hint = |(of_left, of_right)| {
                    format!(
                        "`{of_left}` of {left} and `{of_right}` of {right} look like one name in two Unicode forms (NFC and \
                         NFD); rename one of the folders as the other"
                    )
                };
                Some(twins.map(hint).unwrap_or_else(|| {
                    "a class's label is its place among the sorted names, so each split needs all of them".to_owned()
                }))
            }
            Self::Split(error) => Some(error.hint().to_owned()),
            Self::Table(error) => error.hint(),
            Self::Shards(error) => error.hint(),
            _ => None,
        }
    }
}

/// What a path with `~` for a folder comes of.
const HOME: &str = "only the shell knows `~`, and not within quotes: --data ~/datasets or --data \"$HOME/datasets\"";

/// Whether a shell would have put another folder in the place of one of the path's.
fn has_tilde(path: impl AsRef<Path>) -> bool {
    path.as_ref().components().any(|part| part.as_os_str() == "~")
}

fn differing(left: Split, only_left: &[String], right: Split, only_right: &[String]) -> String {
    [(left, only_left), (right, only_right)]
        .into_iter()
        .filter(|(_, only)| !only.is_empty())
        .map(|(split, only)| format!("only `{split}` has {}", listed(only, 6)))
        .collect::<Vec<_>>()
        .join(", ")
}
