//! How one thumbnail has to be changed to lie on another, and how well it then does.

use std::fmt;

use crate::maps::Map;
use crate::orientation::Orientation;
use crate::thumbnail::SIDE;

/// Half a thumbnail's side, and its centre, in pixels.
const HALF: f32 = SIDE as f32 / 2.0;
const CENTRE: f32 = HALF - 0.5;
/// The least share of the right thumbnail's pixels that the left one has to cover.
const MIN_OVERLAP: f32 = 0.5;

/// How the left image has to be changed to lie on the right one.
///
/// First the orientation, then the place: the pixel of the right thumbnail that is `u` and `v` half sides right of and below
/// the centre lies in the left one at `u + (at[0] + at[1] u + at[2] v) / 16`, and in the same way below.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Alignment {
    /// Mirrored or turned.
    pub orientation: Orientation,
    /// The affine map, in pixels of a thumbnail.
    pub(crate) at: [f32; 6],
}

impl Alignment {
    /// How the right image has to be changed to lie on the left one.
    pub(crate) fn inverse(&self) -> Self {
        let [right, x, slant_x, down, slant_y, y] = self.at;
        // In half sides from the centre: a place p of the right image is matrix · p + offset in the turned left one.
        let [a, b, c, d] = [1.0 + x / HALF, slant_x / HALF, slant_y / HALF, 1.0 + y / HALF];
        let determinant = a * d - b * c;
        let [a, b, c, d] = [d / determinant, -b / determinant, -c / determinant, a / determinant];
        let (e, f) = (right / HALF, down / HALF);
        let (e, f) = (-(a * e + b * f), -(c * e + d * f));
        // The turn itself, of which the rest is seen from the other side.
        let (sin, cos) = f32::from(self.orientation.degrees).to_radians().sin_cos();
        let mirror = if self.orientation.is_mirrored { -1.0 } else { 1.0 };
        let (r, s, t, u) = (cos * mirror, -sin, sin * mirror, cos);
        let undo = |[p, q]: [f32; 2]| [r * p + t * q, s * p + u * q];
        let column = |[p, q]: [f32; 2]| undo([a * p + b * q, c * p + d * q]);
        let ([a, c], [b, d]) = (column([r, t]), column([s, u]));
        let [e, f] = undo([e, f]);
        let at = [e, a - 1.0, b, f, c, d - 1.0].map(|value| value * HALF);
        Self { orientation: self.orientation.inverse(), at }
    }
}

/// Text such as `mirror; shift(right=1.5 down=-0.5); scale(x=1.06 y=1.00)`; `none` where nothing has to be done. Shifts are in
/// 32nds of the image's width and height.
impl fmt::Display for Alignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [right, x, slant_x, down, slant_y, y] = self.at;
        let mut steps = Vec::new();
        if self.orientation != Orientation::UPRIGHT {
            steps.push(self.orientation.to_string());
        }
        // The left image's content moves against the place that it is read at.
        let (right, down) = (tidy(-right, 10.0), tidy(-down, 10.0));
        if right != 0.0 || down != 0.0 {
            steps.push(format!("shift(right={right:.1} down={down:.1})"));
        }
        let (x, y) = (tidy(HALF / (HALF + x), 100.0), tidy(HALF / (HALF + y), 100.0));
        if x != 1.0 || y != 1.0 {
            steps.push(format!("scale(x={x:.2} y={y:.2})"));
        }
        let (slant_x, slant_y) = (tidy(-slant_x / HALF, 100.0), tidy(-slant_y / HALF, 100.0));
        if slant_x != 0.0 || slant_y != 0.0 {
            steps.push(format!("shear(x={slant_x:.2} y={slant_y:.2})"));
        }
        f.write_str(if steps.is_empty() { "none" } else { "" })?;
        f.write_str(&steps.join("; "))
    }
}

/// Rounded, and never a negative zero.
fn tidy(value: f32, parts: f32) -> f32 {
    (value * parts).round() / parts + 0.0
}

/// The left map where the right one's pixels lie in it.
struct Warped {
    /// Value, derivative to the right, derivative down; of pixels that the left map has.
    pixels: Vec<Pixel>,
    n: f32,
    left_mean: f32,
    right_mean: f32,
    left_length: f32,
    right_length: f32,
    product: f32,
}

struct Pixel {
    left: f32,
    right: f32,
    dx: f32,
    dy: f32,
    u: f32,
    v: f32,
}

