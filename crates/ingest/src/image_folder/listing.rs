//! What an image folder holds, in order.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use rayon::prelude::*;
use twinset_manifest::rows::Split;
use walkdir::{DirEntry, WalkDir};

use super::Config;
use crate::IngestError;
use crate::draw_split::DrawSplit;
use crate::files::Found;
use crate::splits::{self, SplitError, missing_classes, without_classes};

/// What an image folder holds.
pub(super) struct Listing {
    /// The classes, sorted by name: by label.
    pub(super) class_names: Vec<String>,
    /// The files, by split, class and path; then those outside of a class, so that these move no other's place.
    pub(super) files: Vec<Found>,
    /// What was passed over and perhaps should not have been.
    pub(super) warnings: Vec<String>,
}

impl Listing {
    pub(super) fn of(config: &Config, folder: &Path) -> Result<Self, IngestError> {
        check_is_folder(folder)?;
        if let Some(draw_split) = &config.draw_split {
            return Self::drawn(folder, draw_split);
        }
        let (splits, others) = splits_and_others(folder)?;
        let name = |entry: &Entry| entry.name().to_string_lossy().into_owned();
        let Some((first, first_folder)) = splits.first() else {
            let found = others.iter().map(name).collect();
            return Err(IngestError::NoSplits { folder: folder.to_owned(), found });
        };
        let class_names = classes(first_folder)?;
        for (split, split_folder) in &splits[1..] {
            check_same(folder, (*first, &class_names), (*split, &classes(split_folder)?))?;
        }
        let is_folder = |entry: &&Entry| entry.is_folder;
        let mut warnings: Vec<_> = others
            .iter()
            .filter(is_folder)
            .map(|entry| format!("folder `{}` is none of train, val, test and was not read", name(entry)))
            .collect();
        let (mut files, mut outside, mut is_empty) = (Vec::new(), Vec::new(), vec![true; class_names.len()]);
        for &(split, ref split_folder) in &splits {
            outside.append(&mut files_below(folder, split_folder, split, None)?);
            let mut missing = Vec::new();
            let of_classes = files_of_classes(folder, split_folder, split, &class_names)?;
            for (label, (class, mut of_class)) in class_names.iter().zip(of_classes).enumerate() {
                if of_class.is_empty() {
                    missing.push(class.clone());
                }
                is_empty[label] &= of_class.is_empty();
                files.append(&mut of_class);
            }
            warnings.extend(without_classes(split, &missing));
        }
        if let Some(label) = is_empty.iter().position(|&is_empty| is_empty) {
            let class = &class_names[label];
            let folders = splits.iter().map(|(_, split_folder)| split_folder.join(class)).collect();
            return Err(IngestError::EmptyClass { class: class.clone(), folders });
        }
        files.append(&mut outside);
        Ok(Self { class_names, files, warnings })
    }

    /// Of a folder whose splits are drawn: classes, and no splits.
    fn drawn(folder: &Path, draw_split: &DrawSplit) -> Result<Self, IngestError> {
        check_has_no_splits(folder)?;
        let class_names = names_of_folders(folder)?;
        if class_names.is_empty() {
            let found = "has no class folders";
            return Err(IngestError::NoDataset { path: folder.to_owned(), found, expected: "<class>/<image>" });
        }
        // What stands beside the classes is no image and of no split; those of the others are drawn.
        let (mut files, mut outside) = (Vec::new(), files_below(folder, folder, Split::Train, None)?);
        let of_classes = files_of_classes(folder, folder, Split::Train, &class_names)?;
        for (class, mut of_class) in class_names.iter().zip(of_classes) {
            if of_class.is_empty() {
                return Err(IngestError::EmptyClass { class: class.clone(), folders: vec![folder.join(class)] });
            }
            files.append(&mut of_class);
        }
        files.append(&mut outside);
        let labels: Vec<_> = files.iter().map(|found| found.label).collect();
        let splits = draw_split.draw(&labels);
        let mut warnings = draw_split.unfilled(&splits);
        warnings.extend(missing_classes(&class_names, labels.into_iter().zip(splits.iter().copied())));
        for (found, split) in files.iter_mut().zip(splits) {
            found.split = split;
        }
        Ok(Self { class_names, files, warnings })
    }
}

/// The folders of which every file is read: the splits, or the whole where these are drawn.
pub(super) fn folders_read(config: &Config, folder: &Path) -> Result<Vec<PathBuf>, IngestError> {
    check_is_folder(folder)?;
    if config.draw_split.is_some() {
        return Ok(vec![folder.to_owned()]);
    }
    Ok(splits_and_others(folder)?.0.into_iter().map(|(_, folder)| folder).collect())
}

/// A class may be called `train`, but then it holds images and not classes.
fn check_has_no_splits(folder: &Path) -> Result<(), IngestError> {
    for entry in entries(folder, 1)?.iter().filter(|entry| entry.split().is_some()) {
        if entries(&entry.path, 1)?.iter().any(|entry| entry.is_folder) {
            let found = format!("folder `{}` holds folders", entry.name().display());
            let source_name = format!("`{}`", folder.display());
            return Err(SplitError::HasSplits { source_name, found, key: "draw-split" }.into());
        }
    }
    Ok(())
}

