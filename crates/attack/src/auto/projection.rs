//! The shortest way onto a hyperplane, inside the box of pixels.

use tch::{Device, Kind, Tensor};

use crate::{AttackError, Norm};

/// Larger than any distance, and finite, so that 0 times it is 0.
const FAR: f64 = 1e30;

/// The shortest change, in the norm, that brings each point onto its hyperplane `w·x = b` and leaves it in [0, 1]. Where none
/// does, each coordinate goes as far towards it as it can.
///
/// `points` and `w` are `[n, d]`, `b` is `[n]`.
///
/// A coordinate is moved by `min(t·u, room)`, against `w` from above the plane and along it from below. `room` is what lies
/// between it and the end of the box, `u` is 1 for L∞ and `|w|` for L2, and `t` is the same for all coordinates of a point.
/// What that brings, Σ |w| min(t·u, room), grows with `t` in straight pieces, each less steep than the one before. A piece ends
/// where a coordinate has no room left.
pub(super) fn onto_hyperplane(points: &Tensor, w: &Tensor, b: &Tensor, norm: Norm) -> Result<Tensor, AttackError> {
    match points.device() {
        Device::Cpu => piece_by_piece(points, w, b, norm),
        _ => by_sorting(points, w, b, norm),
    }
}

/// On a CPU: each point on its own, by Newton's method, which meets the wanted piece after a few passes over the coordinates.
/// Sorting takes ten times as long.
fn piece_by_piece(points: &Tensor, w: &Tensor, b: &Tensor, norm: Norm) -> Result<Tensor, AttackError> {
    let [n, d] = points.size()[..] else { unreachable!("a point a row") };
    let values = |tensor: &Tensor| Vec::<f32>::try_from(tensor.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?);
    let (points, w) = (values(points)?, values(w)?);
    let b = Vec::<f64>::try_from(b.f_to_kind(Kind::Double)?)?;
    let mut changes = vec![0.0; points.len()];
    let mut coordinates = Vec::new();
    for (row, b) in b.into_iter().enumerate() {
        let row = row * d as usize..(row + 1) * d as usize;
        let change = move_onto(&points[row.clone()], &w[row.clone()], b, norm, &mut coordinates);
        changes[row].iter_mut().zip(change).for_each(|(to, change)| *to = change);
    }
    Ok(Tensor::f_from_slice(&changes)?.f_view([n, d])?)
}

/// What one coordinate may do.
struct Coordinate {
    /// Up or down; 0 where it counts for nothing.
    sign: f32,
    /// How far, for each unit of `t`.
    rate: f64,
    /// How far at most.
    room: f64,
    /// What it brings for each unit that it moves.
    gain: f64,
}

/// So many sums go on side by side.
const LANES: usize = 8;

fn move_onto<'a>(
    point: &[f32],
    w: &[f32],
    b: f64,
    norm: Norm,
    coordinates: &'a mut Vec<Coordinate>,
) -> impl Iterator<Item = f32> + use<'a> {
    let excess = point.iter().zip(w).map(|(x, w)| f64::from(x * w)).sum::<f64>() - b;
    // From above the plane down, from below it up.
    let side = if excess >= 0.0 { -1.0 } else { 1.0 };
    coordinates.clear();
    coordinates.extend(point.iter().zip(w).map(|(&x, &w)| {
        let sign = if w == 0.0 { 0.0 } else { side * w.signum() };
        let gain = f64::from(w.abs());
        let rate = match norm {
            Norm::LInf => f64::from(sign.abs()),
            Norm::L2 => gain,
        };
        Coordinate { sign, rate, room: f64::from(if sign < 0.0 { x } else { 1.0 - x }), gain }
    }));
    let t = how_far(coordinates, excess.abs()) as f32;
    coordinates.iter().map(move |&Coordinate { sign, rate, room, .. }| (rate as f32 * t).min(room as f32) * sign)
}

/// The `t` that brings what is wanted, or [`FAR`] where none does.
fn how_far(coordinates: &[Coordinate], wanted: f64) -> f64 {
    let (mut t, mut n_moved_before) = (0.0, usize::MAX);
    if wanted <= 0.0 {
        return t;
    }
    loop {
        let (mut brought, mut slope, mut n_moved) = ([0.0; LANES], [0.0; LANES], [0; LANES]);
        for lanes in coordinates.chunks(LANES) {
            for (lane, &Coordinate { rate, room, gain, .. }) in lanes.iter().enumerate() {
                let (far, moves) = (rate * t, rate * t < room);
                brought[lane] += gain * if moves { far } else { room };
                slope[lane] += if moves { gain * rate } else { 0.0 };
                n_moved[lane] += usize::from(moves);
            }
        }
        let (brought, slope): (f64, f64) = (brought.iter().sum(), slope.iter().sum());
        let n_moved = n_moved.iter().sum();
        if slope <= 0.0 {
            return if brought < wanted { FAR } else { t };
        }
        let next = t + (wanted - brought) / slope;
        // Within one piece the first step is the last.
        if n_moved == n_moved_before || next <= t {
            return t;
        }
        (t, n_moved_before) = (next, n_moved);
    }
}

