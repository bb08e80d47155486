//! Whether candidates are the same shot: aligned, compared, and judged by what else is like them.

use std::sync::OnceLock;

use rayon::prelude::*;

use crate::align::{Alignment, correlation, improve};
use crate::correlation::Candidate;
use crate::maps::{LocalContrast, Map, standardise};
use crate::matrix::dot_products;
use crate::orientation::Orientation;
use crate::thumbnail::{SIDE, Thumbnail};

/// The shift search: shifts of up to so many pixels each way, so the windows compared leave as wide a margin.
const MAX_SHIFT: usize = 2;
const WINDOW_SIDE: usize = SIDE - 2 * MAX_SHIFT;
const WINDOW: usize = WINDOW_SIDE * WINDOW_SIDE;
const N_SHIFTS: usize = (2 * MAX_SHIFT + 1) * (2 * MAX_SHIFT + 1);
/// A pair whose best shift correlates less is dropped. So are two of the 139 known duplicates of CIFAR-10.
const MIN_SHIFTED: f32 = 0.5;

/// Two images once aligned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verified {
    pub(crate) left: u32,
    pub(crate) right: u32,
    /// The mean of three correlations of locally normalised contrast: of fine and of coarse structures once aligned, and of
    /// middle ones where only shifts by whole pixels are allowed; of discs, the mean of fine and of middle structures once
    /// aligned. −1 to 1.
    pub(crate) correlation: f32,
    pub(crate) alignment: Alignment,
}

/// What an image is verified by.
struct Maps {
    fine: Map,
    middle: Map,
    coarse: Map,
    is_plain_shape: bool,
}

struct Filters {
    fine: LocalContrast,
    middle: LocalContrast,
    coarse: LocalContrast,
}

impl Filters {
    fn new() -> Self {
        let [fine, middle, coarse] =
            [(0.6, 2.0), (1.0, 3.0), (2.0, 6.0)].map(|(blur, wide)| LocalContrast::new(blur, wide));
        Self { fine, middle, coarse }
    }

    fn maps(&self, thumbnail: &Thumbnail) -> Maps {
        let brightness = thumbnail.brightness();
        let of = |filter: &LocalContrast| filter.of(&brightness);
        let middle = of(&self.middle);
        Maps { fine: of(&self.fine), middle, coarse: of(&self.coarse), is_plain_shape: is_plain_shape(&middle) }
    }
}

/// Aligns and compares candidates, which are in order: for each how well it lies, none where it does not. `on_progress` is told
/// how many more candidates are done.
pub(crate) fn verify(
    thumbnails: &[&Thumbnail],
    candidates: &[Candidate],
    on_progress: &(impl Fn(u64) + Sync),
) -> Vec<Option<Verified>> {
    let filters = Filters::new();
    let with_discs = candidates.iter().any(|candidate| !candidate.orientation.is_right_angled());
    let discs =
        if with_discs { thumbnails.par_iter().map(|thumbnail| thumbnail.disc(0)).collect() } else { Vec::new() };
    let discs: Vec<&Thumbnail> = discs.iter().collect();
    let (windows, disc_windows) = (centre_windows(thumbnails, &filters), centre_windows(&discs, &filters));
    let groups: Vec<&[Candidate]> =
        candidates.chunk_by(|a, b| (a.left, a.orientation) == (b.left, b.orientation)).collect();
    let shifted: Vec<Vec<Option<Shifted>>> = groups
        .par_iter()
        .map(|group| {
            let windows = if group[0].orientation.is_right_angled() { &windows } else { &disc_windows };
            let found = shift(thumbnails, windows, group, &filters);
            on_progress(group.len() as u64);
            found
        })
        .collect();
    drop((windows, disc_windows));
    let shifted = shifted.concat();
    let maps: Vec<OnceLock<Box<Maps>>> = thumbnails.iter().map(|_| OnceLock::new()).collect();
    let maps_of = |index: u32| maps[index as usize].get_or_init(|| Box::new(filters.maps(thumbnails[index as usize])));
    let verified = candidates.par_iter().zip(&shifted).map(|(&Candidate { left, right, orientation }, shifted)| {
        let shifted = (*shifted)?;
        let turned =
            (orientation != Orientation::UPRIGHT).then(|| filters.maps(&orientation.of(thumbnails[left as usize])));
        let left_maps = turned.as_ref().unwrap_or_else(|| maps_of(left));
        let right_maps = match orientation.is_right_angled() {
            true => maps_of(right),
            false => &filters.maps(discs[right as usize]),
        };
        Some(align(left, right, orientation, shifted, left_maps, right_maps))
    });
    verified.collect()
}

