//! A *gallery* is one HTML page of duplicates: a card for each group of images, with its pairs side by side, and a picture of
//! their difference.
//!
//! A [`Picture`] is an image small enough for a page; [`Twins`] are a pair with its pictures, as a piece of HTML that the
//! gallery and the report both show; a [`Group`] is a card; a [`Gallery`] is the whole page. None of them needs a network, and
//! without JavaScript the page still shows every group, the most similar first.
//!
//! With JavaScript the page is filtered and sorted, keys go through its pairs and show them large, and pairs are marked as no
//! duplicates: the browser keeps the marks by the digest of the images' manifest, and they are exported as a CSV of names or ids.
//!
//! Each picture is stored once, as a rule of the page's style sheet ([`picture_rules`]), however many pairs it is in. The
//! difference is stored nowhere: the browser blends the two pictures, the left one moved by its [`Alignment`].
//!
//! ```
//! use std::collections::BTreeMap;
//! use twinset_gallery::Twins;
//! # use twinset_manifest::rows::{Pair, PairKind, Split};
//! # let pair = Pair {
//! #     left_id: 3,
//! #     right_id: 8,
//! #     kind: PairKind::Near,
//! #     found_by: "dct".to_owned(),
//! #     hash_distance_bits: Some(4),
//! #     left_split: Split::Train,
//! #     right_split: Split::Test,
//! #     left_label: 0,
//! #     right_label: 1,
//! #     label_conflict: true,
//! #     similarity: Some(0.9815),
//! #     expected_false_pairs: None,
//! #     alignment: Some("mirror".to_owned()),
//! #     left_source: String::new(),
//! #     right_source: String::new(),
//! # };
//!
//! let html = Twins::of(&pair, &BTreeMap::new()).to_string();
//! assert!(html.contains("similarity 0.982") && html.contains("label conflict"));
//! ```

mod alignment;
mod found;
mod group;
mod members;
mod page;
mod picture;
mod side;
mod twins;

pub use alignment::Alignment;
pub use found::Found;
pub use group::Group;
pub use page::{Gallery, MAX_IDENTICAL};
pub use picture::{Picture, large_side_for, picture_rules, pictures, side_for};
pub use twins::{TWINS_CSS, Twins};
