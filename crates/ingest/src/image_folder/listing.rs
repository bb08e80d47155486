//! What an image folder holds, in order.

mod top;
mod walk;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use twinset_manifest::rows::Split;

use super::{Config, Layout};
use crate::error::{no_dataset, wrong};
use crate::files::Found;
use crate::splits::{missing_classes, without_classes};
use crate::strangers::Strangers;
use crate::summary::listed;
use crate::{IngestError, SourceError, labels, unicode_forms};
use top::Top;
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
            return Err(no_splits(folder, &top.folders).into());
        };
        let of_splits: Vec<_> = splits.iter().map(|(_, folder)| classes(folder)).collect::<Result<_, _>>()?;
        let (class_names, sorted) = of_splits[0].clone();
        for ((split, split_folder), (names, _)) in splits.iter().zip(&of_splits) {
            if names.is_empty() && of_splits.iter().any(|(names, _)| !names.is_empty()) {
                let folder = split_folder.display();
                let error = wrong!("split folder `{folder}` has no class folders; expected <split>/<class>/<image>");
                return Err(error.with_hint("layout = \"flat\" takes all images without labels").into());
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
            let folders: Vec<_> = splits.iter().map(|(_, split_folder)| split_folder.join(class)).collect();
            return Err(empty_class(class, &folders).into());
        }
        listing.files.append(&mut outside);
        listing.warnings.extend(strangers.warning());
        Ok(listing)
    }

    /// Of `<class>/<image>`; all of split train.
    fn of_classes(folder: &Path) -> Result<Self, IngestError> {
        let (class_names, sorted) = classes(folder)?;
        if class_names.is_empty() {
            return Err(no_dataset(folder, "has no class folders", "<class>/<image>"));
        }
        let (mut files, mut strangers) = (Vec::new(), Strangers::default());
        let mut outside = files_below(folder, folder, Split::Train, None, &mut strangers)?;
        let of_classes = files_of_classes(folder, folder, Split::Train, &class_names, &mut strangers)?;
        for (class, mut of_class) in class_names.iter().zip(of_classes) {
            if of_class.is_empty() {
                return Err(empty_class(class, &[folder.join(class)]).into());
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

/// The names of a folder's folders by label, and what is to be said of their order.
fn classes(folder: &Path) -> Result<(Vec<String>, Option<String>), IngestError> {
    let folders = entries(folder, 1)?.0.into_iter().filter(|entry| entry.is_folder);
    let name = |entry: Entry| match entry.name().to_str() {
        Some(name) => Ok(name.to_owned()),
        None => {
            let folder = entry.path.display();
            Err(wrong!("the name of folder `{folder}` is not UTF-8, expected one, as it is a class's name"))
        }
    };
    let mut names = folders.map(name).collect::<Result<Vec<_>, _>>()?;
    let sorted = labels::sort(&mut names);
    Ok((names, sorted))
}

fn check_same(
    folder: &Path,
    (left, left_names): (Split, &[String]),
    (right, right_names): (Split, &[String]),
) -> Result<(), SourceError> {
    let (left_set, right_set): (BTreeSet<_>, BTreeSet<_>) = (left_names.iter().collect(), right_names.iter().collect());
    if left_set == right_set {
        return Ok(());
    }
    let only = |set: &BTreeSet<&String>, other| set.difference(other).map(|&name| name.clone()).collect::<Vec<_>>();
    let (only_left, only_right) = (only(&left_set, &right_set), only(&right_set, &left_set));
    let differing = [(left, &only_left), (right, &only_right)].into_iter().filter(|(_, only)| !only.is_empty());
    let differing = differing.map(|(split, only)| format!("only `{split}` has {}", listed(only, 6)));
    let hint = match unicode_forms::twins(&only_left, &only_right) {
        Some((of_left, of_right)) => format!(
            "`{of_left}` of {left} and `{of_right}` of {right} look like one name in two Unicode forms (NFC and NFD); rename one of \
             the folders as the other"
        ),
        None => "a class's label is its place among the sorted names, so each split needs all of them".to_owned(),
    };
    let (folder, differing) = (folder.display(), differing.collect::<Vec<_>>().join(", "));
    Err(wrong!("splits `{left}` and `{right}` of `{folder}` have different classes: {differing}").with_hint(hint))
}

/// The error of a folder without folders for splits.
fn no_splits(folder: &Path, found: &[String]) -> SourceError {
    let (folder, names) = (folder.display(), if found.is_empty() { "nothing".to_owned() } else { listed(found, 6) });
    let error =
        wrong!("`{folder}` has no folder `train`, `val` or `test`, found {names}; expected <split>/<class>/<image>");
    match found {
        [] => error,
        _ => error.with_hint(
            "where these are the classes: layout = \"classes\", perhaps with draw-split = { test = 0.2, seed = 0 }",
        ),
    }
}

/// The error of a class without files in any of its folders.
fn empty_class(class: &str, folders: &[PathBuf]) -> SourceError {
    let folders: Vec<_> = folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
    wrong!("class `{class}` has no files in {}, expected at least one image", folders.join(" or "))
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
    Ok(files.map(|Entry { path, .. }| Found { path, n_folder_bytes, split, label }).collect())
}
