//! Where one image may lie in another: shifts by whole pixels, and crops.

use std::sync::LazyLock;

use crate::maps::{Map, standardise};
use crate::matrix::dot_products;
use crate::thumbnail::SIDE;

/// Shifts of up to so many pixels each way are tried, so the windows compared leave as wide a margin.
const MAX_SHIFT: usize = 2;
const ACROSS: usize = 2 * MAX_SHIFT + 1;
const WINDOW_SIDE: usize = SIDE - 2 * MAX_SHIFT;
/// Pixels of the window that shifts are compared by.
pub(crate) const WINDOW: usize = WINDOW_SIDE * WINDOW_SIDE;
const N_SHIFTS: usize = ACROSS * ACROSS;

/// Crops are compared at half the resolution.
const HALF_SIDE: usize = SIDE / 2;
/// Pixels of the picture that crops are compared by.
pub(crate) const HALF: usize = HALF_SIDE * HALF_SIDE;

/// The crops that are tried: their sides, in parts of the whole's, and the steps of their places, in pixels.
const CROPS: [(f32, f32, i32); 3] = [(0.9, 1.6, 1), (0.8, 1.6, 2), (0.7, 2.4, 2)];

/// Where an image may lie in another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gate {
    pub(crate) correlation: f32,
    /// The affine map that it stands for.
    pub(crate) at: [f32; 6],
    pub(crate) is_crop: bool,
}

impl Gate {
    /// In no way.
    pub(crate) const NONE: Self = Self { correlation: -1.0, at: [0.0; 6], is_crop: false };
}

/// A crop of a map at half the resolution: of each pixel the upper left of the four that it lies between, and how far from it.
struct Crop {
    at: [f32; 6],
    samples: Vec<(u32, f32, f32)>,
}

static BANK: LazyLock<Vec<Crop>> = LazyLock::new(|| {
    let half = SIDE as f32 / 2.0;
    let mut crops = Vec::new();
    for (scale, step, n_steps) in CROPS {
        let places = || (-n_steps..=n_steps).map(move |place| place as f32 * step);
        let zoom = half * (scale - 1.0);
        crops
            .extend(places().flat_map(|down| places().map(move |right| [right, zoom, 0.0, down, 0.0, zoom])).map(crop));
    }
    crops
});

fn crop(at: [f32; 6]) -> Crop {
    let (half, last) = (SIDE as f32 / 2.0, (SIDE - 1) as f32);
    let samples = (0..HALF).map(|place| {
        let place_of = |number: usize| number as f32 * 2.0 + 0.5;
        let (column, row) = (place_of(place % HALF_SIDE), place_of(place / HALF_SIDE));
        let (u, v) = ((column + 0.5 - half) / half, (row + 0.5 - half) / half);
        let x = (column + at[0] + at[1] * u + at[2] * v).clamp(0.0, last);
        let y = (row + at[3] + at[4] * u + at[5] * v).clamp(0.0, last);
        let (x0, y0) = ((x as usize).min(SIDE - 2), (y as usize).min(SIDE - 2));
        ((y0 * SIDE + x0) as u32, x - x0 as f32, y - y0 as f32)
    });
    Crop { at, samples: samples.collect() }
}

impl Crop {
    fn of(&self, map: &Map, out: &mut [f32]) {
        for (out, &(corner, fx, fy)) in out.iter_mut().zip(&self.samples) {
            let corner = corner as usize;
            let (a, b, c, d) = (map[corner], map[corner + 1], map[corner + SIDE], map[corner + SIDE + 1]);
            let (top, bottom) = (a + (b - a) * fx, c + (d - c) * fx);
            *out = top + (bottom - top) * fy;
        }
        standardise(out);
    }
}

/// The middle of a map, standardised: what is looked for among the shifts of others.
pub(crate) fn window_of(map: &Map, out: &mut [f32]) {
    window(map, MAX_SHIFT, MAX_SHIFT, out);
}

/// A map at half the resolution, standardised: what is looked for among the crops of others.
pub(crate) fn half_of(map: &Map, out: &mut [f32]) {
    WHOLE.of(map, out);
}

static WHOLE: LazyLock<Crop> = LazyLock::new(|| crop([0.0; 6]));

/// The window of a map that begins at a column and a row, standardised.
fn window(map: &Map, column: usize, row: usize, out: &mut [f32]) {
    for (line, out) in out.chunks_exact_mut(WINDOW_SIDE).enumerate() {
        let start = (row + line) * SIDE + column;
        out.copy_from_slice(&map[start..start + WINDOW_SIDE]);
    }
    standardise(out);
}

/// The best shift of a map for each of some windows.
pub(crate) fn best_shifts(map: &Map, windows: &[f32]) -> Vec<Gate> {
    let mut shifts = vec![0.0; N_SHIFTS * WINDOW];
    for (place, out) in shifts.chunks_exact_mut(WINDOW).enumerate() {
        window(map, place % ACROSS, place / ACROSS, out);
    }
    let offset = |place: usize| place as f32 - MAX_SHIFT as f32;
    let at = |place: usize| [offset(place % ACROSS), 0.0, 0.0, offset(place / ACROSS), 0.0, 0.0];
    let gate = |(place, correlation)| Gate { correlation, at: at(place), is_crop: false };
    best(windows, &shifts, WINDOW).into_iter().map(gate).collect()
}

/// The best crop of a map for each of some halves.
pub(crate) fn best_crops(map: &Map, halves: &[f32]) -> Vec<Gate> {
    let mut crops = vec![0.0; BANK.len() * HALF];
    crops.chunks_exact_mut(HALF).zip(&*BANK).for_each(|(out, crop)| crop.of(map, out));
    let gate = |(place, correlation): (usize, f32)| Gate { correlation, at: BANK[place].at, is_crop: true };
    best(halves, &crops, HALF).into_iter().map(gate).collect()
}

/// For each target the row with the largest product, and that; the first of equals.
fn best(targets: &[f32], rows: &[f32], length: usize) -> Vec<(usize, f32)> {
    let n_rows = rows.len() / length;
    let mut products = vec![0.0; targets.len() / length * n_rows];
    dot_products(targets, rows, length, &mut products);
    let best = |products: &[f32]| {
        let best = products.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        best.map(|(place, &correlation)| (place, correlation)).expect("there are rows")
    };
    products.chunks_exact(n_rows).map(best).collect()
}
