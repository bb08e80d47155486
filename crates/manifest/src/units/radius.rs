//! A radius whose norm stands beside it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use super::PixelRadius;
use super::written::Written;

/// The radius of an attack's ball, or the size of a step, in a norm that the config names beside it: at least 0.
///
/// For L∞ it is a [`PixelRadius`], see [`as_pixel_radius`](Self::as_pixel_radius). For L2 it is the length of an image's
/// whole change, which may exceed 1.
///
/// ```
/// use twinset_manifest::units::Radius;
///
/// let l2: Radius = "2.5".parse()?;
/// assert_eq!(l2.get(), 2.5);
/// assert!(l2.as_pixel_radius().is_err());
/// let linf: Radius = "8/255".parse()?;
/// assert_eq!(linf.as_pixel_radius()?.get(), 8.0 / 255.0);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Radius {
    value: f64,
    /// Whether it was written without a fraction and without a point, and is not 0. `1` may mean 1/255, so L∞ refuses it.
    is_integer: bool,
}

impl Radius {
    /// No radius: nothing may change.
    pub const ZERO: Self = Self { value: 0.0, is_integer: false };

    /// A radius.
    ///
    /// # Errors
    /// When it is negative, infinite, or no number.
    pub fn new(radius: f64) -> Result<Self, String> {
        Self::checked(radius, false, &radius.to_string())
    }

    /// The radius as a number.
    pub fn get(self) -> f64 {
        self.value
    }

    /// What it is for L∞.
    ///
    /// # Errors
    /// When it is over 1, or an integer from 1 on, which may have been meant as 255ths: says what to write.
    pub fn as_pixel_radius(self) -> Result<PixelRadius, String> {
        let Self { value, is_integer } = self;
        if is_integer && value <= 255.0 {
            return Err(format!("a part of 1, such as \"{value}/255\" if that is meant: a pixel is between 0 and 1"));
        }
        PixelRadius::new(value).map_err(|_| "at most 1, such as \"8/255\": a pixel is between 0 and 1".to_owned())
    }

    fn checked(value: f64, is_integer: bool, text: &str) -> Result<Self, String> {
        if value.is_finite() && value >= 0.0 {
            Ok(Self { value, is_integer: is_integer && value >= 1.0 })
        } else {
            Err(format!("`{text}` is no radius, expected a number that is not negative, such as \"8/255\""))
        }
    }
}

/// Radii are equal where their values are, however they were written.
impl PartialEq for Radius {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialOrd for Radius {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl From<PixelRadius> for Radius {
    fn from(radius: PixelRadius) -> Self {
        Self { value: radius.get(), is_integer: false }
    }
}

impl FromStr for Radius {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<Written>()?.try_into()
    }
}

impl TryFrom<Written> for Radius {
    type Error = String;

    fn try_from(Written { value, is_integer, text }: Written) -> Result<Self, String> {
        Self::checked(value, is_integer, &text)
    }
}

impl fmt::Display for Radius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, is_integer } = *self;
        let of_255 = (value * 255.0).round();
        match value {
            _ if is_integer => write!(f, "{value}"),
            _ if value <= 1.0 && of_255 / 255.0 == value => write!(f, "{of_255}/255"),
            // With its point, so that it is not read as an integer again.
            _ => write!(f, "{value:?}"),
        }
    }
}

impl Serialize for Radius {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_radius_may_exceed_1_and_says_whether_it_can_be_one_of_linf() {
        let check = |json: &str, expected: Result<(f64, Result<f64, &str>), &str>| {
            let found = serde_json::from_str::<Radius>(json);
            match (found, expected) {
                (Ok(radius), Ok((value, of_pixels))) => {
                    assert_eq!(radius.get(), value, "{json}");
                    match (radius.as_pixel_radius().map(PixelRadius::get), of_pixels) {
                        (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{json}"),
                        (Err(found), Err(part)) => assert!(found.contains(part), "{json}: {found}"),
                        (found, _) => panic!("{json}: {found:?}"),
                    }
                }
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{json}: {error}"),
                (found, _) => panic!("{json}: {found:?}"),
            }
        };
        check("\"8/255\"", Ok((8.0 / 255.0, Ok(8.0 / 255.0))));
        check("0", Ok((0.0, Ok(0.0))));
        check("1.0", Ok((1.0, Ok(1.0))));
        check("\"255/255\"", Ok((1.0, Ok(1.0))));
        check("1", Ok((1.0, Err("\"1/255\""))));
        check("\"8\"", Ok((8.0, Err("\"8/255\""))));
        check("300", Ok((300.0, Err("at most 1"))));
        check("\"300/255\"", Ok((300.0 / 255.0, Err("at most 1"))));
        check("2.5", Ok((2.5, Err("at most 1"))));
        check("-1", Err("`-1` is no radius"));
        check("-0.5", Err("not negative"));
        check("\"inf\"", Err("is no radius"));
        check("\"eight\"", Err("is no radius"));
    }

    #[test]
    fn a_radius_is_written_as_it_is_read() {
        for text in ["8/255", "0/255", "255/255", "0.03", "0.5", "2", "2.0", "2.5", "128"] {
            let radius: Radius = text.parse().unwrap();
            assert_eq!(radius.to_string(), text);
            assert_eq!(radius.as_pixel_radius(), text.parse::<Radius>().unwrap().as_pixel_radius());
        }
    }
}
