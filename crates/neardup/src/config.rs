//! What the stage is asked for.

use std::fmt;

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::PairKind;
use twinset_stage::InvalidField;

use crate::orientation::Orientations;

/// The largest set whose images are all compared with all: the search by correlation grows with the square of the set.
pub const MAX_CORRELATED: u64 = 200_000;

/// How candidates are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Search {
    /// By correlation up to [`MAX_CORRELATED`] images, by hash beyond.
    #[default]
    Auto,
    /// All pairs whose hashes differ in at most `max-distance` bits.
    Hash,
    /// For each image the 50 others whose small blurred pictures correlate most with its own.
    Correlation,
}

/// What `search` comes to for a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Hash,
    Correlation,
}

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
    /// The PDQ hash ([`pdq`](crate::pdq::pdq)): 256 bits, as others compute and share it. Its authors recommend a
    /// `max-distance` of about 31, which is small for images as small as CIFAR-10's, and to match no image of a quality below
    /// 50. Here every image is matched that is not flat, and the `hashes` manifest tells the quality: below 50 for 241 of
    /// CIFAR-10's 60,000 images.
    Pdq,
}

impl HashKind {
    /// All hashes.
    pub const ALL: [Self; 6] = [Self::Mean, Self::Gradient, Self::DoubleGradient, Self::Block, Self::Dct, Self::Pdq];

    /// The name that configs and manifests know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Gradient => "gradient",
            Self::DoubleGradient => "double-gradient",
            Self::Block => "block",
            Self::Dct => "dct",
            Self::Pdq => "pdq",
        }
    }

    /// Cells along one side of the square that the hash of at most `hash_bits` bits is computed on.
    pub(crate) fn side(self, hash_bits: u32) -> u32 {
        match (self, hash_bits) {
            (Self::DoubleGradient, 256) => 20,
            (Self::DoubleGradient, _) => 10,
            (Self::Pdq, _) | (_, 256) => 16,
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
/// The defaults of similarity were measured on CIFAR-10 (60,000 images of 32×32; 139 hand-judged test/train pairs of ciFAIR with
/// an even test index, a list that is not complete), searched by correlation and ordered by expected false pairs, test against
/// train: 0.806 of the known pairs are among the first 700, 0.928 among the first 1,500. The weight of what images are like
/// otherwise was chosen on these same pairs: the figures are selected, not held out. The costs of crops and turns were chosen on 24
/// photos and their edits (`cargo xtask bench neardup -- --only photos`).
///
/// The defaults of the hash were measured on CIFAR-10 (60,000 images of 32×32, no two identical). *Leaks* are the pairs found between
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
/// | `pdq`, 256 | 31 | 181 | 0 | 52 | 13 |
/// | | 60 | 863 | 0 | 244 | 47 |
/// | | 64 | 1,006 | 3 | 287 | 49 |
/// | | 68 | 1,203 | 8 | 337 | 57 |
/// | | 72 | 1,436 | 25 | 404 | 64 |
///
/// At distance 36, 60 of the leaks that ciFAIR's list does not have were looked at once, on one contact sheet: about 56
/// looked like the same shot, about 18 of them variants of one picture of a car. A hash does not find what was mirrored,
/// and little of what was shifted by a pixel or more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// How candidates are searched; `auto`.
    pub search: Search,
    /// The orientations in which duplicates are searched by correlation; `upright`.
    pub orientations: Orientations,
    /// Whether only pairs of images of two splits are told; false.
    pub between_splits: bool,
    /// Whether candidates are aligned and compared; true. If not, every pair of hashes within the radius is near.
    pub verify: bool,
    /// From this similarity on a verified pair is the same shot (`near`), if that is not expected by chance; 0.7. How much the two are
    /// like other images as well is taken away before.
    pub near_similarity: f64,
    /// From this similarity on a verified pair is told as `similar`, below it is dropped; 0.6.
    pub similar_similarity: f64,
    /// Of the pairs that are near at most this share is expected to be pairs of unrelated images, by how alike random pairs of the
    /// set are; what goes beyond is `similar`; 0.02. 1 switches this off.
    pub false_share: f64,
    /// A cluster larger than this is warned of: it may be a chain; 1000.
    pub max_cluster_size: u64,
    /// The perceptual hash; `double-gradient`.
    pub hash: HashKind,
    /// Its length in bits, 64 or 256 (`pdq`: 256); 256.
    pub hash_bits: u32,
    /// The largest Hamming distance of two near-duplicates' hashes, in bits; 36.
    pub max_distance: u32,
    /// The hash search ends with an error when it finds more pairs than this, rather than fill memory and disk with the
    /// consequences of too large a radius; 20 million.
    pub max_pairs: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            search: Search::Auto,
            orientations: Orientations::Upright,
            between_splits: false,
            verify: true,
            near_similarity: 0.7,
            similar_similarity: 0.6,
            false_share: 0.02,
            max_cluster_size: 1000,
            hash: HashKind::DoubleGradient,
            hash_bits: 256,
            max_distance: 36,
            max_pairs: 20_000_000,
        }
    }
}

