//! What an image folder holds, in order.

mod walk;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use twinset_manifest::rows::Split;

use super::{Config, Layout};
use crate::files::Found;
use crate::splits::{SplitError, missing_classes, without_classes};
use crate::strangers::Strangers;
use crate::summary::listed;
use crate::take::has_image_ending;
use crate::{IngestError, labels, unicode_forms};
use walk::{Entry, entries};

/// What an image folder holds.
pub(super) struct Listing {
    /// The classes, by label; empty where the images have no labels.
    pub(super) class_names: Vec<String>,
    /// The files, by split, class and path; then those outside of a class, so that these move no other's place.
    pub(super) files: Vec<Found>,
    /// What was passed over and perhaps should not have been, and what was taken for granted.
    pub(super) warnings: Vec<String>,
}

/// What stands in the image folder itself.
struct Top {
    /// The folders of splits, by name.
    splits: Vec<(Split, PathBuf)>,
    /// The names of its other folders.
    folders: Vec<String>,
    /// How many files there are whose names end as images' do.
    n_images: usize,
    strangers: Strangers,
}

impl Listing {
    pub(super) fn of(config: &Config, folder: &Path) -> Result<Self, IngestError> {
        let top = Top::of(folder)?;
        let (layout, mut warnings) = top.layout(config, folder)?;
        let mut listing = match layout {
            Layout::Splits => Self::of_splits(folder, &top)?,
            Layout::Classes => Self::of_classes(folder)?,
            Layout::Flat => Self::flat(folder)?,
        };
        if layout != Layout::Splits {
            listing.assign_splits(config);
        }
        listing.warnings.extend(unicode_forms::twins_within(&listing.class_names));
        warnings.append(&mut listing.warnings);
        Ok(Self { warnings, ..listing })
    }

    /// Of `<split>/<class>/<image>`, or of `<split>/<image>` where no split has a folder.
    fn of_splits(folder: &Path, top: &Top) -> Result<Self, IngestError> {
        let splits = top.splits()?;
        let Some((first, _)) = splits.first() else {
            return Err(IngestError::NoSplits { folder: folder.to_owned(), found: top.folders.clone() });
        };
        let of_splits: Vec<_> = splits.iter().map(|(_, folder)| classes(folder)).collect::<Result<_, _>>()?;
        let (class_names, sorted) = of_splits[0].clone();
        for ((split, split_folder), (names, _)) in splits.iter().zip(&of_splits) {
            if names.is_empty() && of_splits.iter().any(|(names, _)| !names.is_empty()) {
                return Err(IngestError::NoClasses { folder: split_folder.clone() });
            }
            check_same(folder, (*first, &class_names), (*split, names))?;
        }
        let mut listing = Self { class_names, files: Vec::new(), warnings: Vec::new() };
        let mut strangers = top.strangers.clone();
        let not_read = |name: &String| format!("folder `{name}` is none of train, val, test and was not read");
        listing.warnings.extend(top.folders.iter().map(not_read));
        if top.n_images > 0 {
            let n = top.n_images;
            listing.warnings.push(format!("{n} images beside the folders of the splits were not read"));
        }
        listing.warnings.extend(sorted);
        let (mut outside, mut is_empty) = (Vec::new(), vec![true; listing.class_names.len()]);
        for (split, split_folder) in &splits {
            if listing.class_names.is_empty() {
                listing.files.append(&mut files_below(folder, split_folder, *split, Some(0), &mut strangers)?);
                continue;
            }
            outside.append(&mut files_below(folder, split_folder, *split, None, &mut strangers)?);
            let of_classes = files_of_classes(folder, split_folder, *split, &listing.class_names, &mut strangers)?;
            let mut missing = Vec::new();
            for (label, (class, mut of_class)) in listing.class_names.iter().zip(of_classes).enumerate() {
                if of_class.is_empty() {
                    missing.push(class.clone());
                }
                is_empty[label] &= of_class.is_empty();
                listing.files.append(&mut of_class);
            }
            listing.warnings.extend(without_classes(*split, &missing));
        }
        if let Some(label) = is_empty.iter().position(|&is_empty| is_empty) {
            let class = &listing.class_names[label];
            let folders = splits.iter().map(|(_, split_folder)| split_folder.join(class)).collect();
            return Err(IngestError::EmptyClass { class: class.clone(), folders });
        }
        listing.files.append(&mut outside);
        listing.warnings.extend(strangers.warning());
        Ok(listing)
    }

