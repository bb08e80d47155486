//! `twinset-neardup evaluate` as a user calls it.

use std::fs;

use tempfile::TempDir;
use twinset_manifest::rows::{Image, ImageData, Pair, PairKind, PrecisionRecall, Split};
use twinset_manifest::{Digest, Input, Provenance, Reader, digest_file, write_manifest};

/// What `twinset-neardup evaluate` printed on stdout and on stderr; it ends with this exit code.
#[track_caller]
fn expect_exit(folder: &TempDir, words: &[&str], code: i32) -> (String, String) {
    crate::expect_exit(folder, &[&["evaluate", "--quiet", "--out", "out"], words].concat(), code)
}

/// Ids from 1000 on are test images.
fn split(image_id: u64) -> Split {
    if image_id < 1000 { Split::Train } else { Split::Test }
}

fn image(image_id: u64) -> Image {
    Image {
        image_id,
        split: split(image_id),
        label: 0,
        class_name: "cat".to_owned(),
        width: 32,
        height: 32,
        image: ImageData::default(),
        pixels_blake3: Digest(std::array::from_fn(|byte| (image_id >> (8 * (byte % 8))) as u8)),
        source: format!("{image_id}.png"),
        derived_from: None,
        transform: None,
        lost: None,
    }
}

fn pair(left_id: u64, right_id: u64, similarity: f32) -> Pair {
    Pair {
        left_id,
        right_id,
        kind: PairKind::Near,
        found_by: "correlation".to_owned(),
        hash_distance_bits: None,
        left_split: split(left_id),
        right_split: split(right_id),
        left_label: 0,
        right_label: u32::from(left_id % 4 == 3),
        label_conflict: left_id % 4 == 3,
        similarity: Some(similarity),
        expected_false_pairs: None,
        alignment: None,
        left_source: String::new(),
        right_source: String::new(),
    }
}

/// 200 training images from 10 on, 150 test images from 1010 on. Test image i is paired with training image i, 150 pairs with
/// falling similarity, every third of which is a duplicate; and one pair of training images.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let images = (10..210).chain(1010..1160).map(image);
    write_manifest(&path("images.parquet"), images, &Provenance::of_stage("ingest", "0")).unwrap();
    let made_from = Input {
        name: "images.parquet".to_owned(),
        schema: Some("images/3".to_owned()),
        blake3: digest_file(&path("images.parquet")).unwrap(),
    };
    let pairs = (0..150).map(|i| pair(10 + i, 1010 + i, 1.0 - i as f32 / 256.0)).chain([pair(10, 11, 0.99)]);
    let provenance = Provenance::of_stage("neardup", "0").with_inputs([made_from]);
    write_manifest(&path("pairs.parquet"), pairs, &provenance).unwrap();

    let true_pairs = || (0..150).filter(|i| i % 3 == 0);
    let ids: Vec<_> = true_pairs().map(|i| format!("{},{},near\n", 1010 + i, 10 + i)).collect();
    fs::write(path("truth.csv"), format!("left_id,right_id,kind\n{}", ids.concat())).unwrap();
    // Positions, in another order; the last line's pair is not among the pairs.
    let positions: Vec<_> = true_pairs().rev().map(|i| format!("{i},{i},0.5,1\n")).collect();
    fs::write(path("cifair.csv"), format!("TestID,TrainID,Distance,Judgment\n{}1,199,0.5,2\n", positions.concat()))
        .unwrap();
    folder
}

fn steps(folder: &TempDir) -> Vec<PrecisionRecall> {
    Reader::open(&folder.path().join("out/precision-recall.parquet")).unwrap().read_all().unwrap()
}

