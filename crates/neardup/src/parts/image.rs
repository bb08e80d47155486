//! Fingerprints as parts hand them on.

use std::collections::BTreeSet;

use twinset_manifest::rows::{PartImage, PartImageFacts};

use super::{Parts, PartsError};
use crate::fingerprint::{hash_bytes, hash_words};
use crate::thumbnail::{N_BYTES, Thumbnail};
use crate::{Config, Fingerprint};

impl Fingerprint {
    /// The row of a part of `hash`.
    pub fn to_part(&self, config: &Config) -> PartImage {
        PartImage {
            image_id: self.image_id,
            split: self.split,
            label: self.label,
            source: self.source.to_string(),
            pixels_blake3: self.pixels_blake3,
            has_lost: self.has_lost,
            is_flat: self.is_flat,
            is_large: self.is_large,
            hash: hash_bytes(&self.hash, config),
            pdq_quality: self.pdq_quality.map(u32::from),
            thumbnail: self.thumbnail.as_ref().map(|thumbnail| thumbnail.bytes().to_vec()),
            framed: self.framed.as_ref().map(|framed| framed.bytes().to_vec()),
        }
    }

    fn of_facts(row: PartImageFacts) -> Self {
        Self {
            image_id: row.image_id,
            split: row.split,
            label: row.label,
            source: row.source.into(),
            pixels_blake3: row.pixels_blake3,
            has_lost: row.has_lost,
            is_flat: row.is_flat,
            is_large: row.is_large,
            hash: hash_words(&row.hash),
            thumbnail: None,
            framed: None,
            pdq_quality: row.pdq_quality.map(|quality| quality as u8),
        }
    }

    fn of_part(row: PartImage) -> Result<Self, PartsError> {
        let PartImage { image_id, split, label, source, pixels_blake3, has_lost, is_flat, is_large, .. } = row;
        let PartImage { hash, pdq_quality, thumbnail, framed, .. } = row;
        let facts = PartImageFacts {
            image_id,
            split,
            label,
            source,
            pixels_blake3,
            has_lost,
            is_flat,
            is_large,
            hash,
            pdq_quality,
        };
        let (thumbnail, framed) = (picture(image_id, thumbnail)?, picture(image_id, framed)?);
        Ok(Self { thumbnail, framed, ..Self::of_facts(facts) })
    }
}

fn picture(image_id: u64, bytes: Option<Vec<u8>>) -> Result<Option<Thumbnail>, PartsError> {
    let of = |bytes: Vec<u8>| {
        let wrong = PartsError::Picture { image_id, found: bytes.len(), expected: N_BYTES };
        Thumbnail::from_bytes(&bytes).ok_or(wrong)
    };
    bytes.map(of).transpose()
}

impl Parts {
    /// Reads the fingerprints of parts of `hash`, batch after batch, in the order of the images manifest. Without their pictures
    /// these are not read from the disk.
    pub fn fingerprints(
        &self,
        with_pictures: bool,
    ) -> Box<dyn Iterator<Item = Result<Vec<Fingerprint>, PartsError>> + '_> {
        match with_pictures {
            true => Box::new(self.read().map(|batch| batch?.into_iter().map(Fingerprint::of_part).collect())),
            false => Box::new(self.read().map(|batch| Ok(batch?.into_iter().map(Fingerprint::of_facts).collect()))),
        }
    }

    /// Adds the thumbnails of the images that are `wanted`, by their indices in the order of ids.
    ///
    /// # Errors
    /// When a part cannot be read.
    pub fn add_thumbnails(&self, images: &mut [Fingerprint], wanted: &BTreeSet<u32>) -> Result<(), PartsError> {
        for batch in self.read::<PartImage>() {
            for row in batch? {
                let index = images.binary_search_by_key(&row.image_id, |image| image.image_id);
                if let Some(index) = index.ok().filter(|&index| wanted.contains(&(index as u32))) {
                    images[index].thumbnail = picture(row.image_id, row.thumbnail)?;
                }
            }
        }
        Ok(())
    }
}
