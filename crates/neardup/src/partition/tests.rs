use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use twinset_manifest::Digest;
use twinset_manifest::rows::ImageData;

use super::*;

/// Image, cluster, label.
type Given = (u64, u64, u32);

fn image(&(image_id, _, label): &Given) -> Image {
    Image {
        image_id,
        split: Split::Train,
        label,
        class_name: format!("class {label}"),
        width: 1,
        height: 1,
        image: ImageData::default(),
        pixels_blake3: Digest([0; 32]),
        source: String::new(),
        derived_from: None,
        transform: None,
        lost: None,
    }
}

fn partition(given: &[Given], config: &PartitionConfig) -> Result<Partition, PartitionError> {
    let clusters = given.iter().map(|&(image_id, cluster_id, _)| Cluster {
        image_id,
        cluster_id,
        cluster_size: given.iter().filter(|(_, other, _)| *other == cluster_id).count() as u32,
        is_representative: image_id == cluster_id,
        source: String::new(),
    });
    let mut set = Unpartitioned::of(clusters)?;
    for batch in given.chunks(7) {
        set.add(&batch.iter().map(image).collect::<Vec<_>>())?;
    }
    set.partition(config)
}

/// A set with clusters of up to `max_size` images, of up to three labels.
fn random_set(rng: &mut ChaCha8Rng, n_clusters: u32, max_size: u32) -> Vec<Given> {
    let mut below = |n: u32| rng.next_u32() % n;
    let mut given = Vec::new();
    for _ in 0..n_clusters {
        let cluster_id = given.len() as u64;
        let label = below(3);
        for _ in 0..=below(max_size) {
            // One in eight has another label than its cluster.
            let own = if below(8) == 0 { below(3) } else { label };
            given.push((given.len() as u64, cluster_id, own));
        }
    }
    given
}

#[test]
fn no_cluster_has_two_splits_and_shares_are_off_by_less_than_the_largest() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut n_checked = 0;
    for round in 0..300_u32 {
        let (n_clusters, max_size) = (10 + rng.next_u32() % 90, 1 + rng.next_u32() % 12);
        let given = random_set(&mut rng, n_clusters, max_size);
        let config = PartitionConfig { val: 0.1 * f64::from(round % 3), test: 0.25, seed: u64::from(round) };
        let Ok(partition) = partition(&given, &config) else { continue };
        n_checked += 1;
        let mut of_cluster = BTreeMap::new();
        for &(image_id, cluster_id, _) in &given {
            let split = partition.split_of(image_id).unwrap();
            assert_eq!(*of_cluster.entry(cluster_id).or_insert(split), split, "cluster {cluster_id}");
        }
        for &split in Split::ALL {
            let (n, asked) = (partition.n_of_split(split) as f64, config.share(split) * given.len() as f64);
            assert!((n - asked).abs() < partition.largest_cluster() as f64, "round {round}: {split} {n} of {asked}");
        }
    }
    assert!(n_checked > 250, "{n_checked} sets could be partitioned");
}

#[test]
fn images_that_are_alone_are_stratified_by_label() {
    let given: Vec<Given> = (0..900).map(|id| (id, id, if id < 600 { 0 } else { 1 + (id % 3) as u32 })).collect();
    let partition = partition(&given, &PartitionConfig { val: 0.1, test: 0.2, seed: 1 }).unwrap();
    for (label, n_label) in [(0, 600.0), (1, 100.0), (2, 100.0), (3, 100.0)] {
        for (split, share) in [(Split::Train, 0.7), (Split::Val, 0.1), (Split::Test, 0.2)] {
            let n = partition.n_images[&(split, label)] as f64;
            assert!((n - share * n_label).abs() <= 1.0, "{split} has {n} of label {label}");
        }
    }
}

#[test]
fn the_seed_and_nothing_else_decides() {
    let given = random_set(&mut ChaCha8Rng::seed_from_u64(8), 80, 4);
    let splits = |given: &[Given], seed: u64| {
        let partition = partition(given, &PartitionConfig { val: 0.0, test: 0.3, seed }).unwrap();
        (0..given.len() as u64).map(|id| partition.split_of(id).unwrap()).collect::<Vec<_>>()
    };
    let reversed: Vec<_> = given.iter().rev().copied().collect();
    assert_eq!(splits(&given, 1), splits(&reversed, 1));
    assert_ne!(splits(&given, 1), splits(&given, 2));
}

#[test]
fn a_partition_says_how_far_it_is_off() {
    // A cluster of four and six images that are alone.
    let given: Vec<Given> = (0..10).map(|id| (id, if id < 4 { 0 } else { id }, (id % 2) as u32)).collect();
    let partition = partition(&given, &PartitionConfig { val: 0.0, test: 0.3, seed: 0 }).unwrap();
    let expected = "\
10 images in 7 clusters, 1 of two or more images, the largest of 4
split       images      share      asked
train            7     70.0 %     70.0 %
test             3     30.0 %     30.0 %
furthest off by class: ";
    assert!(partition.to_string().starts_with(expected), "{partition}");
    assert_eq!(partition.warnings(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_partitioned_is_named() {
    let config = PartitionConfig { val: 0.0, test: 0.3, seed: 0 };
    let error = partition(&[(0, 0, 0), (1, 0, 0), (2, 0, 1)], &config).unwrap_err();
    let expected = "no cluster is left for split `test`: 1 cluster holds all 3 images, the largest 3";
    assert_eq!(error.to_string(), expected);
    let lone: Vec<Given> = (0..10).map(|id| (id, id, u32::from(id == 0))).collect();
    let warnings = partition(&lone, &config).unwrap().warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains(" image of class `class 1`: its clusters are too few or too large"), "{warnings:?}");
}
