//! A small training to ask for, and its answers.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use twinset_manifest::rows::{Image, ImageData, Origin, Split, TrainsetRow};
use twinset_manifest::{Provenance, Writer, write_manifest};
use twinset_pixels::{digest, encode_png};

pub(crate) const CONFIG: &str = r#"model = "paper-standard"
width = 2
optimizer = { kind = "sgd", learning-rate = 0.05, momentum = 0.9, weight-decay = 5e-4 }
regime = { kind = "standard" }
batch-size = 8
budget = { epochs = 2 }
augmentation = { crop-padding = 1, flip = true }
seed = 3
held-out = { split = "test", max-images = 4 }
"#;

pub(crate) fn image(image_id: u64, split: Split, side: u32) -> Image {
    let label = (image_id % 3) as u32;
    let pixels = RgbImage::from_fn(side, side, |x, y| {
        Rgb([60 + 60 * label as u8, (image_id * 7 % 50) as u8 + x as u8, 100 + y as u8])
    });
    Image {
        image_id,
        split,
        label,
        class_name: ["red", "green", "blue"][label as usize].to_owned(),
        width: side,
        height: side,
        image: ImageData { bytes: Some(encode_png(&pixels).into()), path: None },
        pixels_blake3: digest(&pixels),
        source: format!("{split}.bin#{image_id}"),
        derived_from: None,
        transform: None,
        lost: None,
    }
}

pub(crate) fn original(position: u64) -> TrainsetRow {
    let label = (position % 3) as u32;
    TrainsetRow { position, image_id: position, label, origin: Origin::Original, duplicate_of: None, copy: 0 }
}

pub(crate) fn injected(position: u64, image_id: u64, duplicate_of: u64) -> TrainsetRow {
    let label = (duplicate_of % 3) as u32;
    let duplicate_of = Some(duplicate_of);
    TrainsetRow { position, image_id, label, origin: Origin::Injected, duplicate_of, copy: 1 }
}

/// 20 training and 10 test images, a near-duplicate with id 100; a training set of 20 originals, an exact duplicate, and
/// the near one.
pub(crate) struct Study(tempfile::TempDir);

impl Study {
    pub(crate) fn new() -> Self {
        let study = Self(tempfile::tempdir().unwrap());
        let split = |id| if id < 20 { Split::Train } else { Split::Test };
        study.write_images("images.parquet", (0..30).map(|id| image(id, split(id), 8)).collect());
        let near = Image { label: 1, class_name: "green".to_owned(), ..image(100, Split::Train, 8) };
        study.write_images("injected-images.parquet", vec![near]);
        let mut rows: Vec<_> = (0..20).map(original).collect();
        rows.extend([injected(20, 5, 5), injected(21, 100, 4)]);
        study.write_trainset(rows);
        fs::write(study.path("train.toml"), CONFIG).unwrap();
        study
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write_images(&self, name: &str, images: Vec<Image>) {
        let mut writer = Writer::create(&self.path(name)).unwrap();
        writer.extend(images).unwrap();
        let mut provenance = Provenance::of_stage("ingest", "0.0.0");
        provenance.warnings.push("not the official files".to_owned());
        writer.finish_images(&provenance, &["red", "green", "blue"].map(str::to_owned)).unwrap();
    }

    pub(crate) fn write_trainset(&self, rows: Vec<TrainsetRow>) {
        write_manifest(&self.path("trainset.parquet"), rows, &Provenance::of_stage("inject", "0.0.0")).unwrap();
    }

    pub(crate) fn train(&self, out: &str, more: &[&str]) -> Output {
        let device: &[&str] = if more.contains(&"--device") { &[] } else { &["--device", "cpu"] };
        let mut command = twinset_train();
        for (flag, name) in [
            ("--config", "train.toml"),
            ("--images", "images.parquet"),
            ("--injected-images", "injected-images.parquet"),
            ("--trainset", "trainset.parquet"),
        ] {
            command.arg(flag).arg(self.path(name));
        }
        command.arg("--out").arg(self.path(out)).args(device).args(more).output().unwrap()
    }

    /// Ends with exit code 1 and a message of these parts, and writes nothing.
    #[track_caller]
    pub(crate) fn refuses(&self, more: &[&str], parts: &[&str]) {
        let output = self.train("out", more);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        let line = stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{stderr}"));
        for part in parts {
            assert!(line.contains(part), "{line}\nlacks {part}");
        }
        let written = fs::read_dir(self.path("out")).map_or(0, Iterator::count);
        assert_eq!(written, 0, "something was written");
    }
}

pub(crate) fn twinset_train() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-train"));
    command.env_remove("LD_LIBRARY_PATH").env_remove("TWINSET_PROGRESS").env_remove("OMP_NUM_THREADS");
    command
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The bytes with the first `from` as `to`, which is as long.
pub(crate) fn replace(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect("it is there");
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}
