//! CMYK as JPEGs hold it.

/// The colours of pixels of cyan, magenta, yellow and black, as Pillow's `convert("RGB")` has them.
///
/// A JPEG holds them inverted, as Adobe's programs write them: 255 is no ink.
pub(super) fn to_rgb(cmyk: &[u8], rgb: &mut [u8]) {
    for (&[cyan, magenta, yellow, black], rgb) in cmyk.as_chunks::<4>().0.iter().zip(rgb.as_chunks_mut::<3>().0) {
        *rgb = [cyan, magenta, yellow].map(|no_ink| black - product(255 - no_ink, black));
    }
}

/// The product of two fractions of 255, rounded.
fn product(left: u8, right: u8) -> u8 {
    let product = u32::from(left) * u32::from(right) + 128;
    ((product + (product >> 8)) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink_takes_light_away() {
        let check = |cmyk: [u8; 4], expected: [u8; 3]| {
            let mut rgb = [0; 3];
            to_rgb(&cmyk, &mut rgb);
            assert_eq!(rgb, expected, "{cmyk:?}");
        };
        check([255; 4], [255; 3]);
        check([255, 255, 255, 0], [0; 3]);
        check([0, 255, 255, 255], [0, 255, 255]);
        check([200, 100, 0, 128], [100, 50, 0]);
        assert!((0..=255).all(|left| product(left, 255) == left && product(255, left) == left));
    }
}
