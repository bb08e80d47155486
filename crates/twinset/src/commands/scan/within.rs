//! Duplicates within the folder.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Context;
use twinset_manifest::Reader;
use twinset_manifest::rows::{Cluster, Image, Pair, PairKind, Split};

use super::findings::{Duplicates, Group, Leak, Leaks};
use super::place::Place;

/// Groups that are named, the files that are named of each, and the leaks.
const N_GROUPS: usize = 10;
const N_FILES: usize = 20;
const N_LEAKS: usize = 100;

/// Reads clusters and pairs. There are leaks, or none, where there is more than one split.
pub(super) fn read(
    place: &Place,
    images: &[Image],
    n_splits: usize,
    warnings: &mut Vec<String>,
) -> anyhow::Result<(Option<Duplicates>, Option<Leaks>)> {
    let by_id: HashMap<u64, &Image> = images.iter().map(|image| (image.image_id, image)).collect();
    let clusters = Reader::<Cluster>::open(&place.clusters()).context("failed to read the clusters")?;
    let mut groups: BTreeMap<u64, Vec<&Image>> = BTreeMap::new();
    for batch in clusters {
        for row in batch.context("failed to read the clusters")?.iter().filter(|row| row.cluster_size > 1) {
            let image =
                by_id.get(&row.image_id).context("the clusters are of other images; remove the scan's folder")?;
            groups.entry(row.cluster_id).or_default().push(image);
        }
    }
    let reader = Reader::<Pair>::open(&place.pairs()).context("failed to read the pairs")?;
    warnings.extend(reader.provenance().warnings.iter().cloned());
    let mut n_pairs: BTreeMap<PairKind, u64> = PairKind::ALL.iter().map(|&kind| (kind, 0)).collect();
    let mut pairs = Vec::new();
    for batch in reader {
        for pair in batch.context("failed to read the pairs")? {
            *n_pairs.entry(pair.kind).or_default() += 1;
            if pair.kind != PairKind::Similar && pair.left_split != pair.right_split {
                pairs.push(leak(pair));
            }
        }
    }
    let leaks =
        (n_splits > 1).then(|| Leaks { n_pairs: pairs.len() as u64, n_images: leaked(&groups), pairs: first(pairs) });
    Ok((Some(duplicates(groups, n_pairs)), leaks))
}

fn duplicates(groups: BTreeMap<u64, Vec<&Image>>, n_pairs: BTreeMap<PairKind, u64>) -> Duplicates {
    let distinct =
        |group: &Vec<&Image>| group.iter().map(|image| image.pixels_blake3).collect::<BTreeSet<_>>().len() as u64;
    let is_conflict = |group: &&Vec<&Image>| group.iter().any(|image| image.label != group[0].label);
    let n_images: u64 = groups.values().map(|group| group.len() as u64).sum();
    let n_distinct: u64 = groups.values().map(distinct).sum();
    let n_groups = groups.len() as u64;
    let n_label_conflicts = groups.values().filter(is_conflict).count() as u64;
    let mut largest: Vec<_> = groups.into_iter().collect();
    largest.sort_by_key(|(id, group)| (Reverse(group.len()), *id));
    let named = |(_, group): (u64, Vec<&Image>)| Group {
        n_images: group.len() as u64,
        files: group.iter().take(N_FILES).map(|image| image.source.clone()).collect(),
    };
    Duplicates {
        n_groups,
        n_images,
        n_exact_copies: n_images - n_distinct,
        n_near_copies: n_distinct - n_groups,
        n_label_conflicts,
        n_pairs,
        groups: largest.into_iter().take(N_GROUPS).map(named).collect(),
    }
}

/// By split, the pictures whose group has one of an earlier split.
fn leaked(groups: &BTreeMap<u64, Vec<&Image>>) -> BTreeMap<Split, u64> {
    let mut n_images = BTreeMap::new();
    for group in groups.values() {
        let first = group.iter().map(|image| image.split).min();
        for image in group.iter().filter(|image| Some(image.split) > first) {
            *n_images.entry(image.split).or_default() += 1;
        }
    }
    n_images
}

fn leak(pair: Pair) -> Leak {
    let Pair { left_source, left_split, right_source, right_split, kind, similarity, .. } = pair;
    Leak { left: left_source, left_split, right: right_source, right_split, kind, similarity }
}

/// The first leaks, those that are most alike before the others.
pub(super) fn first(mut leaks: Vec<Leak>) -> Vec<Leak> {
    let order = |left: &Leak, right: &Leak| {
        left.kind.cmp(&right.kind).then(right.similarity.unwrap_or(0.0).total_cmp(&left.similarity.unwrap_or(0.0)))
    };
    leaks.sort_by(order);
    leaks.truncate(N_LEAKS);
    leaks
}
