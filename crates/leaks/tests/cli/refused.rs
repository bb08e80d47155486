//! What cannot be used says what was found, what was expected, and what to do.

use twinset_manifest::Provenance;

use super::*;

/// A call with this file ends with exit code 1, and its message holds each part.
#[track_caller]
fn expect_refused(folder: &TempDir, file: &str, more: &[&str], parts: &[&str]) {
    let (_, stderr) = expect_exit(folder.path(), &words(file, more), 1);
    for part in parts {
        assert!(stderr.contains(part), "{file}: {part}: {stderr}");
    }
}

#[test]
fn tables_that_do_not_fit_the_images() {
    let folder = folder();
    let all = || csv("id,predicted", |id| format!("{id},{}", label(id)));
    let check = |text: String, parts: &[&str]| {
        write(&folder, "a.csv", text);
        expect_refused(&folder, "a.csv", &[], parts);
    };
    check(String::new(), &["found an empty file, expected a CSV or Parquet file, a NumPy array"]);
    check("\n\n".into(), &["header: found no column, expected a column of predicted classes, such as `predicted`"]);
    check("id,predicted\n".into(), &["found no row below the header, expected a prediction of each of the 10 images"]);
    check(
        "id,guess\n6,1\n".into(),
        &["header: found the columns `id`, `guess`", "hint: name the column: --predicted-column"],
    );
    check(
        all() + "99,1\n",
        &["line 12: found `99`, which is no image", "hint: images are called", "6 and `test/6.png`"],
    );
    check(
        all() + "7,1\n",
        &["line 12: found a second prediction of `7`, after that of line 3, expected one prediction"],
    );
    check(all().replace("\n9,0", ""), &["found predictions of 9 of 10 images: 1 is missing, id 9 (`test/9.png`)"]);
    let without = |missing: [&str; 2]| -> String {
        let is_left = |line: &&str| !missing.contains(&line.split(',').next().unwrap_or_default());
        all().lines().filter(is_left).map(|line| format!("{line}\n")).collect()
    };
    let (cut, sparse) = (without(["14", "15"]), without(["9", "14"]));
    check(
        cut,
        &[
            "found predictions of 8 of 10 images: 2 are missing, all from id 14 (`test/14.png`) to id 15 (`test/15.png`)",
            "hint: the last images are missing: was the file cut off?",
        ],
    );
    check(sparse, &["found predictions of 8 of 10 images: 2 are missing, the first of them id 9 (`test/9.png`)"]);
    check(all().replace("\n9,0", "\n9,3"), &["line 5: found `3` in `predicted`, expected a class from 0 to 2"]);
    check(all().replace("\n9,0", "\n9,"), &["line 5: found nothing in `predicted`, expected a class"]);
    check(
        all().replace("\n9,0", "\n9,wolf"),
        &["found `wolf` in `predicted`, expected a class from 0 to 2 (cat, dog, fox)"],
    );
    check(
        "id,predicted\n0,0\n1,1\n".into(),
        &["found 2 predictions, all of images of other splits", "hint: if the numbers are places"],
    );
    check(
        "predicted\n0\n1\n".into(),
        &["found 2 rows, and no column that says which image each is of", "hint: add a column"],
    );
    check(
        csv("id,predicted,label", |id| format!("{id},0,{}", (label(id) + 1) % 3)),
        &[
            "line 2: found the class dog (1) in `label`; 10 of 10 labels are not those of the images, expected cat (0)",
            "hint: the classes",
        ],
    );
    check(
        csv("predicted,label", |id| format!("0,{}", label(21 - id))),
        &["labels are not those of the images", "hint: the rows may be in another order"],
    );
    check("id,predicted\n6\n".into(), &["`a.csv`, line 2: found 1 fields, expected 2 as in the header"]);
    expect_refused(&folder, "missing.csv", &[], &["cannot read `missing.csv`: No such file"]);
    write(&folder, "b.csv", all());
    expect_refused(&folder, "b.csv", &["--label-column", "truth"], &["expected the column `truth` of --label-column"]);
    expect_refused(
        &folder,
        "b.csv",
        &["--predictions", "x/b.csv"],
        &["found the name `b` twice", "hint: name the models"],
    );
}

