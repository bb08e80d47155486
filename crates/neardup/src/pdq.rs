//! *PDQ* is a perceptual hash of 256 bits: which of the low frequencies of an image's brightness are above their median.
//!
//! It is built for sharing: the same image has the same hash wherever it is computed, give or take a few bits. Source:
//! "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", Facebook 2019.
//!
//! 1. Brightness is blurred by two box filters an axis, so wide that 64×64 samples of it miss nothing.
//! 2. 64×64 samples are taken at the centres of the cells of a 64×64 grid. Of an image with fewer pixels some are taken
//!    more than once.
//! 3. The two-dimensional cosine transform of the samples, frequencies 1 to 16 an axis.
//! 4. A frequency's bit says whether its coefficient is above the median of all 256.
//!
//! # Cost
//! Blurring is linear and only the samples are needed, so the four passes over all pixels become one weighted sum: about
//! three multiplications a pixel (one a channel), and some 250 a column of pixels. The transform is two matrix
//! products, halved by the symmetry of the cosines: 40,960 multiplications an image, whatever its size.

use std::sync::LazyLock;

use image::RgbImage;

/// Samples along one side.
const SIDE: usize = 64;
/// Frequencies along one axis.
const N_FREQUENCIES: usize = 16;

/// An image's PDQ hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pdq {
    /// Bit `i` is bit `i % 64` of word `i / 64`. It stands for the frequency `i / 16 + 1` along the height and `i % 16 + 1`
    /// along the width, in half waves over the image.
    pub hash: [u64; 4],
    /// How much there is to tell images apart by, from 0 (one colour) to 100. Hashes of a quality below 50 are not to be
    /// matched, the publication says.
    pub quality: u8,
}

impl Pdq {
    /// The hash as it is published: 64 hexadecimal digits, bit 255 first.
    pub fn to_hex(self) -> String {
        let [low, .., high] = self.hash;
        format!("{high:016x}{:016x}{:016x}{low:016x}", self.hash[2], self.hash[1])
    }
}

/// The image's hash. An image without pixels has hash 0 and quality 0.
///
/// The publication has no hash for images with a side below 5 pixels; here they have one.
pub fn pdq(image: &RgbImage) -> Pdq {
    if image.width() == 0 || image.height() == 0 {
        return Pdq { hash: [0; 4], quality: 0 };
    }
    let samples = samples(image);
    Pdq { hash: bits(&coefficients(&samples)), quality: quality(&samples) }
}

/// `[row, column]` of the blurred brightness, 0 to 255.
type Samples = [[f32; SIDE]; SIDE];
/// `[frequency along the height, frequency along the width]`.
type Coefficients = [[f32; N_FREQUENCIES]; N_FREQUENCIES];

fn samples(image: &RgbImage) -> Samples {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (columns, rows) = (Blur::new(width), Blur::new(height));
    let mut samples = [[0.0; SIDE]; SIDE];
    let mut channels = vec![0.0; 3 * width];
    let mut brightness = vec![0.0; width];
    for row in 0..SIDE {
        let (first, weights) = rows.sample(row);
        if row > 0 && rows.sample(row - 1) == (first, weights) {
            samples[row] = samples[row - 1];
            continue;
        }
        channels.fill(0.0);
        for (&weight, bytes) in weights.iter().zip(image.chunks_exact(3 * width).skip(first)) {
            for (sum, &byte) in channels.iter_mut().zip(bytes) {
                *sum += weight * f32::from(byte);
            }
        }
        for (brightness, [red, green, blue]) in brightness.iter_mut().zip(channels.as_chunks().0) {
            *brightness = 0.299 * red + 0.587 * green + 0.114 * blue;
        }
        columns.apply(&brightness, &mut samples[row]);
    }
    samples
}

/// How the samples along one axis are made of its pixels.
struct Blur {
    /// The first pixel of each sample.
    first: [usize; SIDE],
    /// The weights of a sample's pixels, `n_pixels` for each sample; 0 past the end of the axis.
    weights: Vec<f32>,
    n_pixels: usize,
}

impl Blur {
    /// The blur of an axis of at least one pixel.
    fn new(length: usize) -> Self {
        // Half a cell's width, as there are two boxes.
        let box_length = length.div_ceil(2 * SIDE);
        // An even box reaches one pixel further after its centre than before it. What of it lies outside is left out.
        let after = box_length / 2;
        let before = box_length - 1 - after;
        let box_around = |centre: usize| centre.saturating_sub(before)..(centre + after + 1).min(length);
        let n_pixels = 2 * box_length - 1;
        let mut blur = Self { first: [0; SIDE], weights: vec![0.0; SIDE * n_pixels], n_pixels };
        for (sample, weights) in blur.weights.chunks_exact_mut(n_pixels).enumerate() {
            let outer = box_around((2 * sample + 1) * length / (2 * SIDE));
            let first = box_around(outer.start).start;
            for centre in outer.clone() {
                let inner = box_around(centre);
                let weight = 1.0 / (outer.len() * inner.len()) as f32;
                weights[inner.start - first..inner.end - first].iter_mut().for_each(|sum| *sum += weight);
            }
            blur.first[sample] = first;
        }
        blur
    }

