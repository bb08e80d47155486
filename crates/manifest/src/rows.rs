//! The row types of all manifests.
//!
//! A column's name carries its unit where it has one. Fractions are 0 to 1. Adding, removing or changing a column makes
//! a new schema version. `SCHEMAS.md` is generated from these files.

mod claims;
mod constraint;
mod constraints;
mod efficiency;
mod figures;
mod gaussian;
mod known;
mod leaks;
mod outcomes;
mod training;
mod violations;

pub use crate::image_data::ImageData;
use crate::row::{row, text_enum};
use crate::{ClassLabel, Digest};
pub use claims::{ClaimRow, Crossed, Direction, Verdict};
pub use constraint::Constraint;
pub use constraints::constraints;
pub use efficiency::Efficiency;
pub use figures::FigurePoint;
pub use gaussian::{Gaussian, GaussianBoundary, GaussianCost, GaussianPoint, GaussianSelection};
pub use known::{KnownImage, KnownPair, PartImage, PartImageFacts};
pub use leaks::{Leak, LeakSubset};
pub use outcomes::Outcome;
pub use training::{Epoch, LearningCurve};
pub use violations::{Rule, Violation};

text_enum! {
    /// The part of a dataset that an image belongs to.
    pub enum Split {
        /// What a network is trained on.
        Train = "train",
        /// What training is steered by.
        Val = "val",
        /// What a network is judged on.
        Test = "test",
    }
}

text_enum! {
    /// How alike two images are.
    pub enum PairKind {
        /// Identical decoded pixels.
        Exact = "exact",
        /// The same shot, changed.
        Near = "near",
        /// Alike, but not the same shot.
        Similar = "similar",
    }
}

text_enum! {
    /// Why an image was removed from a dataset.
    pub enum Removal {
        /// Another image of its split and cluster stands for it.
        Duplicate = "duplicate",
        /// Its cluster has an image of another split, which is kept.
        Leak = "leak",
        /// The images of its cluster have two labels.
        LabelConflict = "label-conflict",
    }
}

text_enum! {
    /// How an image came into a training set.
    pub enum Origin {
        /// It was in the dataset.
        Original = "original",
        /// It was injected as a duplicate.
        Injected = "injected",
    }
}

text_enum! {
    /// How an interval was computed.
    pub enum IntervalMethod {
        /// Wilson's score interval of one proportion: the uncertainty of a finite number of images.
        Wilson = "wilson",
        /// Student's t interval of a mean over seeds.
        T = "t",
    }
}

row! {
    /// An image of a dataset.
    pub struct Image = "images/3", row_group_rows = 65536 {
        /// The encoded image: `bytes`, or null there and the file's `path`.
        image: ImageData,
        /// Unique within the manifest and all manifests derived from it.
        image_id: u64,
        /// `train`, `val` or `test`.
        split: Split,
        /// The class, counted from 0; signed, as Hugging Face's class labels are. 0 where the images have no labels.
        label: u32 as ClassLabel,
        /// The class's name; empty where the images have no labels.
        class_name: String,
        /// Width in pixels as decoded, orientation applied.
        width: u32,
        /// Height in pixels as decoded, orientation applied.
        height: u32,
        /// BLAKE3 of the decoded pixels: width and height as little-endian u32, then red, green, blue bytes row by row.
        pixels_blake3: Digest,
        /// Where it comes from: a file's path within the dataset, with `#record` where the file holds several.
        source: String,
        /// The image it was made from, null for an image of the dataset itself.
        derived_from: Option<u64>,
        /// What was done to that image, in order, with parameters; null for an image of the dataset itself, and for an exact copy.
        transform: Option<String>,
        /// What of the source's file is not in its pixels, joined by `, `: `transparency` (transparent pixels were laid on a white
        /// ground, or on a black one where white would hide the picture), `depth` (samples of more than 8 bits were rounded),
        /// `frames` (further frames or pages were left out), `damage: ` and what the decoder said (pixels may be wrong); null where
        /// nothing was lost. Images that differ in that alone have the same pixels.
        lost: Option<String>,
    }
}