fn check_is_folder(folder: &Path) -> Result<(), IngestError> {
    let expected = "a folder with <split>/<class>/<image>";
    let wrong = |found| IngestError::NoDataset { path: folder.to_owned(), found, expected };
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(wrong("is a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(wrong("does not exist")),
        Err(source) => Err(IngestError::Read { path: folder.to_owned(), source }),
    }
}

/// A split and its folder.
type SplitFolder = (Split, PathBuf);

/// The splits' folders, in the splits' order, and what the image folder holds beside them, hidden things aside.
fn splits_and_others(folder: &Path) -> Result<(Vec<SplitFolder>, Vec<Entry>), IngestError> {
    let (mut splits, mut others) = (Vec::new(), Vec::new());
    for entry in entries(folder, 1)? {
        match entry.split() {
            Some(split) => splits.push((split, entry.path)),
            None => others.push(entry),
        }
    }
    // By name, as they are listed, where two are of one split.
    splits.sort_by_key(|&(split, _)| split);
    match splits.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some([(split, left), (_, right)]) => {
            Err(IngestError::SplitTwice { split: *split, left: left.clone(), right: right.clone() })
        }
        _ => Ok((splits, others)),
    }
}

/// The names of a split's folders, sorted.
fn classes(split_folder: &Path) -> Result<Vec<String>, IngestError> {
    let names = names_of_folders(split_folder)?;
    if names.is_empty() { Err(IngestError::NoClasses { folder: split_folder.to_owned() }) } else { Ok(names) }
}

/// The names of the folders in a folder, sorted.
fn names_of_folders(folder: &Path) -> Result<Vec<String>, IngestError> {
    let folders = entries(folder, 1)?.into_iter().filter(|entry| entry.is_folder);
    folders
        .map(|entry| match entry.name().to_str() {
            Some(name) => Ok(name.to_owned()),
            None => Err(IngestError::ClassNotUtf8 { folder: entry.path.clone() }),
        })
        .collect()
}

fn check_same(
    folder: &Path,
    (left, left_names): (Split, &[String]),
    (right, right_names): (Split, &[String]),
) -> Result<(), IngestError> {
    let (left_set, right_set): (BTreeSet<_>, BTreeSet<_>) = (left_names.iter().collect(), right_names.iter().collect());
    if left_set == right_set {
        return Ok(());
    }
    Err(IngestError::ClassesDiffer {
        folder: folder.to_owned(),
        left,
        right,
        only_left: left_set.difference(&right_set).map(|&name| name.clone()).collect(),
        only_right: right_set.difference(&left_set).map(|&name| name.clone()).collect(),
    })
}

/// The files of each class, by label.
fn files_of_classes(
    folder: &Path,
    within: &Path,
    split: Split,
    class_names: &[String],
) -> Result<Vec<Vec<Found>>, IngestError> {
    let of_class = |(label, class)| files_below(folder, &within.join(class), split, Some(label as u32));
    class_names.par_iter().enumerate().map(of_class).collect()
}

/// The files of a class at any depth, or, without a label, those that stand in the split's folder itself.
fn files_below(folder: &Path, within: &Path, split: Split, label: Option<u32>) -> Result<Vec<Found>, IngestError> {
    let depth = if label.is_some() { usize::MAX } else { 1 };
    // The folder with its separator, as all paths below it begin.
    let n_folder_bytes = folder.join("").as_os_str().len();
    let files = entries(within, depth)?.into_iter().filter(|entry| !entry.is_folder);
    Ok(files.map(|Entry { path, is_regular, .. }| Found { path, n_folder_bytes, is_regular, split, label }).collect())
}

/// Something in a folder.
struct Entry {
    path: PathBuf,
    is_folder: bool,
    is_regular: bool,
}

impl Entry {
    fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    /// The split that it is the folder of.
    fn split(&self) -> Option<Split> {
        if self.is_folder { splits::named(self.name().to_str()?) } else { None }
    }

    /// By name in each folder: as the paths' bytes are, with what parts two names before all that may stand in one. Of both
    /// paths the first `n_same` bytes are the same.
    fn cmp_by_name(&self, other: &Self, n_same: usize) -> Ordering {
        let [left, right] = [self, other].map(|entry| &entry.path.as_os_str().as_encoded_bytes()[n_same..]);
        let rank = |byte: u8| if byte == MAIN_SEPARATOR as u8 { 0 } else { byte };
        let differing = left.iter().zip(right).find(|(left, right)| left != right);
        differing.map_or(left.len().cmp(&right.len()), |(&left, &right)| rank(left).cmp(&rank(right)))
    }
}

/// What is in a folder, sorted by name, without hidden things.
///
/// A link to nothing is an entry, so that it becomes a reject; a link to a folder above it is an error.
fn entries(folder: &Path, max_depth: usize) -> Result<Vec<Entry>, IngestError> {
    let is_shown = |entry: &DirEntry| entry.depth() == 0 || !is_hidden(entry.file_name());
    let walk = WalkDir::new(folder).min_depth(1).max_depth(max_depth).follow_links(true);
    let mut entries = Vec::new();
    for entry in walk.into_iter().filter_entry(is_shown) {
        match entry {
            Ok(entry) => {
                let file_type = entry.file_type();
                entries.push(Entry {
                    is_folder: file_type.is_dir(),
                    is_regular: file_type.is_file(),
                    path: entry.into_path(),
                });
            }
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                let is_loop = error.loop_ancestor().is_some();
                if !is_loop && path.is_symlink() {
                    if !path.file_name().is_some_and(is_hidden) {
                        entries.push(Entry { path, is_folder: false, is_regular: false });
                    }
                    continue;
                }
                let source = if is_loop { io::Error::other("a link to a folder above it") } else { error.into() };
                return Err(IngestError::Read { path, source });
            }
        }
    }
    let n_same = folder.as_os_str().len();
    entries.par_sort_unstable_by(|left, right| left.cmp_by_name(right, n_same));
    Ok(entries)
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}
