//! That a manifest was made from the images at hand.

use std::path::{Path, PathBuf};

use twinset_manifest::rows::Image;
use twinset_manifest::{Digest, Input, Provenance, Row};

/// A manifest was made from other images.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` was made from other images: from `{name}` with BLAKE3 {found}, expected {expected}")]
pub struct OtherImages {
    /// The manifest.
    pub path: PathBuf,
    /// The images that it was made from.
    pub name: String,
    /// Their digest.
    pub found: Digest,
    /// The digest of the images at hand.
    pub expected: Digest,
}

/// That the manifest at `path`, whose provenance this is, was made from these images, where it says from which.
///
/// # Errors
/// When they are others.
pub fn expect_made_from(path: &Path, provenance: &Provenance, images: &Input) -> Result<(), OtherImages> {
    let made_from = provenance.inputs.iter().find(|input| input.schema.as_deref() == Some(Image::SCHEMA));
    match made_from.filter(|input| input.blake3 != images.blake3) {
        None => Ok(()),
        Some(other) => Err(OtherImages {
            path: path.to_owned(),
            name: other.name.clone(),
            found: other.blake3,
            expected: images.blake3,
        }),
    }
}
