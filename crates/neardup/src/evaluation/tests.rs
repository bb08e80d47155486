use twinset_manifest::Digest;
use twinset_manifest::rows::ImageFacts;

use super::*;
use crate::NeardupError;

/// Ids below 100 are training images.
fn split(image_id: u64) -> Split {
    if image_id < 100 { Split::Train } else { Split::Test }
}

fn pair(left_id: u64, right_id: u64, similarity: Option<f32>) -> Pair {
    Pair {
        left_id,
        right_id,
        kind: if similarity == Some(1.0) { PairKind::Exact } else { PairKind::Near },
        found_by: "correlation".to_owned(),
        hash_distance_bits: Some((left_id + right_id) as u32),
        left_split: split(left_id),
        right_split: split(right_id),
        left_label: 0,
        right_label: 0,
        label_conflict: right_id % 10 == 9,
        similarity,
        expected_false_pairs: None,
        alignment: None,
        left_source: String::new(),
        right_source: String::new(),
    }
}

fn evaluate(pairs: &[Pair], truth: &str, is_complete: bool) -> Result<Evaluation, EvaluationError> {
    let mut ranking = Ranking::default();
    ranking.add(pairs, None).unwrap();
    Evaluation::of(ranking, &Truth::parse(truth).unwrap(), is_complete, "")
}

/// Similarity, pairs, judged, true, label conflicts, found.
type Counts = (Option<f32>, u64, u64, u64, u64, u64);

fn counts(evaluation: &Evaluation) -> Vec<Counts> {
    let counts = |s: &PrecisionRecall| (s.similarity, s.n_pairs, s.n_judged, s.n_true, s.n_label_conflicts, s.n_found);
    evaluation.steps.iter().map(counts).collect()
}

fn image(image_id: u64, pixels: u8) -> ImageFacts {
    ImageFacts {
        image_id,
        split: split(image_id),
        label: 0,
        class_name: "cat".to_owned(),
        width: 1,
        height: 1,
        pixels_blake3: Digest([pixels; 32]),
        source: String::new(),
    }
}

fn index(images: Vec<ImageFacts>) -> ImageIndex {
    ImageIndex::read([Ok::<_, NeardupError>(images)]).unwrap()
}

#[test]
fn each_similarity_is_a_step_and_pairs_that_are_equally_alike_are_one() {
    let pairs = [
        pair(3, 109, Some(0.8)),
        pair(1, 101, Some(1.0)),
        pair(2, 102, Some(0.9)),
        pair(4, 104, Some(0.8)),
        pair(5, 105, None),
        pair(6, 106, Some(0.5)),
    ];
    let truth = "left_id,right_id,kind\n102,2,near\n3,109,near\n5,105,near\n7,107,near\n2,102,near\n";
    let found = evaluate(&pairs, truth, false).unwrap();
    let expected = [
        (Some(1.0), 1, 1, 1, 0, 0),
        (Some(0.9), 2, 2, 2, 0, 1),
        (Some(0.8), 4, 3, 3, 1, 2),
        (Some(0.5), 5, 3, 3, 1, 2),
        (None, 6, 4, 4, 1, 3),
    ];
    assert_eq!(counts(&found), expected);
    assert_eq!(found.n_found_of, BTreeMap::from([(PairKind::Near, (3, 4))]), "a repeated line counts once");
    assert_eq!(found.steps[4].hash_distance_bits, Some(110));
    let step = &found.steps[2];
    assert_eq!((step.recall, step.precision, step.precision_of_judged), (0.5, 0.75, None));
    assert!(found.is_lower_bound());
    let rank = |n| found.at_rank(n).map(|step| step.n_pairs);
    assert_eq!([1, 3, 4, 6, 7].map(rank), [Some(1), Some(4), Some(4), Some(6), None]);
}

#[test]
fn an_unjudged_pair_is_wrong_where_the_truth_is_complete_and_passed_over_where_it_judges() {
    let pairs = [pair(1, 101, Some(0.9)), pair(2, 102, Some(0.8)), pair(3, 103, Some(0.7)), pair(4, 104, Some(0.6))];
    let truth = "left_id,right_id,kind,is_duplicate\n1,101,near,true\n3,103,,false\n4,104,near,true\n";
    let of = |is_complete| {
        let found = evaluate(&pairs, truth, is_complete).unwrap();
        let precisions: Vec<_> = found.steps.iter().map(|step| found.precision(step)).collect();
        assert!(!found.is_lower_bound());
        (counts(&found)[3], precisions, found.best_f1().unwrap().n_pairs, found.reaching(0.6).unwrap().n_pairs)
    };
    assert_eq!(of(true), ((Some(0.6), 4, 4, 2, 0, 2), vec![1.0, 0.5, 1.0 / 3.0, 0.5], 1, 1));
    assert_eq!(of(false), ((Some(0.6), 4, 3, 2, 0, 2), vec![1.0, 1.0, 0.5, 2.0 / 3.0], 4, 4));
}

