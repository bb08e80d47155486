//! What stands in the image folder itself, and what that says of the layout.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use twinset_manifest::rows::Split;

use super::walk::entries;
use crate::IngestError;
use crate::error::{no_dataset, wrong};
use crate::image_folder::{Config, Layout};
use crate::splits;
use crate::strangers::Strangers;
use crate::summary::listed;
use crate::take::has_image_ending;

/// What stands in the image folder itself.
pub(super) struct Top {
    /// The folders of splits, by name.
    pub(super) splits: Vec<(Split, PathBuf)>,
    /// The names of its other folders.
    pub(super) folders: Vec<String>,
    /// How many files there are whose names end as images' do.
    pub(super) n_images: usize,
    pub(super) strangers: Strangers,
}

impl Top {
    pub(super) fn of(folder: &Path) -> Result<Self, IngestError> {
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
    pub(super) fn splits(&self) -> Result<Vec<(Split, PathBuf)>, IngestError> {
        let mut splits = self.splits.clone();
        // Stable, so that two of one split stay in the order of their names.
        splits.sort_by_key(|&(split, _)| split);
        match splits.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some([(split, left), (_, right)]) => {
                let (left, right) = (left.display(), right.display());
                Err(wrong!("folders `{left}` and `{right}` are both of split `{split}`, expected one").into())
            }
            _ => Ok(splits),
        }
    }

    /// The layout, and what is to be said where the config leaves it open.
    pub(super) fn layout(&self, config: &Config, folder: &Path) -> Result<(Layout, Vec<String>), IngestError> {
        if let Some(layout) = config.layout {
            return Ok((layout, Vec::new()));
        }
        let with_folders = self.split_with_folders()?;
        let has_folders = !self.folders.is_empty() || !self.splits.is_empty();
        match (config.asked().key(), with_folders) {
            (Some(key), Some(split_folder)) => {
                let name = split_folder.file_name().unwrap_or_default().display();
                Err(splits::has_splits(folder, &format!("folder `{name}` holds folders"), key).into())
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
    let wrong = |found| no_dataset(folder, found, "a folder of images");
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(wrong("is a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(wrong("does not exist")),
        Err(source) => Err(IngestError::Read { path: folder.to_owned(), source }),
    }
}
