//! The pixels of coefficients, slowly and in 64-bit floats; upsampling as libjpeg has it, for which there is no standard.

use std::sync::LazyLock;

use image::{Rgb, RgbImage};

use crate::coefficients::{Coefficients, Component, NATURAL};

/// What a picture's components mean.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    Grey,
    Rgb,
    YCbCr,
    /// As Adobe's programs have it: 255 is no ink.
    Cmyk,
    /// The same, with its first three as brightness and colour.
    Ycck,
}

/// The pixels; none where a component cannot be brought to the picture's size by whole factors.
pub(crate) fn pixels(picture: &Coefficients, colours: Colours) -> Option<RgbImage> {
    let planes: Vec<_> = picture.components.iter().map(|component| plane(picture, component)).collect::<Option<_>>()?;
    let round = |value: f64| value.round().clamp(0.0, 255.0) as u8;
    Some(RgbImage::from_fn(picture.width as u32, picture.height as u32, |x, y| {
        let at = |n: usize| planes[n][y as usize][x as usize];
        let of_ycc = || {
            let (y, cb, cr) = (at(0), at(1) - 128.0, at(2) - 128.0);
            [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        };
        let laid = |ink: [f64; 3]| ink.map(|no_ink| no_ink * at(3) / 255.0);
        Rgb(match colours {
            Colours::Grey => [at(0); 3],
            Colours::Rgb => [at(0), at(1), at(2)],
            Colours::YCbCr => of_ycc(),
            Colours::Cmyk => laid([at(0), at(1), at(2)]),
            // libjpeg makes the CMYK of which 255 is no ink by inverting the colours.
            Colours::Ycck => laid(of_ycc().map(|channel| 255.0 - channel.clamp(0.0, 255.0))),
        }
        .map(round))
    }))
}

/// Samples, row by row.
type Plane = Vec<Vec<f64>>;

/// A component's samples in the picture's size.
fn plane(picture: &Coefficients, component: &Component) -> Option<Plane> {
    let (max_h, max_v) = (picture.max_h(), picture.max_v());
    if max_h % component.h != 0 || max_v % component.v != 0 {
        return None;
    }
    let (across, down) = (max_h / component.h, max_v / component.v);
    let small = samples(component);
    // Samples beyond the picture take no part.
    let width = (picture.width * component.h).div_ceil(max_h);
    let height = (picture.height * component.v).div_ceil(max_v);
    // By two it is done smoothly, but for the narrowest, and by more each sample is repeated.
    let is_smooth = matches!((across, down), (2, 1) | (2, 2)) && width > 2 || (across, down) == (1, 2);
    let sample = |x: usize, y: usize| -> f64 {
        if !is_smooth {
            return small[y / down][x / across];
        }
        // Each sample of the picture is three parts of the nearest one and a part of the next; in full steps at the end.
        let beside = |at: usize, factor: usize, end: usize| match factor {
            1 => (at, at),
            _ => (at / 2, if at.is_multiple_of(2) { (at / 2).saturating_sub(1) } else { (at / 2 + 1).min(end - 1) }),
        };
        let ((near_x, far_x), (near_y, far_y)) = (beside(x, across, width), beside(y, down, height));
        let line = |y: usize| (3.0 * small[y][near_x] + small[y][far_x]) / 4.0;
        (3.0 * line(near_y) + line(far_y)) / 4.0
    };
    Some((0..picture.height).map(|y| (0..picture.width).map(|x| sample(x, y)).collect()).collect())
}

/// A component's samples as they are stored, in 0 to 255.
fn samples(component: &Component) -> Plane {
    let mut samples = vec![vec![0.0; 8 * component.n_columns]; 8 * component.n_rows];
    for row in 0..component.n_rows {
        for column in 0..component.n_columns {
            let block = &component.blocks[row * component.stride + column];
            let mut coefficients = [[0.0; 8]; 8];
            for (k, &place) in NATURAL.iter().enumerate() {
                coefficients[place / 8][place % 8] = f64::from(block[k] * component.quantisation[k]);
            }
            for (y, values) in transformed(&coefficients).into_iter().enumerate() {
                for (x, value) in values.into_iter().enumerate() {
                    samples[8 * row + y][8 * column + x] = (value + 128.0).round().clamp(0.0, 255.0);
                }
            }
        }
    }
    samples
}

/// The inverse cosine transform of a block (ITU-T T.81, A.3.3), along columns and then along rows.
fn transformed(coefficients: &[[f64; 8]; 8]) -> [[f64; 8]; 8] {
    static WAVES: LazyLock<[[f64; 8]; 8]> = LazyLock::new(|| {
        std::array::from_fn(|x| {
            std::array::from_fn(|u| {
                let scale = if u == 0 { 0.5_f64.sqrt() / 2.0 } else { 0.5 };
                scale * ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0).cos()
            })
        })
    });
    let along = |line: &dyn Fn(usize) -> f64, x: usize| (0..8).map(|u| WAVES[x][u] * line(u)).sum::<f64>();
    let columns: [[f64; 8]; 8] = std::array::from_fn(|y| std::array::from_fn(|u| along(&|v| coefficients[v][u], y)));
    columns.map(|row| std::array::from_fn(|x| along(&|u| row[u], x)))
}
