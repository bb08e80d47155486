//! `dataset = "shapes"`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use twinset_manifest::rows::Split;

use crate::sandbox::{Sandbox, binary, said};

const CONFIG: &str = "dataset = 'shapes'\nn-train = 700\nn-val = 50\nn-test = 100\nseed = 3\nn-label-conflicts = 2\n";

#[test]
fn it_writes_images_rejects_and_the_truth() {
    let sandbox = Sandbox::new();
    let stdout = sandbox.ingest(CONFIG, &[]);
    for part in
        ["wrote 850 images to out/images.parquet", "train    700", "val      50", "test     100", "classes  10: bar"]
    {
        assert!(stdout.contains(part), "{stdout}");
    }
    let images = sandbox.images();
    assert!(images.iter().enumerate().all(|(at, image)| image.image_id == at as u64));
    assert!(images.iter().all(|image| (image.width, image.height) == (32, 32)));
    assert_eq!(
        images[0].class_name,
        ["bar", "checker", "crescent", "cross", "disc", "ring", "square", "star", "stripes", "triangle"]
            [images[0].label as usize]
    );
    assert_eq!(images.iter().filter(|image| image.split == Split::Val).count(), 50);
    assert!(sandbox.rejects().is_empty());

    let provenance = sandbox.provenance();
    assert_eq!(provenance.seed, Some(3));
    assert_eq!(provenance.config["dataset"], "shapes");
    assert_eq!(provenance.config["n-exact-in-train"], 14);
    assert_eq!(provenance.config["n-near-in-test"], 4);
    assert!(provenance.inputs.is_empty());
}

#[test]
fn the_truth_names_all_exact_duplicates_and_both_splits() {
    let sandbox = Sandbox::new();
    sandbox.ingest(CONFIG, &[]);
    let images = sandbox.images();
    let truth = fs::read_to_string(sandbox.path("out/truth.csv")).unwrap();
    let mut lines = truth.lines();
    assert_eq!(lines.next(), Some("left_id,right_id,kind,transform,left_split,right_split"));
    let (mut exact, mut n_conflicts, mut n_leaks) = (BTreeSet::new(), 0, 0);
    for line in lines {
        let fields: Vec<_> = line.split(',').collect();
        let (left_id, right_id): (usize, usize) = (fields[0].parse().unwrap(), fields[1].parse().unwrap());
        let (left, right) = (&images[left_id], &images[right_id]);
        assert!(left_id < right_id);
        assert_eq!([fields[4], fields[5]], [left.split.as_str(), right.split.as_str()]);
        assert_eq!(fields[2] == "exact", left.pixels_blake3 == right.pixels_blake3, "{line}");
        if fields[2] == "exact" {
            exact.insert((left_id, right_id));
        }
        n_conflicts += usize::from(left.label != right.label);
        n_leaks += usize::from(left.split != right.split);
    }
    let all_exact: BTreeSet<_> = (0..images.len())
        .flat_map(|left| (left + 1..images.len()).map(move |right| (left, right)))
        .filter(|&(left, right)| images[left].pixels_blake3 == images[right].pixels_blake3)
        .collect();
    assert_eq!(exact, all_exact);
    assert!(n_conflicts >= 2, "{n_conflicts}");
    assert!(n_leaks >= 9, "{n_leaks}");
}

#[test]
fn the_same_config_gives_the_same_bytes_on_any_number_of_threads() {
    let outputs = |n_threads: &str| {
        let sandbox = Sandbox::new();
        sandbox.write("c.toml", CONFIG);
        let args = ["--config", "c.toml", "--out", "out"];
        let command = Command::new(binary())
            .args(args)
            .current_dir(sandbox.path(""))
            .env("RAYON_NUM_THREADS", n_threads)
            .output();
        assert_eq!(said(command.unwrap()).code, Some(0));
        ["images.parquet", "rejects.parquet", "truth.csv"].map(|name| fs::read(sandbox.path("out").join(name)).unwrap())
    };
    let first = outputs("1");
    assert!(first == outputs("1"));
    assert!(first == outputs("5"));
}

#[test]
fn a_larger_training_set_holds_the_smaller_one() {
    let digests = |n_train: u32| {
        let sandbox = Sandbox::new();
        sandbox.ingest(&format!("dataset = 'shapes'\nn-train = {n_train}\nn-test = 0\nn-near-in-train = 0\n"), &[]);
        sandbox.images().into_iter().map(|image| image.pixels_blake3.to_string()).collect::<BTreeSet<_>>()
    };
    assert!(digests(60).is_subset(&digests(120)));
}

#[test]
fn counts_are_known_without_drawing_and_nothing_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    let said = sandbox.run(&["--config", "c.toml", "--count"]);
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (Some(0), "{\"train\":700,\"val\":50,\"test\":100,\"classes\":10}\n")
    );
    let said = sandbox.run(&["--config", "c.toml", "--list-inputs"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
    let said = sandbox.run(&["--config", "c.toml", "--check"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
}

#[test]
fn a_stderr_that_nobody_reads_does_not_end_the_work() {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(binary());
    command.args(["--config", "c.toml", "--out", "out"]).current_dir(sandbox.path("")).stderr(writer);
    // As a study has it: with a line of progress at the end, however short the work is.
    assert_eq!(command.env("TWINSET_PROGRESS", "machine").status().unwrap().code(), Some(0));
    assert_eq!(sandbox.images().len(), 850);
}