    /// The samples of a line of pixels.
    fn apply(&self, pixels: &[f32], samples: &mut [f32; SIDE]) {
        if self.n_pixels == 1 {
            *samples = self.first.map(|pixel| pixels[pixel]);
            return;
        }
        for (sample, value) in samples.iter_mut().enumerate() {
            let (first, weights) = self.sample(sample);
            *value = weights.iter().zip(&pixels[first..]).map(|(weight, pixel)| weight * pixel).sum();
        }
    }

    /// The first pixel of a sample, and the weights of this one and those after it.
    fn sample(&self, sample: usize) -> (usize, &[f32]) {
        (self.first[sample], &self.weights[sample * self.n_pixels..][..self.n_pixels])
    }
}

/// Half of an axis of samples.
const HALF: usize = SIDE / 2;
/// Frequencies of one parity.
const N_OF_PARITY: usize = N_FREQUENCIES / 2;

/// The cosines of one parity of frequencies, `[sample, frequency]`, over the first half of the samples. Over the second half
/// they are mirrored: with the same sign for even frequencies, with the other for odd ones.
type HalfBasis = [[f32; N_OF_PARITY]; HALF];

/// The cosines of frequencies 1, 3, …, 15 and of 2, 4, …, 16.
static BASIS: LazyLock<[HalfBasis; 2]> = LazyLock::new(|| {
    let cosine = |frequency: usize, sample: usize| {
        let half_waves = (frequency * (2 * sample + 1)) as f64 / (2 * SIDE) as f64;
        ((2.0 / SIDE as f64).sqrt() * (std::f64::consts::PI * half_waves).cos()) as f32
    };
    [1, 2].map(|lowest| std::array::from_fn(|sample| std::array::from_fn(|number| cosine(lowest + 2 * number, sample))))
});

fn coefficients(samples: &Samples) -> Coefficients {
    let mut along_height = [[0.0; SIDE]; N_FREQUENCIES];
    let mut folded = [[[0.0; SIDE]; HALF]; 2];
    for sample in 0..HALF {
        let (upper, lower) = (&samples[sample], &samples[SIDE - 1 - sample]);
        for column in 0..SIDE {
            folded[0][sample][column] = upper[column] - lower[column];
            folded[1][sample][column] = upper[column] + lower[column];
        }
    }
    for (frequency, transformed) in along_height.iter_mut().enumerate() {
        let (parity, number) = (frequency % 2, frequency / 2);
        for (cosines, row) in BASIS[parity].iter().zip(&folded[parity]) {
            for (sum, value) in transformed.iter_mut().zip(row) {
                *sum += cosines[number] * value;
            }
        }
    }
    along_height.map(|row| {
        let mut transformed = [[0.0; N_OF_PARITY]; 2];
        for sample in 0..HALF {
            let (left, right) = (row[sample], row[SIDE - 1 - sample]);
            for (parity, value) in [left - right, left + right].into_iter().enumerate() {
                for (sum, cosine) in transformed[parity].iter_mut().zip(&BASIS[parity][sample]) {
                    *sum += cosine * value;
                }
            }
        }
        std::array::from_fn(|frequency| transformed[frequency % 2][frequency / 2])
    })
}

fn bits(coefficients: &Coefficients) -> [u64; 4] {
    let coefficients = coefficients.as_flattened();
    let mut ordered = coefficients.to_vec();
    // Of the two in the middle the lower one.
    let (_, &mut median, _) = ordered.select_nth_unstable_by(coefficients.len() / 2 - 1, f32::total_cmp);
    let mut words = [0; 4];
    for (word, coefficients) in words.iter_mut().zip(coefficients.chunks_exact(64)) {
        for (bit, &coefficient) in coefficients.iter().enumerate() {
            *word |= u64::from(coefficient > median) << bit;
        }
    }
    words
}

/// The sum of all steps between neighbouring samples, each in whole percent of the largest possible, by the publication's
/// scale.
fn quality(samples: &Samples) -> u8 {
    // What `as u32` gives, at a quarter of its time: between 128 and 256, the whole part is the highest bits of the mantissa.
    let whole = |percent: f32| (percent + 128.0).to_bits() >> 16 & 127;
    let n_percent = |line: &[f32], other: &[f32]| {
        let steps = line.iter().zip(other).map(|(one, other)| whole((one - other).abs() * 100.0 / 255.0));
        // Unchecked for the same reason; 64 steps of at most 100 are no large number.
        steps.fold(0, u32::wrapping_add)
    };
    let along_height = samples.iter().zip(&samples[1..]).map(|(upper, lower)| n_percent(upper, lower));
    let along_width = samples.iter().map(|row| n_percent(row, &row[1..]));
    (along_height.chain(along_width).sum::<u32>() / 90).min(100) as u8
}

#[cfg(test)]
#[path = "pdq_tests.rs"]
mod tests;
