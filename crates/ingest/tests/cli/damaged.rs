//! Damaged images of all formats: each is taken or rejected, and no run ends early.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, ImageFormat, Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use twinset_pixels::decode_row;

use crate::sandbox::Sandbox;

/// Whole images of all formats and kinds that are read.
fn seeds() -> Vec<Vec<u8>> {
    let picture = RgbImage::from_fn(24, 17, |x, y| Rgb([(x * 9) as u8, (y * 14) as u8, (x * y) as u8]));
    let picture = DynamicImage::from(picture);
    let kinds = [
        picture.clone(),
        picture.to_luma8().into(),
        picture.to_luma_alpha8().into(),
        picture.to_rgba8().into(),
        picture.to_rgb16().into(),
        picture.to_luma16().into(),
        picture.to_rgba16().into(),
        picture.to_rgb32f().into(),
        picture.to_rgba32f().into(),
    ];
    let formats = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
        ImageFormat::Qoi,
        ImageFormat::Pnm,
        ImageFormat::Ico,
    ];
    let encode = |kind: &DynamicImage, format: ImageFormat| {
        let mut bytes = Cursor::new(Vec::new());
        kind.write_to(&mut bytes, format).ok().map(|()| bytes.into_inner())
    };
    let mut seeds: Vec<_> =
        kinds.iter().flat_map(|kind| formats.iter().filter_map(|&format| encode(kind, format))).collect();
    let mut animation = Vec::new();
    let frames = [&kinds[3], &kinds[2]].map(|kind| Frame::new(kind.to_rgba8()));
    GifEncoder::new(&mut animation).encode_frames(frames).unwrap();
    seeds.push(animation);
    // Those of other programs.
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pixels/tests/images/formats");
    let mut paths: Vec<_> = fs::read_dir(files).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    seeds.extend(paths.into_iter().map(|path| fs::read(path).unwrap()));
    seeds
}

/// Flips bits, cuts off the end, takes out, puts in, repeats, or writes a number anew.
fn damage(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(1..4) {
        if bytes.is_empty() {
            return;
        }
        // The beginnings say most.
        let end = if rng.random_bool(0.4) { bytes.len().min(100) } else { bytes.len() };
        let at = rng.random_range(0..end);
        let stretch = at..(at + rng.random_range(1..40)).min(bytes.len());
        match rng.random_range(0..8) {
            0..3 => bytes[at] ^= 1 << rng.random_range(0..8),
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(stretch)),
            5 => {
                let random: Vec<u8> = (0..rng.random_range(1..9)).map(|_| rng.random()).collect();
                bytes.splice(at..at, random);
            }
            6 => {
                let copy = bytes[stretch].to_vec();
                let to = rng.random_range(0..bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => {
                let number = [0, 1, 0x7f, 0x80, 0xff, 0xfe][rng.random_range(0..6)];
                bytes[stretch].iter_mut().take(4).for_each(|byte| *byte = number);
            }
        }
    }
}

/// `TWINSET_DAMAGED` says how many images there are (3,000), and `TWINSET_DAMAGED_SEED` which (0).
#[test]
fn every_damaged_image_is_taken_or_rejected() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (n, seed) = (number("TWINSET_DAMAGED", 3000), number("TWINSET_DAMAGED_SEED", 0));
    println!("{n} images, seed {seed}");
    let (sandbox, mut rng, seeds) = (Sandbox::new(), ChaCha8Rng::seed_from_u64(seed), seeds());
    for at in 0..n {
        let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
        damage(&mut bytes, &mut rng);
        sandbox.write(&format!("p/train/a/{:03}/{at:06}", at / 1000), bytes);
    }
    sandbox.write_png("p/train/a/good.png", [1, 2, 3]);
    let config = "dataset = 'image-folder'\npath = 'p'\nmax-pixels = 1000000\n";
    for resize in ["", "resize = { width = 8, height = 8, fit = 'pad' }\n"] {
        let said = sandbox.try_ingest(&format!("{config}{resize}"), &["--data", "."]);
        assert_eq!((said.code, &said.stderr[..]), (Some(0), ""), "seed {seed}");
        let (images, n_rejects) = (sandbox.images(), sandbox.rejects().len());
        let n_lost = images.iter().filter(|image| image.lost.is_some()).count();
        let is_panic = |reject: &&twinset_manifest::rows::Reject| reject.detail.starts_with("its decoder failed: ");
        let n_panics = sandbox.rejects().iter().filter(is_panic).count();
        println!(
            "{} taken, of them {n_lost} told to have lost something, {n_rejects} rejected, of them {n_panics} panics",
            images.len()
        );
        assert_eq!((images.len() + n_rejects) as u64, n + 1, "seed {seed}");
        for image in &images {
            assert!(image.width > 0 && image.height > 0, "{}", image.source);
        }
        // What is read from the manifest is what was ingested.
        for image in images.iter().step_by(1 + images.len() / 500) {
            decode_row(image, Path::new("")).unwrap();
        }
    }
}