impl Warped {
    fn new(left: &Map, right: &Map, at: &[f32; 6], stride: usize) -> Option<Self> {
        let mut pixels = Vec::with_capacity(SIDE * SIDE / (stride * stride));
        let last = (SIDE - 1) as f32;
        let first = stride / 2;
        for row in (first..SIDE).step_by(stride) {
            let v = (row as f32 - CENTRE) / HALF;
            for column in (first..SIDE).step_by(stride) {
                let u = (column as f32 - CENTRE) / HALF;
                let x = column as f32 + at[0] + at[1] * u + at[2] * v;
                let y = row as f32 + at[3] + at[4] * u + at[5] * v;
                if !(0.0..=last).contains(&x) || !(0.0..=last).contains(&y) {
                    continue;
                }
                let (x0, y0) = ((x as usize).min(SIDE - 2), (y as usize).min(SIDE - 2));
                let (fx, fy) = (x - x0 as f32, y - y0 as f32);
                let corner = y0 * SIDE + x0;
                let [a, b] = [left[corner], left[corner + 1]];
                let [c, d] = [left[corner + SIDE], left[corner + SIDE + 1]];
                let (top, bottom) = (a + (b - a) * fx, c + (d - c) * fx);
                pixels.push(Pixel {
                    left: top + (bottom - top) * fy,
                    right: right[row * SIDE + column],
                    dx: (b - a) * (1.0 - fy) + (d - c) * fy,
                    dy: (c - a) * (1.0 - fx) + (d - b) * fx,
                    u,
                    v,
                });
            }
        }
        let n = pixels.len() as f32;
        let n_all = ((SIDE - first).div_ceil(stride)).pow(2) as f32;
        if n < MIN_OVERLAP * n_all {
            return None;
        }
        let [mut sl, mut sr, mut sll, mut srr, mut slr] = [0.0_f32; 5];
        for pixel in &pixels {
            sl += pixel.left;
            sr += pixel.right;
            sll += pixel.left * pixel.left;
            srr += pixel.right * pixel.right;
            slr += pixel.left * pixel.right;
        }
        let length = |sum: f32, squares: f32| (squares - sum * sum / n).max(0.0).sqrt() + 1e-6;
        Some(Self {
            n,
            left_mean: sl / n,
            right_mean: sr / n,
            left_length: length(sl, sll),
            right_length: length(sr, srr),
            product: slr - sl * sr / n,
            pixels,
        })
    }

    fn correlation(&self) -> f32 {
        self.product / (self.left_length * self.right_length)
    }

    /// The Gauss-Newton step towards the alignment with the least squared difference of the standardised maps.
    fn step(&self, damping: f32) -> [f32; 6] {
        let mut hessian = [[0.0_f32; 6]; 6];
        let (mut gradient, mut sums) = ([0.0_f32; 6], [0.0_f32; 6]);
        let scale = self.left_length / self.right_length;
        for pixel in &self.pixels {
            let &Pixel { left, right, dx, dy, u, v } = pixel;
            let residual = (right - self.right_mean) * scale - (left - self.left_mean);
            let slope = [dx, dx * u, dx * v, dy, dy * u, dy * v];
            for row in 0..6 {
                sums[row] += slope[row];
                gradient[row] += slope[row] * residual;
                for column in 0..=row {
                    hessian[row][column] += slope[row] * slope[column];
                }
            }
        }
        let mut trace = 0.0;
        for row in 0..6 {
            for column in 0..=row {
                hessian[row][column] -= sums[row] * sums[column] / self.n;
            }
            trace += hessian[row][row];
        }
        for (place, row) in hessian.iter_mut().enumerate() {
            row[place] += trace / 6.0 * damping + 1e-6;
        }
        solve(hessian, gradient).map(|step| step.clamp(-1.0, 1.0))
    }
}

/// Solves a symmetric positive definite system, of which the lower triangle is given, by Cholesky's method.
fn solve(mut matrix: [[f32; 6]; 6], mut vector: [f32; 6]) -> [f32; 6] {
    for column in 0..6 {
        for row in column..6 {
            let sum: f32 = (0..column).map(|place| matrix[row][place] * matrix[column][place]).sum();
            let rest = matrix[row][column] - sum;
            matrix[row][column] = if row == column { rest.max(1e-9).sqrt() } else { rest / matrix[column][column] };
        }
    }
    for row in 0..6 {
        let sum: f32 = (0..row).map(|place| matrix[row][place] * vector[place]).sum();
        vector[row] = (vector[row] - sum) / matrix[row][row];
    }
    for row in (0..6).rev() {
        let sum: f32 = (row + 1..6).map(|place| matrix[place][row] * vector[place]).sum();
        vector[row] = (vector[row] - sum) / matrix[row][row];
    }
    vector
}

/// How far an alignment may go: shifts by a quarter of the side, scales by two fifths, slants by a quarter.
const LIMITS: [f32; 6] = [8.0, 6.5, 4.0, 8.0, 4.0, 6.5];

/// Improves an alignment by Gauss-Newton steps on every `stride`-th pixel of every `stride`-th row.
pub(crate) fn improve(left: &Map, right: &Map, at: &mut [f32; 6], n_steps: usize, stride: usize, damping: f32) {
    for _ in 0..n_steps {
        let Some(warped) = Warped::new(left, right, at, stride) else { return };
        let step = warped.step(damping);
        for ((value, step), limit) in at.iter_mut().zip(step).zip(LIMITS) {
            *value = (*value + step).clamp(-limit, limit);
        }
        if step.iter().all(|step| step.abs() < 0.02) {
            return;
        }
    }
}

