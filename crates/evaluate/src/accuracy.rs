//! Predictions summed up.

use std::collections::{HashMap, HashSet};

use twinset_manifest::rows::{Prediction, Split};

use crate::CLEAN;

/// How many images of a split were classified rightly under an attack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accuracy {
    /// The split.
    pub split: Split,
    /// The attack's name.
    pub attack: String,
    /// Images classified rightly.
    pub n_correct: u64,
    /// All images.
    pub n_images: u64,
}

impl Accuracy {
    /// The share of images classified rightly, 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.n_correct as f64 / self.n_images as f64
    }
}

/// The accuracy of each split and attack, in the order in which they first occur.
pub fn accuracies(predictions: &[Prediction]) -> Vec<Accuracy> {
    let mut all: Vec<Accuracy> = Vec::new();
    for Prediction { split, attack, is_correct, .. } in predictions {
        // Predictions of one split and attack follow one another, so the last is nearly always the one.
        let place = all.iter().rposition(|accuracy| accuracy.split == *split && accuracy.attack == *attack);
        let place = place.unwrap_or_else(|| {
            all.push(Accuracy { split: *split, attack: attack.clone(), n_correct: 0, n_images: 0 });
            all.len() - 1
        });
        all[place].n_correct += u64::from(*is_correct);
        all[place].n_images += 1;
    }
    all
}

/// How many images of a split were classified rightly under every attack that was run, the clean image included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobustAccuracy {
    /// The split.
    pub split: Split,
    /// The attacks that were run; those without any are no robust accuracy.
    pub n_attacks: u64,
    /// Images classified rightly in the worst case.
    pub n_robust: u64,
    /// All images.
    pub n_images: u64,
}

impl RobustAccuracy {
    /// The share of images classified rightly in the worst case, 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.n_robust as f64 / self.n_images as f64
    }
}

/// The robust accuracy of each split, in the order in which they first occur; none where there is no attack.
pub fn robust_accuracies(predictions: &[Prediction]) -> Vec<RobustAccuracy> {
    let attacks: HashSet<&str> = predictions.iter().map(|row| &*row.attack).filter(|&name| name != CLEAN).collect();
    if attacks.is_empty() {
        return Vec::new();
    }
    let mut splits: Vec<Split> = Vec::new();
    let mut is_robust: HashMap<(Split, u64), bool> = HashMap::new();
    for row in predictions {
        if !splits.contains(&row.split) {
            splits.push(row.split);
        }
        *is_robust.entry((row.split, row.image_id)).or_insert(true) &= row.is_correct;
    }
    let of_split = |split: Split| {
        let of: Vec<bool> = is_robust.iter().filter(|((of, _), _)| *of == split).map(|(_, &robust)| robust).collect();
        let n_robust = of.iter().filter(|&&robust| robust).count() as u64;
        RobustAccuracy { split, n_attacks: attacks.len() as u64, n_robust, n_images: of.len() as u64 }
    };
    splits.into_iter().map(of_split).collect()
}
