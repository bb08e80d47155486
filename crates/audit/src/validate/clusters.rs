//! Whether clusters have every image, and are what the pairs beside them join.

use std::collections::HashMap;

use arrow::array::AsArray;
use twinset_manifest::rows::{PairKind, Rule};
use twinset_manifest::{ManifestError, Untyped, schema_name};

use super::Findings;
use super::findings::At;
use super::keys::{for_each, number};
use crate::tree::{Entry, Tree};

/// Where an image stands among the clusters.
struct Member {
    at: At,
    cluster: u64,
    /// The place of another image that pairs join it to, nearer to the one that stands for all; or its own.
    parent: usize,
}

/// Checks clusters by the pairs that the same search wrote beside them, where these are there.
pub(super) fn check(tree: &Tree, entry: &Entry, findings: &mut Findings) {
    let is_of = |entry: &Entry, name: &str| entry.schema().is_some_and(|schema| schema_name(schema) == name);
    let Some((clusters, provenance)) = entry.manifest().zip(entry.provenance()).filter(|_| is_of(entry, "clusters"))
    else {
        return;
    };
    let images = provenance.inputs.iter().find(|input| input.schema.as_deref().map(schema_name) == Some("images"));
    let images = images.and_then(|input| tree.find(&input.name, input.blake3)).and_then(Entry::manifest);
    if let Some(n_images) = images.map(Untyped::n_rows).filter(|&n| n != clusters.n_rows()) {
        let (found, expected) = (format!("{} rows", clusters.n_rows()), format!("{n_images}, one for each image"));
        findings.of_file(Rule::Count, Some("image_id"), &found, &expected);
    }
    let max_size = provenance.config["max-cluster-size"].as_u64().unwrap_or_default();
    let is_of_search = |other: &&Entry| is_of(other, "pairs") && other.provenance().as_ref() == Some(&provenance);
    let pairs = tree.beside(entry).filter(is_of_search).find_map(Entry::manifest);
    // What cannot be read is told of the file itself.
    let _ = pairs.map(|pairs| check_by(clusters, pairs, max_size, findings));
}

/// Checks that each cluster's images are joined by exact and near pairs, and that no such pair joins images of two clusters,
/// but for a near one whose clusters together have more than `max_size` images. Holds some 50 bytes an image.
fn check_by(clusters: &Untyped, pairs: &Untyped, max_size: u64, findings: &mut Findings) -> Result<(), ManifestError> {
    let (mut members, mut places, mut sizes) = (Vec::new(), HashMap::new(), HashMap::<u64, u64>::new());
    for_each(clusters, &["cluster_id"], |batch, first, row| {
        let [image, cluster] = ["image_id", "cluster_id"].map(|column| number(batch, column, row));
        let (Some(image), Some(cluster)) = (image, cluster) else { return };
        places.insert(image, members.len());
        *sizes.entry(cluster).or_default() += 1;
        members.push(Member { at: At::of(batch, first, row), cluster, parent: members.len() });
    })?;
    for_each(pairs, &["left_id", "right_id", "kind"], |batch, _, row| {
        let place = |column| number(batch, column, row).and_then(|id| Some((id, *places.get(&id)?)));
        let (Some((left_id, left)), Some((right_id, right))) = (place("left_id"), place("right_id")) else { return };
        let Some(kinds) = batch.column_by_name("kind").and_then(|kinds| kinds.as_string_opt::<i32>()) else { return };
        let kind = kinds.value(row);
        if kind == PairKind::Similar.to_string() {
            return;
        }
        if members[left].cluster == members[right].cluster {
            let (left, right) = (root(&mut members, left), root(&mut members, right));
            members[left.max(right)].parent = left.min(right);
            return;
        }
        let size: u64 = [left, right].iter().map(|&place| sizes[&members[place].cluster]).sum();
        if kind == PairKind::Exact.to_string() || size <= max_size {
            let (left, right) = (&members[left], &members[right]);
            findings.of_row(Rule::Cluster, "cluster_id", right.at, || {
                (right.cluster, format!("{}, as image {left_id}, its {kind} pair with {right_id} says", left.cluster))
            });
        }
    })?;
    let mut roots = HashMap::new();
    for place in 0..members.len() {
        let root = root(&mut members, place);
        let Member { at, cluster, .. } = members[place];
        if *roots.entry(cluster).or_insert(root) != root {
            findings.of_row(Rule::Cluster, "cluster_id", at, || {
                (cluster, "another: no exact or near pair joins it to the images of this one".to_owned())
            });
        }
    }
    Ok(())
}

fn root(members: &mut [Member], mut place: usize) -> usize {
    while members[place].parent != place {
        let above = members[members[place].parent].parent;
        members[place].parent = above;
        place = above;
    }
    place
}
