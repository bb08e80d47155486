//! Edited photos, and pictures of one kind: what is found, and what is found wrongly.

mod draw;
mod edits;
mod unrelated;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use image::imageops::{self, FilterType};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use twinset_manifest::rows::PairKind;
use twinset_neardup::{Config, Fingerprint, Hasher, find_matches, sort_by_id};

use crate::table;
use edits::{EDITS, Edit, re_encoded};

/// Photos are made so long at most.
const MAX_SIDE: u32 = 640;
/// How many re-encodings of each photo are in the set, beside the photo and its edit.
const COPIES: [usize; 4] = [0, 1, 3, 10];
/// Of these qualities.
const QUALITIES: [u8; 10] = [90, 80, 70, 60, 95, 85, 75, 65, 55, 50];

/// The photos of a folder, or those of the shared data.
fn photos(folder: Option<&Path>) -> Result<Vec<RgbImage>> {
    let folders: Vec<PathBuf> = match (folder, std::env::var_os("TWINSET_SHARED_DATA")) {
        (Some(folder), _) => vec![folder.to_owned()],
        (None, Some(data)) => {
            let data = PathBuf::from(data).join("neardup");
            ["photos", "imagededup/base_images", "pdq/bridge-mods/aaa-orig.jpg"].map(|name| data.join(name)).into()
        }
        (None, None) => Vec::new(),
    };
    let mut files = BTreeSet::new();
    for folder in folders {
        if folder.is_file() {
            files.insert(folder);
            continue;
        }
        for entry in fs::read_dir(&folder).with_context(|| format!("failed to read `{}`", folder.display()))? {
            let path = entry?.path();
            let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
            if ["jpg", "jpeg", "png", "webp"].iter().any(|known| extension == *known) {
                files.insert(path);
            }
        }
    }
    let load = |path: &PathBuf| {
        let bytes = fs::read(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        let image = twinset_pixels::decode(&bytes, &twinset_pixels::Limits::default());
        let image = image.with_context(|| format!("failed to decode `{}`", path.display()))?;
        let longest = image.width().max(image.height());
        let scaled = |side: u32| (side * MAX_SIDE / longest).max(1);
        Ok(match longest > MAX_SIDE {
            true => imageops::resize(&image, scaled(image.width()), scaled(image.height()), FilterType::Triangle),
            false => image,
        })
    };
    files.par_iter().map(load).collect()
}

/// An image of a set: what it shows, and what was done to it.
#[derive(Clone)]
struct Shown {
    photo: usize,
    version: Version,
    fingerprint: Fingerprint,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Original,
    Copy,
    Edited,
}

fn shown(photo: usize, version: Version, image: &RgbImage, hasher: &Hasher) -> Shown {
    let fingerprint = hasher.fingerprint(image, twinset_pixels::digest(image), true);
    Shown { photo, version, fingerprint }
}

/// What was found in a set.
#[derive(Default)]
struct Found {
    /// Photos that are near their edits.
    n_found: usize,
    /// Near pairs of two photos.
    n_false: usize,
    /// Pairs that this run calls near or similar, by their images.
    pairs: BTreeSet<(usize, usize, bool)>,
    /// The least similarity of an edit and the largest of two photos, and the fewest false pairs expected of two photos.
    least_true: f32,
    largest_false: f32,
}

/// Searches a set in which images have the numbers that a seed gives them.
fn search(set: &[Shown], config: &Config, seed: u64) -> Result<Found> {
    let mut order: Vec<usize> = (0..set.len()).collect();
    if seed > 0 {
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    }
    let number = |(id, &place): (usize, &usize)| Fingerprint { image_id: id as u64, ..set[place].fingerprint.clone() };
    let mut images: Vec<Fingerprint> = order.iter().enumerate().map(number).collect();
    sort_by_id(&mut images)?;
    let mut found = Found { least_true: 1.0, ..Found::default() };
    let mut photos = BTreeSet::new();
    for pair in find_matches(&images, config, |_, _| |_| ())? {
        let (left, right) = (order[pair.left as usize], order[pair.right as usize]);
        let is_near = pair.kind != PairKind::Similar;
        found.pairs.insert((left.min(right), left.max(right), is_near));
        let (one, other) = (&set[left], &set[right]);
        let similarity = pair.similarity.unwrap_or(1.0);
        if one.photo != other.photo {
            found.n_false += usize::from(is_near);
            found.largest_false = found.largest_false.max(similarity);
        } else if is_near && [one.version, other.version] != [Version::Copy; 2] {
            let is_edit = |version| [one.version, other.version].contains(&version);
            if is_edit(Version::Original) && is_edit(Version::Edited) {
                photos.insert(one.photo);
                found.least_true = found.least_true.min(similarity);
            }
        }
    }
    found.n_found = photos.len();
    Ok(found)
}

/// Recall and false near pairs of each edit.
pub(crate) fn matrix(quick: bool, folder: Option<&Path>, only: Option<&str>) -> Result<()> {
    let photos = photos(folder)?;
    if photos.is_empty() {
        println!("## Edited photos\n\nNot measured: TWINSET_SHARED_DATA names no folder, and `--photos` neither.\n");
        return Ok(());
    }
    ensure!(photos.len() > 1, "expected two photos at least");
    let hasher = Hasher::new(&Config::default());
    let version = |photos: &[RgbImage], version: Version, apply: &(dyn Fn(&RgbImage, u64) -> RgbImage + Sync)| {
        let of = |(number, photo): (usize, &RgbImage)| {
            shown(number, version, &re_encoded(&apply(photo, number as u64), 90), &hasher)
        };
        photos.par_iter().enumerate().map(of).collect::<Vec<Shown>>()
    };
    let originals: Vec<Shown> =
        photos.par_iter().enumerate().map(|(n, photo)| shown(n, Version::Original, photo, &hasher)).collect();
    let n_copies: &[usize] = if quick { &COPIES[..2] } else { &COPIES };
    let copies: Vec<Vec<Shown>> = QUALITIES[..*n_copies.last().expect("there are some")]
        .iter()
        .map(|&quality| version(&photos, Version::Copy, &|photo, _| re_encoded(photo, quality)))
        .collect();
    let edits: Vec<&Edit> = EDITS.iter().filter(|edit| only.is_none_or(|only| edit.name.contains(only))).collect();
    let rows: Vec<Result<Vec<String>>> = edits
        .par_iter()
        .map(|edit| {
            let edited = version(&photos, Version::Edited, &edit.apply);
            row(edit, &originals, &copies, &edited, n_copies)
        })
        .collect();
    println!(
        "## {} photos and their edits, default settings\n\nEach set has the photos, one edit of each, and some \
         re-encodings of each photo. `found` is near pairs of photo and edit; `false` is near pairs of two photos. `renumbered` is \
         how many pairs change when the images get other ids.\n",
        photos.len()
    );
    let mut head: Vec<String> = ["edit", "bar"].map(str::to_owned).into();
    head.extend(n_copies.iter().map(|n| format!("found, {n} copies")));
    head.extend(["reached", "false", "renumbered", "least found", "largest false"].map(str::to_owned));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table::print(&head, &rows.into_iter().collect::<Result<Vec<_>>>()?);
    Ok(())
}

fn row(
    edit: &Edit,
    originals: &[Shown],
    copies: &[Vec<Shown>],
    edited: &[Shown],
    n_copies: &[usize],
) -> Result<Vec<String>> {
    let config = Config { orientations: edit.orientations, ..Config::default() };
    let mut row = vec![edit.name.to_owned(), format!("{:.2}", edit.bar)];
    let (mut is_reached, mut n_false, mut n_changed) = (true, 0, 0);
    let (mut least_true, mut largest_false) = (1.0_f32, 0.0_f32);
    for &n in n_copies {
        let set: Vec<Shown> = originals.iter().chain(edited).chain(copies[..n].iter().flatten()).cloned().collect();
        let found = search(&set, &config, 0)?;
        let again = search(&set, &config, 1)?;
        row.push(format!("{} of {}", found.n_found, originals.len()));
        is_reached &= found.n_found as f64 >= edit.bar * originals.len() as f64;
        n_false += found.n_false;
        n_changed += found.pairs.symmetric_difference(&again.pairs).count();
        least_true = least_true.min(found.least_true);
        largest_false = largest_false.max(found.largest_false);
    }
    let is_reached = if is_reached { "yes" } else { "NO" };
    row.extend([is_reached.to_owned(), n_false.to_string(), n_changed.to_string()]);
    row.extend([format!("{least_true:.3}"), format!("{largest_false:.3}")]);
    Ok(row)
}

/// False near pairs among pictures of one kind, and how many re-encodings of them are found.
pub(crate) fn unrelated() -> Result<()> {
    let config = Config::default();
    let hasher = Hasher::new(&config);
    let mut rows = Vec::new();
    for (name, images) in unrelated::sets() {
        let all: Vec<Shown> =
            images.par_iter().enumerate().map(|(n, image)| shown(n, Version::Original, image, &hasher)).collect();
        let alone = search(&all, &config, 0)?;
        let again = search(&all, &config, 1)?;
        let copy = |(n, image): (usize, &RgbImage)| shown(n, Version::Edited, &re_encoded(image, 50), &hasher);
        let copies: Vec<Shown> = images.par_iter().enumerate().map(copy).collect();
        let with_copies = search(&[all, copies].concat(), &config, 0)?;
        let n_changed = alone.pairs.symmetric_difference(&again.pairs).count();
        rows.push(vec![
            name.to_owned(),
            images.len().to_string(),
            alone.n_false.to_string(),
            n_changed.to_string(),
            format!("{:.3}", alone.largest_false),
            format!("{} of {}", with_copies.n_found, images.len()),
            with_copies.n_false.to_string(),
        ]);
    }
    println!(
        "## Made pictures of one kind, no two the same\n\n`re-encoded found` is of a set that also has each picture as a JPEG of \
         quality 50.\n"
    );
    let head = ["set", "images", "false near pairs", "renumbered", "largest false", "re-encoded found", "false then"];
    table::print(&head, &rows);
    Ok(())
}