/// Of each pair the orientation that lies best.
pub(crate) fn best_orientations(verified: impl IntoIterator<Item = Verified>) -> Vec<Verified> {
    let mut verified: Vec<Verified> = verified.into_iter().collect();
    verified.par_sort_unstable_by(|a, b| {
        let better = b.correlation.total_cmp(&a.correlation);
        (a.left, a.right)
            .cmp(&(b.left, b.right))
            .then(better)
            .then(a.alignment.orientation.cmp(&b.alignment.orientation))
    });
    verified.dedup_by_key(|pair| (pair.left, pair.right));
    verified
}

/// The best shift of a candidate by whole pixels.
#[derive(Clone, Copy)]
struct Shifted {
    right: i32,
    down: i32,
    correlation: f32,
}

/// The middle of each image's middle map, standardised.
fn centre_windows(thumbnails: &[&Thumbnail], filters: &Filters) -> Vec<f32> {
    let mut windows = vec![0.0; thumbnails.len() * WINDOW];
    windows.par_chunks_exact_mut(WINDOW).zip(thumbnails).for_each(|(out, thumbnail)| {
        window(&filters.middle.of(&thumbnail.brightness()), MAX_SHIFT, MAX_SHIFT, out);
    });
    windows
}

/// The window of a map that begins at a column and a row, standardised.
fn window(map: &Map, column: usize, row: usize, out: &mut [f32]) {
    for (line, out) in out.chunks_exact_mut(WINDOW_SIDE).enumerate() {
        let start = (row + line) * SIDE + column;
        out.copy_from_slice(&map[start..start + WINDOW_SIDE]);
    }
    standardise(out);
}

/// Of each candidate of one left image the best shift, where it is good enough.
fn shift(thumbnails: &[&Thumbnail], windows: &[f32], group: &[Candidate], filters: &Filters) -> Vec<Option<Shifted>> {
    let Candidate { left, orientation, .. } = group[0];
    let map = filters.middle.of(&orientation.of(thumbnails[left as usize]).brightness());
    let mut shifts = vec![0.0; N_SHIFTS * WINDOW];
    let across = 2 * MAX_SHIFT + 1;
    for (place, out) in shifts.chunks_exact_mut(WINDOW).enumerate() {
        window(&map, place % across, place / across, out);
    }
    let mut others = Vec::with_capacity(group.len() * WINDOW);
    for candidate in group {
        others.extend_from_slice(&windows[candidate.right as usize * WINDOW..][..WINDOW]);
    }
    let mut products = vec![0.0; group.len() * N_SHIFTS];
    dot_products(&others, &shifts, WINDOW, &mut products);
    let best = |products: &[f32]| {
        let (place, &correlation) =
            products.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).expect("there are shifts");
        let offset = |place: usize| place as i32 - MAX_SHIFT as i32;
        Shifted { right: offset(place % across), down: offset(place / across), correlation }
    };
    let found = products.chunks_exact(N_SHIFTS).map(best);
    found.map(|shifted| (shifted.correlation >= MIN_SHIFTED).then_some(shifted)).collect()
}

fn align(left: u32, right: u32, orientation: Orientation, shifted: Shifted, from: &Maps, to: &Maps) -> Verified {
    let quality = |at: &[f32; 6]| {
        correlation(&from.middle, &to.middle, at).map_or(-1.0, |(value, overlap)| value * overlap.sqrt())
    };
    let (alignment, middle) = if from.is_plain_shape || to.is_plain_shape {
        let still = Alignment::shifted(orientation, 0, 0);
        (still, quality(&still.at))
    } else {
        let start = Alignment::shifted(orientation, shifted.right, shifted.down);
        let mut improved = start;
        improve(&from.coarse, &to.coarse, &mut improved.at, 8, 2, 0.05);
        improve(&from.middle, &to.middle, &mut improved.at, 6, 1, 0.02);
        let is_better = quality(&improved.at) > quality(&start.at);
        (if is_better { improved } else { start }, shifted.correlation)
    };
    let of = |from: &Map, to: &Map| correlation(from, to, &alignment.at).map_or(-1.0, |(value, _)| value);
    let fine = of(&from.fine, &to.fine);
    // A disc has few coarse structures, which may well lie alike; and half a step of the angle is more than shifts make up for.
    let correlation = match orientation.is_right_angled() {
        true => (fine + of(&from.coarse, &to.coarse) + middle) / 3.0,
        false => f32::midpoint(fine, of(&from.middle, &to.middle)),
    };
    Verified { left, right, correlation, alignment }
}

