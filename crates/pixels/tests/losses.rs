//! What of a file is not in its pixels is told, in every format.

use std::io::Cursor;

use flate2::Crc;
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;
use image::{
    DynamicImage, ExtendedColorType, ImageBuffer, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage,
};
use twinset_pixels::{DecodeError, Decoded, Limits, Lost, decode_with_losses, digest};

fn decoded(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    decode_with_losses(bytes, &Limits::default())
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn picture() -> RgbImage {
    RgbImage::from_fn(20, 15, |x, y| Rgb([(x * 12) as u8, (y * 16) as u8, (x * y) as u8]))
}

#[test]
fn icons_whose_picture_lies_in_the_alpha_channel_are_different() {
    let icon = |colour: u8, radius: u32| {
        RgbaImage::from_fn(32, 32, |x, y| {
            let is_inside = x.abs_diff(16).pow(2) + y.abs_diff(16).pow(2) < radius * radius;
            Rgba([colour, colour, colour, if is_inside { 255 } else { 0 }])
        })
    };
    let mut digests = Vec::new();
    for (colour, format) in [(0, ImageFormat::Png), (255, ImageFormat::WebP), (0, ImageFormat::Ico)] {
        for radius in 3..13 {
            let Decoded { pixels, lost } = decoded(&encoded(icon(colour, radius), format)).unwrap();
            assert_eq!(lost, Lost { transparency: true, ..Lost::default() });
            // Where the disc is, its colour; elsewhere the ground that it is seen on.
            assert_eq!(pixels.get_pixel(16, 16), &Rgb([colour; 3]));
            assert_eq!(pixels.get_pixel(0, 0), &Rgb([255 - colour; 3]));
            digests.push(digest(&pixels));
        }
    }
    // The PNGs and the icons are the same pictures.
    digests.sort_unstable_by_key(|digest| digest.0);
    digests.dedup();
    assert_eq!(digests.len(), 20);
    let grey = DynamicImage::from(icon(0, 9)).into_luma_alpha8();
    assert_eq!(
        decoded(&encoded(grey, ImageFormat::Png)).unwrap(),
        decoded(&encoded(icon(0, 9), ImageFormat::Png)).unwrap()
    );
}

#[test]
fn an_opaque_alpha_channel_loses_nothing() {
    let expected = Decoded { pixels: picture(), lost: Lost::default() };
    let opaque = DynamicImage::from(picture()).into_rgba8();
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Qoi] {
        assert_eq!(decoded(&encoded(opaque.clone(), format)).unwrap(), expected, "{format:?}");
    }
}

#[test]
fn samples_of_more_than_8_bits_are_rounded_and_told_where_that_loses_something() {
    let check = |samples: fn(u32, u32) -> u16, expected: bool| {
        let grey = ImageBuffer::<Luma<u16>, _>::from_fn(20, 15, |x, y| Luma([samples(x, y)]));
        for format in [ImageFormat::Png, ImageFormat::Tiff] {
            let Decoded { pixels, lost } = decoded(&encoded(grey.clone(), format)).unwrap();
            assert_eq!(lost, Lost { depth: expected, ..Lost::default() }, "{format:?}");
            assert_eq!(pixels.get_pixel(4, 3).0, [((u32::from(samples(4, 3)) + 128) / 257) as u8; 3]);
        }
    };
    check(|x, y| (x * 12 + y) as u16 * 257, false);
    check(|x, y| (x * 12 + y) as u16 * 257 + (x == 7) as u16, true);
}

#[test]
fn float_samples_outside_of_0_to_1_are_rejected() {
    let tiff = |change: f32, factor: f32| {
        let samples: Vec<f32> =
            picture().as_raw().iter().map(|&sample| f32::from(sample) / 255.0 * factor + change).collect();
        let mut bytes = Cursor::new(Vec::new());
        let samples: Vec<u8> = samples.into_iter().flat_map(f32::to_ne_bytes).collect();
        TiffEncoder::new(&mut bytes).write_image(&samples, 20, 15, ExtendedColorType::Rgb32F).unwrap();
        decoded(&bytes.into_inner())
    };
    assert_eq!(tiff(0.0, 1.0).unwrap(), Decoded { pixels: picture(), lost: Lost::default() });
    assert!(tiff(0.001, 0.99).unwrap().lost.depth);
    for (change, factor) in [(0.0, 255.0), (-0.5, 1.0), (f32::NAN, 1.0)] {
        let error = tiff(change, factor).unwrap_err();
        assert!(matches!(error, DecodeError::Unsupported(_)), "{error}");
        assert!(error.to_string().ends_with(", expected 0 to 1"), "{error}");
    }
}