row! {
    /// An [`Image`] without its picture, which is not read, and without what it was made from.
    pub struct ImageFacts = "images/3", row_group_rows = 65536 {
        /// Unique within the manifest and all manifests derived from it.
        image_id: u64,
        /// `train`, `val` or `test`.
        split: Split,
        /// The class, counted from 0.
        label: u32 as ClassLabel,
        /// The class's name; empty where the images have no labels.
        class_name: String,
        /// Width in pixels as decoded, orientation applied.
        width: u32,
        /// Height in pixels as decoded, orientation applied.
        height: u32,
        /// The digest of its decoded pixels.
        pixels_blake3: Digest,
        /// Where it comes from.
        source: String,
    }
}

row! {
    /// A source item that could not be read.
    pub struct Reject = "rejects/1", row_group_rows = 65536 {
        /// Where it stands: a file's path within the dataset.
        source: String,
        /// A short reason that rows can be grouped by: `unreadable`, `unsupported`, `too-large`, `unlabelled`, or `unpaired`
        /// where an image and its label are to stand beside one another and one of them is missing. What is no image and yet
        /// known: `empty`, `heic`, `avif`, `video`, `git-lfs-pointer`, `web-page`.
        reason: String,
        /// What the decoder said.
        detail: String,
    }
}

row! {
    /// An image's perceptual hashes. A hash that was not asked for is null.
    pub struct Hashes = "hashes/1", row_group_rows = 65536 {
        /// The image.
        image_id: u64,
        /// BLAKE3 of the decoded pixels, as in `images`.
        pixels_blake3: Digest,
        /// Whether all pixels have one colour: its hash says nothing, so it takes no part in the hash search.
        is_flat: bool,
        /// Each cell's brightness against the mean.
        mean: Option<Vec<u8>>,
        /// Each cell's brightness against its right neighbour.
        gradient: Option<Vec<u8>>,
        /// The gradient hash in both directions.
        double_gradient: Option<Vec<u8>>,
        /// The Blockhash algorithm.
        block: Option<Vec<u8>>,
        /// Low frequencies of the cosine transform against their median (pHash).
        dct: Option<Vec<u8>>,
        /// The PDQ hash: 32 bytes, the published hexadecimal digits' last byte first.
        pdq: Option<Vec<u8>>,
        /// The PDQ hash's quality, 0 to 100; the publication recommends to match no hash below 50.
        pdq_quality: Option<u32>,
    }
}

row! {
    /// Two images found to be duplicates; `left_id` < `right_id`.
    pub struct Pair = "pairs/4", row_group_rows = 65536 {
        /// The image with the smaller id.
        left_id: u64,
        /// The image with the larger id.
        right_id: u64,
        /// Where the left image comes from, as in `images`.
        left_source: String,
        /// Where the right image comes from, as in `images`.
        right_source: String,
        /// `exact`, `near` or `similar`.
        kind: PairKind,
        /// What found it: `pixels`, `correlation`, or the name of a hash.
        found_by: String,
        /// Hamming distance of the two hashes in bits; null where no hash was compared.
        hash_distance_bits: Option<u32>,
        /// The split of the left image.
        left_split: Split,
        /// The split of the right image.
        right_split: Split,
        /// The class of the left image.
        left_label: u32,
        /// The class of the right image.
        right_label: u32,
        /// Whether the two classes differ.
        label_conflict: bool,
        /// How alike the two images are once aligned, 0 to 1: it follows from the two alone. Null where pairs were not verified.
        similarity: Option<f32>,
        /// How many pairs of unrelated images of this set are expected to be as alike as these two, where images that are like
        /// many others count for less. Null where it was not estimated.
        expected_false_pairs: Option<f64>,
        /// How the left image has to be changed to lie on the right one, step by step: `mirror`, `rotate(90)`,
        /// `shift(right=1.5 down=-2.0)` in 32nds of its width and height, `scale(x=1.06 y=1.00)`, `shear(x=0.02 y=0.00)`,
        /// joined by `; `; `none` where nothing has to be done, null where nothing was aligned.
        alignment: Option<String>,
    }
}

