//! What labels mean.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twinset_stage::InvalidField;

/// Of Fashion-MNIST, as its authors write them.
const FASHION_MNIST: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// The classes' names by label; in a config one of two words, or a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClassNames {
    /// `"digits"`: 0 to 9, as of MNIST.
    #[default]
    Digits,
    /// `"fashion-mnist"`: the ten of Fashion-MNIST.
    FashionMnist,
    /// A list of names.
    Listed(Vec<String>),
}

impl ClassNames {
    /// The names.
    pub fn to_list(&self) -> Vec<String> {
        match self {
            Self::Digits => (0..10).map(|digit| digit.to_string()).collect(),
            Self::FashionMnist => FASHION_MNIST.map(str::to_owned).to_vec(),
            Self::Listed(names) => names.clone(),
        }
    }

    pub(super) fn validate(&self) -> Result<(), InvalidField> {
        let names = self.to_list();
        let n_different = names.iter().collect::<BTreeSet<_>>().len();
        let is_valid =
            (1..=256).contains(&names.len()) && n_different == names.len() && !names.contains(&String::new());
        let found = format!("{n_different} different ones in a list of {}", names.len());
        InvalidField::unless(is_valid, "class-names", found, "1 to 256 names, all different and none empty")
    }
}

impl Serialize for ClassNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Digits => serializer.serialize_str("digits"),
            Self::FashionMnist => serializer.serialize_str("fashion-mnist"),
            Self::Listed(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ClassNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of names, \"digits\" or \"fashion-mnist\"")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<ClassNames, E> {
                match word {
                    "digits" => Ok(ClassNames::Digits),
                    "fashion-mnist" => Ok(ClassNames::FashionMnist),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<ClassNames, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(names)).map(ClassNames::Listed)
            }
        }

        deserializer.deserialize_any(Either)
    }
}
