//! From a manifest to the images that are evaluated.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use twinset_manifest::rows::{Image, Split};
use twinset_manifest::{Input, Reader, Row};
use twinset_model::{ImageSet, ImageSetError, Network};

use crate::{Config, EvaluateError};

/// The images that are evaluated, and where they come from.
#[derive(Debug)]
pub struct EvaluationData {
    /// The chosen images of the chosen splits, then those that leaked into them.
    pub images: ImageSet,
    /// How many of these are the splits' own; the others leaked.
    pub n_own: usize,
    /// The manifests, for the provenance.
    pub inputs: Vec<Input>,
    /// What its provenance warns of.
    pub warnings: Vec<String>,
    /// Other networks for these images, which the checks make images on.
    pub others: Vec<Other>,
}

/// A network that another one is set beside.
#[derive(Debug)]
pub struct Other {
    /// What checks call it.
    pub name: String,
    /// The network.
    pub network: Network,
}

impl EvaluationData {
    /// Adds another network, of the file at `path`, which is the `input`.
    ///
    /// # Errors
    /// When it is not for the images and classes of the network that is evaluated.
    pub fn add_other(
        &mut self,
        path: &Path,
        input: Input,
        other: Network,
        network: &Network,
    ) -> Result<(), EvaluateError> {
        let told = |network: &Network| (network.spec().image_size, network.class_names().to_vec());
        if told(&other) != told(network) {
            let words = |network: &Network| format!("{} ({})", network.spec(), network.class_names().join(", "));
            let (found, expected) = (words(&other), words(network));
            return Err(EvaluateError::OtherIsOfOthers { path: path.to_owned(), found, expected });
        }
        // Weights are called `model.safetensors` everywhere; their content tells them apart, wherever they lie.
        let digest = input.blake3.to_string();
        let name = format!("{} {}", input.name, digest.get(..12).unwrap_or(&digest));
        self.others.push(Other { name, network: other });
        self.inputs.push(input);
        Ok(())
    }
}