row! {
    /// An image found to be a duplicate of an image of another set, the reference.
    pub struct ReferencePair = "reference-pairs/1", row_group_rows = 65536 {
        /// The image.
        image_id: u64,
        /// The image of the reference, by its id there.
        reference_id: u64,
        /// Where the image comes from, as in its `images`.
        source: String,
        /// Where the image of the reference comes from, as in its `images`.
        reference_source: String,
        /// The image's split.
        split: Split,
        /// The split of the image of the reference.
        reference_split: Split,
        /// `exact`, `near` or `similar`.
        kind: PairKind,
        /// What found it: `pixels`, `correlation`, or the name of a hash.
        found_by: String,
        /// Hamming distance of the two hashes in bits; null where no hash was compared.
        hash_distance_bits: Option<u32>,
        /// How alike the two images are once aligned, 0 to 1. Null where pairs were not verified.
        similarity: Option<f32>,
        /// How many pairs of unrelated images of the two sets are expected to be as alike as these two. Null where it was not
        /// estimated.
        expected_false_pairs: Option<f64>,
        /// How the image has to be changed to lie on that of the reference, as `alignment` of `pairs` says it.
        alignment: Option<String>,
    }
}

row! {
    /// An image's place in a connected component of the duplicate relation. Every image has one, most are alone in it.
    pub struct Cluster = "clusters/2", row_group_rows = 65536 {
        /// The image.
        image_id: u64,
        /// The smallest id in the component.
        cluster_id: u64,
        /// How many images the component has.
        cluster_size: u32,
        /// Whether this image stands for the component: the smallest id in it.
        is_representative: bool,
        /// Where the image comes from, as in `images`.
        source: String,
    }
}

row! {
    /// A step down the list of pairs, the most alike first, against a truth: what is found and what is wrong down to here.
    /// Pairs that are equally alike are one step, for no threshold tells them apart.
    pub struct PrecisionRecall = "precision-recall/2", row_group_rows = 65536 {
        /// The least similarity of the pairs down to here, 1 for exact ones; null for pairs that were not verified.
        similarity: Option<f32>,
        /// The greatest distance of hashes of the pairs down to here in bits; null for pairs that have a similarity.
        hash_distance_bits: Option<u32>,
        /// Pairs down to here: the rank of the last one.
        n_pairs: u64,
        /// Of them, those that the truth judges; all, where the truth is complete.
        n_judged: u64,
        /// Of them, those that are duplicates by the truth, or by identical pixels.
        n_true: u64,
        /// Of them, those of two labels.
        n_label_conflicts: u64,
        /// The truth's pairs of duplicates that are found down to here; one whose images are identical to those of a pair counts.
        n_found: u64,
        /// The truth's pairs of duplicates in all.
        n_known: u64,
        /// `n_found` ÷ `n_known`.
        recall: f64,
        /// `n_true` ÷ `n_pairs`. Where the truth is not complete, precision is at least this.
        precision: f64,
        /// `n_true` ÷ `n_judged`; null where nothing was judged, and where the truth names no pair that is no duplicate.
        precision_of_judged: Option<f64>,
        /// Of the pairs that are judged to be no duplicates, the share that is among those down to here: with `recall` the steps
        /// of the ROC curve. Null where none is judged so.
        false_positive_rate: Option<f64>,
    }
}