#[test]
fn recall_is_told_down_the_list_and_precision_as_a_lower_bound() {
    let folder = folder();
    let call =
        ["--pairs", "pairs.parquet", "--truth", "truth.csv", "--images", "images.parquet", "--splits", "test,train"];
    let (stdout, _) = expect_exit(&folder, &call, 0);
    let expected = "\
50 of 50 known duplicates found in 150 pairs: near 50 of 50
the truth is not complete: precision of all pairs is at least what stands here
  pairs   threshold    found   recall  precision ≥  two labels
    100      0.6133       34    0.680        0.340          25
    150      0.4180       50    1.000        0.333          38
greatest F1 ≥ 0.505: similarity 0.4258 (148 pairs): recall 1.000, precision ≥ 0.338
average precision ≥ 0.365; no ROC curve, because the truth names no pair that is no duplicate
precision of 0.9 or more: similarity 1.0000 (1 pairs): recall 0.020, precision ≥ 1.000
wrote precision-recall.parquet and precision-recall.svg to out
";
    assert_eq!(stdout, expected);
    let steps = steps(&folder);
    assert_eq!(steps.len(), 150);
    assert_eq!(steps.iter().map(|step| step.n_pairs).collect::<Vec<_>>(), (1..=150).collect::<Vec<_>>());
    let step = &steps[99];
    assert_eq!((step.n_true, step.n_judged, step.n_found, step.n_known, step.n_label_conflicts), (34, 34, 34, 50, 25));
    let svg = fs::read_to_string(folder.path().join("out/precision-recall.svg")).unwrap();
    assert!(
        svg.contains("precision, at least") && svg.contains("after 100 pairs recall 0.680, precision 0.340"),
        "{svg}"
    );
    let reader = Reader::<PrecisionRecall>::open(&folder.path().join("out/precision-recall.parquet")).unwrap();
    let provenance = reader.provenance();
    assert_eq!(provenance.warnings, ["the truth is not complete: `precision` is the least that it can be"]);
    assert_eq!(provenance.config["splits"].to_string(), "[\"test\",\"train\"]");
    let inputs: Vec<_> = provenance.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs, ["pairs.parquet", "images.parquet", "truth.csv"]);
}

#[test]
fn cifairs_layout_gives_the_same_and_counts_what_is_not_among_the_pairs() {
    let folder = folder();
    let call =
        ["--pairs", "pairs.parquet", "--truth", "cifair.csv", "--images", "images.parquet", "--splits", "train,test"];
    let (stdout, _) = expect_exit(&folder, &call, 0);
    assert!(
        stdout.starts_with("50 of 51 known duplicates found in 150 pairs: near 50 of 50, similar 0 of 1\n"),
        "{stdout}"
    );
    assert_eq!(steps(&folder)[99].n_found, 34);
}

#[test]
fn average_precision_and_the_roc_curve_are_told_where_pairs_are_judged_to_be_none() {
    let folder = folder();
    // Ranks 1, 3 and 5 are true, 2 and 4 are not; one of each is not listed.
    let pairs = "left_id,right_id,kind,is_duplicate\n10,1010,near,true\n10,11,,false\n13,1013,near,true\n";
    let truth = format!("{pairs}14,1014,,false\n100,209,near,true\n101,209,,false\n");
    fs::write(folder.path().join("t.csv"), truth).unwrap();
    let (stdout, _) = expect_exit(&folder, &["--pairs", "pairs.parquet", "--truth", "t.csv"], 0);
    // Found: 1 of 3, then 1 of 3 negatives, 2 of 3, 2 of 3 negatives, and the rest as ties.
    let [precision, area] = [1.0 / 3.0 + 2.0 / 9.0, 1.0 / 9.0 + 2.0 / 9.0 + (2.0 / 3.0 + 1.0) / 6.0];
    let line = format!("average precision {precision:.3}, area under the ROC curve {area:.3}\n");
    assert!(stdout.contains(&line), "{line}{stdout}");
    assert!(stdout.ends_with("wrote precision-recall.parquet, precision-recall.svg and roc.svg to out\n"), "{stdout}");
    let last = steps(&folder).pop().unwrap();
    assert_eq!((last.recall, last.false_positive_rate), (2.0 / 3.0, Some(2.0 / 3.0)));
    let svg = fs::read_to_string(folder.path().join("out/roc.svg")).unwrap();
    assert!(svg.contains(&format!("area {area:.3}")), "{svg}");
}

