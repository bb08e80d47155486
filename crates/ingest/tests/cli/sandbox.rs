//! A folder to run the binary in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use twinset_manifest::rows::{Image, Reject};
use twinset_manifest::{Provenance, Reader};

/// A folder that is gone when the test ends.
pub(crate) struct Sandbox(tempfile::TempDir);

/// What a run said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    /// Writes a file, and the folders that it is in.
    pub(crate) fn write(&self, relative: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Writes a PNG of one colour.
    pub(crate) fn write_png(&self, relative: &str, colour: [u8; 3]) {
        self.write(relative, png(5, 4, colour));
    }

    /// Runs the binary in the folder.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(
            Command::new(binary())
                .args(args)
                .current_dir(self.0.path())
                .env_remove("TWINSET_PROGRESS")
                .output()
                .unwrap(),
        )
    }

    /// Runs it with this config and `--out out`, and expects success.
    pub(crate) fn ingest(&self, config: &str, args: &[&str]) -> String {
        let said = self.try_ingest(config, args);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        said.stdout
    }

    /// Runs it with this config and `--out out`.
    pub(crate) fn try_ingest(&self, config: &str, args: &[&str]) -> Said {
        self.write("c.toml", config);
        self.run(&[&["--config", "c.toml", "--out", "out", "--quiet"], args].concat())
    }

    /// Runs it with this config, and expects this error and no manifest.
    pub(crate) fn check_refused(&self, config: &str, args: &[&str], expected: &[&str]) {
        let said = self.try_ingest(config, args);
        assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
        for part in expected {
            assert!(said.stderr.contains(part), "expected {part:?} in:\n{}", said.stderr);
        }
        assert!(said.stderr.starts_with("error: "), "{}", said.stderr);
        let left: Vec<_> = fs::read_dir(self.path("out")).into_iter().flatten().map(|e| e.unwrap().path()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    pub(crate) fn images(&self) -> Vec<Image> {
        Reader::<Image>::open(&self.path("out/images.parquet")).unwrap().read_all().unwrap()
    }

    pub(crate) fn rejects(&self) -> Vec<Reject> {
        Reader::<Reject>::open(&self.path("out/rejects.parquet")).unwrap().read_all().unwrap()
    }

    pub(crate) fn provenance(&self) -> Provenance {
        Reader::<Image>::open(&self.path("out/images.parquet")).unwrap().provenance().clone()
    }
}

pub(crate) fn said(output: Output) -> Said {
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_twinset-ingest")
}

/// The folder of files that other programs wrote.
pub(crate) fn files() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files").to_owned()
}

/// A PNG of one colour.
pub(crate) fn png(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    twinset_pixels::encode_png(&RgbImage::from_pixel(width, height, Rgb(colour)))
}

/// The folder of real data, or a line that says that the test is skipped.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let folder = std::env::var_os("TWINSET_SHARED_DATA").map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: TWINSET_SHARED_DATA names no folder with the data that this test needs");
    }
    folder
}

/// Copies the files of a folder.
pub(crate) fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::write(to.join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
    }
}
