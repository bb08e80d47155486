//! Drawing one scene.

use image::{Rgb, RgbImage};

use super::shape::Shape;
use crate::draws::Draws;

/// Width and height in pixels.
const SIZE: u32 = 32;
/// Bytes of its red, green and blue.
pub(super) const N_BYTES: u64 = 3 * SIZE as u64 * SIZE as u64;
/// A pixel's coverage is counted on a grid of this many points a side.
const SUBPIXELS: u32 = 4;
/// How much brighter a shape is at least than the ground's mean, of 255: what is seen is seen at a glance, and a change of
/// 8 of 255 does not hide it.
///
/// With 1,000 training images, Adam at 1e-3, batches of 64 and 10 epochs, a network of two convolutions (16 and 32
/// channels) comes to 71 to 76 % clean accuracy, and adversarially trained at 8/255 to 43 to 46 % under PGD. Shapes that
/// may also be darker than the ground, or anywhere in the picture, leave it near chance.
const MIN_CONTRAST: f32 = 50.0;

type Colour = [f32; 3];

/// The scene of a shape that the stream says.
pub(super) fn draw(shape: Shape, seed: u64, stream: u64) -> RgbImage {
    let mut draws = Draws::new(seed, stream);
    let ground = Ground::draw(&mut draws);
    let behind = clutter(&mut draws, 2);
    let figure = Figure::of_shape(shape, ground.mean(), &mut draws);
    let before = clutter(&mut draws, 2);
    let layers: Vec<_> = behind.into_iter().chain([figure]).chain(before).collect();
    let noise_deviation = draws.between(4.0, 14.0);
    RgbImage::from_fn(SIZE, SIZE, |x, y| {
        let mut colour = ground.at(x, y);
        for figure in &layers {
            let cover = figure.coverage(x, y);
            for (channel, painted) in colour.iter_mut().zip(figure.colour_at(x, y)) {
                *channel += cover * (painted - *channel);
            }
        }
        let grey = noise_deviation * draws.bell();
        Rgb(colour.map(|channel| to_byte(channel + 0.8 * grey + 0.4 * noise_deviation * draws.bell())))
    })
}

/// Rounded, and kept within 0 to 255.
pub(super) fn to_byte(value: f32) -> u8 {
    (value + 0.5).clamp(0.0, 255.0) as u8
}

/// A gradient between two colours under soft blotches.
struct Ground {
    from: Colour,
    to: Colour,
    direction: (f32, f32),
    blotches: Vec<f32>,
    blotch_pixels: u32,
}

impl Ground {
    fn draw(draws: &mut Draws) -> Self {
        let from = [(); 3].map(|()| draws.between(20.0, 130.0));
        let to = from.map(|channel| channel + draws.between(-40.0, 40.0));
        let direction = draws.direction();
        let blotch_pixels = *draws.pick(&[4, 5, 7, 9]);
        let strength = draws.between(10.0, 38.0);
        let n = SIZE / blotch_pixels + 2;
        let blotches = (0..n * n).map(|_| strength * draws.between(-1.0, 1.0)).collect();
        Self { from, to, direction, blotches, blotch_pixels }
    }

    fn mean(&self) -> Colour {
        [0, 1, 2].map(|channel| (self.from[channel] + self.to[channel]) / 2.0)
    }

    fn at(&self, x: u32, y: u32) -> Colour {
        let half = SIZE as f32 / 2.0;
        let along = ((x as f32 - half) * self.direction.0 + (y as f32 - half) * self.direction.1) / SIZE as f32 + 0.5;
        let blotch = self.blotch(x, y);
        [0, 1, 2].map(|channel| self.from[channel] + along * (self.to[channel] - self.from[channel]) + blotch)
    }

    /// Between the four nearest points of the lattice, linearly.
    fn blotch(&self, x: u32, y: u32) -> f32 {
        let n = SIZE / self.blotch_pixels + 2;
        let (column, row) = (x / self.blotch_pixels, y / self.blotch_pixels);
        let right = (x % self.blotch_pixels) as f32 / self.blotch_pixels as f32;
        let down = (y % self.blotch_pixels) as f32 / self.blotch_pixels as f32;
        let at = |column: u32, row: u32| self.blotches[(row * n + column) as usize];
        let upper = at(column, row) + right * (at(column + 1, row) - at(column, row));
        let lower = at(column, row + 1) + right * (at(column + 1, row + 1) - at(column, row + 1));
        upper + down * (lower - upper)
    }
}

/// A shape at its place.
struct Figure {
    shape: Shape,
    centre: (f32, f32),
    /// Pixels from the centre to where the shape's own coordinates are 1, along each of its axes.
    radii: (f32, f32),
    /// The first axis.
    direction: (f32, f32),
    colour: Colour,
    /// How much brighter it is at the right and at the lower end.
    shading: (f32, f32),
}