/// Below this effective rank of its map a picture is a plain shape. Of 2,000 test images of CIFAR-10 3 in 1,000 are, of 24 photos
/// none; a bar has 1.3 to 1.5.
const RANK_OF_SHAPES: f32 = 1.6;

/// Whether a picture is a plain shape: nearly all of its rows are multiples of one row. Any two bars can be shifted and
/// stretched onto one another, so that plain shapes are compared where they are.
///
/// The effective rank is (Σσ²)² / Σσ⁴ over the map's singular values σ: 1 where all rows are multiples of one.
fn is_plain_shape(map: &Map) -> bool {
    let rows: Vec<&[f32]> = map.chunks_exact(SIDE).collect();
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let trace: f32 = rows.iter().map(|row| product(row, row)).sum();
    let squares: f32 = rows.iter().flat_map(|a| rows.iter().map(|b| product(a, b).powi(2))).sum();
    trace.powi(2) < RANK_OF_SHAPES * squares
}

/// How many of the others that an image is like are looked at, how much they weigh, and what counts as being like none.
const N_OTHERS: usize = 3;
const WEIGHT_OF_OTHERS: f32 = 0.2;
const ALIKE: f32 = 0.4;

/// Each pair's similarity, 0 to 1: its correlation, less a fifth of how much the two are like others as well.
///
/// Pictures that look like many others - a car on white, a plane on blue - correlate with all of them; a duplicate stands
/// out. The correction is that of cross-domain similarity local scaling (Conneau et al. 2018, arXiv 1710.04087), with a
/// smaller weight: copies of one picture are like one another too.
pub(crate) fn similarities(n_images: usize, pairs: &[Verified]) -> Vec<f32> {
    // The largest correlations of each image, the largest first, one more than are looked at.
    let mut best = vec![[f32::MIN; N_OTHERS + 1]; n_images];
    for pair in pairs {
        for image in [pair.left, pair.right] {
            let best = &mut best[image as usize];
            if pair.correlation > best[N_OTHERS] {
                best[N_OTHERS] = pair.correlation;
                best.sort_unstable_by(|a, b| b.total_cmp(a));
            }
        }
    }
    let others = |image: u32, own: f32| -> f32 {
        let best = &best[image as usize];
        let place = best.iter().position(|&value| value == own).unwrap_or(N_OTHERS);
        let others = best.iter().enumerate().filter(|&(other, _)| other != place);
        others.map(|(_, &value)| (value - ALIKE).max(0.0)).sum::<f32>() / N_OTHERS as f32
    };
    pairs
        .iter()
        .map(|pair| {
            let crowd = others(pair.left, pair.correlation) + others(pair.right, pair.correlation);
            (pair.correlation - WEIGHT_OF_OTHERS * crowd).clamp(0.0, 1.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, imageops};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// A made photo: a few large and small blobs of its own.
    fn photo(seed: u64) -> RgbImage {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let blobs: Vec<[f32; 5]> = (0..25).map(|_| std::array::from_fn(|_| rng.random_range(0.0..1.0))).collect();
        RgbImage::from_fn(96, 96, |x, y| {
            let (x, y) = (x as f32 / 96.0, y as f32 / 96.0);
            let sum = blobs.iter().fold([110.0_f32; 3], |mut sum, &[bx, by, size, strength, hue]| {
                let size = 0.03 + 0.12 * size;
                let value = (strength - 0.5) * 160.0 * (-((x - bx).powi(2) + (y - by).powi(2)) / (size * size)).exp();
                let tint = [1.0, hue, 1.0 - hue];
                sum.iter_mut().zip(tint).for_each(|(sum, tint)| *sum += value * tint);
                sum
            });
            Rgb(sum.map(|value| value.clamp(0.0, 255.0) as u8))
        })
    }

    fn verified(left: &RgbImage, right: &RgbImage, orientation: Orientation) -> Option<Verified> {
        let thumbnails = [left, right].map(Thumbnail::of);
        let candidates = [Candidate { left: 0, right: 1, orientation }];
        verify(&thumbnails.each_ref(), &candidates, &|_| ())[0]
    }

    #[test]
    fn the_same_shot_is_recognised_and_another_is_not() {
        let original = photo(1);
        let check = |changed: &RgbImage, orientation: Orientation, least: f32| {
            let found = verified(&original, changed, orientation).map_or(-1.0, |pair| pair.correlation);
            assert!(found > least, "{orientation}: {found}, expected more than {least}");
        };
        check(&original, Orientation::UPRIGHT, 0.999);
        check(&imageops::brighten(&original, 30), Orientation::UPRIGHT, 0.97);
        check(&imageops::blur(&original, 1.5), Orientation::UPRIGHT, 0.9);
        check(&imageops::crop_imm(&original, 4, 6, 88, 84).to_image(), Orientation::UPRIGHT, 0.75);
        let mirror = Orientation { is_mirrored: true, degrees: 0 };
        check(&imageops::flip_horizontal(&original), mirror, 0.999);
        for seed in 2..12 {
            let found = verified(&original, &photo(seed), Orientation::UPRIGHT).map_or(-1.0, |pair| pair.correlation);
            assert!(found < 0.7, "photo {seed}: {found}");
        }
    }

    #[test]
    fn plain_shapes_are_compared_where_they_are() {
        // White, on black; from a column to another.
        let bar = |from: u32, to: u32| {
            RgbImage::from_fn(96, 96, |x, y| {
                Rgb([if (from..to).contains(&x) && (12..84).contains(&y) { 255 } else { 0 }; 3])
            })
        };
        let alike = |left: &RgbImage, right: &RgbImage| {
            verified(left, right, Orientation::UPRIGHT).map_or(-1.0, |pair| pair.correlation)
        };
        let one = bar(10, 40);
        assert!(alike(&one, &imageops::blur(&one, 1.0)) > 0.9);
        for (from, to) in [(22, 46), (30, 58), (4, 30), (10, 62)] {
            let found = alike(&one, &bar(from, to));
            assert!(found < 0.7, "{from} to {to}: {found}");
        }
    }

    #[test]
    fn of_several_orientations_the_best_is_kept() {
        let left = photo(3);
        let thumbnails = [&left, &imageops::rotate90(&left)].map(Thumbnail::of);
        let candidate =
            |degrees| Candidate { left: 0, right: 1, orientation: Orientation { is_mirrored: false, degrees } };
        let found = verify(&thumbnails.each_ref(), &[0, 90, 180, 270].map(candidate), &|_| ());
        let found = best_orientations(found.into_iter().flatten());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].alignment.orientation.degrees, 90);
        assert!(found[0].correlation > 0.999, "{found:?}");
    }

    #[test]
    fn a_picture_turned_by_any_angle_is_recognised_and_another_is_not() {
        // Between two of the angles that are tried.
        let (sin, cos) = 22.0_f32.to_radians().sin_cos();
        let turned = |original: &RgbImage| {
            RgbImage::from_fn(96, 96, |x, y| {
                let (x, y) = (x as f32 - 47.5, y as f32 - 47.5);
                let (x, y) = (47.5 + cos * x + sin * y, 47.5 - sin * x + cos * y);
                let is_inside = (0.0..=95.0).contains(&x) && (0.0..=95.0).contains(&y);
                if is_inside { *original.get_pixel(x.round() as u32, y.round() as u32) } else { Rgb([0; 3]) }
            })
        };
        let orientation = Orientation { is_mirrored: false, degrees: 15 };
        let found =
            |seed: u64| verified(&photo(4), &turned(&photo(seed)), orientation).map_or(-1.0, |pair| pair.correlation);
        assert!(found(4) > 0.85, "{}", found(4));
        for seed in 5..12 {
            assert!(found(seed) < 0.7, "photo {seed}: {}", found(seed));
        }
    }

    #[test]
    fn who_is_like_many_is_less_like_each() {
        let pair = |left, right, correlation| Verified { left, right, correlation, alignment: Alignment::default() };
        let alone = similarities(2, &[pair(0, 1, 0.9)]);
        assert_eq!(alone, [0.9]);
        let crowd = [pair(0, 1, 0.9), pair(0, 2, 0.8), pair(0, 3, 0.8), pair(0, 4, 0.8), pair(5, 6, 0.9)];
        let found = similarities(7, &crowd);
        let expected = 0.9 - WEIGHT_OF_OTHERS * (0.8 - ALIKE);
        assert!((found[0] - expected).abs() < 1e-6, "{found:?}");
        assert_eq!(found[4], 0.9);
        // An image that is like three others as much as like this one.
        assert!(found[1] < found[0]);
    }
}
