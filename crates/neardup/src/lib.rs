//! A *pair* is two images found to be duplicates of one another; a *cluster* is a connected component of that relation.
//!
//! *Exact* duplicates have identical decoded pixels, whatever files they came in. *Near*-duplicates are the same shot,
//! changed.
//!
//! 1. *Candidates* are searched by correlation or by hash. By correlation, an image's candidates are the 50 images whose
//!    small blurred pictures correlate most with its own; blocked matrix products compare all pairs. By
//!    [perceptual hash](HashKind), the candidates are exactly the pairs that differ in at most `max-distance` bits
//!    ([`search`]).
//! 2. Each candidate is *verified*. The two images are [aligned](Alignment) by shift, scale, crop and slant (on request
//!    also mirrored or turned), and compared by local contrast. This gives a similarity from 0 to 1, which depends only
//!    on the two images.
//! 3. From random pairs it is estimated how many pairs of unrelated images are expected to be as alike. A pair is *near*
//!    if these are few and it reaches `near-similarity`. A pair that only reaches `similar-similarity` is reported as
//!    *similar*, but joins no cluster.
//!
//! An image of one flat colour has no structure to compare. It can only be an exact duplicate.
//!
//! The result can be shown ([`gallery()`]) and compared with known duplicates ([`Evaluation`]). Duplicates can be
//! removed ([`Cleaning`]) or kept within one split ([`Partition`]). Several machines can share a search through a
//! folder of files ([`PartsFolder`]).
//!
//! ```
//! use twinset_neardup::Part;
//! use twinset_neardup::search::{Method, Sets, collect_pairs};
//!
//! let hashes = [[0b0000_u64], [0b0111], [0b0001]];
//! let found = collect_pairs(Sets::Within(&hashes), 64, 2, Method::BruteForce, Part::WHOLE, 100, &|_| ())?;
//! let found: Vec<_> = found.iter().map(|pair| (pair.left, pair.right, pair.distance_bits)).collect();
//! assert_eq!(found, [(0, 2, 1), (1, 2, 2)]);
//! # Ok::<(), twinset_neardup::search::TooManyPairs>(())
//! ```
//!
//! # Memory
//! Images are read in batches of 1024 rows. Per image, a [`Fingerprint`] of 90 bytes is kept.
//!
//! - The search by correlation also keeps, per image, a [`Thumbnail`] of 3 KiB and 768 bytes for the search.
//!   Verification takes 3 KiB and then at most 12 KiB per image, and 60 bytes per candidate. 60,000 images took at most
//!   1.1 GB.
//! - The search by hash keeps thumbnails of candidates only. It adds two copies of the hashes (8 or 32 bytes each) and
//!   10 bytes per image.
//! - A pair takes 24 bytes. The hash search finds at most `max-pairs`, and exact duplicates make at most 8 pairs per
//!   image.
//!
//! The crate's README has the time and memory at each size.

mod align;
mod calibration;
mod candidates;
mod clean;
mod clean_folder;
mod clusters;
mod config;
mod content;
mod correlation;
mod error;
mod evaluation;
mod files;
mod fingerprint;
mod gallery;
mod gates;
mod groups;
mod hashing;
mod identical;
mod image_index;
mod known;
mod left_out;
mod looked;
mod losses;
mod maps;
mod matches;
mod matrix;
mod named;
mod operating_points;
mod orientation;
mod part;
mod partition;
mod parts;
pub mod pdq;
mod precision_plot;
mod rank;
mod reference;
mod roc_plot;
pub mod search;
mod searched;
mod summary;
mod thumbnail;
mod truth;
mod verify;
mod views;
mod warnings;

pub use align::Alignment;
pub use candidates::{Candidates, FoundBy, Phase};
pub use clean::{Census, CleanConfig, CleanError, Cleaning, Keep, LabelConflicts, Leaks, Scales};
pub use clean_folder::{CleanFolder, CopyError};
pub use clusters::Clusters;
pub use config::{Config, HashKind, MAX_CORRELATED, Search};
pub use error::NeardupError;
pub use evaluation::{Evaluation, EvaluationError, Ranking};
pub use files::{FileError, file_of};
pub use fingerprint::{Fingerprint, sort_by_id};
pub use gallery::{GalleryError, GallerySource, gallery};
pub use hashing::{Hasher, add_thumbnails, fingerprints};
pub use image_index::ImageIndex;
pub use known::Known;
pub use left_out::LeftOut;
pub use losses::loss_warning;
pub use matches::{Match, find_matches};
pub use matrix::dot_products;
pub use named::NamedPair;
pub use operating_points::OperatingPoints;
pub use orientation::{Orientation, Orientations};
pub use part::Part;
pub use partition::{Partition, PartitionConfig, PartitionError, Unpartitioned};
pub use parts::{Made, Parts, PartsError, PartsFolder, Standing, Step};
pub use precision_plot::plot;
pub use rank::NoRank;
pub use reference::{Both, ReferenceSummary};
pub use roc_plot::roc_plot;
pub use searched::Searched;
pub use summary::{Leaked, PairCount, Summary};
pub use thumbnail::Thumbnail;
pub use truth::{Missing, NotDuplicates, Recall, Truth, TruthError};
pub use warnings::{chain_warning, chance_warning};
