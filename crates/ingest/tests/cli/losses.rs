//! What is lost of images is counted, warned of, and stands in the manifest.

use std::collections::BTreeSet;
use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, ExtendedColorType, Frame, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};

use crate::sandbox::{Sandbox, copy_files, shared_data};

const CONFIG: &str = "dataset = 'image-folder'\npath = 'p'\n";
const DRAWN: &str = "dataset = 'image-folder'\npath = 'p'\ndraw-split = { test = 0.1 }\n";
const HERE: &[&str] = &["--data", "."];

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn icon(radius: u32) -> Vec<u8> {
    let alpha = |x: u32, y: u32| if x.abs_diff(16).pow(2) + y.abs_diff(16).pow(2) < radius * radius { 255 } else { 0 };
    encoded(RgbaImage::from_fn(32, 32, |x, y| Rgba([0, 0, 0, alpha(x, y)])), ImageFormat::Png)
}

#[test]
fn each_kind_of_loss_is_counted_and_warned_of() {
    let sandbox = Sandbox::new();
    sandbox.write_png("p/train/a/plain.png", [1, 2, 3]);
    (3..6).for_each(|radius| sandbox.write(&format!("p/train/a/icon{radius}.png"), icon(radius)));
    let deep = ImageBuffer::<Luma<u16>, _>::from_fn(9, 9, |x, y| Luma([(x * 300 + y) as u16]));
    sandbox.write("p/train/b/deep.png", encoded(deep, ImageFormat::Png));
    let mut gif = Vec::new();
    let frame = |byte: u8| Frame::new(RgbaImage::from_pixel(9, 9, Rgba([byte, 0, 0, 255])));
    GifEncoder::new(&mut gif).encode_frames([frame(9), frame(90)]).unwrap();
    sandbox.write("p/train/b/moving.gif", gif);
    let picture = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * y) as u8, (x * 5) as u8, (y * 3) as u8]));
    let jpeg = encoded(picture, ImageFormat::Jpeg);
    let hole = jpeg.len() * 2 / 3;
    sandbox.write("p/train/b/hole.jpg", [&jpeg[..hole], &jpeg[hole + 60..]].concat());

    let stdout = sandbox.ingest(CONFIG, HERE);
    let warnings = sandbox.provenance().warnings;
    let expected = [
        "3 of 7 images have transparent pixels, which were laid on a white ground, or on a black one where white would hide \
         the picture (column `lost`), for instance `train/a/icon3.png`",
        "1 of 7 images have more than 8 bits a sample and were rounded to 8 (column `lost`), for instance \
         `train/b/deep.png`",
        "1 of 7 images have further frames or pages, which were left out (column `lost`), for instance `train/b/moving.gif`",
        "1 of 7 images are damaged, and were taken as far as they can be decoded (column `lost`), for instance \
         `train/b/hole.jpg`: Corrupt JPEG data: ",
    ];
    assert_eq!(warnings.len(), expected.len(), "{warnings:#?}");
    for (warning, expected) in warnings.iter().zip(expected) {
        assert!(warning.starts_with(expected), "{warning}");
        assert!(stdout.contains(&format!("\nwarning: {warning}")), "{stdout}");
    }
    let lost: Vec<_> = sandbox.images().into_iter().map(|image| (image.source, image.lost)).collect();
    let of = |name: &str| lost.iter().find(|(source, _)| source.ends_with(name)).unwrap().1.as_deref();
    assert_eq!((of("plain.png"), of("icon4.png")), (None, Some("transparency")));
    assert_eq!((of("deep.png"), of("moving.gif")), (Some("depth"), Some("frames")));
    assert!(of("hole.jpg").unwrap().starts_with("damage: Corrupt JPEG data: "));
}

#[test]
fn icons_of_one_colour_have_different_pixels() {
    let sandbox = Sandbox::new();
    (0..10).for_each(|at| sandbox.write(&format!("p/train/a/{at}.png"), icon(3 + at)));
    sandbox.ingest(CONFIG, HERE);
    let digests: BTreeSet<_> = sandbox.images().iter().map(|image| image.pixels_blake3.to_string()).collect();
    assert_eq!(digests.len(), 10);

    let Some(data) = shared_data() else { return };
    let sandbox = Sandbox::new();
    for class in ["icon", "logo"] {
        copy_files(&data.join("cases/alpha/train").join(class), &sandbox.path(&format!("p/train/{class}")));
    }
    let stdout = sandbox.ingest(CONFIG, HERE);
    assert!(stdout.contains("\nwarning: 20 of 20 images have transparent pixels"), "{stdout}");
    let digests: BTreeSet<_> = sandbox.images().iter().map(|image| image.pixels_blake3.to_string()).collect();
    assert_eq!(digests.len(), 20);
}

#[test]
fn a_gif_without_a_screen_is_padded_as_any_other() {
    let sandbox = Sandbox::new();
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif).encode(&[200; 12 * 6 * 3], 12, 6, ExtendedColorType::Rgb8).unwrap();
    gif[6..10].fill(0);
    sandbox.write("p/train/a/0.gif", gif);
    for (resize, expected) in [("", (12, 6)), ("resize = { width = 32, height = 32, fit = 'pad' }\n", (32, 32))] {
        sandbox.ingest(&format!("{CONFIG}{resize}"), HERE);
        assert_eq!(sandbox.images().iter().map(|image| (image.width, image.height)).collect::<Vec<_>>(), [expected]);
    }
}

/// The files of `cases`, each with what is right.
#[test]
fn files_that_went_wrong_are_right() {
    let Some(data) = shared_data() else { return };
    let cases = data.join("cases");
    let of = |folder: &str, config: &str| {
        let sandbox = Sandbox::new();
        copy_files(&cases.join(folder), &sandbox.path("p/train/a"));
        sandbox.ingest(config, HERE);
        sandbox
    };
    // One JPEG made a decoder panic; libjpeg decodes it.
    let sandbox = Sandbox::new();
    for class in ["c", "d"] {
        copy_files(&cases.join("jpeg/panic").join(class), &sandbox.path(&format!("p/{class}")));
    }
    sandbox.ingest(DRAWN, HERE);
    assert_eq!(sandbox.images().len(), 3);

    let scans = of("jpeg/scans", CONFIG);
    let digest = |name: &str| {
        let images = scans.images();
        images.iter().find(|image| image.source.ends_with(name)).unwrap().pixels_blake3
    };
    for n in 0..4 {
        assert_eq!(digest(&format!("{n}-orig.jpg")), digest(&format!("{n}-rescanned.jpg")));
    }
    assert_eq!(digest("0-orig.jpg"), digest("0-adobe.jpg"));

    let odd = of("odd-images", CONFIG);
    let images = odd.images();
    let image = |name: &str| images.iter().find(|image| image.source.ends_with(name)).unwrap();
    assert_eq!((image("gif-canvas-0.gif").width, image("gif-canvas-0.gif").height), (64, 48));
    assert_eq!((image("exif6-long.jpg").width, image("exif6-long.jpg").height), (64, 48));
    for name in ["jpg-hole.jpg", "jpg-half-eoi.jpg"] {
        let expected = "damage: Corrupt JPEG data: premature end of data segment";
        assert_eq!(image(name).lost.as_deref(), Some(expected));
    }
    let rejects: Vec<_> = odd.rejects().into_iter().map(|reject| (reject.source, reject.reason)).collect();
    assert_eq!(rejects, [("train/a/tif-float-255.tif".to_owned(), "unsupported".to_owned())]);
    of("odd-images", &format!("{CONFIG}resize = {{ width = 32, height = 32, fit = 'pad' }}\n"));
}
