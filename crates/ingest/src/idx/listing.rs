//! Which files there are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use twinset_manifest::rows::Split;

use super::{Config, Pair};
use crate::error::{no_dataset, wrong};
use crate::summary::listed;
use crate::{IngestError, SourceError};

/// The files of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) split: Split,
    pub(super) images: PathBuf,
    pub(super) labels: PathBuf,
}

/// Where MNIST is unpacked to by others.
const INNER_FOLDERS: [&str; 5] = ["raw", "mnist", "fashion-mnist", "MNIST/raw", "FashionMNIST/raw"];

/// The files that the config names, or else those of MNIST: training and test images.
pub(super) fn list(config: &Config, folder: &Path) -> Result<Vec<Listed>, IngestError> {
    check_folder(folder)?;
    let named = [(Split::Train, &config.train), (Split::Val, &config.val), (Split::Test, &config.test)];
    let named: Vec<_> = named
        .into_iter()
        .filter_map(|(split, pair)| {
            let Pair { images, labels } = pair.as_ref()?;
            Some(Listed { split, images: folder.join(images), labels: folder.join(labels) })
        })
        .collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let of_mnist = |split, start: &str| -> Result<Listed, IngestError> {
        let find = |names: Vec<String>| find(folder, &names).ok_or_else(|| no_file(folder, names));
        let images = find(names(&format!("{start}-images"), "idx3"))?;
        Ok(Listed { split, images, labels: find(names(&format!("{start}-labels"), "idx1"))? })
    };
    Ok(vec![of_mnist(Split::Train, "train")?, of_mnist(Split::Test, "t10k")?])
}

/// The names that one of MNIST's files goes by; the first that is there is taken.
fn names(start: &str, axes: &str) -> Vec<String> {
    ["-", "."].iter().flat_map(|dot| ["", ".gz"].map(|end| format!("{start}{dot}{axes}-ubyte{end}"))).collect()
}

fn find(folder: &Path, names: &[String]) -> Option<PathBuf> {
    names.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

fn no_file(folder: &Path, expected: Vec<String>) -> SourceError {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    found.sort();
    let inner = INNER_FOLDERS.iter().map(|inner| folder.join(inner)).find(|inner| find(inner, &expected).is_some());
    let hint = match inner {
        Some(inner) => format!("did you mean `{}`?", inner.display()),
        None => "name the files in the config: train = { images = \"FILE\", labels = \"FILE\" }; \
                 `twinset-ingest download mnist` and `download fashion-mnist` fetch theirs"
            .to_owned(),
    };
    let found = if found.is_empty() { "nothing".to_owned() } else { listed(&found, 6) };
    wrong!("`{}` has no {}, found {found}", folder.display(), expected.join(" or ")).with_hint(hint)
}

fn check_folder(folder: &Path) -> Result<(), IngestError> {
    let wrong = |found| Err(no_dataset(folder, found, "a folder of IDX files"));
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => wrong("is no folder"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => wrong("does not exist"),
        Err(source) => Err(IngestError::Read { path: folder.to_owned(), source }),
    }
}
