//! A *Croissant* is a description of a dataset for other tools: JSON-LD after MLCommons' Croissant 1.1, which
//! `mlcroissant`, dataset search engines and loaders read.
//!
//! It says which files the dataset has (a *file object* each, with SHA-256 and size; the shards of one manifest are a *file
//! set* beside), what their rows hold (a *record
//! set* each, a *field* for every column), what its splits and classes are, and what it was derived from: the inputs by
//! BLAKE3, as the manifests' provenance has them. It follows from the manifests beside it alone, so the same manifests
//! give the same bytes.
//!
//! What only its publisher can know (licence, citation, date) is there for the public sets that have a name here, and
//! left out for all others.
//!
//! ```
//! use twinset_croissant::{About, describe};
//! use twinset_manifest::{Provenance, rows::{Image, ImageData, Split}};
//! # use twinset_manifest::{Digest, Writer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let mut writer = Writer::<Image>::create(&folder.path().join("images.parquet"))?;
//! # writer.push(Image { image_id: 0, split: Split::Train, label: 0, class_name: "cat".into(), width: 1, height: 1,
//! #     image: ImageData { bytes: Some(vec![1].into()), path: None }, pixels_blake3: Digest([0; 32]), source: "a.png".into(),
//! #     derived_from: None, transform: None, lost: None })?;
//! # writer.finish_images(&Provenance::of_stage("ingest", "0.1.0"), &["cat".into()])?;
//! let about = About { name: "cats", description: "One cat." };
//! let croissant = describe(folder.path(), &about, &["images.parquet"])?;
//! assert_eq!(croissant["distribution"][0]["contentUrl"], "images.parquet");
//! assert_eq!(croissant["recordSet"][1]["data"][0]["class/name"], "cat");
//! # Ok(())
//! # }
//! ```

mod context;
mod field;
mod file_object;
mod known;
mod record_set;

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use twinset_manifest::{Footer, ManifestError, list_shards, write_atomically};

/// The file that [`write_croissant`] writes.
pub const FILE_NAME: &str = "croissant.json";

/// What a dataset is, in words.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Its name; of a public set that is known here, the name that a config's `dataset` has.
    pub name: &'a str,
    /// What it holds.
    pub description: &'a str,
}

/// A dataset that cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum CroissantError {
    /// A manifest of it cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file of it cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The description cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A manifest of the dataset: one file, or a folder of shards.
struct Part<'a> {
    /// The file or folder.
    manifest: &'a str,
    is_sharded: bool,
    /// Each file's path from the dataset's folder, and its footer; at least one.
    files: Vec<(String, Footer)>,
}

impl<'a> Part<'a> {
    fn read(folder: &Path, manifest: &'a str) -> Result<Self, CroissantError> {
        let path = folder.join(manifest);
        let is_sharded = path.is_dir();
        let names = if is_sharded {
            let name = |shard: PathBuf| format!("{manifest}/{}", shard.file_name().unwrap_or_default().display());
            list_shards(&path)?.into_iter().map(name).collect()
        } else {
            vec![manifest.to_owned()]
        };
        let files: Result<Vec<_>, CroissantError> =
            names.into_iter().map(|name| Ok((name.clone(), Footer::read(&folder.join(name))?))).collect();
        Ok(Self { manifest, is_sharded, files: files? })
    }

    /// The name of its record set.
    fn name(&self) -> &str {
        self.manifest.trim_end_matches(".parquet")
    }

    /// What all its files have in common.
    fn footer(&self) -> &Footer {
        &self.files[0].1
    }

    /// Where its fields' values are.
    fn source(&self) -> Value {
        match self.is_sharded {
            true => json!({ "fileSet": { "@id": file_object::file_set_id(self) } }),
            false => json!({ "fileObject": { "@id": self.manifest } }),
        }
    }
}

/// Describes these manifests of a folder and writes [`FILE_NAME`] beside them, whole or not at all.
///
/// # Errors
/// As [`describe`], and when the file cannot be written.
pub fn write_croissant(folder: &Path, about: &About, manifests: &[&str]) -> Result<(), CroissantError> {
    let text = format!("{:#}\n", describe(folder, about, manifests)?);
    let path = folder.join(FILE_NAME);
    write_atomically(&path, text.as_bytes()).map_err(|source| CroissantError::Write { path, source })
}

/// The Croissant of these manifests of a folder, each a file or a folder of shards.
///
/// # Errors
/// When one of them cannot be read.
pub fn describe(folder: &Path, about: &About, manifests: &[&str]) -> Result<Value, CroissantError> {
    let mut parts = Vec::new();
    for manifest in manifests {
        parts.push(Part::read(folder, manifest)?);
    }
    let mut distribution = Vec::new();
    for part in &parts {
        for (name, footer) in &part.files {
            distribution.push(file_object::file_object(folder, name, footer)?);
        }
        distribution.extend(part.is_sharded.then(|| file_object::file_set(part)));
    }
    let mut croissant = json!({
        "@context": context::context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": about.name,
        "description": about.description,
        "distribution": distribution,
        "recordSet": record_set::record_sets(&parts),
    });
    known::add_to(&mut croissant, about.name);
    let footers = parts.iter().flat_map(|part| &part.files).map(|(_, footer)| footer);
    let mut warnings: Vec<&String> = footers.flat_map(|footer| &footer.provenance.warnings).collect();
    warnings.sort_unstable();
    warnings.dedup();
    if !warnings.is_empty() {
        croissant["rai:dataLimitations"] = json!(warnings);
    }
    croissant.sort_all_objects();
    Ok(croissant)
}
