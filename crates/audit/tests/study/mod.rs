//! A small sound study as the runner leaves it: six runs in a store, each with the record of its files.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod store;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use image::{Rgb, RgbImage};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use tempfile::TempDir;
use twinset_manifest::rows::{
    Cell, Cluster, Epoch, Hashes, Image, ImageData, IntervalMethod, Origin, Pair, PairKind, Prediction, Reject, Split,
    TrainsetRow,
};
use twinset_manifest::{Input, Provenance, Untyped, Writer, digest_file, write_manifest};
use twinset_pixels::{digest, encode_png};
use twinset_record::Outputs;

pub(crate) const CLASSES: [&str; 2] = ["cat", "dog"];

/// The rows of a study, to be changed before they are written.
pub(crate) struct Study {
    pub(crate) images: Vec<Image>,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) hashes: Vec<Hashes>,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) trainset: Vec<TrainsetRow>,
    pub(crate) injected: Vec<Image>,
    pub(crate) epochs: Vec<Epoch>,
    pub(crate) predictions: Vec<Prediction>,
    pub(crate) cells: Vec<Cell>,
}

fn picture(n: u64) -> RgbImage {
    RgbImage::from_fn(8, 8, |x, y| Rgb([(x * 20 + n as u32 * 9) as u8, (y * 25) as u8, n as u8 * 13]))
}

fn image(image_id: u64, pixels: &RgbImage, split: Split) -> Image {
    let label = (image_id % 2) as u32;
    Image {
        image_id,
        split,
        label,
        class_name: CLASSES[label as usize].to_owned(),
        width: 8,
        height: 8,
        image: ImageData { bytes: Some(encode_png(pixels).into()), path: None },
        pixels_blake3: digest(pixels),
        source: format!("batch.bin#{image_id}"),
        derived_from: None,
        transform: None,
        lost: None,
    }
}

impl Study {
    /// Twelve images, eight of them for training, of which 0 and 2 have the same pixels. Image 5 is injected twice as it is and
    /// once changed, as image 12.
    pub(crate) fn sound() -> Self {
        let split = |id: u64| if id < 8 { Split::Train } else { Split::Test };
        let images: Vec<Image> =
            (0..12).map(|id| image(id, &picture(if id == 2 { 0 } else { id }), split(id))).collect();
        let changed = RgbImage::from_fn(8, 8, |x, y| *picture(5).get_pixel((x + 1) % 8, y));
        let injected = Image {
            label: images[5].label,
            class_name: images[5].class_name.clone(),
            source: images[5].source.clone(),
            derived_from: Some(5),
            transform: Some("shift(right=-1 down=0)".to_owned()),
            ..image(12, &changed, Split::Train)
        };
        let row = |position: u64, image_id: u64, label: u32, copy: u32| TrainsetRow {
            position,
            image_id,
            label,
            origin: if copy == 0 { Origin::Original } else { Origin::Injected },
            duplicate_of: (copy > 0).then_some(5),
            copy,
        };
        let mut trainset: Vec<_> = (0..8).map(|id| row(id, id, images[id as usize].label, 0)).collect();
        trainset.extend([row(8, 5, 1, 1), row(9, 5, 1, 2), row(10, 12, 1, 3)]);
        Self {
            rejects: vec![Reject { source: "b.png".into(), reason: "unreadable".into(), detail: "cut short".into() }],
            hashes: images.iter().map(hashes).collect(),
            pairs: vec![Pair {
                left_id: 0,
                right_id: 2,
                kind: PairKind::Exact,
                found_by: "pixels".to_owned(),
                hash_distance_bits: None,
                left_split: Split::Train,
                right_split: Split::Train,
                left_label: 0,
                right_label: 0,
                label_conflict: false,
                similarity: None,
                expected_false_pairs: None,
                alignment: None,
                left_source: "batch.bin#0".to_owned(),
                right_source: "batch.bin#2".to_owned(),
            }],
            clusters: (0..12).map(cluster).collect(),
            trainset,
            injected: vec![injected],
            epochs: (1..=2).map(epoch).collect(),
            predictions: images[8..].iter().map(prediction).collect(),
            cells: vec![cell()],
            images,
        }
    }

