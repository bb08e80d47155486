//! A network's first layer: from pixels in [0, 1] to what the others are used to.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tch::{Device, Tensor};
use twinset_stage::InvalidField;

use crate::layers::channels_last;

/// What a network's first layer does to a pixel: subtract `mean`, divide by `std`, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// What is subtracted.
    pub mean: PerChannel,
    /// What is divided by.
    pub std: PerChannel,
}

/// A number for red, green and blue each; written as one number where they are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerChannel(pub [f64; 3]);

impl Normalisation {
    /// That of the published networks, and of all where nothing else is said: [0, 1] becomes [-1, 1].
    pub const PAPER: Self = Self { mean: PerChannel([0.5; 3]), std: PerChannel([0.5; 3]) };

    /// Checks the values; `field` is the key that the normalisation stands under.
    ///
    /// # Errors
    /// When a mean is not in [0, 1] or a standard deviation is not in (0, 1], as those of pixels in [0, 1] are.
    pub fn validate(&self, field: &str) -> Result<(), InvalidField> {
        let Self { mean: PerChannel(mean), std: PerChannel(std) } = self;
        let check = |key, values: &[f64; 3], is_valid: fn(f64) -> bool, expected| {
            let is_valid = values.iter().all(|&value| is_valid(value));
            InvalidField::unless(is_valid, &format!("{field}.{key}"), format!("{values:?}"), expected)
        };
        check("mean", mean, |value| (0.0..=1.0).contains(&value), "numbers from 0 to 1, as pixels are")?;
        check("std", std, |value| value > 0.0 && value <= 1.0, "numbers above 0 and up to 1, as pixels vary")
    }

    /// The layer for images of this size.
    pub(crate) fn layer(&self, image_size: i64, device: Device) -> NormalisationLayer {
        let Self { mean: PerChannel(mean), std: PerChannel(std) } = *self;
        let (scale, offset) = (std.map(|std| 1.0 / std), [0, 1, 2].map(|channel| -mean[channel] / std[channel]));
        if scale == [scale[0]; 3] && offset == [offset[0]; 3] {
            return NormalisationLayer::Grey { scale: scale[0], offset: offset[0] };
        }
        // As large as an image, since a factor for each of three neighbours in memory is slow.
        let plane = |values: [f64; 3]| {
            let values = Tensor::from_slice(&values.map(|value| value as f32)).view([1, 3, 1, 1]);
            channels_last(&values.expand([1, 3, image_size, image_size], false)).to_device(device)
        };
        NormalisationLayer::Coloured { scale: plane(scale), offset: plane(offset) }
    }
}

/// What a [`Normalisation`] computes: a factor and a summand.
#[derive(Debug)]
pub(crate) enum NormalisationLayer {
    /// The same for all channels.
    Grey { scale: f64, offset: f64 },
    /// `[1, 3, size, size]` each.
    Coloured { scale: Tensor, offset: Tensor },
}

impl NormalisationLayer {
    /// Pixels `[n, 3, size, size]` in any layout to channels-last ones of the same shape.
    pub(crate) fn forward(&self, pixels: &Tensor) -> Tensor {
        let pixels = channels_last(pixels);
        match self {
            // (x - 0.5) / 0.5 to the bit, where that is what it is.
            Self::Grey { scale, offset } => pixels.g_mul_scalar(*scale).g_add_scalar_(*offset),
            Self::Coloured { scale, offset } => offset.addcmul(&pixels, scale),
        }
    }
}

impl Serialize for PerChannel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(values) = self;
        if *values == [values[0]; 3] { values[0].serialize(serializer) } else { values.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for PerChannel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrThree;

        impl<'de> Visitor<'de> for OneOrThree {
            type Value = PerChannel;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or one each for red, green and blue")
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<PerChannel, E> {
                Ok(PerChannel([value; 3]))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<PerChannel, E> {
                self.visit_f64(value as f64)
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<PerChannel, E> {
                self.visit_f64(value as f64)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<PerChannel, A::Error> {
                let mut all = [0.0; 3];
                for (index, value) in all.iter_mut().enumerate() {
                    *value = values.next_element()?.ok_or_else(|| de::Error::invalid_length(index, &self))?;
                }
                match values.next_element::<f64>()? {
                    None => Ok(PerChannel(all)),
                    Some(_) => Err(de::Error::invalid_length(4, &self)),
                }
            }
        }

        deserializer.deserialize_any(OneOrThree)
    }
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn one_number_stands_for_three_equal_ones() {
        let check = |text: &str, expected: [f64; 3], written: &str| {
            let found: PerChannel = serde_json::from_str(text).unwrap();
            assert_eq!(found, PerChannel(expected));
            assert_eq!(serde_json::to_string(&found).unwrap(), written);
        };
        check("0.5", [0.5; 3], "0.5");
        check("[0.5, 0.5, 0.5]", [0.5; 3], "0.5");
        check("1", [1.0; 3], "1.0");
        check("[0.4914, 0.4822, 0.4465]", [0.4914, 0.4822, 0.4465], "[0.4914,0.4822,0.4465]");
        for text in ["[0.5]", "[0.1, 0.2, 0.3, 0.4]", "\"0.5\"", "null"] {
            let error = serde_json::from_str::<PerChannel>(text).unwrap_err().to_string();
            assert!(error.contains("expected a number, or one each for red, green and blue"), "{error}");
        }
    }

    #[test]
    fn what_pixels_cannot_have_is_refused() {
        let check = |mean: [f64; 3], std: [f64; 3], expected: &str| {
            let normalisation = Normalisation { mean: PerChannel(mean), std: PerChannel(std) };
            assert_eq!(normalisation.validate("n").unwrap_err().to_string(), expected);
        };
        check(
            [0.5; 3],
            [0.5, 0.0, 0.5],
            "`n.std` is [0.5, 0.0, 0.5], expected numbers above 0 and up to 1, as pixels vary",
        );
        check(
            [0.5, 125.3, 0.5],
            [0.5; 3],
            "`n.mean` is [0.5, 125.3, 0.5], expected numbers from 0 to 1, as pixels are",
        );
        assert!(Normalisation::PAPER.validate("n").is_ok());
    }

    #[test]
    fn channels_are_normalised_each_on_its_own() {
        let (mean, std) = ([0.4914, 0.4822, 0.4465], [0.247, 0.2435, 0.2616]);
        let pixels = Tensor::linspace(0.0, 1.0, 2 * 3 * 4 * 4, (Kind::Float, Device::Cpu)).view([2, 3, 4, 4]);
        let check = |mean: [f64; 3], std: [f64; 3]| {
            let layer = Normalisation { mean: PerChannel(mean), std: PerChannel(std) }.layer(4, Device::Cpu);
            let found = layer.forward(&pixels);
            assert_eq!(found.stride(), [48, 1, 12, 3], "channels-last");
            for channel in 0..3 {
                let at = |tensor: &Tensor| tensor.select(1, channel);
                let expected = (at(&pixels) - mean[channel as usize]) / std[channel as usize];
                let difference = (at(&found) - expected).abs().max().double_value(&[]);
                assert!(difference < 1e-6, "channel {channel}: {difference}");
            }
        };
        check(mean, std);
        check([0.5; 3], [0.25; 3]);
    }
}
