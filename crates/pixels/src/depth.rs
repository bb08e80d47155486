//! Samples of more than 8 bits, rounded to 8.

use image::DynamicImage;

use crate::DecodeError;

/// Whether rounding an image's samples to 8 bits loses something.
///
/// # Errors
/// When a sample is no brightness: outside of [0, 1], or no number.
pub(crate) fn is_lost(image: &DynamicImage) -> Result<bool, DecodeError> {
    Ok(match image {
        DynamicImage::ImageLuma16(image) => is_finer(image.as_raw()),
        DynamicImage::ImageLumaA16(image) => is_finer(image.as_raw()),
        DynamicImage::ImageRgb16(image) => is_finer(image.as_raw()),
        DynamicImage::ImageRgba16(image) => is_finer(image.as_raw()),
        DynamicImage::ImageRgb32F(image) => is_float_finer(image.as_raw())?,
        DynamicImage::ImageRgba32F(image) => is_float_finer(image.as_raw())?,
        _ => false,
    })
}

/// An 8-bit sample of 1 is one of 257 where the largest is 65,535.
fn is_finer(samples: &[u16]) -> bool {
    samples.iter().any(|sample| sample % 257 != 0)
}

fn is_float_finer(samples: &[f32]) -> Result<bool, DecodeError> {
    if let Some(sample) = samples.iter().find(|sample| !(0.0..=1.0).contains(*sample)) {
        return Err(DecodeError::Unsupported(format!("a sample is {sample}, expected 0 to 1")));
    }
    // A 32-bit float is not exactly a fraction of 255.
    Ok(samples.iter().map(|sample| sample * 255.0).any(|sample| (sample - sample.round()).abs() > 1e-3))
}
