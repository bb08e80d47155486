//! What the stage is asked for.

use std::fmt;

use serde::{Deserialize, Serialize};
use twinset_stage::InvalidField;

/// A perceptual hash, computed on the image's brightness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HashKind {
    /// Each cell's brightness against the mean of all cells.
    Mean,
    /// Each cell's brightness against its right neighbour's.
    Gradient,
    /// Each cell's brightness against its right and its lower neighbour's. Has 60 bits where 64 are asked for, and 220
    /// where 256 are: the largest square of cells that fits.
    DoubleGradient,
    /// The Blockhash algorithm: each block's brightness against the median of its band.
    Block,
    /// Low frequencies of the cosine transform, each against their median (pHash). Not against their mean: that is ruled by
    /// the constant term, which gives 89,363 pairs of CIFAR-10's images the same hash.
    Dct,
}

impl HashKind {
    /// All hashes.
    pub const ALL: [Self; 5] = [Self::Mean, Self::Gradient, Self::DoubleGradient, Self::Block, Self::Dct];

    /// The name that configs and manifests know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Gradient => "gradient",
            Self::DoubleGradient => "double-gradient",
            Self::Block => "block",
            Self::Dct => "dct",
        }
    }

    /// Cells along one side of the square that the hash of at most `hash_bits` bits is computed on.
    pub(crate) fn side(self, hash_bits: u32) -> u32 {
        match (self, hash_bits) {
            (Self::DoubleGradient, 256) => 20,
            (Self::DoubleGradient, _) => 10,
            (_, 256) => 16,
            _ => 8,
        }
    }

    /// How many bits the hash has where `hash_bits` (64 or 256) are asked for.
    pub fn n_bits(self, hash_bits: u32) -> u32 {
        let side = self.side(hash_bits);
        match self {
            Self::DoubleGradient => 2 * (side / 2) * (side / 2 + 1),
            _ => side * side,
        }
    }
}

impl fmt::Display for HashKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the stage is asked for. Every key has a default.
///
/// The defaults were measured on CIFAR-10 (60,000 images of 32×32, no two identical). *Leaks* are the pairs found between
/// test and training images; *known* are those among ciFAIR's 139 hand-judged pairs with an even test index, a list that
/// is not complete; *conflicts* are the pairs of two labels among all pairs found: of pairs of unrelated images nine in ten
/// are.
///
/// | hash, bits | max-distance | pairs | conflicts | leaks | known |
/// |---|---|---|---|---|---|
/// | `double-gradient`, 256 | 24 | 483 | | 135 | 35 |
/// | | 32 | 949 | 1 | 265 | 55 |
/// | | **36** | 1,238 | 12 | 343 | 65 |
/// | | 40 | 1,595 | 41 | 433 | 72 |
/// | | 44 | 2,103 | 133 | 540 | 79 |
/// | `double-gradient`, 64 | 4 | 946 | 36 | 278 | 45 |
/// | `gradient`, 64 | 6 | 887 | 89 | 229 | 43 |
/// | `dct`, 64 | 4 | 417 | 5 | 118 | 25 |
/// | | 6 | 890 | 26 | 249 | 41 |
/// | `dct`, 256 | 32 | 254 | 0 | 70 | 18 |
///
/// At distance 36, 60 of the leaks that ciFAIR's list does not have were looked at once, on one contact sheet: about 56
/// looked like the same shot, about 18 of them variants of one picture of a car. A hash does not find what was mirrored,
/// and little of what was shifted by a pixel or more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// The perceptual hash; `double-gradient`.
    pub hash: HashKind,
    /// Its length in bits, 64 or 256; 256.
    pub hash_bits: u32,
    /// The largest Hamming distance of two near-duplicates' hashes, in bits; 36.
    pub max_distance: u32,
    /// The hash search ends with an error when it finds more pairs than this, rather than fill memory and disk with the
    /// consequences of too large a radius; 20 million.
    pub max_pairs: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { hash: HashKind::DoubleGradient, hash_bits: 256, max_distance: 36, max_pairs: 20_000_000 }
    }
}

impl Config {
    /// How many bits the hash has.
    pub fn n_bits(&self) -> u32 {
        self.hash.n_bits(self.hash_bits)
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self) -> Result<(), InvalidField> {
        InvalidField::unless(matches!(self.hash_bits, 64 | 256), "hash-bits", self.hash_bits, "64 or 256")?;
        let expected = format!("at most {}, the bits of the `{}` hash", self.n_bits(), self.hash);
        InvalidField::unless(self.max_distance <= self.n_bits(), "max-distance", self.max_distance, &expected)
    }
}
