use super::*;
use crate::transform::Transform;
use crate::{ClassWeights, Removal, Selection};

/// Twelve training images of three classes (6, 4 and 2 of them), then two test images. Each is alone in its cluster, but
/// training images 10 and 11 are a cluster.
fn set() -> (Vec<Candidate>, Vec<String>, Vec<Cluster>) {
    let labels = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 0, 1];
    let split = |id| if id < 12 { Split::Train } else { Split::Test };
    let images: Vec<_> =
        (0..14).map(|id| Candidate { image_id: id, split: split(id), label: labels[id as usize] }).collect();
    let cluster = |image_id: u64| {
        let cluster_id = if image_id == 11 { 10 } else { image_id };
        Cluster {
            image_id,
            cluster_id,
            cluster_size: 1,
            is_representative: image_id == cluster_id,
            source: String::new(),
        }
    };
    let names = ["cat", "dog", "hen"].map(str::to_owned);
    (images, names.to_vec(), (0..14).map(cluster).collect())
}

fn planned(config: &Config) -> Plan {
    let (images, names, clusters) = set();
    plan(&images, &names, &clusters, config).unwrap()
}

fn refused(config: &Config) -> String {
    let (images, names, clusters) = set();
    plan(&images, &names, &clusters, config).unwrap_err().to_string()
}

fn repeated(plan: &Plan) -> Vec<u64> {
    plan.rows.iter().filter_map(|row| row.duplicate_of).collect()
}

fn non_uniform(class_weights: ClassWeights) -> Selection {
    Selection::NonUniform { class_weights, shuffle_classes: false }
}

fn named(weights: &[(&str, f64)]) -> Selection {
    let weights = weights.iter().map(|&(name, weight)| (name.to_owned(), weight)).collect();
    non_uniform(ClassWeights::Named(weights))
}

/// Every way to draw.
fn ways() -> Vec<Config> {
    let zipf = non_uniform(ClassWeights::Zipf);
    let single = non_uniform(ClassWeights::SingleClass("dog".to_owned()));
    let near = Duplicates::Near { transforms: vec![Transform::Flip] };
    let mut ways = Vec::new();
    for selection in [Selection::Uniform, zipf, single] {
        for with_replacement in [false, true] {
            for duplicates in [Duplicates::Exact, near.clone()] {
                let selection = selection.clone();
                ways.push(Config { selection, with_replacement, duplicates, seed: 5, ..Config::with_rate(0.0) });
            }
        }
    }
    ways
}

#[test]
fn rate_0_is_the_originals_in_order() {
    let plan = planned(&Config::with_rate(0.0));
    assert_eq!(plan.rows.iter().map(|row| row.image_id).collect::<Vec<_>>(), (0..12).collect::<Vec<_>>());
    assert!(plan.rows.iter().all(|row| row.origin == Origin::Original && row.copy == 0 && row.duplicate_of.is_none()));
}

#[test]
fn positions_have_no_gaps_and_copies_count_from_1() {
    for config in ways() {
        let plan = planned(&Config { rate: 2.5, ..config });
        assert_eq!(plan.rows.len(), 42);
        for (position, row) in plan.rows.iter().enumerate() {
            assert_eq!(row.position, position as u64);
            let n_before = plan.rows[..position].iter().filter(|other| other.duplicate_of == row.duplicate_of).count();
            let expected = if row.origin == Origin::Original { 0 } else { n_before as u32 + 1 };
            assert_eq!(row.copy, expected);
        }
    }
}

#[test]
fn a_smaller_rate_is_the_beginning_of_a_larger_one() {
    for config in ways() {
        let large = planned(&Config { rate: 3.0, ..config.clone() });
        for rate in [0.0, 0.25, 0.5, 1.0, 1.7] {
            let small = planned(&Config { rate, ..config.clone() });
            assert_eq!(small.rows, large.rows[..small.rows.len()], "{rate} {config:?}");
            assert_eq!(small.copies, large.copies[..small.copies.len()], "{rate} {config:?}");
        }
    }
}

#[test]
fn a_seed_reproduces_and_another_differs() {
    for config in ways() {
        let config = Config { rate: 1.5, ..config };
        assert_eq!(planned(&config), planned(&config));
        assert_ne!(planned(&config), planned(&Config { seed: 6, ..config.clone() }), "{config:?}");
    }
}

#[test]
fn without_replacement_every_image_is_drawn_before_any_is_drawn_again() {
    let plan = planned(&Config::with_rate(2.5));
    let mut n_draws = [0; 12];
    for (number, id) in repeated(&plan).into_iter().enumerate() {
        n_draws[id as usize] += 1;
        assert!(n_draws[id as usize] <= number / 12 + 1);
    }
}

