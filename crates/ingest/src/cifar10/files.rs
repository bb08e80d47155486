//! The official files, from their folder or their archive.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;
use rayon::prelude::*;
use twinset_manifest::{Digest, Input, digest_file};

use super::batch::{BATCH_BYTES, BATCHES, Batch, N_CLASSES, wrong_size};
use super::input;
use crate::IngestError;

const CLASS_NAMES: &str = "batches.meta.txt";
/// The folder that the official archive holds.
const INNER_FOLDER: &str = "cifar-10-batches-bin";
/// A list of ten names is far smaller.
const MAX_CLASS_NAMES_BYTES: u64 = 1 << 16;

/// All that the official files hold: 184 MB.
pub(super) struct Files {
    /// In the order of [`BATCHES`].
    pub(super) batches: Vec<Batch>,
    /// By label.
    pub(super) class_names: Vec<String>,
    /// The files that were read: those of the folder, or the archive.
    pub(super) inputs: Vec<Input>,
}

impl Files {
    /// Reads and checks all files at once: what is checked is what is used.
    pub(super) fn load(path: &Path) -> Result<Self, IngestError> {
        let is_archive = is_archive(path)?;
        let mut bytes = if is_archive { read_archive(path)? } else { read_folder(path)? };
        let names = bytes.remove(CLASS_NAMES).expect("both readers return all files or an error");
        let class_names = class_names(&path.join(CLASS_NAMES), &names)?;
        let batches: Vec<_> = BATCHES
            .iter()
            .enumerate()
            .map(|(index, (name, _))| {
                let bytes = bytes.remove(*name).expect("both readers return all files or an error");
                (index, path.join(name), bytes)
            })
            .collect();
        let batches: Result<Vec<_>, _> =
            batches.into_par_iter().map(|(index, path, bytes)| Batch::new(index, path, bytes)).collect();
        let batches = batches?;
        let inputs = if is_archive {
            let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            vec![Input { name, schema: None, blake3: digest(path)? }]
        } else {
            let names = input(CLASS_NAMES, &names);
            batches.par_iter().map(|batch| input(batch.name(), batch.bytes())).chain([names]).collect()
        };
        Ok(Self { batches, class_names, inputs })
    }
}

/// The files that [`Files::load`] reads.
pub(super) fn list(path: &Path) -> Result<Vec<PathBuf>, IngestError> {
    if is_archive(path)? {
        return Ok(vec![path.to_owned()]);
    }
    check_folder(path)?;
    Ok(names().map(|name| path.join(name)).collect())
}

fn names() -> impl Iterator<Item = &'static str> {
    BATCHES.iter().map(|(name, _)| *name).chain([CLASS_NAMES])
}

fn is_archive(path: &Path) -> Result<bool, IngestError> {
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => IngestError::NoDataset {
            path: path.to_owned(),
            found: "does not exist",
            expected: "the folder `cifar-10-batches-bin` of CIFAR-10's binary version, or its .tar.gz",
        },
        _ => IngestError::Read { path: path.to_owned(), source },
    })?;
    Ok(!metadata.is_dir())
}

fn check_folder(path: &Path) -> Result<(), IngestError> {
    let missing: Vec<_> = names().filter(|name| !path.join(name).is_file()).map(str::to_owned).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let inner = Some(path.join(INNER_FOLDER)).filter(|inner| names().all(|name| inner.join(name).is_file()));
    Err(missing_files(path, missing, inner))
}

fn missing_files(path: &Path, missing: Vec<String>, inner: Option<PathBuf>) -> IngestError {
    IngestError::MissingFiles { path: path.to_owned(), missing, expected: names().map(str::to_owned).collect(), inner }
}

fn read_folder(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, IngestError> {
    check_folder(path)?;
    names()
        .map(|name| {
            let path = path.join(name);
            let read = |source| IngestError::Read { path: path.clone(), source };
            let mut file = File::open(&path).map_err(read)?;
            let size = file.metadata().map_err(read)?.len();
            Ok((name.to_owned(), read_bounded(&mut file, size, name, &path)?))
        })
        .collect()
}

fn read_archive(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, IngestError> {
    let read = |source| IngestError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read)?;
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
    let mut wanted: BTreeSet<_> = names().collect();
    let mut found = BTreeMap::new();
    for entry in archive.entries().map_err(read)? {
        let mut entry = entry.map_err(read)?;
        let entry_path = entry.path().map_err(read)?.into_owned();
        let Some(name) = wanted.iter().copied().find(|name| is_official_entry(&entry_path, name)) else { continue };
        let size = entry.size();
        found.insert(name.to_owned(), read_bounded(&mut entry, size, name, &path.join(name))?);
        wanted.remove(name);
    }
    if wanted.is_empty() {
        return Ok(found);
    }
    Err(missing_files(path, wanted.into_iter().map(|name| format!("{INNER_FOLDER}/{name}")).collect(), None))
}

/// Reads a file that says how large it is, unless that is more than it may be.
fn read_bounded(file: &mut impl Read, size: u64, name: &str, path: &Path) -> Result<Vec<u8>, IngestError> {
    if name == CLASS_NAMES && size > MAX_CLASS_NAMES_BYTES {
        return Err(IngestError::ClassNames { path: path.to_owned(), found: format!("something in {size} bytes") });
    }
    if name != CLASS_NAMES && size != BATCH_BYTES as u64 {
        return Err(wrong_size(path.to_owned(), size));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    let read = file.take(size).read_to_end(&mut bytes);
    read.map_err(|source| IngestError::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

fn is_official_entry(entry: &Path, name: &str) -> bool {
    let parts = entry.components().filter(|part| !matches!(part, Component::CurDir));
    parts.eq([Component::Normal(INNER_FOLDER.as_ref()), Component::Normal(name.as_ref())])
}

fn class_names(path: &Path, bytes: &[u8]) -> Result<Vec<String>, IngestError> {
    let wrong = |found: String| IngestError::ClassNames { path: path.to_owned(), found };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("something that is not UTF-8".to_owned()))?;
    let names: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let n_different = names.iter().collect::<BTreeSet<_>>().len();
    if names.len() == N_CLASSES && n_different == N_CLASSES {
        Ok(names)
    } else {
        Err(wrong(format!("{n_different} different classes in {} lines", names.len())))
    }
}

fn digest(path: &Path) -> Result<Digest, IngestError> {
    digest_file(path).map_err(|source| IngestError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_different_class_names_are_expected_blank_lines_aside() {
        let check = |text: &str, expected: Result<usize, &str>| {
            let found = class_names(Path::new("m.txt"), text.as_bytes());
            match expected {
                Ok(n) => assert_eq!(found.unwrap().len(), n),
                Err(part) => assert!(found.unwrap_err().to_string().contains(part), "{text:?}"),
            }
        };
        check("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n", Ok(10));
        check("a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\nj\r\n", Ok(10));
        check("a\nb\n", Err("names 2 different classes in 2 lines, expected 10 different class names"));
        check("a\na\nc\nd\ne\nf\ng\nh\ni\nj\n", Err("names 9 different classes in 10 lines"));
    }

    #[test]
    fn only_the_official_place_in_an_archive_counts() {
        let check = |entry: &str, expected: bool| {
            assert_eq!(is_official_entry(Path::new(entry), "test_batch.bin"), expected, "{entry}");
        };
        check("cifar-10-batches-bin/test_batch.bin", true);
        check("./cifar-10-batches-bin/test_batch.bin", true);
        check("test_batch.bin", false);
        check("x/cifar-10-batches-bin/test_batch.bin", false);
        check("cifar-10-batches-bin/data_batch_1.bin", false);
    }
}
