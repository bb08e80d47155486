//! Predictions summed up.

use twinset_manifest::rows::{Prediction, Split};

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