#[test]
fn classes_have_their_share_to_within_rounding() {
    let check = |rate: f64, selection: Selection, expected: [u64; 3]| {
        let plan = planned(&Config { selection: selection.clone(), ..Config::with_rate(rate) });
        assert_eq!(plan.n_injected, expected, "{rate} {selection:?}");
        let labels: Vec<_> = repeated(&plan).iter().map(|&id| set().0[id as usize].label).collect();
        for (label, n) in expected.into_iter().enumerate() {
            assert_eq!(labels.iter().filter(|&&found| found as usize == label).count() as u64, n);
        }
    };
    // 12 training images: 11 duplicates of which zipf gives 6, 3 and 2.
    check(11.0 / 12.0, non_uniform(ClassWeights::Zipf), [6, 3, 2]);
    check(1.0, non_uniform(ClassWeights::SingleClass("hen".to_owned())), [0, 0, 12]);
    check(0.5, named(&[("cat", 2.0), ("hen", 1.0)]), [4, 0, 2]);
    check(1.0, named(&[("cat", 1.0), ("dog", 1.0), ("hen", 1.0)]), [4, 4, 4]);
    check(1.0, Selection::WholeSet, [6, 4, 2]);
}

#[test]
fn whole_sets_are_appended_one_after_another() {
    let plan = planned(&Config { selection: Selection::WholeSet, ..Config::with_rate(2.0) });
    let expected: Vec<u64> = (0..12).chain(0..12).chain(0..12).collect();
    assert_eq!(plan.rows.iter().map(|row| row.image_id).collect::<Vec<_>>(), expected);
    assert_eq!(plan.rows[25].copy, 2);
}

#[test]
fn near_duplicates_have_ids_of_their_own() {
    let duplicates = Duplicates::Near { transforms: vec![Transform::Flip] };
    let plan = planned(&Config { duplicates, ..Config::with_rate(0.5) });
    let ids: Vec<_> = plan.copies.iter().map(|copy| copy.image_id).collect();
    assert_eq!(ids, (14..20).collect::<Vec<_>>());
    let injected: Vec<_> = plan.rows[12..].iter().map(|row| (row.image_id, row.duplicate_of)).collect();
    assert_eq!(injected, plan.copies.iter().map(|copy| (copy.image_id, Some(copy.source_id))).collect::<Vec<_>>());
}

#[test]
fn replacing_keeps_the_size_and_what_is_repeated() {
    let config = Config { placement: Placement::Replace, ..Config::with_rate(0.5) };
    let plan = planned(&config);
    assert_eq!(plan.rows.len(), 12);
    let sources = repeated(&plan);
    assert_eq!(sources.len(), 6);
    let originals: Vec<_> = plan.rows.iter().filter(|row| row.origin == Origin::Original).collect();
    // An original stands where it stood, and each source is still there itself.
    assert!(originals.iter().all(|row| row.image_id == row.position));
    assert!(sources.iter().all(|source| originals.iter().any(|row| row.image_id == *source)));
    assert_eq!(
        refused(&Config { rate: 0.75, ..config }),
        "9 duplicates of 9 images would have to replace as many other training images, found 3"
    );
}

#[test]
fn the_rate_is_relative_to_what_removal_leaves() {
    let plan = planned(&Config { remove: Removal::TrainDuplicates, ..Config::with_rate(1.0) });
    assert_eq!((plan.n_train, plan.n_removed, plan.rows.len()), (12, 1, 22));
    assert!(plan.rows.iter().all(|row| row.image_id != 11));
}

/// Rows by label.
fn by_label(plan: &Plan) -> [usize; 3] {
    [0, 1, 2].map(|label| plan.rows.iter().filter(|row| row.label == label).count())
}

fn ids(plan: &Plan) -> Vec<u64> {
    plan.rows.iter().map(|row| row.image_id).collect()
}

#[test]
fn originals_are_drawn_by_the_seed_with_classes_in_proportion() {
    let of = |n, seed| planned(&Config { originals: Some(n), seed, ..Config::with_rate(0.0) });
    assert_eq!(by_label(&of(6, 0)), [3, 2, 1]);
    assert_eq!(of(12, 0).rows, planned(&Config::with_rate(0.0)).rows);
    for seed in 0..4 {
        for n in 1..12 {
            let (fewer, more) = (ids(&of(n, seed)), ids(&of(n + 1, seed)));
            assert!(fewer.is_sorted() && fewer.len() == n as usize);
            assert!(fewer.iter().all(|id| more.contains(id)), "{n}");
        }
    }
    assert!((1..9).any(|seed| ids(&of(6, seed)) != ids(&of(6, 0))));
    // The rate is of them, and only they are repeated.
    let plan = planned(&Config { originals: Some(6), ..Config::with_rate(0.5) });
    assert_eq!((plan.n_originals, plan.rows.len()), (6, 9));
    assert!(repeated(&plan).iter().all(|id| ids(&plan)[..6].contains(id)));
    let expected = "`originals` is 13, expected at most the 12 training images that there are";
    assert_eq!(refused(&Config { originals: Some(13), ..Config::with_rate(0.0) }), expected);
}

