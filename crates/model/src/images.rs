//! Images as one tensor on the device.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};
use twinset_manifest::ManifestError;
use twinset_manifest::rows::{Image, Split};
use twinset_pixels::{RowError, decode_row};

/// Decoded images of one size, held as bytes on a device.
#[derive(Debug)]
pub struct ImageSet {
    /// `[n, 3, height, width]`, 8 bits, channels next to each other in memory.
    pub pixels: Tensor,
    /// The classes as the manifest has them, `[n]`, 64-bit integers.
    pub labels: Tensor,
    /// The images' ids.
    pub image_ids: Vec<u64>,
    /// The images' splits.
    pub splits: Vec<Split>,
    /// The name of each label that occurs.
    pub class_names: BTreeMap<u32, String>,
}

/// Images that cannot be one tensor.
#[derive(Debug, thiserror::Error)]
pub enum ImageSetError {
    /// The manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// An image cannot be used.
    #[error(transparent)]
    Image(#[from] RowError),
    /// An image is not as large as the others.
    #[error(
        "image {image_id} (`{from}`) has {found} pixels, expected {expected} as image {first_id} has: a network takes images of one size"
    )]
    Size {
        /// The image.
        image_id: u64,
        /// Where it comes from.
        from: String,
        /// Its width and height.
        found: String,
        /// The first image's width and height.
        expected: String,
        /// The first image.
        first_id: u64,
    },
    /// One label has two names.
    #[error("image {image_id} calls class {label} `{found}`, expected `{expected}` as other images do")]
    ClassName {
        /// The image.
        image_id: u64,
        /// Its label.
        label: u32,
        /// The name it gives the class.
        found: String,
        /// The name that another image gave it.
        expected: String,
    },
    /// There is no image.
    #[error("no image is left to load")]
    Empty,
}

impl ImageSet {
    /// Decodes images in parallel; paths in them are relative to `folder`.
    ///
    /// # Errors
    /// When one cannot be decoded, is not as large as the others, or calls its class by another name; and when there is
    /// none.
    pub fn from_rows(
        rows: impl IntoIterator<Item = Image>,
        folder: &Path,
        device: Device,
    ) -> Result<Self, ImageSetError> {
        let mut rows = rows.into_iter();
        let batches = std::iter::from_fn(|| {
            let batch: Vec<_> = rows.by_ref().take(1024).collect();
            (!batch.is_empty()).then_some(Ok(batch))
        });
        Self::from_batches(batches, folder, device)
    }

    /// The same from a manifest's batches, so that the encoded images are never all in memory.
    ///
    /// # Errors
    /// As [`from_rows`](ImageSet::from_rows); also when a batch cannot be read.
    pub fn from_batches(
        batches: impl IntoIterator<Item = Result<Vec<Image>, ManifestError>>,
        folder: &Path,
        device: Device,
    ) -> Result<Self, ImageSetError> {
        let mut decoded = Decoded::default();
        for batch in batches {
            decoded.push(batch?, folder)?;
        }
        decoded.into_set(device)
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.image_ids.len()
    }

    /// Whether there is none; never so in a set that was loaded.
    pub fn is_empty(&self) -> bool {
        self.image_ids.is_empty()
    }

    /// Height and width of each image in pixels.
    pub fn size(&self) -> (i64, i64) {
        let size = self.pixels.size();
        (size[2], size[3])
    }

    /// Images `[n, 3, height, width]` with pixels in [0, 1]; `indices` is `[n]`, 64-bit integers, on the device.
    pub fn batch(&self, indices: &Tensor) -> Tensor {
        unit_pixels(&self.bytes(indices))
    }

    /// The same as bytes, which are cheaper to augment.
    pub fn bytes(&self, indices: &Tensor) -> Tensor {
        self.pixels.permute([0, 2, 3, 1]).index_select(0, indices).permute([0, 3, 1, 2])
    }
}

/// Bytes as pixels in [0, 1], as torchvision's `ToTensor` has them.
pub fn unit_pixels(bytes: &Tensor) -> Tensor {
    bytes.to_kind(Kind::Float).g_div_scalar_(255.0)
}

/// Images on their way into a set.
#[derive(Default)]
struct Decoded {
    bytes: Vec<u8>,
    /// Width and height.
    size: Option<(u32, u32)>,
    labels: Vec<i64>,
    image_ids: Vec<u64>,
    splits: Vec<Split>,
    class_names: BTreeMap<u32, String>,
}

impl Decoded {
    fn push(&mut self, rows: Vec<Image>, folder: &Path) -> Result<(), ImageSetError> {
        let images: Vec<_> = rows.par_iter().map(|row| decode_row(row, folder)).collect();
        for (row, image) in rows.into_iter().zip(images) {
            let Image { image_id, split, label, class_name, source, .. } = row;
            let image = image?;
            let size = *self.size.get_or_insert((image.width(), image.height()));
            if image.dimensions() != size {
                return Err(ImageSetError::Size {
                    image_id,
                    from: source,
                    found: format!("{}x{}", image.width(), image.height()),
                    expected: format!("{}x{}", size.0, size.1),
                    first_id: self.image_ids[0],
                });
            }
            let name = self.class_names.entry(label).or_insert_with(|| class_name.clone());
            if *name != class_name {
                let expected = name.clone();
                return Err(ImageSetError::ClassName { image_id, label, found: class_name, expected });
            }
            self.bytes.extend_from_slice(image.as_raw());
            self.labels.push(label.into());
            self.image_ids.push(image_id);
            self.splits.push(split);
        }
        Ok(())
    }

    fn into_set(self, device: Device) -> Result<ImageSet, ImageSetError> {
        let Self { bytes, size, labels, image_ids, splits, class_names } = self;
        let (width, height) = size.ok_or(ImageSetError::Empty)?;
        let shape = [image_ids.len() as i64, height.into(), width.into(), 3];
        let pixels = Tensor::from_slice(&bytes).view(shape).to_device(device).permute([0, 3, 1, 2]);
        let labels = Tensor::from_slice(&labels).to_device(device);
        Ok(ImageSet { pixels, labels, image_ids, splits, class_names })
    }
}