    /// Writes the study as the runner's store and tells the folder of each stage.
    pub(crate) fn write(&self, root: &Path) -> Runs {
        let source = root.join("source");
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("batch.bin"), b"the bytes of twelve images").unwrap();
        let runs = Runs { stages: root.join("stages") };
        for (stage, _) in STAGES {
            fs::create_dir_all(runs.of(stage)).unwrap();
        }
        let of = |stage: &str, config: serde_json::Value, inputs: &[Input]| {
            Provenance::of_stage(stage, "0.1.0").with_config(&config).with_inputs(inputs.iter().cloned())
        };
        let names = CLASSES.map(str::to_owned);
        let batch = Input::of_file(&source.join("batch.bin")).unwrap();
        let ingest = of("ingest", serde_json::json!({ "dataset": "drawn" }), &[batch]);
        let mut writer = Writer::create(&runs.of("ingest").join("images.parquet")).unwrap();
        writer.extend(self.images.clone()).unwrap();
        let images = writer.finish_images(&ingest, &names).unwrap().as_input::<Image>();
        write_manifest(&runs.of("ingest").join("rejects.parquet"), self.rejects.clone(), &ingest).unwrap();

        let neardup = of(
            "neardup",
            serde_json::json!({ "max-cluster-size": 1000, "near-similarity": 0.7 }),
            std::slice::from_ref(&images),
        );
        write_manifest(&runs.of("neardup").join("hashes.parquet"), self.hashes.clone(), &neardup).unwrap();
        write_manifest(&runs.of("neardup").join("pairs.parquet"), self.pairs.clone(), &neardup).unwrap();
        let path = runs.of("neardup").join("clusters.parquet");
        let clusters = write_manifest(&path, self.clusters.clone(), &neardup).unwrap().as_input::<Cluster>();

        let config = serde_json::json!({ "rate": 0.375, "seed": 3, "selection": { "kind": "uniform" } });
        let inject = of("inject", config, &[images.clone(), clusters]).with_seed(Some(3));
        let mut writer = Writer::create(&runs.of("inject").join("injected-images.parquet")).unwrap();
        writer.extend(self.injected.clone()).unwrap();
        let injected = writer.finish_images(&inject, &names).unwrap().as_input::<Image>();
        let path = runs.of("inject").join("trainset.parquet");
        let trainset = write_manifest(&path, self.trainset.clone(), &inject).unwrap().as_input::<TrainsetRow>();

        let train =
            of("train", serde_json::json!({ "model": "paper-standard" }), &[images.clone(), injected, trainset]);
        write_manifest(&runs.of("train").join("epochs.parquet"), self.epochs.clone(), &train).unwrap();
        let weights = runs.of("train").join("model.safetensors");
        fs::write(&weights, safetensors(&train)).unwrap();

        let network = Input::of_file(&weights).unwrap();
        let evaluate = of("evaluate", serde_json::json!({ "splits": ["test"] }), &[images, network]);
        let path = runs.of("evaluate").join("predictions.parquet");
        let predictions = write_manifest(&path, self.predictions.clone(), &evaluate).unwrap().as_input::<Prediction>();
        let report = of("report", serde_json::json!({}), &[predictions]);
        write_manifest(&runs.of("report").join("cells.parquet"), self.cells.clone(), &report).unwrap();
        runs.record();
        runs
    }
}

const STAGES: [(&str, char); 6] =
    [("ingest", 'a'), ("neardup", 'b'), ("inject", 'c'), ("train", 'd'), ("evaluate", 'e'), ("report", 'f')];

/// Where the runs of a study are.
pub(crate) struct Runs {
    pub(crate) stages: PathBuf,
}

impl Runs {
    /// The folder of a stage's run, named after a key as the runner's are.
    pub(crate) fn of(&self, stage: &str) -> PathBuf {
        let (_, digit) = STAGES.into_iter().find(|(name, _)| *name == stage).unwrap();
        self.stages.join(stage).join(String::from(digit).repeat(64))
    }

    /// Writes down each run's files as they are now.
    pub(crate) fn record(&self) {
        for (stage, _) in STAGES {
            record(&self.of(stage));
        }
    }
}

