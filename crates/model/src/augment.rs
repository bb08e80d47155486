//! Augmentation: each image of a batch shifted and mirrored at random.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};
use twinset_stage::InvalidField;

/// How a batch is augmented, as torchvision's `RandomCrop(size, padding)` and `RandomHorizontalFlip` do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Augmentation {
    /// Black pixels put around an image before a window of its own size is cut out at random.
    pub crop_padding: u32,
    /// Whether every other image, at random, is mirrored left to right.
    pub flip: bool,
}

impl Augmentation {
    /// Checks the values; `field` is the key that the augmentation stands under.
    ///
    /// # Errors
    /// When the padding is larger than any image here would bear.
    pub fn validate(&self, field: &str) -> Result<(), InvalidField> {
        let padding = self.crop_padding;
        InvalidField::unless(padding <= 256, &format!("{field}.crop-padding"), padding, "at most 256 pixels")
    }
}

/// Augments images `[n, c, h, w]` of any kind, each on its own.
///
/// The randomness is that of torch's generator on the images' device, which the caller has seeded. Padding is 0, which is
/// black in pixel space.
pub fn augment(pixels: &Tensor, augmentation: &Augmentation) -> Tensor {
    let &Augmentation { crop_padding, flip } = augmentation;
    if crop_padding == 0 && !flip {
        return pixels.shallow_clone();
    }
    let (n, channels, height, width) = pixels.size4().expect("images are [n, c, h, w]");
    let padding = i64::from(crop_padding);
    let (padded_height, padded_width) = (height + 2 * padding, width + 2 * padding);
    let device = pixels.device();
    let draw = |n_values: i64| Tensor::randint(n_values, [n, 1], (Kind::Int64, device));
    let range = |end: i64| Tensor::arange(end, (Kind::Int64, device));

    let everywhere = |positions: Tensor, end| positions.unsqueeze(0).expand([n, end], false);
    let (mut rows, mut columns) = (everywhere(range(height), height), everywhere(range(width), width));
    if padding > 0 {
        // Not in place: all images share these rows and columns so far.
        let n_offsets = 2 * padding + 1;
        (rows, columns) = (&rows + draw(n_offsets), &columns + draw(n_offsets));
    }
    if flip {
        let is_flipped = draw(2).to_kind(Kind::Bool);
        columns = columns.flip([1]).where_self(&is_flipped, &columns);
    }
    let rows = (rows + range(n).unsqueeze(1) * padded_height) * padded_width;
    let positions = (rows.unsqueeze(2) + columns.unsqueeze(1)).view([-1]);

    let padded = pixels.permute([0, 2, 3, 1]).constant_pad_nd([0, 0, padding, padding, padding, padding]);
    let padded = padded.contiguous().view([-1, channels]);
    padded.index(&[Some(positions)]).view([n, height, width, channels]).permute([0, 3, 1, 2])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tch::Device;

    use super::*;
    use crate::seeded;

    const SIZE: (i64, i64) = (3, 5);

    fn images(n: i64) -> Tensor {
        (Tensor::arange(n * 3 * SIZE.0 * SIZE.1, (Kind::Int64, Device::Cpu)) + 1).view([n, 3, SIZE.0, SIZE.1])
    }

    /// One image's windows under every shift and both mirrorings, by slicing.
    fn windows(image: &Tensor, padding: i64) -> Vec<Tensor> {
        let padded = image.constant_pad_nd([padding, padding, padding, padding]);
        let mut all = Vec::new();
        for dy in 0..=2 * padding {
            for dx in 0..=2 * padding {
                let window = padded.narrow(1, dy, SIZE.0).narrow(2, dx, SIZE.1);
                all.push(window.flip([2]));
                all.push(window);
            }
        }
        all
    }

    #[test]
    fn without_padding_and_flip_nothing_changes() {
        let images = images(4);
        assert_eq!(augment(&images, &Augmentation { crop_padding: 0, flip: false }), images);
    }

    #[test]
    fn every_image_becomes_one_of_its_shifts_and_every_shift_occurs() {
        let _generator = seeded(3);
        let images = images(1).expand([400, 3, SIZE.0, SIZE.1], false);
        for kind in [Kind::Uint8, Kind::Float] {
            let images = images.to_kind(kind);
            let augmented = augment(&images, &Augmentation { crop_padding: 2, flip: true });
            assert_eq!((augmented.size(), augmented.kind()), (images.size(), kind));
            let expected = windows(&images.get(0), 2);
            let mut seen = HashSet::new();
            for index in 0..400 {
                let found = augmented.get(index);
                seen.insert(expected.iter().position(|window| *window == found).expect("it is a shifted image"));
            }
            assert_eq!(seen.len(), 2 * 5 * 5, "all shifts, plain and mirrored");
        }
    }

    #[test]
    fn images_stay_apart() {
        let _generator = seeded(3);
        let images = images(20);
        let augmented = augment(&images, &Augmentation { crop_padding: 1, flip: true });
        for index in 0..20 {
            assert!(windows(&images.get(index), 1).contains(&augmented.get(index)), "image {index}");
        }
    }

    #[test]
    fn the_seed_decides() {
        let images = images(50);
        let once = |seed| {
            let _generator = seeded(seed);
            augment(&images, &Augmentation { crop_padding: 2, flip: true })
        };
        assert_eq!(once(5), once(5));
        assert_ne!(once(5), once(6));
    }
}
