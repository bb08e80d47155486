//! The official files of either version, from their folder or their archive.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use twinset_manifest::{Digest, Input, digest_file};

use super::family::{Family, Labels, Version};
use super::{Batch, python};
use crate::error::{home_hint, wrong};
use crate::members::each_member;
use crate::{IngestError, SourceError};

/// A list of a hundred names is far smaller.
const MAX_CLASS_NAMES_BYTES: u64 = 1 << 16;

/// All that the official files hold: 184 MB.
pub(super) struct Files {
    /// In the order of [`Family::batches`].
    pub(super) batches: Vec<Batch>,
    /// By label.
    pub(super) class_names: Vec<String>,
    /// The files that were read: those of the folder, or the archive.
    pub(super) inputs: Vec<Input>,
}

impl Files {
    /// Reads and checks all files at once: what is checked is what is used.
    pub(super) fn load(family: &'static Family, labels: &Labels, path: &Path) -> Result<Self, IngestError> {
        let is_archive = is_archive(family, path)?;
        let (version, mut bytes) =
            if is_archive { read_archive(family, labels, path)? } else { read_folder(family, labels, path)? };
        let mut take = |name: &str| bytes.remove(name).expect("both readers return all files or an error");
        let names_file = family.names_file(labels, version);
        let names = take(names_file);
        let class_names = class_names(&path.join(names_file), &names, labels, version)?;
        let batches: Vec<_> =
            family.batches.iter().enumerate().map(|(at, batch)| (at, take(batch.name(version)))).collect();
        let batch = |(index, bytes): (usize, Vec<u8>)| {
            let path = path.join(family.batches[index].name(version));
            match version {
                Version::Binary => Batch::binary(family, index, path, bytes),
                Version::Python => Batch::python(family, index, path, &bytes),
            }
        };
        let batches = batches.into_par_iter().map(batch).collect::<Result<Vec<_>, _>>()?;
        let inputs = if is_archive {
            let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            let read = |source| IngestError::Read { path: path.to_owned(), source };
            vec![Input { name, schema: None, blake3: digest_file(path).map_err(read)? }]
        } else {
            let names = input(names_file, blake3::hash(&names));
            batches.iter().map(|batch| input(batch.name(), batch.blake3())).chain([names]).collect()
        };
        Ok(Self { batches, class_names, inputs })
    }
}

/// The files that [`Files::load`] reads.
pub(super) fn list(family: &Family, labels: &Labels, path: &Path) -> Result<Vec<PathBuf>, IngestError> {
    if is_archive(family, path)? {
        return Ok(vec![path.to_owned()]);
    }
    let version = version_in(family, labels, path)?;
    Ok(family.files(labels, version).into_iter().map(|name| path.join(name)).collect())
}

fn input(name: &str, blake3: blake3::Hash) -> Input {
    Input { name: name.to_owned(), schema: None, blake3: Digest(*blake3.as_bytes()) }
}

fn is_archive(family: &Family, path: &Path) -> Result<bool, IngestError> {
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => absent(family, path).into(),
        _ => IngestError::Read { path: path.to_owned(), source },
    })?;
    Ok(!metadata.is_dir())
}

fn absent(family: &Family, path: &Path) -> SourceError {
    let names = [family.binary_folder, family.binary_archive, family.python_folder, family.python_archive];
    let sibling = names.iter().map(|name| path.with_file_name(name)).find(|sibling| sibling.exists());
    let (name, expected, download) = (family.name, family.binary_folder, family.download);
    let hint = match (home_hint(path), sibling) {
        (Some(hint), _) => hint.to_owned(),
        (None, Some(sibling)) => format!("did you mean `{}`?", sibling.display()),
        (None, None) => format!(
            "`path` in the config is relative to the folder that --data names; `twinset-ingest download {download}` fetches the \
             dataset"
        ),
    };
    let path = path.display();
    wrong!("dataset `{path}` does not exist, expected the folder `{expected}` of {name}, or its .tar.gz")
        .with_hint(hint)
}

fn is_whole(family: &Family, labels: &Labels, version: Version, folder: &Path) -> bool {
    family.files(labels, version).iter().all(|name| folder.join(name).is_file())
}

/// Which version a folder holds.
fn version_in(family: &Family, labels: &Labels, path: &Path) -> Result<Version, IngestError> {
    if let Some(version) = Version::ALL.into_iter().find(|version| is_whole(family, labels, *version, path)) {
        return Ok(version);
    }
    let n_found = |version: &Version| family.files(labels, *version).iter().filter(|n| path.join(n).is_file()).count();
    let version = if n_found(&Version::Python) > n_found(&Version::Binary) { Version::Python } else { Version::Binary };
    let files = family.files(labels, version);
    let missing = files.iter().filter(|name| !path.join(name).is_file()).map(|name| (*name).to_owned()).collect();
    let inner = Version::ALL.into_iter().find(|v| is_whole(family, labels, *v, &path.join(family.folder(*v))));
    Err(missing_files(path, missing, files, inner.map(|version| path.join(family.folder(version)))))
}