    /// Of `<class>/<image>`; all of split train.
    fn of_classes(folder: &Path) -> Result<Self, IngestError> {
        let (class_names, sorted) = classes(folder)?;
        if class_names.is_empty() {
            let found = "has no class folders";
            return Err(IngestError::NoDataset { path: folder.to_owned(), found, expected: "<class>/<image>" });
        }
        let (mut files, mut strangers) = (Vec::new(), Strangers::default());
        let mut outside = files_below(folder, folder, Split::Train, None, &mut strangers)?;
        let of_classes = files_of_classes(folder, folder, Split::Train, &class_names, &mut strangers)?;
        for (class, mut of_class) in class_names.iter().zip(of_classes) {
            if of_class.is_empty() {
                return Err(IngestError::EmptyClass { class: class.clone(), folders: vec![folder.join(class)] });
            }
            files.append(&mut of_class);
        }
        files.append(&mut outside);
        let warnings = sorted.into_iter().chain(strangers.warning()).collect();
        Ok(Self { class_names, files, warnings })
    }

    /// Of images at any depth, without labels; all of split train.
    fn flat(folder: &Path) -> Result<Self, IngestError> {
        let mut strangers = Strangers::default();
        let files = files_below(folder, folder, Split::Train, Some(0), &mut strangers)?;
        Ok(Self { class_names: Vec::new(), files, warnings: strangers.warning().into_iter().collect() })
    }

    /// Gives the images the split that the config says, or those that it has drawn. What stands beside the classes is no image
    /// and of no split.
    fn assign_splits(&mut self, config: &Config) {
        let labels: Vec<_> = self.files.iter().map(|found| found.label).collect();
        let splits = config.asked().resolve(&labels, vec![Split::Train; labels.len()]);
        self.warnings.extend(config.draw_split.iter().flat_map(|draw_split| draw_split.unfilled(&splits)));
        if config.draw_split.is_some() {
            self.warnings.extend(missing_classes(&self.class_names, labels.into_iter().zip(splits.iter().copied())));
        }
        for (found, split) in self.files.iter_mut().zip(splits) {
            found.split = split;
        }
    }
}

/// The folders of which every file is read: the splits, or the whole.
pub(super) fn folders_read(config: &Config, folder: &Path) -> Result<Vec<PathBuf>, IngestError> {
    let top = Top::of(folder)?;
    Ok(match top.layout(config, folder)?.0 {
        Layout::Splits => top.splits.into_iter().map(|(_, folder)| folder).collect(),
        Layout::Classes | Layout::Flat => vec![folder.to_owned()],
    })
}

impl Top {
    fn of(folder: &Path) -> Result<Self, IngestError> {
        check_is_folder(folder)?;
        let (entries, strangers) = entries(folder, 1)?;
        let mut top = Self { splits: Vec::new(), folders: Vec::new(), n_images: 0, strangers };
        for entry in entries {
            match entry.split() {
                Some(split) => top.splits.push((split, entry.path)),
                None if entry.is_folder => top.folders.push(entry.name().to_string_lossy().into_owned()),
                None => top.n_images += usize::from(has_image_ending(&entry.name().to_string_lossy())),
            }
        }
        Ok(top)
    }

