//! Values that a config writes with their unit.

mod radius;
mod written;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

pub use radius::Radius;
use written::Written;

/// How far a pixel's channel may change, where a channel is in [0, 1]; written `8/255`.
///
/// ```
/// use twinset_manifest::units::PixelRadius;
///
/// let epsilon: PixelRadius = "8/255".parse()?;
/// assert_eq!(epsilon.get(), 8.0 / 255.0);
/// assert_eq!(epsilon.to_string(), "8/255");
/// assert_eq!("8".parse::<PixelRadius>().unwrap_err(), "`8` is outside [0, 1] (a radius in pixel space, such as \"8/255\")");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "Written")]
pub struct PixelRadius(f64);

impl PixelRadius {
    /// No radius: nothing may change.
    pub const ZERO: Self = Self(0.0);

    /// A radius in pixel space.
    ///
    /// # Errors
    /// When it is negative, over 1, or no number.
    pub fn new(radius: f64) -> Result<Self, String> {
        Self::checked(radius, &radius.to_string())
    }

    /// The radius as a number in [0, 1].
    pub fn get(self) -> f64 {
        self.0
    }

    fn checked(radius: f64, text: &str) -> Result<Self, String> {
        if (0.0..=1.0).contains(&radius) {
            Ok(Self(radius))
        } else {
            Err(format!("`{text}` is outside [0, 1] (a radius in pixel space, such as \"8/255\")"))
        }
    }
}

impl FromStr for PixelRadius {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<Written>()?.try_into()
    }
}

impl TryFrom<Written> for PixelRadius {
    type Error = String;

    fn try_from(Written { value, text, .. }: Written) -> Result<Self, String> {
        Self::checked(value, &text)
    }
}

impl fmt::Display for PixelRadius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_255 = self.0 * 255.0;
        if of_255.round() / 255.0 == self.0 { write!(f, "{}/255", of_255.round()) } else { write!(f, "{}", self.0) }
    }
}

impl Serialize for PixelRadius {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The interval that pixels are clamped to, within [0, 1]; written `[0.0, 1.0]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
pub struct PixelRange {
    low: f64,
    high: f64,
}

impl PixelRange {
    /// All that a pixel can be.
    pub const FULL: Self = Self { low: 0.0, high: 1.0 };

    /// The smallest value that a pixel's channel may have.
    pub fn low(self) -> f64 {
        self.low
    }

    /// The largest value that a pixel's channel may have.
    pub fn high(self) -> f64 {
        self.high
    }
}

impl Default for PixelRange {
    fn default() -> Self {
        Self::FULL
    }
}

impl TryFrom<[f64; 2]> for PixelRange {
    type Error = String;

    fn try_from([low, high]: [f64; 2]) -> Result<Self, String> {
        if 0.0 <= low && low < high && high <= 1.0 {
            Ok(Self { low, high })
        } else {
            Err(format!("[{low}, {high}] is no pixel range, expected [low, high] with 0 <= low < high <= 1"))
        }
    }
}

impl From<PixelRange> for [f64; 2] {
    fn from(range: PixelRange) -> Self {
        [range.low, range.high]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_radius_is_a_fraction_in_pixel_space() {
        let check = |text: &str, expected: Result<f64, &str>| {
            let found = text.parse::<PixelRadius>().map(PixelRadius::get);
            match expected {
                Ok(radius) => assert_eq!(found, Ok(radius), "{text}"),
                Err(part) => assert!(found.clone().unwrap_err().contains(part), "{text}: {found:?}"),
            }
        };
        check("8/255", Ok(8.0 / 255.0));
        check(" 2 / 255 ", Ok(2.0 / 255.0));
        check("0.25", Ok(0.25));
        check("0", Ok(0.0));
        check("-1/255", Err("outside [0, 1]"));
        check("300/255", Err("outside [0, 1]"));
        check("8/0", Err("is no radius"));
        check("eight", Err("is no radius"));
        check("nan", Err("is no radius"));
    }

    #[test]
    fn a_radius_is_written_as_it_is_read() {
        for text in ["8/255", "2/255", "0/255", "0.03"] {
            assert_eq!(text.parse::<PixelRadius>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_pixel_range_is_ordered_and_within_0_and_1() {
        let check =
            |range: [f64; 2], is_valid: bool| assert_eq!(PixelRange::try_from(range).is_ok(), is_valid, "{range:?}");
        check([0.0, 1.0], true);
        check([0.5, 1.0], true);
        check([1.0, 0.5], false);
        check([-1.0, 1.0], false);
        check([0.5, 0.5], false);
        check([f64::NAN, 1.0], false);
    }
}