/// Writes down the files of a run's folder, those of its folders of shards too.
pub(crate) fn record(folder: &Path) -> Outputs {
    let files = |folder: &Path| -> Vec<PathBuf> {
        fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let of_folder = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    let mut outputs = Outputs::new();
    for path in files(folder).into_iter().flat_map(of_folder) {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        if !["digests.json", "key.json", "config.toml"].contains(&name.as_str()) {
            let blake3 = digest_file(&path).unwrap().to_string();
            outputs.insert(name, twinset_record::Output { blake3, n_bytes: fs::metadata(&path).unwrap().len() });
        }
    }
    fs::write(folder.join("digests.json"), serde_json::to_vec_pretty(&outputs).unwrap()).unwrap();
    outputs
}

/// A sound study that was written.
pub(crate) fn sound() -> (TempDir, Runs) {
    let root = tempfile::tempdir().unwrap();
    let runs = Study::sound().write(root.path());
    (root, runs)
}

/// Writes a manifest anew, as a person with another tool would: changed columns, and footer entries as they were or not.
pub(crate) fn rewrite(
    path: &Path,
    change: impl Fn(Vec<(Field, ArrayRef)>) -> Vec<(Field, ArrayRef)>,
    entry: impl Fn(&str, &str) -> Option<String>,
) {
    let manifest = Untyped::open(path).unwrap();
    let entries: Vec<_> = manifest.entries().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let schema = manifest.columns().clone();
    let batches: Vec<_> = manifest.batches(None, 65536).unwrap().collect::<Result<_, _>>().unwrap();
    let batch = arrow::compute::concat_batches(&schema, &batches).unwrap();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(f, a)| (f.as_ref().clone(), a.clone())).collect();
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = change(columns).into_iter().unzip();
    let batch = RecordBatch::try_new(Schema::new(fields).into(), arrays).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    for (key, value) in entries.iter().filter(|(key, _)| key != "ARROW:schema") {
        if let Some(value) = entry(key, value) {
            writer.append_key_value_metadata(KeyValue::new(key.clone(), value));
        }
    }
    writer.close().unwrap();
}

/// What a footer's entry was.
pub(crate) fn as_it_was(_: &str, value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn hashes(image: &Image) -> Hashes {
    Hashes {
        image_id: image.image_id,
        pixels_blake3: image.pixels_blake3,
        is_flat: false,
        mean: None,
        gradient: Some(image.image_id.to_le_bytes().to_vec()),
        double_gradient: None,
        block: None,
        dct: None,
        pdq: None,
        pdq_quality: None,
    }
}

fn cluster(image_id: u64) -> Cluster {
    let is_pair = image_id == 0 || image_id == 2;
    let cluster_id = if is_pair { 0 } else { image_id };
    Cluster {
        image_id,
        cluster_id,
        cluster_size: if is_pair { 2 } else { 1 },
        is_representative: image_id == cluster_id,
        source: format!("batch.bin#{image_id}"),
    }
}

fn epoch(epoch: u32) -> Epoch {
    Epoch {
        epoch,
        n_steps: u64::from(epoch) * 11,
        n_samples_seen: u64::from(epoch) * 11,
        learning_rate: 0.001,
        train_loss: 0.5,
        train_accuracy: 0.75,
        held_out_accuracy: None,
        n_held_out: None,
        held_out_attacked_accuracy: None,
        n_held_out_attacked: None,
    }
}

fn prediction(image: &Image) -> Prediction {
    let predicted = u32::from(image.image_id != 8);
    Prediction {
        image_id: image.image_id,
        split: image.split,
        label: image.label,
        attack: "clean".to_owned(),
        predicted,
        is_correct: predicted == image.label,
        linf: 0.0,
        l2: 0.0,
        n_queries: 1,
        margin: if predicted == image.label { 1.0 } else { -1.0 },
        loss: 0.5,
        fooled_by: (predicted != image.label).then(|| "clean".to_owned()),
    }
}

fn cell() -> Cell {
    Cell {
        arm: "standard".to_owned(),
        rate: 0.375,
        seed: Some(3),
        metric: "accuracy".to_owned(),
        split: Split::Test,
        attack: "clean".to_owned(),
        label: None,
        class_name: None,
        estimate: 0.75,
        interval_low: Some(0.3),
        interval_high: Some(0.95),
        interval_method: IntervalMethod::Wilson,
        confidence: 0.95,
        n_images: 4,
        n_seeds: 1,
    }
}

/// Weights without a tensor: their length as a little-endian u64, then their header.
fn safetensors(provenance: &Provenance) -> Vec<u8> {
    let metadata = serde_json::json!({
        "twinset.schema": "weights/1", "twinset.provenance": serde_json::to_string(provenance).unwrap(),
    });
    let header = serde_json::json!({ "__metadata__": metadata }).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
}

/// The binary, in a folder.
pub(crate) fn audit(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-audit"));
    command.current_dir(folder);
    command
}

/// What it printed on stdout and on stderr; it ends with this exit code.
#[track_caller]
pub(crate) fn expect_exit(command: &mut Command, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(status.code(), Some(code), "{stdout}{stderr}");
    (stdout, stderr)
}
