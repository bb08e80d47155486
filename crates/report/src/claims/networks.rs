//! The two networks of a seed, compared image by image.

use super::{Claim, Condition, Metric};
use crate::counts::ByImage;
use crate::results::{Measure, Results};
use crate::statistics::mcnemar_p;

/// Of how many seeds the networks of a claim's two conditions differ by McNemar's exact test at its level; none where it is not about
/// accuracy on the split's own images, compares more than two conditions, or where no seed's two networks were judged on the same images.
///
/// This says of two networks that they differ, which two of one condition may do as well; that the conditions differ,
/// differences over seeds alone can say.
pub(super) fn n_different(claim: &Claim, results: &Results<'_>) -> Option<u32> {
    if claim.metric != Metric::Accuracy || claim.than.is_some() {
        return None;
    }
    let of = |condition: &Condition| {
        let arm = results.arms.iter().find(|arm| arm.arm.name == condition.arm)?;
        arm.rates.iter().find(|rate| condition.is_at(rate.rate))
    };
    let (left, right) = (of(&claim.left)?, of(&claim.right)?);
    let mismatches = left.mismatches(right, &Measure::new(claim.split, claim.attack.clone()));
    let p_values: Vec<f64> = left
        .seeds
        .iter()
        .filter(|left| mismatches.iter().all(|(seed, _)| *seed != left.seed))
        .filter_map(|left| {
            let other = right.seeds.iter().find(|right| right.seed == left.seed)?.evidence?;
            p_value(claim, &left.evidence?.evaluation.by_image, &other.evaluation.by_image)
        })
        .collect();
    (!p_values.is_empty()).then(|| p_values.iter().filter(|p| **p <= claim.level).count() as u32)
}

fn p_value(claim: &Claim, left: &ByImage, right: &ByImage) -> Option<f64> {
    let key = (claim.attack.clone(), claim.split);
    let (left, right) = (left.get(&key)?, right.get(&key)?);
    let (mut left_alone, mut right_alone) = (0, 0);
    for ((image, left), (other, right)) in left.iter().zip(right) {
        if image != other {
            return None;
        }
        left_alone += u64::from(*left && !right);
        right_alone += u64::from(*right && !left);
    }
    (left.len() == right.len()).then(|| mcnemar_p(left_alone, right_alone))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use twinset_manifest::rows::Split;

    use super::*;

    fn claim() -> Claim {
        let claim = serde_json::json!({
            "name": "C", "text": "T", "direction": "lower", "smallest-effect": 0.02,
            "left": { "arm": "a", "rate": 1.0 }, "right": { "arm": "a", "rate": 0.0 },
        });
        serde_json::from_value(claim).unwrap()
    }

    /// So many images that both, the left one alone and the right one alone classify rightly.
    fn images(both: u64, left_alone: u64, right_alone: u64) -> (ByImage, ByImage) {
        let side = |is_right: &dyn Fn(u64) -> bool| {
            let images: BTreeMap<u64, bool> =
                (0..both + left_alone + right_alone).map(|id| (id, is_right(id))).collect();
            ByImage::from([(("clean".to_owned(), Split::Test), images)])
        };
        (side(&|id| id < both + left_alone), side(&|id| id < both || id >= both + left_alone))
    }

    #[test]
    fn two_networks_are_compared_on_the_images_that_one_alone_classifies_rightly() {
        let (left, right) = images(50, 10, 2);
        assert_eq!(p_value(&claim(), &left, &right), Some(mcnemar_p(10, 2)));
        assert_eq!(p_value(&claim(), &right, &left), Some(mcnemar_p(2, 10)));
        let (left, right) = images(50, 0, 0);
        assert_eq!(p_value(&claim(), &left, &right), Some(1.0));
    }

    #[test]
    fn other_images_or_none_tell_nothing() {
        let (left, _) = images(50, 10, 2);
        let (fewer, _) = images(50, 10, 1);
        assert_eq!(p_value(&claim(), &left, &fewer), None);
        let mut shifted = ByImage::new();
        for (key, images) in &left {
            shifted.insert(key.clone(), images.iter().map(|(id, is_right)| (id + 1, *is_right)).collect());
        }
        assert_eq!(p_value(&claim(), &left, &shifted), None);
        assert_eq!(p_value(&claim(), &left, &ByImage::new()), None);
    }
}
