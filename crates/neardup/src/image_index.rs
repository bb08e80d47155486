//! Where images are and which are identical, without the images.

use std::collections::{BTreeMap, HashMap};

use twinset_manifest::Digest;
use twinset_manifest::rows::{ImageFacts, Split};

use crate::{Fingerprint, NeardupError};

/// Split, pixels and names of images, by their ids: 72 bytes an image, and its name.
#[derive(Clone, Debug, Default)]
pub struct ImageIndex {
    images: Vec<Indexed>,
    ids: BTreeMap<Split, Vec<u64>>,
}

#[derive(Clone, Debug)]
struct Indexed {
    image_id: u64,
    split: Split,
    pixels: Digest,
    source: Box<str>,
}

impl ImageIndex {
    /// Reads batches of images.
    ///
    /// # Errors
    /// When a batch cannot be read, and when an id occurs twice.
    pub fn read<E: From<NeardupError>>(
        batches: impl IntoIterator<Item = Result<Vec<ImageFacts>, E>>,
    ) -> Result<Self, E> {
        let mut images = Vec::new();
        for batch in batches {
            let row = |row: ImageFacts| Indexed {
                image_id: row.image_id,
                split: row.split,
                pixels: row.pixels_blake3,
                source: row.source.into(),
            };
            images.extend(batch?.into_iter().map(row));
        }
        Ok(Self::sorted(images)?)
    }

    /// The same of fingerprints.
    ///
    /// # Errors
    /// When an id occurs twice.
    pub fn of(images: &[Fingerprint]) -> Result<Self, NeardupError> {
        let indexed = |image: &Fingerprint| Indexed {
            image_id: image.image_id,
            split: image.split,
            pixels: image.pixels_blake3,
            source: image.source.clone(),
        };
        Self::sorted(images.iter().map(indexed).collect())
    }

    fn sorted(mut images: Vec<Indexed>) -> Result<Self, NeardupError> {
        images.sort_unstable_by_key(|image| image.image_id);
        if let Some(twice) = images.windows(2).find(|pair| pair[0].image_id == pair[1].image_id) {
            return Err(NeardupError::RepeatedId { image_id: twice[0].image_id });
        }
        let mut ids: BTreeMap<Split, Vec<u64>> = BTreeMap::new();
        for image in &images {
            ids.entry(image.split).or_default().push(image.image_id);
        }
        Ok(Self { images, ids })
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The split of an image; none where there is no such image.
    pub fn split(&self, image_id: u64) -> Option<Split> {
        let place = self.images.binary_search_by_key(&image_id, |image| image.image_id).ok()?;
        Some(self.images[place].split)
    }

    /// The ids of a split's images, smallest first.
    pub fn ids_in(&self, split: Split) -> &[u64] {
        self.ids.get(&split).map_or(&[], Vec::as_slice)
    }

    /// The images by their names.
    pub(crate) fn names(&self) -> Names<'_> {
        let mut ids: HashMap<&str, Vec<u64>> = HashMap::with_capacity(self.images.len());
        self.images.iter().for_each(|image| ids.entry(&*image.source).or_default().push(image.image_id));
        Names { ids }
    }

    /// The ids of identical images, for each two or more that are, smallest first.
    pub(crate) fn identical(&self) -> Vec<Vec<u64>> {
        let mut order: Vec<&Indexed> = self.images.iter().collect();
        order.sort_unstable_by_key(|image| (image.pixels, image.image_id));
        let groups = order.chunk_by(|a, b| a.pixels == b.pixels).filter(|group| group.len() > 1);
        groups.map(|group| group.iter().map(|image| image.image_id).collect()).collect()
    }
}

/// Images by the names of their files.
pub(crate) struct Names<'a> {
    ids: HashMap<&'a str, Vec<u64>>,
}

impl Names<'_> {
    /// The id of the image of this name.
    ///
    /// # Errors
    /// Says what was expected, where none or several have it.
    pub(crate) fn id(&self, name: &str, n_images: usize) -> Result<u64, String> {
        match self.ids.get(name).map(Vec::as_slice) {
            Some(&[id]) => Ok(id),
            Some([first, second, ..]) => {
                Err(format!("which images {first} and {second} are both called, expected the name of one, or its id"))
            }
            _ => {
                let near = self.nearest(name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                Err(format!("expected the `source` of an image ({n_images} images){near}"))
            }
        }
    }

    /// The one image whose name ends with this one, or with which this one ends: folders are missing, or too many.
    fn nearest(&self, name: &str) -> Option<&str> {
        let ends = |long: &str, short: &str| long.strip_suffix(short).is_some_and(|folders| folders.ends_with('/'));
        let is_near = |known: &&str| !name.is_empty() && (ends(known, name) || ends(name, known));
        let mut near = self.ids.keys().copied().filter(is_near);
        near.next().filter(|_| near.next().is_none())
    }

    /// Whether an image has this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.ids.contains_key(name)
    }
}
