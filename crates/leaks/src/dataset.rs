//! The images of a split, and their twins.

use std::collections::HashMap;
use std::path::Path;

use twinset_manifest::rows::{ImageFacts, Pair, PairKind, Split};
use twinset_manifest::{Input, Reader, Untyped, huggingface};

use crate::{LeaksError, Refused};

/// The images of a split in the order of their manifest, each with its twin in the training split.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The split.
    pub split: Split,
    /// Its images.
    pub images: Vec<SplitImage>,
    /// The names of the classes, by number.
    pub classes: Vec<String>,
    /// The manifests that this was read from.
    pub inputs: Vec<Input>,
    /// What the images' manifest warns of, such as a test file that is not the official one.
    pub warnings: Vec<String>,
    /// Whether twins within the split were searched, too.
    pub is_searched_within: bool,
    /// The images of other splits, by their ids.
    pub(crate) others: HashMap<u64, Split>,
    /// The images of other splits, by where they come from.
    pub(crate) other_sources: HashMap<String, Split>,
}

/// An image of the split.
#[derive(Clone, Debug)]
pub struct SplitImage {
    /// Its id.
    pub image_id: u64,
    /// Its class.
    pub label: u32,
    /// Where it comes from, as in `images`.
    pub source: String,
    /// The pair of it and its most similar twin in the training split; none where it has no twin there.
    pub leak: Option<Pair>,
    /// Whether it has a twin within the split.
    pub has_twin_within: bool,
}

impl Dataset {
    /// Reads images and pairs; `on_progress` is told how many more images were read.
    ///
    /// # Errors
    /// When a manifest cannot be read, the pairs are not of these images, the images have no labels, or there is no image of the
    /// split or of the training split.
    pub fn load(images: &Path, pairs: &Path, split: Split, on_progress: impl Fn(u64)) -> Result<Self, LeaksError> {
        let reader = Reader::<ImageFacts>::open(images)?;
        let pair_reader = Reader::<Pair>::open(pairs)?;
        let input = reader.as_input()?;
        pair_reader.expect_made_from(&input)?;
        let classes = Untyped::open(images)?.footer(huggingface::KEY).map(huggingface::class_names).unwrap_or_default();
        let mut dataset = Self {
            split,
            images: Vec::new(),
            classes,
            inputs: vec![input, pair_reader.as_input()?],
            warnings: reader.provenance().warnings.clone(),
            is_searched_within: pair_reader.provenance().config.get("between-splits") != Some(&true.into()),
            others: HashMap::new(),
            other_sources: HashMap::new(),
        };
        for batch in reader {
            let rows = batch?;
            on_progress(rows.len() as u64);
            rows.into_iter().for_each(|row| dataset.add(row));
        }
        dataset.check(images)?;
        dataset.add_pairs(pair_reader, pairs, images)?;
        Ok(dataset)
    }

    fn add(&mut self, row: ImageFacts) {
        let ImageFacts { image_id, split, label, class_name, source, .. } = row;
        if self.classes.len() <= label as usize && !class_name.is_empty() {
            // Images that were not written by `ingest` may have no list of classes.
            self.classes.resize(label as usize + 1, String::new());
        }
        if let Some(name) = self.classes.get_mut(label as usize).filter(|name| name.is_empty()) {
            *name = class_name;
        }
        if split == self.split {
            self.images.push(SplitImage { image_id, label, source, leak: None, has_twin_within: false });
        } else {
            self.others.insert(image_id, split);
            self.other_sources.insert(source, split);
        }
    }

    fn check(&self, path: &Path) -> Result<(), Refused> {
        let Self { split, images, classes, .. } = self;
        if classes.is_empty() {
            let hint =
                "accuracy needs classes: read the images again with labels, for instance from a folder for each class";
            return Err(Refused::file(path, "images without labels", "images with a class each").hint(hint));
        }
        if images.is_empty() {
            let hint = "predictions of another split: --split NAME";
            return Err(Refused::file(path, self.splits(), format!("images of the split `{split}`")).hint(hint));
        }
        if !self.others.values().any(|other| *other == Split::Train) {
            let hint = "leaks come from the training split: have twinset-ingest read training and test images together";
            return Err(Refused::file(path, self.splits(), "images of the split `train`").hint(hint));
        }
        Ok(())
    }

    /// What splits there are, in words.
    fn splits(&self) -> String {
        let n = |split: Split| {
            let own = if split == self.split { self.images.len() } else { 0 };
            own + self.others.values().filter(|other| **other == split).count()
        };
        let splits = Split::ALL.iter().filter(|split| n(**split) > 0);
        let splits: Vec<String> = splits.map(|split| format!("{} images of `{split}`", n(*split))).collect();
        if splits.is_empty() { "no images".to_owned() } else { splits.join(", ") }
    }

    fn add_pairs(&mut self, pairs: Reader<Pair>, path: &Path, images: &Path) -> Result<(), LeaksError> {
        let places: HashMap<u64, usize> =
            self.images.iter().enumerate().map(|(place, image)| (image.image_id, place)).collect();
        for batch in pairs {
            for pair in batch?.into_iter().filter(|pair| pair.kind != PairKind::Similar) {
                for image_id in [pair.left_id, pair.right_id] {
                    if !places.contains_key(&image_id) && !self.others.contains_key(&image_id) {
                        let expected = format!("images of `{}`", images.display());
                        let hint = "run twinset-neardup again, on these images";
                        return Err(Refused::file(path, format!("the image {image_id}"), expected).hint(hint).into());
                    }
                }
                match (places.get(&pair.left_id), places.get(&pair.right_id)) {
                    (Some(&left), Some(&right)) => {
                        [left, right].into_iter().for_each(|place| self.images[place].has_twin_within = true);
                    }
                    (Some(&place), None) if self.others[&pair.right_id] == Split::Train => self.add_leak(place, pair),
                    (None, Some(&place)) if self.others[&pair.left_id] == Split::Train => self.add_leak(place, pair),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Keeps the most similar pair of an image: an exact one before others, and of equal ones the first.
    fn add_leak(&mut self, place: usize, pair: Pair) {
        let rank = |pair: &Pair| (pair.kind == PairKind::Exact, pair.similarity.unwrap_or(-1.0));
        let leak = &mut self.images[place].leak;
        if leak.as_ref().is_none_or(|before| rank(&pair) > rank(before)) {
            *leak = Some(pair);
        }
    }

    /// A class as its name and number; of a number alone where it has no name.
    pub fn class(&self, number: u32) -> String {
        match self.classes.get(number as usize).filter(|name| !name.is_empty() && **name != number.to_string()) {
            Some(name) => format!("{name} ({number})"),
            None => number.to_string(),
        }
    }
}