#[test]
fn a_truth_can_be_groups_and_have_names_and_several_files() {
    let folder = folder();
    let all = "image_id,group\n10,a\n1010,a\n1013,b\n13,b\n99,\n";
    fs::write(folder.path().join("groups.csv"), all).unwrap();
    let named = "left,right,kind\n16.png,1016.png,near\n";
    fs::write(folder.path().join("named.csv"), named).unwrap();
    let base = ["--pairs", "pairs.parquet", "--images", "images.parquet", "--truth", "groups.csv"];
    let (stdout, _) = expect_exit(&folder, &base, 0);
    assert!(stdout.starts_with("2 of 2 known duplicates found in 151 pairs: near 2 of 2\n"), "{stdout}");
    let (stdout, _) = expect_exit(&folder, &[&base[..], &["--truth", "named.csv"]].concat(), 0);
    assert!(stdout.starts_with("3 of 3 known duplicates found in 151 pairs: near 3 of 3\n"), "{stdout}");
    let reader = Reader::<PrecisionRecall>::open(&folder.path().join("out/precision-recall.parquet")).unwrap();
    let inputs: Vec<_> = reader.provenance().inputs.iter().map(|input| input.name.clone()).collect();
    assert_eq!(inputs, ["pairs.parquet", "images.parquet", "groups.csv", "named.csv"]);
    fs::write(folder.path().join("groups.csv"), "image;group\n10.png;a\n1010.png;a\n13.png;a\n").unwrap();
    let (stdout, _) = expect_exit(&folder, &base, 0);
    assert!(stdout.starts_with("1 of 3 known duplicates found in 151 pairs: near 1 of 3\n"), "{stdout}");

    let refused = |text: &str, words: &[&str], expected: &str| {
        fs::write(folder.path().join("groups.csv"), text).unwrap();
        let (_, stderr) = expect_exit(&folder, words, 1);
        assert_eq!(stderr, format!("error: failed to read the truth file `groups.csv`: {expected}\n"));
    };
    refused(
        "image,group\nx.png,a\n",
        &base,
        "line 2: found `x.png` in `image`, expected the `source` of an image (350 images)",
    );
    let again = "line 3: found image 10 again, expected it once: it stands in line 2, too";
    refused("image_id,group\n10,a\n10,b\n", &base, again);
    let no_images = ["--pairs", "pairs.parquet", "--truth", "groups.csv"];
    let names = "line 1: found names of files in `image`, expected `image_id`, or the images beside them";
    refused("image,group\n10.png,a\n", &no_images, names);
    let names = "line 1: found names of files in `left`, expected ids of images, or the images beside them";
    refused("left,right,kind\n10.png,11.png,near\n", &no_images, names);
}

#[test]
fn cifairs_columns_are_positions_in_one_split_where_that_is_asked_for() {
    let folder = folder();
    fs::write(folder.path().join("cifair.csv"), "TestID,TrainID,Distance,Judgment\n0,1,0.5,1\n3,2,0.5,1\n").unwrap();
    let call = ["--pairs", "pairs.parquet", "--truth", "cifair.csv", "--images", "images.parquet", "--splits"];
    let (stdout, _) = expect_exit(&folder, &[&call[..], &["train,train"]].concat(), 0);
    assert!(stdout.starts_with("1 of 2 known duplicates found in 1 pairs: near 1 of 2\n"), "{stdout}");
    fs::write(folder.path().join("cifair.csv"), "TestID,TrainID,Distance,Judgment\n0,150,0.5,1\n").unwrap();
    let (_, stderr) = expect_exit(&folder, &[&call[..], &["test,test"]].concat(), 1);
    assert!(
        stderr.contains("line 2: found `150` in `TrainID`, expected a position in the test split, 0 to 149"),
        "{stderr}"
    );
}

#[test]
fn a_truth_can_be_complete_and_can_do_without_images() {
    let folder = folder();
    let call = ["--pairs", "pairs.parquet", "--truth", "truth.csv", "--truth-is-complete", "--min-precision", "0.4"];
    let (stdout, _) = expect_exit(&folder, &call, 0);
    assert!(!stdout.contains('≥'), "{stdout}");
    // The pair of training images is at rank 4, before the second duplicate.
    assert!(
        stdout.contains("precision of 0.4 or more: similarity 0.9883 (5 pairs): recall 0.040, precision 0.400"),
        "{stdout}"
    );
    assert_eq!(steps(&folder)[149].n_judged, 150);
}

#[test]
fn two_runs_write_the_same_bytes() {
    let folder = folder();
    let read = || {
        expect_exit(&folder, &["--pairs", "pairs.parquet", "--truth", "truth.csv"], 0);
        ["precision-recall.parquet", "precision-recall.svg"]
            .map(|name| fs::read(folder.path().join("out").join(name)).unwrap())
    };
    assert!(read() == read());
}