row! {
    /// An image that was left out of a cleaned dataset, and why.
    pub struct Removed = "removals/2", row_group_rows = 65536 {
        /// The image.
        image_id: u64,
        /// Its split.
        split: Split,
        /// Its class.
        label: u32,
        /// Its cluster.
        cluster_id: u64,
        /// The image of the cluster that stands for it in the cleaned dataset; null where none of the cluster was kept.
        kept_id: Option<u64>,
        /// `duplicate`, `leak` or `label-conflict`.
        reason: Removal,
        /// Where the image comes from, as in `images`.
        source: String,
        /// Where the image that stands for it comes from; null where none was kept.
        kept_source: Option<String>,
    }
}

row! {
    /// One position of a training set.
    pub struct TrainsetRow = "trainset/1", row_group_rows = 65536 {
        /// Counted from 0, without gaps.
        position: u64,
        /// The image that stands here: of `images`, or of `injected-images`.
        image_id: u64,
        /// The class it is trained as.
        label: u32,
        /// `original` or `injected`.
        origin: Origin,
        /// The original that this one repeats, exactly or changed; null for an original.
        duplicate_of: Option<u64>,
        /// 0 for an original, 1 for its first duplicate, and so on.
        copy: u32,
    }
}

row! {
    /// What one image was classified as under one attack.
    pub struct Prediction = "predictions/2", row_group_rows = 65536 {
        /// The image.
        image_id: u64,
        /// Its split.
        split: Split,
        /// Its class.
        label: u32,
        /// The attack's name; `clean` for none.
        attack: String,
        /// The class with the largest logit.
        predicted: u32,
        /// Whether that is its class.
        is_correct: bool,
        /// Largest change of a pixel's channel, pixels being in [0, 1].
        linf: f32,
        /// Euclidean norm of the change, pixels being in [0, 1].
        l2: f32,
        /// Forward passes that the attack took for this image.
        n_queries: u32,
        /// The logit of its class less the largest other logit, of the attacked image: below 0 where it is wrong.
        margin: f32,
        /// The cross-entropy of the attacked image, in nats.
        loss: f32,
        /// What made the image wrong; null where it is right. `clean` where it is wrong without an attack, else this row's attack, by
        /// its name. Of an attack that consists of several, `name/part`, with the part that first made it wrong:
        /// `auto-attack/apgd-t`.
        fooled_by: Option<String>,
    }
}

/// What [`Cell::attack`] and [`ClaimRow::attack`] call all attacks on a split together, the clean image included. No attack has this name.
pub const WORST_CASE: &str = "worst-case";

row! {
    /// One metric of one cell, or of one arm and rate over all seeds.
    pub struct Cell = "cells/1", row_group_rows = 65536 {
        /// The arm.
        arm: String,
        /// Duplicates ÷ originals.
        rate: f64,
        /// The seed; null for the mean over seeds.
        seed: Option<u64>,
        /// What was measured: `accuracy`, on the split's own images; `accuracy-without-twins`, on those of them that have no duplicate in
        /// the training split; `accuracy-of-twins`, on those that have one; `accuracy-of-leaked`, on duplicates of training images that leaked into the split on purpose;
        /// `accuracy-with-leaks`, on its own and these; `accuracy-on-trainset`, on training images, each counted as often as it stands in
        /// the training set (where duplicates are exact).
        metric: String,
        /// The split that it was measured on.
        split: Split,
        /// The attack's name; `clean` for none; `worst-case` for robust accuracy: images that are right under every attack on the split, and
        /// clean. It is over the images that all attacks saw.
        attack: String,
        /// The class that it is restricted to; null for all.
        label: Option<u32>,
        /// That class's name; null for all.
        class_name: Option<String>,
        /// The value, 0 to 1.
        estimate: f64,
        /// Lower end of the interval; null where one seed gives none.
        interval_low: Option<f64>,
        /// Upper end of the interval; null where one seed gives none.
        interval_high: Option<f64>,
        /// How the interval was computed.
        interval_method: IntervalMethod,
        /// The interval's confidence level.
        confidence: f64,
        /// Images that one seed's value is over.
        n_images: u64,
        /// Seeds that the value is over.
        n_seeds: u32,
    }
}
