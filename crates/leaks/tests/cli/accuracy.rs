//! What is computed, from files of every kind.

use twinset_manifest::rows::{LeakSubset, Prediction};
use twinset_manifest::{Input, Provenance, write_manifest};

use super::*;

/// A model that is right on the leaked images 6, 7 and 8, and on 9 and 10, but on no other.
fn predicted(image_id: u64) -> u32 {
    if image_id <= 10 { label(image_id) } else { (label(image_id) + 1) % 3 }
}

#[track_caller]
fn expect_counts(folder: &TempDir, model: &str) {
    let rows = leaks(folder.path());
    for (subset, expected) in [
        (LeakSubset::All, (10, 5)),
        (LeakSubset::WithoutTwin, (7, 2)),
        (LeakSubset::Leaked, (3, 3)),
        (LeakSubset::LeakedExact, (1, 1)),
        (LeakSubset::LeakedNear, (2, 2)),
        (LeakSubset::TwinWithinSplit, (2, 2)),
    ] {
        assert_eq!(counts(&rows, model, subset), expected, "{subset}");
    }
    let bins = rows.iter().filter(|row| row.subset == LeakSubset::LeakedSimilarity);
    let bins: Vec<_> = bins.map(|row| (row.similarity_low.unwrap(), row.n_images)).collect();
    assert_eq!(bins, [(0.0, 0), (0.85, 1), (0.9, 0), (0.95, 1)]);
    assert_eq!(rows[0].difference, Some(5.0 / 10.0 - 2.0 / 7.0));
}

#[test]
fn every_kind_of_file_gives_the_same() {
    let folder = folder();
    let of = |name: &str| folder.path().join(name);
    write(&folder, "id.csv", csv("id,predicted", |id| format!("{id},{}", predicted(id))));
    write(&folder, "index.csv", csv(",pred,label", |id| format!("{},{},{}", id - N_TRAIN, predicted(id), label(id))));
    write(
        &folder,
        "file.tsv",
        csv("File\tPrediction", |id| format!("/data/test/{id}.png\t{}", CLASSES[predicted(id) as usize])),
    );
    write(
        &folder,
        "order.csv",
        csv("y_pred;y_true", |id| format!("{}.0;{}", predicted(id), CLASSES[label(id) as usize])),
    );
    let logits = |id: u64| (0..3).map(move |class| if class == predicted(id) { 1.5 } else { -f32::from(class as u8) });
    write(&folder, "logits.npy", npy("(10, 3)", (N_TRAIN..N_TRAIN + N_TEST).flat_map(logits)));
    write(&folder, "classes.npy", npy("(10,)", (N_TRAIN..N_TRAIN + N_TEST).map(|id| predicted(id) as f32)));
    let row = |image_id: u64| Prediction {
        image_id,
        split: split(image_id),
        label: label(image_id),
        attack: "clean".to_owned(),
        predicted: predicted(image_id),
        is_correct: predicted(image_id) == label(image_id),
        linf: 0.0,
        l2: 0.0,
        n_queries: 1,
        margin: 0.0,
        loss: 0.0,
        fooled_by: None,
    };
    let input = Reader::<Image>::open(&of("images.parquet")).unwrap().as_input().unwrap();
    let provenance = Provenance::of_stage("evaluate", "0.1.0").with_inputs([input]);
    write_manifest(&of("own.parquet"), (0..N_TRAIN + N_TEST).map(row), &provenance).unwrap();

    for (file, images_by) in [
        ("id.csv", "images by column `id`"),
        ("index.csv", "images by the first column"),
        ("file.tsv", "images by column `File`, predicted class by column `Prediction`"),
        ("order.csv", "images by the images' order, checked by column `y_true`"),
        ("logits.npy", "NumPy array of logits, images by the images' order"),
        ("classes.npy", "NumPy array of classes, images by the images' order"),
        ("own.parquet", "predictions of twinset-evaluate, images by column `image_id`"),
    ] {
        let (stdout, stderr) = expect_exit(folder.path(), &words(&format!("model={file}"), &[]), 0);
        expect_counts(&folder, "model");
        assert!(stdout.contains(images_by), "{file}: {stdout}");
        assert_eq!(stderr.contains("nothing but their number says"), file.ends_with(".npy"), "{file}: {stderr}");
    }
}