    /// The splits' folders, in the splits' order.
    fn splits(&self) -> Result<Vec<(Split, PathBuf)>, IngestError> {
        let mut splits = self.splits.clone();
        // Stable, so that two of one split stay in the order of their names.
        splits.sort_by_key(|&(split, _)| split);
        match splits.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some([(split, left), (_, right)]) => {
                Err(IngestError::SplitTwice { split: *split, left: left.clone(), right: right.clone() })
            }
            _ => Ok(splits),
        }
    }

    /// The layout, and what is to be said where the config leaves it open.
    fn layout(&self, config: &Config, folder: &Path) -> Result<(Layout, Vec<String>), IngestError> {
        if let Some(layout) = config.layout {
            return Ok((layout, Vec::new()));
        }
        let with_folders = self.split_with_folders()?;
        let has_folders = !self.folders.is_empty() || !self.splits.is_empty();
        match (config.asked().key(), with_folders) {
            (Some(key), Some(split_folder)) => {
                let name = split_folder.file_name().unwrap_or_default().display();
                let found = format!("folder `{name}` holds folders");
                let source_name = format!("`{}`", folder.display());
                Err(SplitError::HasSplits { source_name, found, key }.into())
            }
            // A draw is for a study, and that needs classes.
            (Some(_), None) if has_folders || config.draw_split.is_some() => Ok((Layout::Classes, Vec::new())),
            (None, Some(_)) => Ok((Layout::Splits, Vec::new())),
            (None, None) if has_folders && self.folders.is_empty() && self.n_images == 0 => {
                Ok((Layout::Splits, vec!["the images have no labels: the splits have no class folders".to_owned()]))
            }
            _ => Ok((Layout::Flat, vec![self.unlabelled(config)])),
        }
    }

    /// The first folder of a split that holds folders: its classes.
    fn split_with_folders(&self) -> Result<Option<&Path>, IngestError> {
        for (_, split_folder) in &self.splits {
            if entries(split_folder, 1)?.0.iter().any(|entry| entry.is_folder) {
                return Ok(Some(split_folder));
            }
        }
        Ok(None)
    }

    /// What is said where folders are neither classes nor splits.
    fn unlabelled(&self, config: &Config) -> String {
        let split = config.split.unwrap_or(Split::Train);
        let of_path = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut names: Vec<_> = self.splits.iter().map(|(_, path)| of_path(path)).chain(self.folders.clone()).collect();
        names.sort_unstable();
        let said = format!("the images have no labels, and all are of split `{split}`");
        match names.len() {
            0 => said,
            n => format!("{said}: layout = \"classes\" takes the folders for {n} classes ({})", listed(&names, 6)),
        }
    }
}

fn check_is_folder(folder: &Path) -> Result<(), IngestError> {
    let expected = "a folder of images";
    let wrong = |found| IngestError::NoDataset { path: folder.to_owned(), found, expected };
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(wrong("is a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(wrong("does not exist")),
        Err(source) => Err(IngestError::Read { path: folder.to_owned(), source }),
    }
}

/// The names of a folder's folders by label, and what is to be said of their order.
fn classes(folder: &Path) -> Result<(Vec<String>, Option<String>), IngestError> {
    let folders = entries(folder, 1)?.0.into_iter().filter(|entry| entry.is_folder);
    let name = |entry: Entry| match entry.name().to_str() {
        Some(name) => Ok(name.to_owned()),
        None => Err(IngestError::ClassNotUtf8 { folder: entry.path.clone() }),
    };
    let mut names = folders.map(name).collect::<Result<Vec<_>, _>>()?;
    let sorted = labels::sort(&mut names);
    Ok((names, sorted))
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
    strangers: &mut Strangers,
) -> Result<Vec<Vec<Found>>, IngestError> {
    let of_class = |(label, class)| {
        let mut strangers = Strangers::default();
        let files = files_below(folder, &within.join(class), split, Some(label as u32), &mut strangers)?;
        Ok::<_, IngestError>((files, strangers))
    };
    let of_classes = class_names.par_iter().enumerate().map(of_class).collect::<Result<Vec<_>, _>>()?;
    let taken = |(files, passed_over)| {
        strangers.append(passed_over);
        files
    };
    Ok(of_classes.into_iter().map(taken).collect())
}

/// The files of a class at any depth, or, without a label, those that stand in the folder itself.
fn files_below(
    folder: &Path,
    within: &Path,
    split: Split,
    label: Option<u32>,
    strangers: &mut Strangers,
) -> Result<Vec<Found>, IngestError> {
    let depth = if label.is_some() { usize::MAX } else { 1 };
    // The folder with its separator, as all paths below it begin.
    let n_folder_bytes = folder.join("").as_os_str().len();
    let (entries, passed_over) = entries(within, depth)?;
    strangers.append(passed_over);
    let files = entries.into_iter().filter(|entry| !entry.is_folder);
    Ok(files.map(|Entry { path, is_regular, .. }| Found { path, n_folder_bytes, is_regular, split, label }).collect())
}