impl Config {
    /// How many bits the hash has.
    pub fn n_bits(&self) -> u32 {
        self.hash.n_bits(self.hash_bits)
    }

    /// How candidates among so many images are searched.
    pub(crate) fn method(&self, n_images: u64) -> Method {
        match self.search {
            Search::Hash => Method::Hash,
            Search::Correlation => Method::Correlation,
            Search::Auto if n_images <= MAX_CORRELATED => Method::Correlation,
            Search::Auto => Method::Hash,
        }
    }

    /// The config of a search of so many images, in which `search` is not `auto`.
    pub fn resolved(&self, n_images: u64) -> Self {
        let search = match self.method(n_images) {
            Method::Hash => Search::Hash,
            Method::Correlation => Search::Correlation,
        };
        Self { search, ..self.clone() }
    }

    /// Whether thumbnails of all of so many images are kept from the first: else verification reads those that it needs.
    pub fn keeps_thumbnails(&self, n_images: u64) -> bool {
        self.method(n_images) == Method::Correlation
    }

    /// What a pair is that is so distinct, and may be as alike by chance.
    pub(crate) fn kind(&self, distinctness: f32, is_by_chance: bool) -> Option<PairKind> {
        let distinctness = f64::from(distinctness);
        if distinctness >= self.near_similarity && (!is_by_chance || self.false_share >= 1.0) {
            Some(PairKind::Near)
        } else {
            (distinctness >= self.similar_similarity).then_some(PairKind::Similar)
        }
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self) -> Result<(), InvalidField> {
        InvalidField::unless(matches!(self.hash_bits, 64 | 256), "hash-bits", self.hash_bits, "64 or 256")?;
        let is_possible = self.hash != HashKind::Pdq || self.hash_bits == 256;
        InvalidField::unless(is_possible, "hash-bits", self.hash_bits, "256, the bits of the `pdq` hash")?;
        let expected = format!("at most {}, the bits of the `{}` hash", self.n_bits(), self.hash);
        InvalidField::unless(self.max_distance <= self.n_bits(), "max-distance", self.max_distance, &expected)?;
        let share = |key: &str, value: f64, highest: f64, expected: &str| {
            InvalidField::unless((0.0..=highest).contains(&value), key, value, expected)
        };
        share("near-similarity", self.near_similarity, 1.0, "0 to 1")?;
        let expected = format!("0 to {}, which is `near-similarity`", self.near_similarity);
        share("similar-similarity", self.similar_similarity, self.near_similarity, &expected)?;
        let expected = "more than 0, at most 1";
        InvalidField::unless(
            self.false_share > 0.0 && self.false_share <= 1.0,
            "false-share",
            self.false_share,
            expected,
        )?;
        let expected = "at least 2: a pair is a cluster";
        InvalidField::unless(self.max_cluster_size >= 2, "max-cluster-size", self.max_cluster_size, expected)?;
        let is_found = self.verify || self.search == Search::Hash;
        InvalidField::unless(
            is_found,
            "verify",
            self.verify,
            "`true`, or `search = \"hash\"`: a correlated candidate is no duplicate yet",
        )?;
        let is_turned = self.orientations != Orientations::Upright && self.search == Search::Hash;
        InvalidField::unless(
            !is_turned,
            "orientations",
            "another than `upright`",
            "`upright` with `search = \"hash\"`: a hash knows no other",
        )
    }
}
