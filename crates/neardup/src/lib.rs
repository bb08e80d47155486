//! A *pair* is two images found to be duplicates of one another; a *cluster* is a connected component of that relation.
//!
//! *Exact* duplicates have identical decoded pixels, whatever files they came in. *Near*-duplicates are the same shot,
//! changed: their [perceptual hashes](HashKind) differ in at most `max-distance` bits. The [`search`] finds every
//! pair within that radius, no more and no fewer. An image of one flat colour has a hash that says nothing, so it takes
//! no part in the hash search; it can still be an exact duplicate.
//!
//! ```
//! use twinset_neardup::search::{Method, pairs_within};
//!
//! let hashes = [[0b0000_u64], [0b0111], [0b0001]];
//! let found = pairs_within(&hashes, 64, 2, Method::BruteForce, 100, &|_| ())?;
//! let found: Vec<_> = found.iter().map(|pair| (pair.left, pair.right, pair.distance_bits)).collect();
//! assert_eq!(found, [(0, 2, 1), (1, 2, 2)]);
//! # Ok::<(), twinset_neardup::search::TooManyPairs>(())
//! ```
//!
//! # Memory
//! Images pass through in batches of 1024 rows; what stays is a [`Fingerprint`] of 80 bytes an image. The search adds two
//! copies of the hashes (8 or 32 bytes each), 8 bytes an image, and an index of at most 128 MiB. A pair takes 24 bytes;
//! the hash search finds at most `max-pairs`, exact duplicates make at most 8 pairs an image. So a million images take
//! about 150 MB, ten million about 1.7 GB, and 480 MB more at the default limit of pairs.

mod clusters;
mod config;
mod error;
mod fingerprint;
mod gallery;
mod matches;
pub mod search;
mod summary;
mod truth;

pub use clusters::Clusters;
pub use config::{Config, HashKind};
pub use error::NeardupError;
pub use fingerprint::{Fingerprint, Hasher, fingerprints, sort_by_id};
pub use gallery::{GalleryError, GallerySource, gallery};
pub use matches::{Match, find_matches};
pub use summary::{Summary, chain_warning};
pub use truth::{Recall, Truth, TruthError};
