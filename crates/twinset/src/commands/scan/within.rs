//! Duplicates within the folder.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Context;
use twinset_manifest::Reader;
use twinset_manifest::rows::{Cluster, Image, Pair, PairKind, Removed, Split};

use super::copies::Copies;
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
    let (mut pairs, mut leaked, mut copies) = (Vec::new(), BTreeSet::new(), Copies::default());
    for batch in reader {
        for pair in batch.context("failed to read the pairs")? {
            *n_pairs.entry(pair.kind).or_default() += 1;
            copies.add(&pair, &by_id);
            if pair.kind != PairKind::Similar && pair.left_split != pair.right_split {
                leaked.insert(later(&pair));
                pairs.push(leak(pair));
            }
        }
    }
    let mut n_images = BTreeMap::new();
    leaked.iter().for_each(|(split, _)| *n_images.entry(*split).or_default() += 1);
    let leaks = (n_splits > 1).then(|| Leaks { n_pairs: pairs.len() as u64, n_images, pairs: first(pairs) });
    let removed = removed(place, &by_id, warnings)?;
    let folders = if n_splits > 1 { Vec::new() } else { copies.of_folders(images) };
    Ok((Some(Duplicates { folders, ..duplicates(groups, n_pairs, removed) }), leaks))
}

/// How many pictures `clean` removes because one with the same pixels stays, and because one that is not the same stays.
fn removed(place: &Place, by_id: &HashMap<u64, &Image>, warnings: &mut Vec<String>) -> anyhow::Result<(u64, u64)> {
    let context = "failed to read what would be removed";
    let reader = Reader::<Removed>::open(&place.removed()).context(context)?;
    warnings.extend(reader.provenance().warnings.iter().cloned());
    let (mut n_exact, mut n_near) = (0, 0);
    for batch in reader {
        for row in batch.context(context)? {
            let pixels = |image_id: u64| by_id.get(&image_id).map(|image| image.pixels_blake3);
            let is_exact = row.kept_id.is_some_and(|kept_id| pixels(kept_id) == pixels(row.image_id));
            *(if is_exact { &mut n_exact } else { &mut n_near }) += 1;
        }
    }
    Ok((n_exact, n_near))
}

fn duplicates(
    groups: BTreeMap<u64, Vec<&Image>>,
    n_pairs: BTreeMap<PairKind, u64>,
    (n_exact_copies, n_near_copies): (u64, u64),
) -> Duplicates {
    let is_conflict = |group: &&Vec<&Image>| group.iter().any(|image| image.label != group[0].label);
    let n_images: u64 = groups.values().map(|group| group.len() as u64).sum();
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
        n_exact_copies,
        n_near_copies,
        n_label_conflicts,
        n_pairs,
        groups: largest.into_iter().take(N_GROUPS).map(named).collect(),
        folders: Vec::new(),
    }
}

/// The picture of a pair that is in the later split.
fn later(pair: &Pair) -> (Split, u64) {
    (pair.left_split, pair.left_id).max((pair.right_split, pair.right_id))
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
