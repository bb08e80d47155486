//! A *trainset* says which images a network is trained on, in which order they stand, and which of them are *injected*:
//! duplicates of originals, exact or changed, added on purpose.
//!
//! [`plan()`] is a pure function of images, clusters and [`Config`]: what is removed, what is drawn, where it stands.
//! [`make_copies`] then makes the changed copies of a batch of images, by the [transforms](transform).
//!
//! # The order of things
//! 1. *Removal.* The duplicates that were found are taken out, where the config says so.
//! 2. *Originals.* Of the training images that are left so many are drawn as the config says, classes in proportion; all, where it
//!    says nothing.
//! 3. *Rate.* round(rate × originals) duplicates are drawn, from all originals or from a share of each class's.
//! 4. *Selection.* They are drawn one by one, so that **with the same seed the duplicates at a smaller rate are the
//!    first of those at a larger one**: the same images, ids and changed pixels. A comparison of rates is a paired one.
//!    - Uniform: any image as likely as any other.
//!    - Non-uniform: each next duplicate goes to the class that is furthest behind its share by weight (Webster's
//!      method: largest weight / (2·given + 1), of equal ones the smaller label), so that each class has its share to
//!      within rounding at every rate; within a class any image is as likely as any other.
//!    - Without replacement, no image is drawn again before all others (of its class, where classes have weights) were
//!      drawn as often. So rates over 1, and classes whose share exceeds their size, are whole copies and a remainder.
//!    - Whole-set: every image in order, as many times as the rate says; nothing is random.
//! 5. *Placement.* Originals stand in the order of the images manifest; duplicates are appended in the order they were
//!    drawn. Or they replace originals, chosen at random from those that are not repeated themselves: then each stands
//!    where the one it replaces stood, and has its class where the config says so.
//!
//! *Fresh* images are the control: for each duplicate that would be drawn stands a training image of the same class that is no original.
//!
//! Duplicates of training images that go *into* the validation or test split leak: they are drawn by the same rules, the
//! rate is of that split, and the training set is that of rate 0.
//!
//! ```
//! use twinset_inject::{Candidate, Config, plan};
//! use twinset_manifest::rows::{Cluster, Split};
//!
//! let images = [7, 8, 9, 10].map(|image_id| Candidate { image_id, split: Split::Train, label: 0 });
//! let alone = |image_id| Cluster { image_id, cluster_id: image_id, cluster_size: 1, is_representative: true, source: String::new() };
//! let clusters = images.map(|image| alone(image.image_id));
//!
//! let plan = plan(&images, &["cat".to_owned()], &clusters, &Config::with_rate(0.5))?;
//! assert_eq!(plan.rows.len(), 6);
//! # Ok::<(), twinset_inject::InjectError>(())
//! ```

mod candidate;
mod choice;
mod classes;
mod config;
mod copies;
mod draw;
mod error;
mod plan;
mod removal;
mod room;
mod selection;
mod settled;
mod summary;
pub mod transform;

pub use candidate::Candidate;
pub use classes::name_class;
pub use config::{Config, Duplicates, Placement, Removal};
pub use copies::{Copies, make_copies, n_unchanged};
pub use error::InjectError;
pub use plan::{Plan, Planned, plan};
pub use selection::{ClassWeights, Selection};
pub use settled::Settled;
pub use summary::Summary;
