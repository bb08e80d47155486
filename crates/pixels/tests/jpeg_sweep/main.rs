//! A sweep of JPEGs of all structures that there are: samplings, scans, markers, restarts, progressive or not, damaged or not.
//!
//! The files are written here, coefficient by coefficient, so what is in them is known. Each is held against two judges:
//! - `reference`, which computes the pixels from the coefficients in 64-bit floats: no channel may differ by more than 3;
//! - `pillow.txt`, the CRC-32 of the pixels that Pillow's libjpeg-turbo gives: they must be the same to the bit, those of damaged
//!   files, too, that libjpeg takes without a warning.
//!
//! `TWINSET_JPEG_SWEEP=FOLDER cargo test -p twinset-pixels --test jpeg_sweep` writes the files there, and
//! `python3 crates/pixels/tests/pillow/sweep.py FOLDER` writes `pillow.txt` anew.

mod coefficients;
mod dice;
mod entropy;
mod progressive;
mod reference;
mod sweep;
mod writer;

use std::fs;
use std::path::Path;

use flate2::Crc;
use image::RgbImage;
use sweep::{Case, cases};
use twinset_pixels::{Decoded, Limits, Lost, decode_with_losses};

/// The largest difference of a channel.
const TOLERANCE: u8 = 3;

fn crc(pixels: &RgbImage) -> String {
    let mut crc = Crc::new();
    crc.update(&pixels.width().to_le_bytes());
    crc.update(&pixels.height().to_le_bytes());
    crc.update(pixels.as_raw());
    format!("{:08x}", crc.sum())
}

/// Why a case's pixels are wrong without a word; none where they are right, or it is told that they may be wrong.
fn silently_wrong(case: &Case, pillow: &str) -> Option<String> {
    let decoded = decode_with_losses(&case.bytes, &Limits::default());
    let Ok(Decoded { pixels, lost }) = decoded else {
        // What libjpeg takes is taken, too, unless it is damaged.
        let is_right = pillow == "-" || case.is_damaged;
        return (!is_right).then(|| format!("rejected: {}", decoded.unwrap_err()));
    };
    if pillow == "-" {
        return Some("taken, and Pillow refuses it".to_owned());
    }
    if case.is_damaged && lost.damage.is_some() {
        return None;
    }
    if crc(&pixels) != pillow {
        return Some("not the pixels of Pillow".to_owned());
    }
    let expected = case.expected.as_ref()?;
    let is_told = lost != Lost::default();
    if is_told != case.is_warned {
        return Some(format!("found {lost:?}"));
    }
    let difference = expected.as_raw().iter().zip(pixels.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
    (difference > TOLERANCE || expected.dimensions() != pixels.dimensions()).then(|| format!("differs by {difference}"))
}

#[test]
fn no_jpeg_is_silently_wrong() {
    let cases = cases();
    if let Some(folder) = std::env::var_os("TWINSET_JPEG_SWEEP") {
        for (n, case) in cases.iter().enumerate() {
            fs::write(Path::new(&folder).join(format!("{n:05}-{}.jpg", case.name)), &case.bytes).unwrap();
        }
        println!("wrote {} files to {folder:?}, and checked none", cases.len());
        return;
    }
    // Behind the line that says who wrote it.
    let pillow: Vec<_> = include_str!("pillow.txt").lines().skip(1).collect();
    assert_eq!(cases.len(), pillow.len(), "pillow.txt is of another sweep");
    let wrong = cases
        .iter()
        .zip(pillow)
        .filter_map(|(case, pillow)| silently_wrong(case, pillow).map(|why| format!("{}: {why}", case.name)));
    let wrong: Vec<_> = wrong.collect();
    let of_kind = |is_damaged| cases.iter().filter(|case| case.is_damaged == is_damaged).count();
    println!("{} whole and {} damaged JPEGs, {} silently wrong", of_kind(false), of_kind(true), wrong.len());
    assert!(cases.len() >= 2000);
    assert!(wrong.is_empty(), "{} of {} are wrong: {:#?}", wrong.len(), cases.len(), &wrong[..wrong.len().min(20)]);
}
