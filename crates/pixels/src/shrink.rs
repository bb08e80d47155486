//! Very long images, shrunk by the means of boxes.

use std::borrow::Cow;

use image::{Rgb, RgbImage};

/// Longest side of an image that is scaled as it is: no JPEG's or WebP's is longer.
const MAX_SIDE: u32 = 1 << 16;

/// The image with no side above 65,536 pixels: each pixel is the mean of a box of the original.
///
/// What scales an image to a few pixels makes something as long as its longest side first, with tens of bytes for each pixel.
/// An image of 8,000,000 by 1 pixels would take gigabytes.
///
/// ```
/// let long = image::RgbImage::from_fn(200_000, 1, |x, _| image::Rgb([(x % 4 * 10) as u8, 7, 0]));
/// let shrunk = twinset_pixels::shrunk(&long);
/// assert_eq!(shrunk.dimensions(), (50_000, 1));
/// assert!(shrunk.pixels().all(|pixel| pixel.0 == [15, 7, 0]));
/// ```
pub fn shrunk(image: &RgbImage) -> Cow<'_, RgbImage> {
    let (width, height) = image.dimensions();
    let (box_width, box_height) = (width.div_ceil(MAX_SIDE).max(1), height.div_ceil(MAX_SIDE).max(1));
    if (box_width, box_height) == (1, 1) {
        return Cow::Borrowed(image);
    }
    Cow::Owned(RgbImage::from_fn(width.div_ceil(box_width), height.div_ceil(box_height), |x, y| {
        let (left, top) = (x * box_width, y * box_height);
        let (right, bottom) = ((left + box_width).min(width), (top + box_height).min(height));
        mean(image, left..right, top..bottom)
    }))
}

fn mean(image: &RgbImage, columns: std::ops::Range<u32>, rows: std::ops::Range<u32>) -> Rgb<u8> {
    let n = columns.len() as u64 * rows.len() as u64;
    let mut sums = [0_u64; 3];
    for y in rows {
        for x in columns.clone() {
            let pixel = image.get_pixel(x, y).0;
            sums.iter_mut().zip(pixel).for_each(|(sum, channel)| *sum += u64::from(channel));
        }
    }
    Rgb(sums.map(|sum| ((sum + n / 2) / n) as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_usual_sides_stays_as_it_is() {
        for (width, height) in [(1, 1), (MAX_SIDE, 1), (1, MAX_SIDE), (0, 0)] {
            assert!(matches!(shrunk(&RgbImage::new(width, height)), Cow::Borrowed(_)), "{width}x{height}");
        }
    }

    #[test]
    fn boxes_at_the_end_are_smaller() {
        let image = RgbImage::from_fn(2, MAX_SIDE + 1, |_, y| Rgb([if y == MAX_SIDE { 200 } else { 100 }; 3]));
        let shrunk = shrunk(&image);
        assert_eq!(shrunk.dimensions(), (2, MAX_SIDE / 2 + 1));
        assert_eq!(shrunk.get_pixel(1, MAX_SIDE / 2), &Rgb([200; 3]));
        assert_eq!(shrunk.get_pixel(1, MAX_SIDE / 2 - 1), &Rgb([100; 3]));
    }
}