/// Reads the images that `config` asks for and all those of `leaked` in the same splits, and checks that `network` is one for
/// them; paths in the manifests are relative to `folder`.
///
/// # Errors
/// When a manifest or an image cannot be read, a split is empty, the network is one for other classes or for
/// images of another size, or what leaked was made from other images.
pub fn load(
    manifest: &Path,
    leaked: Option<&Path>,
    folder: &Path,
    config: &Config,
    network: &Network,
) -> Result<EvaluationData, EvaluateError> {
    let census = Census::of(Reader::open(manifest)?)?;
    census.check_classes(network.class_names())?;
    let mut chosen = HashSet::new();
    for &split in &config.splits {
        chosen.extend(census.choose(split, config.max_images)?);
    }
    let n_own = chosen.len();
    let reader = Reader::<Image>::open(manifest)?;
    let (input, mut warnings) = (reader.as_input()?, reader.provenance().warnings.clone());
    for warning in config.splits.iter().flat_map(|&split| census.without_class(split, network.class_names())) {
        // Ingest says it in the same words.
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    let mut inputs = vec![input];
    let mut readers = vec![reader];
    if let Some(path) = leaked {
        let reader = Reader::<Image>::open(path)?;
        check_made_from(&reader, path, &inputs[0])?;
        chosen.extend(census.leaked(Reader::open(path)?, config, network.class_names())?);
        inputs.push(reader.as_input()?);
        readers.push(reader);
    }
    let batches = readers.into_iter().flatten().map(|batch| {
        let mut batch = batch?;
        batch.retain(|row| chosen.contains(&row.image_id));
        Ok(batch)
    });
    let images = ImageSet::from_batches(batches, folder, network.device())?;
    let (height, width) = images.size();
    let side = network.spec().image_size;
    if (height, width) != (side, side) {
        return Err(EvaluateError::OtherSize {
            found: format!("{width}x{height}"),
            expected: format!("{side}x{side}"),
            network: network.spec().to_string(),
        });
    }
    Ok(EvaluationData { images, n_own, inputs, warnings, others: Vec::new() })
}

/// What leaked must have been made from these images.
fn check_made_from(leaked: &Reader<Image>, path: &Path, images: &Input) -> Result<(), EvaluateError> {
    let made_from = leaked.provenance().inputs.iter().find(|input| input.schema.as_deref() == Some(Image::SCHEMA));
    match made_from.filter(|input| input.blake3 != images.blake3) {
        None => Ok(()),
        Some(other) => {
            Err(EvaluateError::LeakedFromOthers { path: path.to_owned(), found: other.blake3, expected: images.blake3 })
        }
    }
}

/// What is known of all images, those not chosen included.
#[derive(Debug, Default)]
struct Census {
    class_names: BTreeMap<u32, String>,
    /// The ids of each class in each split.
    splits: BTreeMap<Split, BTreeMap<u32, Vec<u64>>>,
}

impl Census {
    fn of(reader: Reader<Image>) -> Result<Self, EvaluateError> {
        let mut census = Self::default();
        let mut ids = HashSet::new();
        for batch in reader {
            for Image { image_id, split, label, class_name, .. } in batch? {
                if !ids.insert(image_id) {
                    return Err(EvaluateError::DuplicateId { image_id });
                }
                let name = census.class_names.entry(label).or_insert_with(|| class_name.clone());
                if *name != class_name {
                    let expected = name.clone();
                    return Err(ImageSetError::ClassName { image_id, label, found: class_name, expected }.into());
                }
                census.splits.entry(split).or_default().entry(label).or_default().push(image_id);
            }
        }
        Ok(census)
    }

    /// The ids of what leaked into the splits that are evaluated.
    fn leaked(
        &self,
        reader: Reader<Image>,
        config: &Config,
        class_names: &[String],
    ) -> Result<HashSet<u64>, EvaluateError> {
        let own = self.splits.values().flat_map(BTreeMap::values).flatten();
        let mut ids: HashSet<u64> = own.copied().collect();
        let mut leaked = HashSet::new();
        for batch in reader {
            for Image { image_id, split, label, class_name, .. } in batch? {
                if !ids.insert(image_id) {
                    return Err(EvaluateError::DuplicateId { image_id });
                }
                match class_names.get(label as usize) {
                    Some(name) if *name == class_name => {}
                    expected => {
                        let expected = expected.cloned().unwrap_or_else(|| "no such label".to_owned());
                        return Err(ImageSetError::ClassName { image_id, label, found: class_name, expected }.into());
                    }
                }
                if config.splits.contains(&split) {
                    leaked.insert(image_id);
                }
            }
        }
        Ok(leaked)
    }

    /// Checks that the images are of these classes, under the same labels.
    fn check_classes(&self, expected: &[String]) -> Result<(), EvaluateError> {
        let labelled = expected.iter().enumerate();
        let is_same = self.class_names.len() == expected.len()
            && labelled.clone().all(|(label, name)| self.class_names.get(&(label as u32)) == Some(name));
        if is_same || self.splits.is_empty() {
            return Ok(()); // No images at all are no images of a split, which is said of that.
        }
        let list = |classes: Vec<(usize, &String)>| {
            let shown: Vec<_> = classes.iter().take(20).map(|(label, name)| format!("{label} `{name}`")).collect();
            let more = if classes.len() > 20 { format!(" and {} more", classes.len() - 20) } else { String::new() };
            format!("{}{more}", shown.join(", "))
        };
        Err(EvaluateError::OtherClasses {
            found: list(self.class_names.iter().map(|(&label, name)| (label as usize, name)).collect()),
            expected: list(labelled.collect()),
        })
    }

    /// The images of a split that are evaluated: all, or `max_images`, for which classes take turns in the order of their
    /// labels, each giving its smallest id next.
    fn choose(&self, split: Split, max_images: Option<u64>) -> Result<Vec<u64>, EvaluateError> {
        let Some(classes) = self.splits.get(&split) else {
            return Err(EvaluateError::EmptySplit { split, available: self.describe_splits() });
        };
        let mut turns: Vec<(usize, u32, u64)> = Vec::new();
        for (&label, ids) in classes {
            let mut ids = ids.clone();
            ids.sort_unstable();
            turns.extend(ids.into_iter().enumerate().map(|(turn, id)| (turn, label, id)));
        }
        turns.sort_unstable();
        turns.truncate(max_images.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX)));
        Ok(turns.into_iter().map(|(_, _, id)| id).collect())
    }

    /// A warning for each class of which a split has no image: an accuracy there says nothing of it.
    fn without_class(&self, split: Split, class_names: &[String]) -> Vec<String> {
        let is_there = |label: u32| self.splits.get(&split).is_some_and(|classes| classes.contains_key(&label));
        let missing = class_names.iter().zip(0..).filter(|&(_, label)| !is_there(label));
        missing.map(|(name, _)| format!("split `{split}` has no image of class `{name}`")).collect()
    }

    fn describe_splits(&self) -> String {
        if self.splits.is_empty() {
            return "none, as there are no images".to_owned();
        }
        let count = |classes: &BTreeMap<u32, Vec<u64>>| classes.values().map(Vec::len).sum::<usize>();
        let splits = self.splits.iter().map(|(split, classes)| format!("`{split}` ({} images)", count(classes)));
        splits.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_take_turns_in_id_order() {
        let classes = BTreeMap::from([(0, vec![9, 1, 5]), (1, vec![2]), (2, vec![8, 7, 6, 0])]);
        let census = Census { class_names: BTreeMap::new(), splits: BTreeMap::from([(Split::Test, classes)]) };
        let check = |max_images: Option<u64>, expected: &[u64]| {
            assert_eq!(census.choose(Split::Test, max_images).unwrap(), expected, "{max_images:?}");
        };
        check(Some(1), &[1]);
        check(Some(3), &[1, 2, 0]);
        check(Some(5), &[1, 2, 0, 5, 6]);
        check(Some(6), &[1, 2, 0, 5, 6, 9]);
        check(Some(100), &[1, 2, 0, 5, 6, 9, 7, 8]);
        check(None, &[1, 2, 0, 5, 6, 9, 7, 8]);
    }
}