#[test]
fn the_findings_are_said_and_a_page_shows_them() {
    let folder = folder();
    write(&folder, "mine.csv", csv("id,predicted", |id| format!("{id},{}", predicted(id))));
    let (stdout, stderr) = expect_exit(folder.path(), &words("mine.csv", &[]), 0);
    for part in [
        "3 of 10 images of the test split (30.00 %) have a twin in the training split: 1 exact, 2 near. 2 more have a twin only \
         within the test split",
        "mine    50.00 %        28.57 %  +21.43",
        "Leaked images may simply be easier than others.",
        "twinset clean --images images.parquet --pairs pairs.parquet --clusters clusters.parquet --set leaks=remove-from-train --set \
         within-splits=false --out without-twins",
        "wrote leaks.parquet and leaks.html to out",
    ] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    assert_eq!(stderr, "");
    let html = std::fs::read_to_string(folder.path().join("out/leaks.html")).unwrap();
    assert!(html.contains("--clusters clusters.parquet --set leaks=remove-from-train --set within-splits=false"));
    for part in ["leaked images add 21.43 points", "Right: 3", "Wrong: none", "test/6.png", "McNemar"] {
        assert!(html.replace("<wbr>", "").contains(part), "{part}: {html}");
    }
    assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
    let (json, _) = expect_exit(folder.path(), &words("mine.csv", &["--json"]), 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["n_leaked"], 3);
    assert_eq!(json["models"][0]["without_twin"]["n_correct"], 2);
    assert_eq!(json["ranking"][0]["name"], "mine");
}

#[test]
fn models_are_ranked_with_and_without_leaks() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("models")).unwrap();
    write(&folder, "models/leaky.csv", csv("id,predicted", |id| format!("{id},{}", predicted(id))));
    // Right on three images without a twin and on one that leaked.
    let honest = |id: u64| if [6, 13, 14, 15].contains(&id) { label(id) } else { (label(id) + 1) % 3 };
    write(&folder, "models/honest.csv", csv("id,predicted", |id| format!("{id},{}", honest(id))));
    let (stdout, _) = expect_exit(folder.path(), &words("models", &[]), 0);
    assert!(stdout.contains("one pair of models changes its order, but not beyond noise."), "{stdout}");
    assert!(stdout.contains("leaky less honest: +10.00 ["), "{stdout}");
    let rows = leaks(folder.path());
    let rank = |model: &str, subset| {
        let row = rows.iter().find(|row| row.model == model && row.subset == subset).unwrap();
        (row.rank, row.next_model.clone(), row.lead)
    };
    assert_eq!(rank("leaky", LeakSubset::All), (Some(1), Some("honest".into()), Some(0.1)));
    assert_eq!(rank("honest", LeakSubset::WithoutTwin), (Some(1), Some("leaky".into()), Some(1.0 / 7.0)));
    assert_eq!(rank("leaky", LeakSubset::WithoutTwin), (Some(2), None, None));
}

#[test]
fn the_lead_of_the_best_model_is_said() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("models")).unwrap();
    write(&folder, "models/right.csv", csv("id,predicted", |id| format!("{id},{}", label(id))));
    write(&folder, "models/leaky.csv", csv("id,predicted", |id| format!("{id},{}", predicted(id))));
    let (stdout, _) = expect_exit(folder.path(), &words("models", &[]), 0);
    assert!(
        stdout.contains("Without leaked images the models rank as before. right leads leaky by +50.00 ["),
        "{stdout}"
    );
    assert!(stdout.contains("points on all images, and by +71.43 ["), "{stdout}");
}

#[test]
fn what_the_images_warn_of_is_said_again() {
    let folder = folder();
    let warning = "`test_batch.bin` is not the official file";
    let mut provenance = Provenance::of_stage("ingest", "0.1.0");
    provenance.warnings.push(warning.to_owned());
    write_images(folder.path(), provenance);
    write_manifest(&folder.path().join("pairs.parquet"), Vec::<Pair>::new(), &Provenance::of_stage("neardup", "0.1.0"))
        .unwrap();
    write(&folder, "mine.csv", csv("id,predicted", |id| format!("{id},{}", predicted(id))));
    let (_, stderr) = expect_exit(folder.path(), &words("mine.csv", &[]), 0);
    assert!(stderr.contains(&format!("warning: of the images: {warning}")), "{stderr}");
    let html = std::fs::read_to_string(folder.path().join("out/leaks.html")).unwrap();
    assert!(html.contains("of the images: `test_batch.bin` is not the official file"), "{html}");
    let reader = Reader::<Leak>::open(&folder.path().join("out/leaks.parquet")).unwrap();
    assert_eq!(reader.provenance().warnings, [format!("of the images: {warning}")]);
}