#[test]
fn a_truth_is_read_whatever_program_wrote_it() {
    let plain = "left_id,right_id,kind\n10,1010,near\n11,1011,near\n";
    let read = |truth: &str| {
        let folder = folder();
        fs::write(folder.path().join("t.csv"), truth).unwrap();
        expect_exit(&folder, &["--pairs", "pairs.parquet", "--truth", "t.csv"], 0).0
    };
    let expected = read(plain);
    for (from, to) in [(",", "\t"), (",", ";"), ("\n", "\r"), ("\n", "\r\n"), ("near\n11", "near\n\n11")] {
        assert_eq!(read(&plain.replace(from, to)), expected, "{to:?}");
    }
    assert_eq!(read(&format!("\u{feff}{plain}\n\n")), expected);
    let Some(shared) = std::env::var_os("TWINSET_SHARED_DATA").map(std::path::PathBuf::from) else { return };
    let of_case = |name: &str| fs::read_to_string(shared.join(format!("cases/truth/{name}.csv")));
    let Ok(plain) = of_case("plain") else { return };
    // Image 0 is not there, so the pair is not found, and yet the file is read.
    for name in ["blank-end", "tabs", "cr"] {
        assert_eq!(read(&of_case(name).unwrap()), read(&plain), "{name}");
    }
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let refused = |truth: &str, words: &[&str], expected: &str| {
        let folder = folder();
        fs::write(folder.path().join("t.csv"), truth).unwrap();
        let words = [&["--pairs", "pairs.parquet", "--truth", "t.csv"], words].concat();
        let (_, stderr) = expect_exit(&folder, &words, 1);
        assert_eq!(stderr, format!("error: {expected}\n"));
        assert!(!folder.path().join("out").exists());
    };
    let images = ["--images", "images.parquet"];
    let header = "left_id,right_id,kind\n";
    let read = "failed to read the truth file `t.csv`:";
    refused(&format!("{header}10,9,near\n"), &images, &format!("{read} line 2: no image has the id 9 (350 images)"));
    let columns = "line 1: found the columns `left_id`, `kind`, expected the column `right_id`";
    refused("left_id,kind\n", &[], &format!("{read} {columns}"));
    let number = "line 3: found `-4` in `left_id`, expected an image id";
    refused(&format!("{header}10,11,near\n-4,11,near\n"), &[], &format!("{read} {number}"));
    let cifair =
        "line 1: found ciFAIR's columns, whose ids are positions in the splits, expected the images beside them";
    refused("TestID,TrainID,Judgment\n", &[], &format!("{read} {cifair}"));
    let position = "line 2: found `150` in `TestID`, expected a position in the test split, 0 to 149";
    refused("TestID,TrainID,Judgment\n150,0,1\n", &images, &format!("{read} {position}"));
    let compare = "failed to compare `pairs.parquet` with the truth `t.csv`:";
    refused(header, &[], &format!("{compare} it tells of no duplicates, expected at least one"));
    let splits = [&images[..], &["--splits", "test,train"]].concat();
    let none = "it tells of no duplicates of test and train images, expected at least one";
    refused(&format!("{header}10,11,near\n"), &splits, &format!("{compare} {none}"));
    let splits = [&images[..], &["--splits", "test,val"]].concat();
    let none = "failed to read the images: `images.parquet` has no val images, expected some (`--splits`)";
    refused(&format!("{header}10,11,near\n"), &splits, none);
}

#[test]
fn pairs_of_other_images_are_refused() {
    let folder = folder();
    let images = (10..211).map(image);
    write_manifest(&folder.path().join("images.parquet"), images, &Provenance::of_stage("ingest", "0")).unwrap();
    let call = ["--pairs", "pairs.parquet", "--truth", "truth.csv", "--images", "images.parquet"];
    let (_, stderr) = expect_exit(&folder, &call, 1);
    let expected = "error: failed to read the pairs: `pairs.parquet` was made from other images: from `images.parquet`";
    assert!(stderr.starts_with(expected), "{stderr}");
}

#[test]
fn wrong_usage_ends_with_2() {
    let folder = folder();
    let base = ["--pairs", "pairs.parquet", "--truth", "truth.csv"];
    let check = |words: &[&str], expected: &str| {
        let (_, stderr) = expect_exit(&folder, &[&base, words].concat(), 2);
        assert!(stderr.contains(expected), "{stderr}");
    };
    check(&["--splits", "test,train"], "--images <FILE>");
    check(&["--images", "images.parquet", "--splits", "test"], "expected two splits, such as `test,train`");
    check(&["--images", "images.parquet", "--splits", "test,dev"], "`dev`, expected one of `train`, `val`, `test`");
    check(&["--min-precision", "1.1"], "expected a number from 0 to 1");
}
