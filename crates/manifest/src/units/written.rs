//! A radius as a config writes it.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// A number that is not checked yet.
pub(super) struct Written {
    pub(super) value: f64,
    /// Whether it has neither a fraction nor a point.
    pub(super) is_integer: bool,
    /// As it was written, for messages.
    pub(super) text: String,
}

impl FromStr for Written {
    type Err = String;

    /// Reads a finite number, or a fraction of two.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| part.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let value = match text.split_once('/') {
            Some((numerator, denominator)) => {
                number(numerator).zip(number(denominator).filter(|&d| d > 0.0)).map(|(n, d)| n / d)
            }
            None => number(text),
        };
        let value = value.ok_or_else(|| format!("`{text}` is no radius, expected a fraction such as \"8/255\""))?;
        Ok(Self { value, is_integer: text.trim().parse::<u64>().is_ok(), text: text.to_owned() })
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Radius;
        impl Visitor<'_> for Radius {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a radius such as \"8/255\" or 0.03")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Written, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Written, E> {
                Ok(Written { value, is_integer: false, text: value.to_string() })
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Written, E> {
                Ok(Written { value: value as f64, is_integer: true, text: value.to_string() })
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Written, E> {
                Ok(Written { value: value as f64, is_integer: true, text: value.to_string() })
            }
        }
        deserializer.deserialize_any(Radius)
    }
}
