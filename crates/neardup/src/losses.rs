//! Exact duplicates of whose files something is not in their pixels.

use twinset_manifest::rows::PairKind;

use crate::{Fingerprint, Match};

/// A warning where exact duplicates may differ in what of their files is not in their pixels.
pub fn loss_warning(images: &[Fingerprint], matches: &[Match]) -> Option<String> {
    let has_lost = |pair: &&Match| images[pair.left as usize].has_lost || images[pair.right as usize].has_lost;
    let exact = || matches.iter().filter(|pair| pair.kind == PairKind::Exact);
    let n_lost = exact().filter(has_lost).count();
    (n_lost > 0).then(|| {
        format!(
            "{n_lost} of {} exact pairs have an image of whose file something is not in the pixels (column `lost` of the images): \
             their files may differ in that",
            exact().count()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matches::tests::{exact, image, near};

    #[test]
    fn exact_pairs_of_which_something_was_lost_are_warned_of() {
        let mut images: Vec<_> = (0..5).map(|id| image(id, id as u8, 0)).collect();
        let matches = [exact(0, 1), near(1, 2, 1), exact(3, 4)];
        assert_eq!(loss_warning(&images, &matches), None);
        images[2].has_lost = true;
        assert_eq!(loss_warning(&images, &matches), None, "a near pair may differ anyway");
        images[1].has_lost = true;
        let warning = loss_warning(&images, &matches).unwrap();
        assert!(warning.starts_with("1 of 2 exact pairs have an image"), "{warning}");
    }
}
