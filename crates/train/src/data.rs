//! From manifests to what a training sees.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use tch::Device;
use twinset_manifest::rows::{Image, TrainsetRow};
use twinset_manifest::{Input, ManifestError, Reader};
use twinset_model::ImageSet;

use crate::spread::spread;
use crate::{HeldOut, TrainError};

/// One position of the training set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Where its image stands in the image set.
    pub image: usize,
    /// The class that it is trained as.
    pub label: u32,
    /// The original that it is or repeats.
    pub root_id: u64,
    /// 0 for an original, 1 for its first duplicate, and so on.
    pub copy: u32,
}

/// What a training sees: each image once, and samples that point to them, so that exact duplicates take no memory.
#[derive(Debug)]
pub struct TrainingData {
    /// All images that are trained on or watched.
    pub images: ImageSet,
    /// The training set.
    pub samples: Vec<Sample>,
    /// Where the held-out images stand in the image set.
    pub held_out: Vec<usize>,
    /// The classes' names, by label.
    pub class_names: Vec<String>,
    /// The manifests, for the provenance.
    pub inputs: Vec<Input>,
    /// What the manifests' provenance warns of.
    pub warnings: Vec<String>,
}

/// Reads a training set and the images that it, and `held_out`, ask for; paths in the images are relative to `folder`.
///
/// # Errors
/// When a manifest or an image cannot be read, the trainset is empty or names images that are not there, or classes do
/// not fit together.
pub fn load(
    images: &Path,
    injected_images: Option<&Path>,
    trainset: &Path,
    folder: &Path,
    held_out: Option<&HeldOut>,
    device: Device,
) -> Result<TrainingData, TrainError> {
    let trainset = Reader::<TrainsetRow>::open(trainset)?;
    let mut sources = vec![Reader::<Image>::open(images)?];
    sources.extend(injected_images.map(Reader::<Image>::open).transpose()?);

    let mut inputs = sources.iter().map(Reader::as_input).collect::<Result<Vec<_>, _>>()?;
    inputs.push(trainset.as_input()?);
    let mut warnings: Vec<String> = sources.iter().flat_map(|source| source.provenance().warnings.clone()).collect();
    warnings.extend_from_slice(&trainset.provenance().warnings);
    let mut seen = HashSet::new();
    warnings.retain(|warning| seen.insert(warning.clone()));

    let rows = trainset.read_all()?;
    if rows.is_empty() {
        return Err(TrainError::EmptyTrainset);
    }
    let wanted: HashSet<u64> = rows.iter().map(|row| row.image_id).collect();
    let mut census = Census::default();
    let batches = sources.into_iter().flatten().map(|batch| {
        let mut batch = batch.map_err(TrainError::from)?;
        for row in &batch {
            census.count(row)?;
        }
        batch.retain(|row| wanted.contains(&row.image_id) || held_out.is_some_and(|held| held.split == row.split));
        Ok::<_, TrainError>(batch)
    });
    let images = collect_images(batches, folder, device)?;
    let class_names = census.class_names()?;

    let places: HashMap<u64, usize> = images.image_ids.iter().enumerate().map(|(place, &id)| (id, place)).collect();
    let samples = samples(&rows, &places, &class_names)?;
    let held_out = match held_out {
        None => Vec::new(),
        Some(held) => held.choose(&images)?,
    };
    Ok(TrainingData { images, samples, held_out, class_names, inputs, warnings })
}

/// An image set of batches that may fail in a way of ours: the first failure ends the batches and is returned.
fn collect_images(
    batches: impl Iterator<Item = Result<Vec<Image>, TrainError>>,
    folder: &Path,
    device: Device,
) -> Result<ImageSet, TrainError> {
    let mut failure = None;
    let good = batches.map_while(|batch| batch.map_err(|error| failure = Some(error)).ok());
    let images = ImageSet::from_batches(good.map(Ok::<_, ManifestError>), folder, device);
    match failure {
        Some(error) => Err(error),
        None => Ok(images?),
    }
}

fn samples(
    rows: &[TrainsetRow],
    places: &HashMap<u64, usize>,
    class_names: &[String],
) -> Result<Vec<Sample>, TrainError> {
    let mut missing = rows.iter().filter(|row| !places.contains_key(&row.image_id)).map(|row| row.image_id);
    if let Some(first) = missing.next() {
        return Err(TrainError::MissingImages { n_missing: 1 + missing.count(), n_rows: rows.len(), first });
    }
    rows.iter()
        .map(|row| {
            let &TrainsetRow { position, image_id, label, duplicate_of, copy, .. } = row;
            if label as usize >= class_names.len() {
                let largest = class_names.len() as u32 - 1;
                return Err(TrainError::Label { position, image_id, found: label, largest });
            }
            Ok(Sample { image: places[&image_id], label, root_id: duplicate_of.unwrap_or(image_id), copy })
        })
        .collect()
}

/// What is known of all images, those not loaded included: every split and every arm has the same classes.
#[derive(Default)]
struct Census {
    ids: HashSet<u64>,
    class_names: BTreeMap<u32, String>,
}

impl Census {
    fn count(&mut self, row: &Image) -> Result<(), TrainError> {
        let &Image { image_id, label, .. } = row;
        if !self.ids.insert(image_id) {
            return Err(TrainError::DuplicateId { image_id });
        }
        let name = self.class_names.entry(label).or_insert_with(|| row.class_name.clone());
        if *name != row.class_name {
            let (found, expected) = (row.class_name.clone(), name.clone());
            return Err(TrainError::ClassName { image_id, label, found, expected });
        }
        Ok(())
    }

    /// The classes' names, by label.
    fn class_names(self) -> Result<Vec<String>, TrainError> {
        if self.class_names.len() == 1 && self.class_names.get(&0).is_some_and(String::is_empty) {
            return Err(TrainError::NoLabels);
        }
        let largest = self.class_names.keys().next_back().copied().unwrap_or_default();
        let absent = (0..).zip(self.class_names.keys()).find(|(expected, found)| expected != *found);
        match absent {
            Some((label, _)) => Err(TrainError::EmptyClass { label, largest }),
            None => Ok(self.class_names.into_values().collect()),
        }
    }
}

impl HeldOut {
    fn choose(&self, images: &ImageSet) -> Result<Vec<usize>, TrainError> {
        let all: Vec<_> = (0..images.len()).filter(|&place| images.splits[place] == self.split).collect();
        if all.is_empty() {
            return Err(TrainError::NoHeldOut { split: self.split.to_string() });
        }
        let n = self.max_images.map_or(all.len(), |max| usize::try_from(max).unwrap_or(usize::MAX));
        Ok(spread(&all, n))
    }
}
