//! Curves for TensorBoard.

use std::fs;
use std::path::PathBuf;

use crate::study::{Study, text};

fn event_files(study: &Study) -> Vec<PathBuf> {
    let entries = fs::read_dir(study.path("curves/run")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The lengths of a file's records, and how often it has each tag.
fn records(bytes: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        records.push(&rest[12..12 + length]);
        rest = &rest[12 + length + 4..];
    }
    records
}

fn has(record: &[u8], text: &str) -> bool {
    record.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn each_epoch_is_an_event_and_a_resumed_training_begins_another_file() {
    let study = Study::new();
    let folder = study.path("curves/run");
    let events = ["--tensorboard", folder.to_str().unwrap(), "--keep-checkpoints"];
    let output = study.train("out", &events);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let files = event_files(&study);
    assert!(files[0].file_name().unwrap().to_str().unwrap().starts_with("events.out.tfevents."));
    let bytes = fs::read(&files[0]).unwrap();
    let found = records(&bytes);
    assert_eq!(found.len(), 4, "version, start, two epochs");
    assert!(has(found[0], "brain.Event:2"));
    for (record, n_steps) in [(found[2], 3), (found[3], 6)] {
        assert_eq!(record[9..11], [0x10, n_steps], "the step is the optimiser's");
        for tag in ["loss/train", "accuracy/train", "accuracy/held-out", "learning-rate", "samples-per-second"] {
            assert!(has(record, tag), "{tag}");
        }
        assert!(!has(record, "accuracy/train-pgd"), "nothing is watched here");
    }

    // As if killed in the second epoch.
    fs::remove_file(study.path("out/checkpoints/epoch-000002.safetensors")).unwrap();
    let weights = fs::read(study.path("out/model.safetensors")).unwrap();
    let output = study.train("out", &events);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(fs::read(study.path("out/model.safetensors")).unwrap() == weights, "events change no weights");
    let files = event_files(&study);
    assert_eq!(files.len(), 2);
    let bytes = fs::read(&files[1]).unwrap();
    let found = records(&bytes);
    assert_eq!(found.len(), 3, "version, start, one epoch");
    assert_eq!(found[1][9..], [0x10, 4, 0x3a, 2, 8, 1], "what was said of steps after the third is void");
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let study = Study::new();
    let folder = study.path("train.toml").join("curves");
    study.refuses(
        &["--tensorboard", folder.to_str().unwrap()],
        &["failed to train: event file `", "train.toml/curves`"],
    );
}
