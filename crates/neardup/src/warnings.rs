//! What a user of the pairs should be warned of.

use twinset_manifest::rows::PairKind;

use crate::{Config, Summary};

/// A warning where a chain of near-duplicates, each a little unlike the one before, may tie together what is not alike: where a
/// cluster is larger than `max-cluster-size`, and where one holds more than half of all images.
pub fn chain_warning(summary: &Summary, config: &Config) -> Option<String> {
    let (n_images, Summary { largest_cluster, .. }) = (summary.n_images(), summary);
    let bound = match config.search {
        _ if config.verify => format!("`near-similarity` {} is too small", config.near_similarity),
        _ => format!("`max-distance` {} is too large", config.max_distance),
    };
    if u64::from(*largest_cluster) > config.max_cluster_size {
        let max = config.max_cluster_size;
        return Some(format!(
            "one cluster holds {largest_cluster} images, more than {max} (`max-cluster-size`): {bound} for these images, or many of \
             them are one picture"
        ));
    }
    let is_chained = n_images > 2 && 2 * u64::from(*largest_cluster) > n_images;
    is_chained.then(|| {
        format!(
            "one cluster holds {largest_cluster} of {n_images} images: {bound} for these images, or most of them are one \
             picture"
        )
    })
}

/// A warning where images are alike because of what they show, so that duplicates cannot be told among them: more pairs are as alike
/// as near ones and not told to be than are near.
pub fn chance_warning(summary: &Summary, n_by_chance: u64, config: &Config) -> Option<String> {
    let n_near = summary.count(None, PairKind::Near).n_pairs;
    (n_by_chance > n_near.max(10)).then(|| {
        format!(
            "{n_by_chance} pairs are as alike as near-duplicates (`near-similarity` {}), but unrelated images of this set are expected to \
             be so, too: they are told as similar. Only what is all but the same is told as near",
            config.near_similarity
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matches::tests::{image, near};
    use crate::{Clusters, Searched};

    #[test]
    fn a_cluster_of_more_than_half_of_the_set_is_warned_of() {
        let check = |n_images: usize, expected: bool| {
            let images: Vec<_> = (0..n_images as u64).map(|id| image(id, id as u8, 0)).collect();
            let matches = [near(0, 1, 1), near(1, 2, 1)];
            let summary = Summary::of(
                &images,
                &matches,
                &Clusters::of(n_images, &matches),
                None,
                Searched::of(&Config::default(), 6),
            );
            let warning = chain_warning(&summary, &Config::default());
            assert_eq!(warning.is_some(), expected, "{n_images} images: {warning:?}");
        };
        check(5, true);
        check(6, false);
    }
}