#[test]
fn only_sources_are_repeated_and_each_as_often() {
    for selection in [Selection::Uniform, named(&[("cat", 6.0), ("dog", 4.0), ("hen", 2.0)])] {
        let config = Config { sources: Some(0.5), selection, ..Config::with_rate(2.0) };
        let plan = planned(&config);
        let mut n_copies = HashMap::new();
        for id in repeated(&plan) {
            *n_copies.entry(id).or_insert(0) += 1;
        }
        // 24 duplicates of six: three cats, two dogs, a hen.
        assert!(n_copies.len() == 6 && n_copies.values().all(|n| *n == 4), "{n_copies:?}");
        assert_eq!(by_label(&plan), [18, 12, 6]);
        let smaller = planned(&Config { rate: 0.7, ..config.clone() });
        assert_eq!(smaller.rows, plan.rows[..smaller.rows.len()]);
    }
    // One source of each class at least.
    let plan = planned(&Config { sources: Some(0.01), ..Config::with_rate(1.0) });
    assert_eq!(by_label(&plan), [10, 8, 6]);
}

#[test]
fn fresh_images_have_the_classes_of_the_duplicates_and_repeat_nothing() {
    let selection = named(&[("cat", 2.0), ("dog", 1.0)]);
    for seed in 0..4 {
        let duplicates = Config { originals: Some(6), selection: selection.clone(), seed, ..Config::with_rate(0.5) };
        let fresh = Config { duplicates: Duplicates::Fresh, ..duplicates.clone() };
        let (plan, expected) = (planned(&fresh), planned(&duplicates));
        assert_eq!((by_label(&plan), &plan.rows[..6]), (by_label(&expected), &expected.rows[..6]));
        assert_eq!((by_label(&plan), plan.n_injected), ([5, 3, 1], vec![2, 1, 0]));
        assert!(plan.rows.iter().all(|row| row.origin == Origin::Original && row.duplicate_of.is_none()));
        let mut ids = plan.rows.iter().map(|row| row.image_id).collect::<Vec<_>>();
        ids.sort_unstable();
        ids.dedup();
        assert!(ids.len() == 9 && plan.copies.is_empty());
        let too_many = "class `cat` has 3 training images beside the originals, expected 4 fresh ones";
        assert_eq!(refused(&Config { rate: 1.0, ..fresh }), too_many);
    }
}

#[test]
fn replacing_within_classes_keeps_their_sizes() {
    let selection = named(&[("cat", 2.0), ("dog", 1.0)]);
    let config = Config { placement: Placement::ReplaceInClass, selection, ..Config::with_rate(0.25) };
    let plan = planned(&config);
    assert_eq!((by_label(&plan), repeated(&plan).len()), ([6, 4, 2], 3));
    let single = Config { selection: named(&[("hen", 1.0)]), ..config };
    let expected = "3 duplicates of class `hen` would have to replace as many other training images of it, found 0";
    assert_eq!(refused(&single), expected);
}

#[test]
fn the_seed_decides_which_class_has_which_weight() {
    let selection = Selection::NonUniform { class_weights: ClassWeights::Zipf, shuffle_classes: true };
    let n_injected = |seed| {
        let config = Config { selection: selection.clone(), seed, ..Config::with_rate(11.0 / 12.0) };
        planned(&config).n_injected
    };
    let all: std::collections::HashSet<_> = (0..40).map(n_injected).collect();
    assert_eq!(all.len(), 6, "{all:?}");
    assert!(all.iter().all(|counts| counts.iter().sum::<u64>() == 11 && counts.contains(&6) && counts.contains(&3)));
}

#[test]
fn what_cannot_be_is_named() {
    let config = Config::with_rate(1.0);
    let (images, mut names, clusters) = set();
    let check = |images: &[Candidate], clusters: &[Cluster], names: &[String], config: &Config, expected: &str| {
        assert_eq!(plan(images, names, clusters, config).unwrap_err().to_string(), expected);
    };
    let other = "they were made from other images";
    check(&images, &clusters[1..], &names, &config, &format!("the clusters have no row for image 0: {other}"));
    let other = "which is not among the images: they were made from others";
    check(&images[1..], &clusters, &names, &config, &format!("the clusters have a row for image 0, {other}"));
    let twice = [images.clone(), images[3..4].to_vec()].concat();
    check(&twice, &clusters, &names, &config, "image id 3 occurs more than once, expected every id once");
    let none = "no training image among 2 images (0 removed as duplicates)";
    check(&images[12..], &clusters[12..], &names, &config, none);
    let unknown = Config { selection: named(&[("cow", 1.0)]), ..config.clone() };
    let expected = "no class is called `cow` (`selection.class-weights`), expected one of `cat`, `dog`, `hen`";
    check(&images, &clusters, &names, &unknown, expected);
    names.push("owl".to_owned());
    let empty = Config { selection: named(&[("owl", 1.0)]), ..config.clone() };
    let expected = "class `owl` has no training image to repeat, found 0, its share of the duplicates is 12";
    check(&images, &clusters, &names, &empty, expected);
    let huge = "rate 1000000000000 makes 12000000000000 duplicates, expected at most 1000000000";
    check(&images, &clusters, &names, &Config::with_rate(1e12), huge);
}
