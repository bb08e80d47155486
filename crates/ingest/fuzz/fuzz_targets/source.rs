//! A source of one file with any bytes, ingested as a user would.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use twinset_ingest::{Config, count, ingest};
use twinset_manifest::Reader;
use twinset_manifest::rows::Image;
use twinset_stage::Progress;

/// A folder for the source and one for what is made of it.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.0.path().join("out")).unwrap();
        folder
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Whatever the source holds, there is an error, or a manifest that says the truth about its images.
    pub fn ingest(&self, config: &str) {
        let config: Config = toml::from_str(config).unwrap();
        config.validate().unwrap();
        let data = Some(self.0.path());
        let counts = count(&config, data);
        let out = self.0.path().join("out");
        let Ok(summary) = ingest(&config, data, &out, &Progress::hidden()) else { return };
        let counts = counts.expect("what can be ingested can be counted");
        let n_items = counts.train + counts.val + counts.test;
        assert_eq!(summary.images.n_rows + summary.rejects.n_rows, n_items);
        for image in Reader::<Image>::open(&out.join("images.parquet")).unwrap().read_all().unwrap() {
            twinset_pixels::decode_row(&image, Path::new("")).unwrap();
            assert_eq!(image.class_name, summary.class_names[image.label as usize]);
        }
    }
}