#[test]
fn the_manifest_names_what_it_was_made_from() {
    let folder = folder();
    write(&folder, "mine.csv", csv("id,predicted", |id| format!("{id},{}", predicted(id))));
    expect_exit(folder.path(), &words("mine.csv", &["--predicted-column", "predicted"]), 0);
    let reader = Reader::<Leak>::open(&folder.path().join("out/leaks.parquet")).unwrap();
    let Provenance { stage, config, inputs, .. } = reader.provenance();
    assert_eq!((stage.as_str(), &config["predicted-column"]), ("leaks", &"predicted".into()));
    let names: Vec<&str> = inputs.iter().map(|Input { name, .. }| name.as_str()).collect();
    assert_eq!(names, ["images.parquet", "pairs.parquet", "mine.csv"]);
}

#[test]
fn a_scans_folder_is_taken_and_a_set_without_leaks_stands() {
    let folder = folder();
    for (name, place) in [("images.parquet", "scan/images"), ("pairs.parquet", "scan/duplicates")] {
        std::fs::create_dir_all(folder.path().join(place)).unwrap();
        std::fs::rename(folder.path().join(name), folder.path().join(place).join(name)).unwrap();
    }
    write(&folder, "mine.csv", csv("id,predicted", |id| format!("{id},{}", predicted(id))));
    let words = ["--quiet", "--scan", "scan", "--predictions", "mine.csv", "--out", "out"];
    expect_exit(folder.path(), &words, 0);
    expect_counts(&folder, "mine");
    let pairs = folder.path().join("scan/duplicates/pairs.parquet");
    write_manifest(&pairs, [pair(9, 10, PairKind::Near, 0.9)], &Provenance::of_stage("neardup", "0.1.0")).unwrap();
    let (stdout, _) = expect_exit(folder.path(), &words, 0);
    assert!(stdout.contains("None of 10 images of the test split has a twin in the training split."), "{stdout}");
    let rows = leaks(folder.path());
    assert_eq!((rows[0].difference, rows[0].difference_low), (Some(0.0), None));
    let html = std::fs::read_to_string(folder.path().join("out/leaks.html")).unwrap();
    assert!(html.contains("No image has leaked, so it stands."), "{html}");
}

#[test]
fn pictures_of_a_scan_are_found_where_it_says() {
    let folder = folder();
    let of = |name: &str| folder.path().join(name);
    for place in ["scan/images", "scan/duplicates", "data/train", "data/test"] {
        std::fs::create_dir_all(of(place)).unwrap();
    }
    let referenced = (0..N_TRAIN + N_TEST).map(|id| {
        let row = image(id);
        std::fs::write(of("data").join(&row.source), row.image.bytes.unwrap()).unwrap();
        Image { image: ImageData { bytes: None, path: Some(row.source.clone()) }, ..image(id) }
    });
    write_manifest(&of("scan/images/images.parquet"), referenced, &Provenance::of_stage("ingest", "0.1.0")).unwrap();
    let pairs = [pair(2, 7, PairKind::Near, 0.97)];
    write_manifest(&of("scan/duplicates/pairs.parquet"), pairs, &Provenance::of_stage("neardup", "0.1.0")).unwrap();
    write(&folder, "mine.csv", csv("id,predicted", |id| format!("{id},{}", predicted(id))));
    let words = ["--quiet", "--scan", "scan", "--predictions", "mine.csv", "--out", "out"];
    let (_, stderr) = expect_exit(folder.path(), &words, 0);
    assert!(stderr.contains("warning: 2 of 2 pictures of leaked images cannot be shown; --folder names"), "{stderr}");
    std::fs::write(of("scan/scan.json"), serde_json::json!({ "data": of("data") }).to_string()).unwrap();
    let (_, stderr) = expect_exit(folder.path(), &words, 0);
    assert_eq!(stderr, "");
}

#[test]
fn names_are_no_html_and_no_control_characters() {
    let folder = folder();
    write(&folder, "mine.csv", csv("id,predicted", |id| format!("{id},{}", predicted(id))));
    let (stdout, _) = expect_exit(folder.path(), &words("<script>\u{1b}[31m=mine.csv", &[]), 0);
    assert!(stdout.contains("<script>\\u{1b}[31m") && !stdout.contains('\u{1b}'), "{stdout}");
    let html = std::fs::read_to_string(folder.path().join("out/leaks.html")).unwrap();
    assert!(!html.contains("<script"), "{html}");
}

#[test]
fn ties_are_counted() {
    let folder = folder();
    write(&folder, "ties.npy", npy("(10, 3)", (0..10).flat_map(|_| [1.0, 1.0, 0.0])));
    let (_, stderr) = expect_exit(folder.path(), &words("ties.npy", &[]), 0);
    assert!(
        stderr.contains(
            "gives its largest logit to several classes on 10 images, and to the right class among them on 7"
        ),
        "{stderr}"
    );
}