#[test]
fn further_frames_and_pages_are_told() {
    for name in ["animated.png", "animated.gif", "animated.webp"] {
        let bytes = std::fs::read(format!("{}/tests/images/formats/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert_eq!(decoded(&bytes).unwrap().lost, Lost { frames: true, ..Lost::default() }, "{name}");
    }
    assert_eq!(decoded(&encoded(picture(), ImageFormat::Gif)).unwrap().lost, Lost::default());
    assert_eq!(decoded(&encoded(picture(), ImageFormat::Tiff)).unwrap().lost, Lost::default());
    // A second page behind the first: the place of its directory stands behind the first directory's last entry.
    let page = encoded(picture(), ImageFormat::Tiff);
    let number = |at: usize| u32::from_le_bytes(page[at..at + 4].try_into().unwrap()) as usize;
    let first = number(4);
    let next = first + 2 + 12 * usize::from(u16::from_le_bytes([page[first], page[first + 1]]));
    assert_eq!(number(next), 0);
    for (kind, expected) in [(0_u32, true), (1, false)] {
        let begin = page.len() as u32;
        let mut pages = page.clone();
        pages[next..next + 4].copy_from_slice(&begin.to_le_bytes());
        // A directory of one tag, NewSubfileType; a smaller copy has its lowest bit set.
        pages.extend([&1_u16.to_le_bytes()[..], &254_u16.to_le_bytes(), &4_u16.to_le_bytes()].concat());
        pages.extend([1_u32.to_le_bytes(), kind.to_le_bytes(), 0_u32.to_le_bytes()].concat());
        assert_eq!(decoded(&pages).unwrap().lost, Lost { frames: expected, ..Lost::default() }, "{kind}");
        // Directories in a ring end.
        let ring = pages.len() - 4;
        pages[ring..].copy_from_slice(&begin.to_le_bytes());
        assert_eq!(decoded(&pages).unwrap().lost.frames, expected);
    }
}

#[test]
fn an_image_without_pixels_is_rejected_and_a_gif_without_a_screen_has_its_frames_size() {
    let mut bytes = Vec::new();
    GifEncoder::new(&mut bytes).encode(picture().as_raw(), 20, 15, ExtendedColorType::Rgb8).unwrap();
    let expected = decoded(&bytes).unwrap();
    for (at, name) in [(6..8, "width"), (8..10, "height"), (6..10, "both")] {
        let mut bytes = bytes.clone();
        bytes[at].fill(0);
        assert_eq!(decoded(&bytes).unwrap(), expected, "{name}");
    }
    // Without a frame there is nothing.
    let mut none = b"GIF89a\0\0\0\0\0\0\0;".to_vec();
    assert!(decoded(&none).is_err());
    none[6] = 1;
    assert!(decoded(&none).is_err());
    let error = decoded(b"P6 0 5 255\n").unwrap_err();
    assert!(matches!(error, DecodeError::Unreadable(_)), "{error}");
}

/// EXIF data of the orientation 6, as a number of 32 bits.
const TURNED: &[u8] = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x06\0\0\0\0";

#[test]
fn the_orientation_is_honoured_in_every_format_and_wherever_it_stands() {
    let (picture, upright) = (picture(), image::imageops::rotate90(&picture()));
    let write = |encoder: &mut dyn FnMut(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        encoder(&mut bytes);
        bytes
    };
    let png = write(&mut |bytes| {
        let mut encoder = PngEncoder::new(bytes);
        encoder.set_exif_metadata(TURNED.to_vec()).unwrap();
        encoder.write_image(picture.as_raw(), 20, 15, ExtendedColorType::Rgb8).unwrap();
    });
    let webp = write(&mut |bytes| {
        let mut encoder = WebPEncoder::new_lossless(bytes);
        encoder.set_exif_metadata(TURNED.to_vec()).unwrap();
        encoder.write_image(picture.as_raw(), 20, 15, ExtendedColorType::Rgb8).unwrap();
    });
    for bytes in [&png, &webp] {
        assert_eq!(decoded(bytes).unwrap(), Decoded { pixels: upright.clone(), lost: Lost::default() });
    }
    // Behind the picture's own chunks.
    let mut png = encoded(picture.clone(), ImageFormat::Png);
    let chunk = [b"eXIf", TURNED].concat();
    let mut crc = Crc::new();
    crc.update(&chunk);
    let chunk = [&(TURNED.len() as u32).to_be_bytes()[..], &chunk, &crc.sum().to_be_bytes()].concat();
    png.splice(png.len() - 12..png.len() - 12, chunk);
    assert_eq!(decoded(&png).unwrap(), Decoded { pixels: upright.clone(), lost: Lost::default() });

    let mut jpeg = Vec::new();
    JpegEncoder::new(&mut jpeg).write_image(picture.as_raw(), 20, 15, ExtendedColorType::Rgb8).unwrap();
    let stored = decoded(&jpeg).unwrap().pixels;
    let segment = [&[0xff, 0xe1][..], &(2 + 6 + TURNED.len() as u16).to_be_bytes(), b"Exif\0\0", TURNED].concat();
    jpeg.splice(2..2, segment);
    assert_eq!(decoded(&jpeg).unwrap().pixels, image::imageops::rotate90(&stored));

    // A TIFF's own directory has the tag.
    let mut tiff = encoded(picture, ImageFormat::Tiff);
    let begin = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    let n = u16::from_le_bytes([tiff[begin], tiff[begin + 1]]);
    let mut directory = (n + 1).to_le_bytes().to_vec();
    let entries = &tiff[begin + 2..begin + 2 + 12 * usize::from(n)];
    let (before, behind): (Vec<_>, Vec<_>) =
        entries.chunks(12).partition(|entry| u16::from_le_bytes([entry[0], entry[1]]) < 0x112);
    let tag = [&0x112_u16.to_le_bytes()[..], &4_u16.to_le_bytes(), &1_u32.to_le_bytes(), &6_u32.to_le_bytes()].concat();
    directory.extend([before.concat(), tag, behind.concat(), vec![0; 4]].concat());
    let place = tiff.len() as u32;
    tiff[4..8].copy_from_slice(&place.to_le_bytes());
    tiff.extend(directory);
    assert_eq!(decoded(&tiff).unwrap(), Decoded { pixels: upright, lost: Lost::default() });
}

#[test]
fn what_is_cut_short_is_rejected_or_told() {
    let grey = DynamicImage::from(picture()).into_luma8();
    let of =
        [ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Qoi];
    let of = of.into_iter().chain([ImageFormat::Pnm, ImageFormat::Jpeg]);
    // The encoders of GIF and QOI take no grey.
    let grey = |format| (!matches!(format, ImageFormat::Gif | ImageFormat::Qoi)).then(|| encoded(grey.clone(), format));
    let files = of.flat_map(|format| [Some(encoded(picture(), format)), grey(format)]).flatten();
    let files = files.chain([encoded(DynamicImage::from(picture()).into_rgba8(), ImageFormat::Ico)]);
    for file in files {
        let whole = decoded(&file).unwrap();
        assert_eq!(whole.lost, Lost::default());
        for n in 0..file.len() {
            if let Ok(cut) = decoded(&file[..n]) {
                let is_told = cut.lost.damage.is_some();
                assert!(is_told || cut == whole, "{:?}: {n} of {} bytes", image::guess_format(&file), file.len());
            }
        }
    }
}

#[test]
fn a_damaged_png_is_rejected_or_told() {
    let file = encoded(picture(), ImageFormat::Png);
    let whole = decoded(&file).unwrap();
    for at in 8..file.len() {
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << bit;
            if let Ok(damaged) = decoded(&damaged) {
                assert!(damaged.lost.damage.is_some(), "bit {bit} of byte {at}");
                assert_eq!(damaged.pixels, whole.pixels);
            }
        }
    }
}
