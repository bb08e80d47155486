//! Images as a tensor: the pixels that were decoded, and refusals that name the image.

use std::path::Path;

use image::{Rgb, RgbImage};
use tch::{Device, Kind, Tensor};
use twinset_manifest::rows::{Image, ImageData, Split};
use twinset_model::ImageSet;
use twinset_pixels::{digest, encode_png};

fn picture(image_id: u64, width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(image_id * 50) as u8, x as u8 * 9, y as u8 * 11]))
}

fn row(image_id: u64, width: u32, height: u32) -> Image {
    let pixels = picture(image_id, width, height);
    Image {
        image_id,
        split: Split::Train,
        label: image_id as u32 % 2,
        class_name: ["even", "odd"][image_id as usize % 2].to_owned(),
        width,
        height,
        image: ImageData { bytes: Some(encode_png(&pixels).into()), path: None },
        pixels_blake3: digest(&pixels),
        source: format!("set.bin#{image_id}"),
        derived_from: None,
        transform: None,
        lost: None,
    }
}

#[test]
fn a_batch_has_the_decoded_pixels_in_the_order_asked_for() {
    let images = ImageSet::from_rows((0..5).map(|id| row(id, 8, 4)), Path::new(""), Device::Cpu).unwrap();
    assert_eq!((images.len(), images.size()), (5, (4, 8)));
    assert_eq!(images.image_ids, [0, 1, 2, 3, 4]);
    assert_eq!(images.labels, Tensor::from_slice(&[0i64, 1, 0, 1, 0]));
    assert_eq!(images.class_names.values().collect::<Vec<_>>(), ["even", "odd"]);
    assert_eq!((images.pixels.size(), images.pixels.kind()), (vec![5, 3, 4, 8], Kind::Uint8));

    let batch = images.batch(&Tensor::from_slice(&[4i64, 0, 4]));
    assert_eq!((batch.size(), batch.kind()), (vec![3, 3, 4, 8], Kind::Float));
    for (place, id) in [4, 0, 4].into_iter().enumerate() {
        for (x, y, Rgb(channels)) in picture(id, 8, 4).enumerate_pixels() {
            for (channel, &expected) in channels.iter().enumerate() {
                let found = batch.double_value(&[place as i64, channel as i64, y.into(), x.into()]);
                assert_eq!(found as f32, f32::from(expected) / 255.0);
            }
        }
    }
}

#[test]
fn more_images_than_one_batch_of_a_manifest_keep_their_order() {
    let rows = (0..2500).map(|id| row(id, 4, 4));
    let images = ImageSet::from_rows(rows, Path::new(""), Device::Cpu).unwrap();
    assert!(images.image_ids.iter().copied().eq(0..2500));
    let reds = images.pixels.select(1, 0).select(1, 0).select(1, 0);
    let expected: Vec<_> = (0..2500u64).map(|id| (id * 50) as u8).collect();
    assert_eq!(Vec::<u8>::try_from(&reds.contiguous()).unwrap(), expected);
}

#[test]
fn images_that_cannot_be_one_set_are_named() {
    let check = |rows: Vec<Image>, expected: &str| {
        let error = ImageSet::from_rows(rows, Path::new("folder"), Device::Cpu).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(vec![], "no image is left to load");
    check(
        vec![row(0, 8, 4), row(3, 8, 8)],
        "image 3 (`set.bin#3`) has 8x8 pixels, expected 8x4 as image 0 has: a network takes images of one size",
    );
    check(
        vec![row(0, 4, 4), Image { class_name: "two".to_owned(), ..row(2, 4, 4) }],
        "image 2 calls class 0 `two`, expected `even` as other images do",
    );
    let damaged = ImageData { bytes: Some((&b"no image"[..]).into()), path: None };
    check(vec![Image { image: damaged, ..row(7, 4, 4) }], "cannot decode image 7 (`set.bin#7`): unsupported");
    let absent = ImageData { bytes: None, path: Some("absent.png".to_owned()) };
    check(vec![Image { image: absent, ..row(7, 4, 4) }], "cannot read `folder/absent.png`");
}