#[test]
fn arrays_that_do_not_fit_the_images() {
    let folder = folder();
    let check = |shape: &str, values: Vec<f32>, parts: &[&str]| {
        write(&folder, "a.npy", npy(shape, values));
        expect_refused(&folder, "a.npy", &[], parts);
    };
    check(
        "(9, 3)",
        vec![0.0; 27],
        &["found shape (9, 3), expected a prediction of each of the 10 images", "hint: predict the images"],
    );
    check("(10, 4)", vec![0.0; 40], &["found shape (10, 4), expected 3 columns", "hint: leave out the columns"]);
    check("(10, 1)", vec![0.0; 10], &["found shape (10, 1)", "hint: write the classes instead"]);
    check("(10,)", vec![0.5; 10], &["[0]: found 0.5, expected a class from 0 to 2", "hint: of probabilities"]);
    let mut logits = vec![0.0; 30];
    logits[14] = f32::NAN;
    check("(10, 3)", logits, &["[4]: found NaN; 1 of 10 rows have one, expected numbers", "hint: the model"]);
    write(&folder, "b.npz", b"PK\x03\x04....");
    expect_refused(
        &folder,
        "b.npz",
        &[],
        &["found an archive (.npz of NumPy or a file of PyTorch)", "hint: write one array"],
    );
}

#[test]
fn classes_whose_names_are_numbers() {
    let folder = folder();
    // Folders called 1, 10 and 2, which are the classes 0, 1 and 2.
    let names = ["1", "10", "2"];
    let rows = (0..N_TRAIN + N_TEST).map(|id| Image { class_name: names[label(id) as usize].to_owned(), ..image(id) });
    write_manifest(&folder.path().join("images.parquet"), rows, &Provenance::of_stage("ingest", "0.1.0")).unwrap();
    write_manifest(
        &folder.path().join("pairs.parquet"),
        [pair(0, 6, PairKind::Exact, 1.0)],
        &Provenance::of_stage("neardup", "0.1.0"),
    )
    .unwrap();
    write(&folder, "a.csv", csv("id,predicted", |id| format!("{id},{}", if label(id) == 0 { "1" } else { "2" })));
    expect_refused(
        &folder,
        "a.csv",
        &[],
        &["found `1` in `predicted`, which is a number and the name of the class 1 (0)", "hint: say which"],
    );
    for (classes, n_correct) in [("names", 7), ("numbers", 3)] {
        let set = format!("classes=\"{classes}\"");
        expect_exit(folder.path(), &words("a.csv", &["--set", &set]), 0);
        assert_eq!(counts(&leaks(folder.path()), "a", LeakSubset::All), (10, n_correct), "{classes}");
    }
}

#[test]
fn images_and_pairs_that_do_not_fit() {
    let folder = folder();
    write(&folder, "a.csv", csv("id,predicted", |id| format!("{id},{}", label(id))));
    expect_refused(
        &folder,
        "a.csv",
        &["--split", "val"],
        &["found 6 images of `train`, 10 images of `test`, expected images of the split `val`"],
    );
    expect_refused(&folder, "a.csv", &["--split", "train"], &["--split: found `train`, expected `val` or `test`"]);
    let (_, stderr) = expect_exit(folder.path(), &["--scan", "nowhere", "--predictions", "a.csv", "--out", "out"], 1);
    assert!(stderr.contains("`nowhere`: found no `images/images.parquet`, expected the folder of a scan"), "{stderr}");
    expect_exit(folder.path(), &["--predictions", "a.csv", "--out", "out"], 2);

    let images = folder.path().join("images.parquet");
    let provenance = Provenance::of_stage("ingest", "0.1.0");
    let check = |rows: Vec<Image>, parts: &[&str]| {
        write_manifest(&images, rows, &provenance).unwrap();
        write_manifest(
            &folder.path().join("pairs.parquet"),
            Vec::<Pair>::new(),
            &Provenance::of_stage("neardup", "0.1.0"),
        )
        .unwrap();
        expect_refused(&folder, "a.csv", &[], parts);
    };
    check(
        (N_TRAIN..N_TRAIN + N_TEST).map(image).collect(),
        &[
            "found 10 images of `test`, expected images of the split `train`",
            "hint: leaks come from the training split",
        ],
    );
    let unlabelled = |id| Image { label: 0, class_name: String::new(), ..image(id) };
    check(
        (0..N_TRAIN + N_TEST).map(unlabelled).collect(),
        &["found images without labels, expected images with a class each"],
    );
    write_manifest(&images, (0..N_TRAIN + N_TEST).map(image), &provenance).unwrap();
    write_manifest(
        &folder.path().join("pairs.parquet"),
        [pair(0, 99, PairKind::Near, 0.9)],
        &Provenance::of_stage("neardup", "0.1.0"),
    )
    .unwrap();
    expect_refused(&folder, "a.csv", &[], &["found the image 99, expected images of `images.parquet`"]);
}

#[test]
fn pairs_of_other_images() {
    let folder = folder();
    write(&folder, "a.csv", csv("id,predicted", |id| format!("{id},{}", label(id))));
    write_images(folder.path(), Provenance::of_stage("ingest", "0.2.0"));
    expect_refused(
        &folder,
        "a.csv",
        &[],
        &["`pairs.parquet` was made from other images", "hint: run twinset-neardup again"],
    );
    assert!(!folder.path().join("out/leaks.parquet").exists());
}