impl Figure {
    fn of_shape(shape: Shape, ground: Colour, draws: &mut Draws) -> Self {
        let radius = draws.between(9.0, 12.0);
        let stretch = draws.between(0.85, 1.18);
        let half = SIZE as f32 / 2.0;
        let colour = loop {
            let level = draws.between(160.0, 230.0);
            let colour = [(); 3].map(|()| level + draws.between(-60.0, 60.0));
            if brightness(colour) - brightness(ground) >= MIN_CONTRAST {
                break colour;
            }
        };
        Self {
            shape,
            centre: (half + draws.between(-3.0, 3.0), half + draws.between(-3.0, 3.0)),
            radii: (radius * stretch, radius / stretch),
            direction: draws.direction(),
            colour,
            shading: (draws.between(-18.0, 18.0), draws.between(-18.0, 18.0)),
        }
    }

    /// A dot or a thin line, anywhere, in any colour.
    fn of_clutter(draws: &mut Draws) -> Self {
        let (shape, radii) = if draws.below(2) == 0 {
            let radius = draws.between(1.6, 4.2);
            (Shape::Disc, (radius, radius))
        } else {
            (Shape::Bar, (draws.between(2.8, 5.8), draws.between(5.6, 12.8)))
        };
        let size = SIZE as f32;
        Self {
            shape,
            centre: (draws.between(0.0, size), draws.between(0.0, size)),
            radii,
            direction: draws.direction(),
            colour: [(); 3].map(|()| draws.between(10.0, 245.0)),
            shading: (0.0, 0.0),
        }
    }

    fn colour_at(&self, x: u32, y: u32) -> Colour {
        let (right, down) = (x as f32 / SIZE as f32 - 0.5, y as f32 / SIZE as f32 - 0.5);
        self.colour.map(|channel| channel + right * self.shading.0 + down * self.shading.1)
    }

    /// The share of a pixel that is inside.
    fn coverage(&self, x: u32, y: u32) -> f32 {
        let far = 1.5 * self.radii.0.max(self.radii.1) + 1.0;
        let (dx, dy) = (x as f32 + 0.5 - self.centre.0, y as f32 + 0.5 - self.centre.1);
        if dx * dx + dy * dy > far * far {
            return 0.0;
        }
        let points = (0..SUBPIXELS * SUBPIXELS).map(|point| {
            let offset = |along: u32| (along as f32 + 0.5) / SUBPIXELS as f32;
            (x as f32 + offset(point % SUBPIXELS), y as f32 + offset(point / SUBPIXELS))
        });
        let n_inside = points.filter(|&(x, y)| self.contains(x, y)).count();
        n_inside as f32 / (SUBPIXELS * SUBPIXELS) as f32
    }

    fn contains(&self, x: f32, y: f32) -> bool {
        let (dx, dy) = (x - self.centre.0, y - self.centre.1);
        let (cos, sin) = self.direction;
        self.shape.contains((dx * cos + dy * sin) / self.radii.0, (dy * cos - dx * sin) / self.radii.1)
    }
}

/// Up to `n_most` small figures.
fn clutter(draws: &mut Draws, n_most: u32) -> Vec<Figure> {
    (0..draws.below(n_most + 1)).map(|_| Figure::of_clutter(draws)).collect()
}

/// Luma (ITU-R BT.601).
fn brightness([red, green, blue]: Colour) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_depends_on_seed_and_stream_alone() {
        let image = draw(Shape::Star, 0, 1);
        assert_eq!(draw(Shape::Star, 0, 1), image);
        assert_ne!(draw(Shape::Star, 0, 2), image);
        assert_ne!(draw(Shape::Star, 1, 1), image);
    }

    #[test]
    fn scenes_are_the_same_on_every_machine() {
        let digest = twinset_pixels::digest(&draw(Shape::Crescent, 5, 77)).to_string();
        assert_eq!(digest, "8cd610821ee721dfeef161f1ca63355c4cebb22ff85a4a385246767b38496d9b");
    }

    /// A row a class: `TWINSET_CONTACT_SHEET=sheet.png cargo test -p twinset-ingest -- --ignored contact_sheet`.
    #[test]
    #[ignore = "writes a picture for a person to look at"]
    fn contact_sheet() {
        let path = std::env::var_os("TWINSET_CONTACT_SHEET").expect("TWINSET_CONTACT_SHEET names a PNG file");
        let (n_columns, zoom) = (20, 2);
        let mut sheet = RgbImage::new(n_columns * (SIZE + 1) * zoom, 10 * (SIZE + 1) * zoom);
        for (row, shape) in Shape::ALL.into_iter().enumerate() {
            for column in 0..n_columns {
                let scene = draw(shape, 0, u64::from(column) + 1000 * row as u64);
                let scene = image::imageops::resize(&scene, SIZE * zoom, SIZE * zoom, image::imageops::Nearest);
                let (x, y) = (column * (SIZE + 1) * zoom, row as u32 * (SIZE + 1) * zoom);
                image::imageops::replace(&mut sheet, &scene, i64::from(x), i64::from(y));
            }
        }
        std::fs::write(path, twinset_pixels::encode_png(&sheet)).unwrap();
    }
}
