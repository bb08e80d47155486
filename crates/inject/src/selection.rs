//! How duplicates are chosen.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twinset_stage::InvalidField;

use crate::InjectError;

/// How duplicates are chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Selection {
    /// Any training image as likely as any other.
    #[default]
    Uniform,
    /// Classes have weights; within a class any image is as likely as any other.
    NonUniform {
        /// The weights.
        class_weights: ClassWeights,
        /// Whether the seed decides which class has which of the weights; false.
        #[serde(default, skip_serializing_if = "is_false")]
        shuffle_classes: bool,
    },
    /// Every training image, as many times as the rate says, which must be whole.
    WholeSet,
}

/// What share of the duplicates each class has.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassWeights {
    /// `"zipf"`: label 0 has weight 1, label 1 has 1/2, label 2 has 1/3, and so on.
    Zipf,
    /// `{ single-class = "cat" }`: all of them.
    SingleClass(String),
    /// `{ cat = 3.0, dog = 1.0 }`: by class name; a class that is not named has none.
    Named(BTreeMap<String, f64>),
}

const EXPECTED: &str =
    "\"zipf\", { single-class = \"cat\" }, or a weight for each class such as { cat = 3.0, dog = 1.0 }";
const SINGLE_CLASS: &str = "single-class";

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(is: &bool) -> bool {
    !is
}

impl Selection {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        let Self::NonUniform { class_weights: ClassWeights::Named(weights), .. } = self else { return Ok(()) };
        let field = "selection.class-weights";
        for (name, &weight) in weights {
            let is_weight = weight.is_finite() && weight >= 0.0;
            InvalidField::unless(is_weight, &format!("{field}.{name}"), weight, "a finite number of at least 0")?;
        }
        let is_any = weights.values().any(|&weight| weight > 0.0);
        InvalidField::unless(is_any, field, "no weight above 0", "one at least")
    }
}

impl ClassWeights {
    /// Each class's weight, by label.
    ///
    /// # Errors
    /// Names a class that there is not, and those that there are.
    pub fn of_classes(&self, class_names: &[String]) -> Result<Vec<f64>, InjectError> {
        let mut weights = vec![0.0; class_names.len()];
        let mut set = |name: &String, weight: f64| {
            let label =
                class_names.iter().position(|class| class == name).ok_or_else(|| InjectError::UnknownClass {
                    class_name: name.clone(),
                    known: class_names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
                })?;
            weights[label] = weight;
            Ok(())
        };
        match self {
            Self::Zipf => weights = (0..class_names.len()).map(|label| 1.0 / (label + 1) as f64).collect(),
            Self::SingleClass(name) => set(name, 1.0)?,
            Self::Named(named) => named.iter().try_for_each(|(name, &weight)| set(name, weight))?,
        }
        Ok(weights)
    }
}

impl Serialize for ClassWeights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Zipf => serializer.serialize_str("zipf"),
            Self::SingleClass(name) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(SINGLE_CLASS, name)?;
                map.end()
            }
            Self::Named(weights) => weights.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Weights;
        impl<'de> Visitor<'de> for Weights {
            type Value = ClassWeights;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ClassWeights, E> {
                match text {
                    "zipf" => Ok(ClassWeights::Zipf),
                    _ => Err(E::custom(format!("found `{text}`, expected {EXPECTED}"))),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClassWeights, A::Error> {
                let mut weights = BTreeMap::new();
                let mut single_class = None;
                while let Some(key) = map.next_key::<String>()? {
                    match map.next_value()? {
                        Entry::Name(name) if key == SINGLE_CLASS => single_class = Some(name),
                        Entry::Name(name) => {
                            let found = format!("found `{name}` as the weight of `{key}`, expected a number");
                            return Err(A::Error::custom(found));
                        }
                        Entry::Weight(weight) => {
                            weights.insert(key, weight);
                        }
                    }
                }
                match single_class {
                    None => Ok(ClassWeights::Named(weights)),
                    Some(name) if weights.is_empty() => Ok(ClassWeights::SingleClass(name)),
                    Some(name) => Err(A::Error::custom(format!(
                        "found `{SINGLE_CLASS}` = `{name}` beside weights, expected one or the other"
                    ))),
                }
            }
        }
        deserializer.deserialize_any(Weights)
    }
}

enum Entry {
    Name(String),
    Weight(f64),
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntryVisitor;
        impl Visitor<'_> for EntryVisitor {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a weight such as 3.0, or the name of a class under `single-class`")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Entry, E> {
                Ok(Entry::Name(name.to_owned()))
            }

            fn visit_f64<E: Error>(self, weight: f64) -> Result<Entry, E> {
                Ok(Entry::Weight(weight))
            }

            fn visit_i64<E: Error>(self, weight: i64) -> Result<Entry, E> {
                Ok(Entry::Weight(weight as f64))
            }

            fn visit_u64<E: Error>(self, weight: u64) -> Result<Entry, E> {
                Ok(Entry::Weight(weight as f64))
            }
        }
        deserializer.deserialize_any(EntryVisitor)
    }
}