/// On a GPU: all points at once, and the ends sorted.
fn by_sorting(points: &Tensor, w: &Tensor, b: &Tensor, norm: Norm) -> Result<Tensor, AttackError> {
    let excess =
        w.f_mul(points)?.f_sum_dim_intlist([1i64].as_slice(), true, Kind::Double)?.f_sub(&b.f_unsqueeze(1)?)?;
    // From above the plane down, from below it up.
    let side = excess.f_ge(0.0)?.f_to_kind(Kind::Float)?.f_mul_scalar(2.0)?.f_sub_scalar(1.0)?;
    let wanted = excess.f_abs()?;
    let w = w.f_mul(&side)?;
    let sizes = w.f_abs()?;
    let counts = w.f_ne(0.0)?;
    let room = points.f_where_self(&w.f_gt(0.0)?, &points.f_neg()?.f_add_scalar(1.0)?)?;
    let rate = match norm {
        Norm::LInf => counts.f_to_kind(Kind::Float)?,
        Norm::L2 => sizes.shallow_clone(),
    };
    let far = room.f_full_like(FAR)?;
    let ends = room.f_div(&rate)?.f_where_self(&counts, &far)?.f_clamp_max(FAR)?;
    let (ends, order) = ends.f_sort(1, false)?;
    let sorted = |tensor: &Tensor| tensor.f_gather(1, &order, false)?.f_to_kind(Kind::Double);
    let (ends, slopes, brought) =
        (ends.f_to_kind(Kind::Double)?, sorted(&sizes.f_mul(&rate)?)?, sorted(&sizes.f_mul(&room)?)?);
    // What the coordinates before an end bring in all, and the slope of those from it on.
    let before = brought.f_cumsum(1, Kind::Double)?.f_sub(&brought)?;
    let slope = slopes.f_flip([1])?.f_cumsum(1, Kind::Double)?.f_flip([1])?;
    let at_ends = before.f_add(&ends.f_mul(&slope)?)?;
    let n_short = at_ends.f_lt_tensor(&wanted)?.f_sum_dim_intlist([1i64].as_slice(), true, Kind::Int64)?;
    let d = points.size()[1];
    let piece = n_short.f_clamp_max(d - 1)?;
    let slope = slope.f_gather(1, &piece, false)?;
    let t = wanted.f_sub(&before.f_gather(1, &piece, false)?)?.f_div(&slope)?;
    // Nothing is wanted where nothing has a slope, else all of it is out of reach.
    let t = t.f_where_self(&slope.f_gt(0.0)?, &t.f_zeros_like()?)?;
    let t = t.f_where_self(&n_short.f_lt(d)?, &t.f_full_like(FAR)?)?.f_clamp(0.0, FAR)?.f_to_kind(Kind::Float)?;
    Ok(rate.f_mul(&t)?.f_minimum(&room)?.f_mul(&w.f_sign()?)?.f_neg()?)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    const D: i64 = 6;

    /// The same by bisection of `t`.
    fn by_bisection(x: &[f64], w: &[f64], b: f64, norm: Norm) -> Vec<f64> {
        let dot: f64 = x.iter().zip(w).map(|(x, w)| x * w).sum();
        let side = if dot >= b { 1.0 } else { -1.0 };
        let change = |t: f64| -> Vec<f64> {
            let one = |(x, w): (&f64, &f64)| {
                let w = w * side;
                let room = if w > 0.0 { *x } else { 1.0 - x };
                let rate = if norm.is_linf() { 1.0 } else { w.abs() };
                if w == 0.0 { 0.0 } else { -(t * rate).min(room) * w.signum() }
            };
            x.iter().zip(w).map(one).collect()
        };
        let left = |t: f64| (dot - b).abs() + side * change(t).iter().zip(w).map(|(d, w)| d * w).sum::<f64>();
        let (mut low, mut high) = (0.0, 1e6);
        for _ in 0..200 {
            let middle = (low + high) / 2.0;
            if left(middle) > 0.0 { low = middle } else { high = middle }
        }
        change(high)
    }

    fn length(change: &[f64], norm: Norm) -> f64 {
        match norm {
            Norm::LInf => change.iter().fold(0.0, |largest: f64, change| largest.max(change.abs())),
            Norm::L2 => change.iter().map(|change| change * change).sum::<f64>().sqrt(),
        }
    }

    fn rows(tensor: &Tensor) -> Vec<Vec<f64>> {
        Vec::try_from(tensor.to_kind(Kind::Double)).unwrap()
    }

    #[test]
    fn it_is_the_shortest_change_onto_the_plane_within_the_box() {
        let _torch = crate::norm::torch_for_tests();
        tch::manual_seed(21);
        let cpu = (Kind::Float, Device::Cpu);
        let n = 300;
        let points = Tensor::rand([n, D], cpu);
        // Some coordinates count for nothing, some points are at the end of the box, some planes are out of reach.
        let w = Tensor::randn([n, D], cpu) * Tensor::rand([n, D], cpu).gt(0.2).to_kind(Kind::Float);
        let points = points.where_self(&Tensor::rand([n, D], cpu).gt(0.1), &Tensor::randint(2, [n, D], cpu));
        let b = (&w * &points).sum_dim_intlist([1i64].as_slice(), false, Kind::Float) + Tensor::randn([n], cpu);
        for norm in [Norm::LInf, Norm::L2] {
            let found = rows(&piece_by_piece(&points, &w, &b, norm).unwrap());
            for (found, sorted) in
                found.iter().flatten().zip(rows(&by_sorting(&points, &w, &b, norm).unwrap()).concat())
            {
                assert!((found - sorted).abs() < 1e-5, "{norm:?}: {found}, by sorting {sorted}");
            }
            let (points, w, b) = (rows(&points), rows(&w), Vec::<f64>::try_from(b.to_kind(Kind::Double)).unwrap());
            let (mut n_on_plane, mut n_out_of_reach) = (0, 0);
            for index in 0..n as usize {
                let expected = by_bisection(&points[index], &w[index], b[index], norm);
                for (found, expected) in found[index].iter().zip(&expected) {
                    assert!((found - expected).abs() < 1e-4, "{norm:?}: {found}, expected {expected}");
                }
                let end: Vec<_> = points[index].iter().zip(&found[index]).map(|(x, d)| x + d).collect();
                assert!(end.iter().all(|x| (-1e-6..=1.0 + 1e-6).contains(x)));
                let distance = end.iter().zip(&w[index]).map(|(x, w)| x * w).sum::<f64>() - b[index];
                if distance.abs() > 1e-4 {
                    n_out_of_reach += 1;
                    continue;
                }
                n_on_plane += 1;
                // No other point of the box on the plane is nearer: tried at random, each brought onto the plane.
                for seed in 0..20 {
                    let noise = |place: usize| ((seed * 7 + place * 13 + index) as f64 * 0.7).sin() * 0.1;
                    let tried: Vec<_> =
                        end.iter().enumerate().map(|(place, x)| (x + noise(place)).clamp(0.0, 1.0)).collect();
                    let back = by_bisection(&tried, &w[index], b[index], norm);
                    let tried: Vec<_> = tried.iter().zip(&back).map(|(x, d)| x + d).collect();
                    let left = tried.iter().zip(&w[index]).map(|(x, w)| x * w).sum::<f64>() - b[index];
                    if left.abs() < 1e-6 {
                        let change: Vec<_> = tried.iter().zip(&points[index]).map(|(to, from)| to - from).collect();
                        assert!(length(&change, norm) >= length(&found[index], norm) - 1e-5, "{norm:?}, {index}");
                    }
                }
            }
            assert!(n_on_plane > 50 && n_out_of_reach > 20, "{n_on_plane}, {n_out_of_reach}");
        }
    }

    #[test]
    fn a_plane_without_direction_moves_nothing() {
        let on = (Kind::Float, Device::Cpu);
        let (points, w) = (Tensor::full([1, D], 0.5, on), Tensor::zeros([1, D], on));
        for (norm, b) in [(Norm::LInf, 0.0), (Norm::L2, 0.0), (Norm::LInf, 1.0), (Norm::L2, -1.0)] {
            for way in [piece_by_piece, by_sorting] {
                let change = way(&points, &w, &Tensor::from_slice(&[b as f32]), norm).unwrap();
                assert_eq!(change, Tensor::zeros([1, D], on), "{norm:?}, {b}");
            }
        }
    }
}