#[test]
fn what_is_found_of_one_image_is_found_of_all_that_are_identical() {
    // A star around 1, as a large group is told, and one near pair of its centre.
    let pairs = [pair(1, 2, Some(1.0)), pair(1, 3, Some(1.0)), pair(1, 104, Some(0.8))];
    let truth = "left_id,right_id,kind\n2,3,exact\n3,104,near\n2,104,near\n";
    let found = evaluate(&pairs, truth, true).unwrap();
    assert_eq!(counts(&found), [(Some(1.0), 2, 2, 2, 0, 1), (Some(0.8), 3, 3, 3, 0, 3)]);
    assert_eq!(found.steps[1].recall, 1.0);
}

#[test]
fn identical_pixels_are_found_where_no_pair_tells_of_them() {
    let images = index(vec![image(1, 7), image(2, 7), image(103, 8), image(104, 9)]);
    let truth = Truth::of_images("left_id,right_id,kind\n1,2,exact\n2,103,near\n", Some(&images)).unwrap();
    let mut ranking = Ranking::default();
    ranking.add(&[pair(1, 103, Some(0.8))], None).unwrap();
    ranking.add_identical(&images);
    let found = Evaluation::of(ranking, &truth, false, "").unwrap();
    assert_eq!(counts(&found), [(Some(0.8), 1, 1, 1, 0, 2)]);
}

#[test]
fn pairs_and_truth_can_be_restricted_to_two_splits() {
    let images = index([1, 2, 101, 102].map(|id| image(id, id as u8)).to_vec());
    let between = (Split::Test, Split::Train);
    let mut truth =
        Truth::of_images("left_id,right_id,kind\n1,2,near\n1,101,near\n101,102,near\n", Some(&images)).unwrap();
    truth.retain_between(between, &images);
    let mut ranking = Ranking::default();
    ranking.add(&[pair(1, 2, Some(0.9)), pair(1, 101, Some(0.8)), pair(101, 102, Some(0.7))], Some(between)).unwrap();
    let found = Evaluation::of(ranking, &truth, false, "").unwrap();
    assert_eq!(counts(&found), [(Some(0.8), 1, 1, 1, 0, 1)]);
    assert_eq!(found.steps[0].n_known, 1);
}

#[test]
fn cifairs_ids_are_positions_in_their_splits() {
    let images = index([10, 5, 130, 120, 140].map(|id| image(id, id as u8)).to_vec());
    let read = |text: &str| Truth::of_images(text, Some(&images));
    let truth = read("TestID,TrainID,Distance,Judgment\n0,1,0.25,0\n2,0,0.5,2\n").unwrap();
    let pairs: Vec<_> = truth.judged().iter().map(|pair| (pair.left_id, pair.right_id, pair.kind)).collect();
    assert_eq!(pairs, [(10, 120, PairKind::Exact), (5, 140, PairKind::Similar)]);

    let check = |row: &str, expected: &str| {
        let error = read(&format!("TestID,TrainID,Distance,Judgment\n{row}\n")).unwrap_err().to_string();
        assert_eq!(error, expected);
    };
    check("3,0,0.5,1", "line 2: found `3` in `TestID`, expected a position in the test split, 0 to 2");
    check("0,2,0.5,1", "line 2: found `2` in `TrainID`, expected a position in the train split, 0 to 1");
    check("0,x,0.5,1", "line 2: found `x` in `TrainID`, expected a position in the train split, 0 to 1");
    check("0,0,0.5,3", "line 2: found `3` in `Judgment`, expected 0 (exact), 1 (near) or 2 (very similar)");
    check("0,0,0.5", "line 2: found 3 fields, expected 4 as in the header");
    let error = read("TestID,TrainID\n0,0\n").unwrap_err().to_string();
    assert_eq!(error, "line 1: found the columns `TestID`, `TrainID`, expected the column `Judgment`");
    let error = Truth::of_images("TestID,TrainID,Judgment\n0,0,1\n", None).unwrap_err().to_string();
    assert!(error.contains("positions in the splits, expected the images"), "{error}");
}

#[test]
fn a_truth_that_contradicts_itself_or_tells_of_nothing_is_refused() {
    let check = |truth: &str, expected: &str| {
        let truth = format!("left_id,right_id,kind,is_duplicate\n{truth}");
        let error = evaluate(&[pair(1, 2, Some(1.0)), pair(2, 3, Some(0.8))], &truth, false).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check("2,1,,false\n", "line 2: says that 1 and 2 are no duplicates, but their pixels are identical");
    let opposite =
        "line 3: says that 1 and 3 are no duplicates, but line 2 says the opposite of them or of identical images";
    check("3,2,near,true\n1,3,,false\n", opposite);
    check("3,9,,false\n", "it tells of no duplicates, expected at least one");
    let error = evaluate(&[], "left_id,right_id,kind\n1,2,near\n", false).unwrap_err().to_string();
    assert_eq!(error, "there are no pairs, expected at least one");
}

#[test]
fn a_similarity_that_is_none_is_named_with_its_pair() {
    let check = |found: f32, expected: &str| {
        let error = Ranking::default().add(&[pair(1, 2, Some(found))], None).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(1.5, "pair (1, 2): `similarity` is 1.5, expected 0 to 1");
    check(f32::NAN, "pair (1, 2): `similarity` is NaN, expected 0 to 1");
}