/// The correlation of the maps where they overlap once aligned, −1 to 1, and the share of the right one that is covered;
/// none where less than half is.
pub(crate) fn correlation(left: &Map, right: &Map, at: &[f32; 6]) -> Option<(f32, f32)> {
    let warped = Warped::new(left, right, at, 1)?;
    Some((warped.correlation(), warped.n / (SIDE * SIDE) as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thumbnail::N_PIXELS;

    /// A smooth picture without symmetry, seen through an affine map.
    fn seen(at: &[f32; 6]) -> Map {
        let mut map = [0.0; N_PIXELS];
        for (place, value) in map.iter_mut().enumerate() {
            let (row, column) = ((place / SIDE) as f32, (place % SIDE) as f32);
            let (u, v) = ((column - CENTRE) / HALF, (row - CENTRE) / HALF);
            let x = column + at[0] + at[1] * u + at[2] * v;
            let y = row + at[3] + at[4] * u + at[5] * v;
            *value = (x / 3.1).sin() * (y / 4.3).cos() + (x / 7.0 + y / 5.0).sin() + (x * y / 90.0).cos();
        }
        map
    }

    #[test]
    fn an_affine_change_is_found_again() {
        let original = seen(&[0.0; 6]);
        for at in [[1.4, 0.0, 0.0, -1.2, 0.0, 0.0], [0.3, 1.5, 0.0, 0.0, 0.0, -1.0], [0.5, -0.8, 0.9, 0.4, -0.7, 0.6]] {
            let changed = seen(&at);
            let before = correlation(&original, &changed, &[0.0; 6]).unwrap().0;
            let mut found = [0.0; 6];
            improve(&original, &changed, &mut found, 20, 2, 0.02);
            improve(&original, &changed, &mut found, 20, 1, 0.02);
            let after = correlation(&original, &changed, &found).unwrap().0;
            assert!(before < 0.98 && after > 0.99, "{at:?}: {before} before, {after} after, {found:?}");
            for (found, expected) in found.iter().zip(at) {
                assert!((found - expected).abs() < 0.25, "{found:?}, expected {at:?}");
            }
        }
    }

    #[test]
    fn maps_that_hardly_overlap_have_no_correlation() {
        let map = seen(&[0.0; 6]);
        assert_eq!(correlation(&map, &map, &[17.0, 0.0, 0.0, 0.0, 0.0, 0.0]), None);
        let (value, overlap) = correlation(&map, &map, &[0.0; 6]).unwrap();
        assert!((value - 1.0).abs() < 1e-4 && overlap == 1.0, "{value} {overlap}");
    }

    #[test]
    fn a_flat_map_correlates_with_nothing() {
        let (value, _) = correlation(&[0.5; N_PIXELS], &seen(&[0.0; 6]), &[0.0; 6]).unwrap();
        assert!(value.abs() < 1e-2, "{value}");
        let mut at = [0.0; 6];
        improve(&[0.5; N_PIXELS], &seen(&[0.0; 6]), &mut at, 5, 1, 0.02);
        assert!(at.iter().all(|value| value.is_finite()), "{at:?}");
    }

    #[test]
    fn an_alignment_and_its_inverse_undo_one_another() {
        // Where a place of the right image lies in the left one, in half sides from the centre.
        let seen = |Alignment { orientation, at }: Alignment, [u, v]: [f32; 2]| {
            let (x, y) = (u + (at[0] + at[1] * u + at[2] * v) / HALF, v + (at[3] + at[4] * u + at[5] * v) / HALF);
            let (sin, cos) = f32::from(orientation.degrees).to_radians().sin_cos();
            let (x, y) = (cos * x + sin * y, cos * y - sin * x);
            [if orientation.is_mirrored { -x } else { x }, y]
        };
        for is_mirrored in [false, true] {
            for degrees in [0, 90, 180, 270, 30] {
                let orientation = Orientation { is_mirrored, degrees };
                let alignment = Alignment { orientation, at: [1.4, -2.0, 0.7, -3.0, 0.4, 1.1] };
                for place in [[0.0, 0.0], [0.5, -0.3], [-0.8, 0.6]] {
                    let back = seen(alignment.inverse(), seen(alignment, place));
                    let is_same = back.iter().zip(place).all(|(back, place)| (back - place).abs() < 1e-4);
                    assert!(is_same, "{alignment:?}: {place:?} {back:?}");
                }
            }
        }
    }

    #[test]
    fn an_alignment_reads_as_steps() {
        let check = |alignment: Alignment, expected: &str| assert_eq!(alignment.to_string(), expected);
        let mirror = Orientation { is_mirrored: true, degrees: 0 };
        check(Alignment::default(), "none");
        let at = [1.0, 0.0, 0.0, -2.0, 0.0, 0.0];
        check(Alignment { orientation: Orientation::UPRIGHT, at }, "shift(right=-1.0 down=2.0)");
        check(Alignment { orientation: mirror, at: [0.0, 1.0, 0.0, 0.01, 0.0, 0.0] }, "mirror; scale(x=0.94 y=1.00)");
        let at = [0.0, 0.0, 1.6, 0.0, 0.0, 0.0];
        check(Alignment { orientation: Orientation::UPRIGHT, at }, "shear(x=-0.10 y=0.00)");
    }
}
