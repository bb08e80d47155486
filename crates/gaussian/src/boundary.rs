//! A *boundary* is the line on which a function of the plane changes its sign, as pieces of straight stretches.
//!
//! Marching squares: W. E. Lorensen and H. E. Cline, *Marching cubes*, Computer Graphics 21 (1987), 163–169, in the plane. Where the
//! corners of a square cannot tell which of two ways the line runs, the mean of the four does.

use std::collections::BTreeMap;

use crate::Point;

/// The part of the plane in which a boundary is looked for, corners included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The corner with the smallest coordinates.
    pub low: Point,
    /// The corner with the largest coordinates.
    pub high: Point,
}

impl Window {
    /// The window that holds all points, and so much around them.
    pub fn around(points: &[Point], margin: f64) -> Self {
        let end = |axis: usize, start: f64, choose: fn(f64, f64) -> f64| {
            points.iter().map(|point| point[axis]).fold(start, choose)
        };
        Self {
            low: [0, 1].map(|axis| end(axis, f64::INFINITY, f64::min) - margin),
            high: [0, 1].map(|axis| end(axis, f64::NEG_INFINITY, f64::max) + margin),
        }
    }

    fn at(&self, [column, row]: [usize; 2], n: usize) -> Point {
        let place =
            |axis: usize, step: usize| self.low[axis] + (self.high[axis] - self.low[axis]) * step as f64 / n as f64;
        [place(0, column), place(1, row)]
    }
}

/// A side of a square of the grid: from this corner to the next in its row, or in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Side {
    corner: [usize; 2],
    is_upright: bool,
}

/// The pieces on which `value` changes its sign, looked for on a grid of n by n squares. A piece that is a ring ends where it
/// begins.
pub fn boundary(window: &Window, n: usize, mut value: impl FnMut(Point) -> f64) -> Vec<Vec<Point>> {
    let values: Vec<Vec<f64>> =
        (0..=n).map(|row| (0..=n).map(|column| value(window.at([column, row], n))).collect()).collect();
    let at = |[column, row]: [usize; 2]| values[row][column];
    let mut next: BTreeMap<Side, Vec<Side>> = BTreeMap::new();
    for row in 0..n {
        for column in 0..n {
            for [left, right] in crossings([column, row], at) {
                next.entry(left).or_default().push(right);
                next.entry(right).or_default().push(left);
            }
        }
    }
    let cross = |side: Side| {
        let [from, to] = [side.corner, other_end(side)];
        let share = at(from) / (at(from) - at(to));
        let (from, to) = (window.at(from, n), window.at(to, n));
        [0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * share)
    };
    pieces(&mut next).into_iter().map(|sides| sides.into_iter().map(cross).collect()).collect()
}

fn other_end(Side { corner: [column, row], is_upright }: Side) -> [usize; 2] {
    if is_upright { [column, row + 1] } else { [column + 1, row] }
}

/// The stretches of the line in one square, each from a side to another.
fn crossings([column, row]: [usize; 2], at: impl Fn([usize; 2]) -> f64) -> Vec<[Side; 2]> {
    let side = |corner, is_upright| Side { corner, is_upright };
    let [bottom, top] = [row, row + 1].map(|row| side([column, row], false));
    let [left, right] = [column, column + 1].map(|column| side([column, row], true));
    let corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]];
    let values = corners.map(&at);
    let is_crossed = |side: &Side| (at(side.corner) > 0.0) != (at(other_end(*side)) > 0.0);
    let crossed: Vec<Side> = [bottom, right, top, left].into_iter().filter(is_crossed).collect();
    match crossed[..] {
        [one, other] => vec![[one, other]],
        [_, _, _, _] => {
            // Opposite corners agree. Those with the sign of the middle are joined, the other two are cut off.
            let middle = values.iter().sum::<f64>() / 4.0;
            match (values[0] > 0.0) == (middle > 0.0) {
                true => vec![[bottom, right], [top, left]],
                false => vec![[bottom, left], [top, right]],
            }
        }
        _ => vec![],
    }
}