fn missing_files(path: &Path, missing: Vec<String>, files: Vec<&str>, inner: Option<PathBuf>) -> IngestError {
    let (shown, missing, expected) = (path.display(), missing.join(", "), files.join(", "));
    let hint = match (home_hint(path), inner) {
        (Some(hint), _) => hint.to_owned(),
        (None, Some(inner)) => format!("did you mean `{}`?", inner.display()),
        (None, None) => "`path` in the config is relative to the folder that --data names".to_owned(),
    };
    wrong!("dataset `{shown}` lacks {missing}; expected {expected}").with_hint(hint).into()
}

type Found = (Version, BTreeMap<String, Vec<u8>>);

fn read_folder(family: &Family, labels: &Labels, path: &Path) -> Result<Found, IngestError> {
    let version = version_in(family, labels, path)?;
    let files = family.files(labels, version).into_iter().map(|name| {
        let path = path.join(name);
        let read = |source| IngestError::Read { path: path.clone(), source };
        let mut file = File::open(&path).map_err(read)?;
        let size = file.metadata().map_err(read)?.len();
        Ok((name.to_owned(), read_bounded(family, version, &mut file, size, name, &path)?))
    });
    Ok((version, files.collect::<Result<_, IngestError>>()?))
}

fn read_archive(family: &Family, labels: &Labels, path: &Path) -> Result<Found, IngestError> {
    // The first official file that is found says which version this is.
    let mut versions = Version::ALL.to_vec();
    let mut found = BTreeMap::new();
    each_member(path, &mut |mut member| {
        let wanted = versions.iter().find_map(|version| {
            let mut names = family.files(labels, *version).into_iter().filter(|name| !found.contains_key(*name));
            Some((*version, names.find(|name| member.name == format!("{}/{name}", family.folder(*version)))?))
        });
        let Some((version, name)) = wanted else { return Ok(()) };
        versions = vec![version];
        let bytes = read_bounded(family, version, &mut member.body, member.n_bytes, name, &path.join(name))?;
        found.insert(name.to_owned(), bytes);
        Ok(())
    })?;
    let files = family.files(labels, versions[0]);
    let missing: Vec<_> = files.iter().filter(|name| !found.contains_key(**name)).collect();
    if missing.is_empty() {
        return Ok((versions[0], found));
    }
    let missing = missing.into_iter().map(|name| format!("{}/{name}", family.folder(versions[0]))).collect();
    Err(missing_files(path, missing, files, None))
}

/// Reads a file that says how large it is, unless that is more than it may be.
fn read_bounded(
    family: &Family,
    version: Version,
    file: &mut impl Read,
    size: u64,
    name: &str,
    path: &Path,
) -> Result<Vec<u8>, IngestError> {
    let limited = |limit: u64| match size > limit {
        true => Err(wrong!("`{}` has {size} bytes, expected at most {limit}", path.display())),
        false => Ok(()),
    };
    match family.batches.iter().find(|batch| batch.name(version) == name) {
        Some(batch) => {
            let (n_records, record_bytes) = (batch.n_records, family.record_bytes());
            // A pickle of protocol 0 takes four bytes for many a byte, and the images have names of their own.
            let limit = (n_records * (4 * record_bytes + 256)) as u64;
            if version == Version::Binary && size != (n_records * record_bytes) as u64 {
                return Err(family.wrong_size(path, size, n_records).into());
            }
            limited(limit)?;
        }
        None => limited(MAX_CLASS_NAMES_BYTES)?,
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    let read = file.take(size).read_to_end(&mut bytes);
    read.map_err(|source| IngestError::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

fn class_names(path: &Path, bytes: &[u8], labels: &Labels, version: Version) -> Result<Vec<String>, SourceError> {
    let (is_text, expected) = (version == Version::Binary, labels.n_classes);
    let wrong = |found: String| {
        let (path, lines) = (path.display(), if is_text { ", one a line" } else { "" });
        wrong!("`{path}` names {found}, expected {expected} different class names{lines}")
    };
    let names: Vec<_> = match version {
        Version::Python => python::class_names(path, bytes, labels)?,
        Version::Binary => {
            let text = std::str::from_utf8(bytes).map_err(|_| wrong("something that is not UTF-8".to_owned()))?;
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        }
    };
    let n_different = names.iter().collect::<BTreeSet<_>>().len();
    if names.len() == expected && n_different == expected {
        return Ok(names);
    }
    let of = if is_text { format!("{} lines", names.len()) } else { format!("a list of {}", names.len()) };
    Err(wrong(format!("{n_different} different classes in {of}")))
}

#[cfg(test)]
mod tests {
    use super::super::CIFAR10;
    use super::*;

    #[test]
    fn ten_different_class_names_are_expected_blank_lines_aside() {
        let check = |text: &str, expected: Result<usize, &str>| {
            let found = class_names(Path::new("m.txt"), text.as_bytes(), &CIFAR10.labels[0], Version::Binary);
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
}