/// Joins stretches to pieces: first those with ends, then rings.
fn pieces(next: &mut BTreeMap<Side, Vec<Side>>) -> Vec<Vec<Side>> {
    let mut pieces = Vec::new();
    let end = |next: &BTreeMap<Side, Vec<Side>>| next.iter().find(|(_, sides)| sides.len() == 1).map(|(side, _)| *side);
    while let Some(start) = end(next).or_else(|| next.keys().next().copied()) {
        let mut piece = vec![start];
        let mut here = start;
        while let Some(there) = take(next, here) {
            piece.push(there);
            here = there;
        }
        pieces.push(piece);
    }
    pieces
}

/// Takes one stretch that begins at a side, and says where it ends.
fn take(next: &mut BTreeMap<Side, Vec<Side>>, from: Side) -> Option<Side> {
    let to = next.get_mut(&from)?.pop()?;
    if let Some(back) = next.get_mut(&to)
        && let Some(place) = back.iter().position(|side| *side == from)
    {
        back.remove(place);
    }
    for side in [from, to] {
        if next.get(&side).is_some_and(Vec::is_empty) {
            next.remove(&side);
        }
    }
    Some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: Window = Window { low: [-2.0, -2.0], high: [2.0, 2.0] };

    #[test]
    fn every_vertex_lies_on_the_line() {
        type Function = fn(Point) -> f64;
        let cases: [(&str, Function, usize, bool); 6] = [
            ("a straight line", |[x, y]| x + 2.0 * y - 0.3, 1, false),
            ("a circle", |[x, y]| x * x + y * y - 1.0, 1, true),
            ("two circles", |[x, y]| (x * x - 1.0).powi(2) + y * y - 0.2, 2, true),
            ("a hyperbola", |[x, y]| x * y - 0.3, 2, false),
            ("nothing below 0", |[x, y]| x * x + y * y + 1.0, 0, false),
            ("nothing above 0", |_| -1.0, 0, false),
        ];
        for (name, value, n_pieces, is_ring) in cases {
            let pieces = boundary(&SQUARE, 80, value);
            assert_eq!(pieces.len(), n_pieces, "{name}");
            for piece in &pieces {
                assert!(piece.len() > 10 && piece.iter().all(|point| value(*point).abs() < 0.02), "{name}: {piece:?}");
                assert_eq!(piece.first() == piece.last(), is_ring, "{name}");
                let is_short = |pair: &[Point]| (pair[0][0] - pair[1][0]).hypot(pair[0][1] - pair[1][1]) < 0.08;
                assert!(piece.windows(2).all(is_short), "{name}: a leap in {piece:?}");
            }
        }
    }

    #[test]
    fn a_straight_line_goes_from_border_to_border() {
        let pieces = boundary(&SQUARE, 10, |[x, _]| x - 0.1);
        let ys: Vec<f64> = pieces[0].iter().map(|[_, y]| *y).collect();
        assert_eq!((pieces.len(), ys.len()), (1, 11));
        assert!((ys[0] - ys[10]).abs() == 4.0 && pieces[0].iter().all(|[x, _]| (x - 0.1).abs() < 1e-12));
    }

    #[test]
    fn corners_that_do_not_tell_are_decided_by_their_mean() {
        let corners = |low: f64, high: f64| {
            // The corners' values: `low` at (-2, -2) and (2, 2), `high` at the other two.
            let pieces = boundary(&SQUARE, 1, move |[x, y]| if x * y > 0.0 { low } else { high });
            pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>()
        };
        assert_eq!((corners(1.0, -3.0), corners(3.0, -1.0)), (vec![2, 2], vec![2, 2]));
        let first = |low, high| boundary(&SQUARE, 1, move |[x, y]| if x * y > 0.0 { low } else { high })[0].clone();
        let is_at_low_corner = |piece: &[Point]| piece.iter().all(|[x, y]| x + y < 0.1);
        assert!(is_at_low_corner(&first(1.0, -3.0)) && !is_at_low_corner(&first(3.0, -1.0)));
    }

    #[test]
    fn a_window_holds_its_points() {
        let window = Window::around(&[[0.0, 3.0], [-1.0, 5.0]], 0.5);
        assert_eq!(window, Window { low: [-1.5, 2.5], high: [0.5, 5.5] });
    }
}
