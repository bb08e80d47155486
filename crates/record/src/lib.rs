//! The files that the runner writes about a run into its folder: what its key is computed from, and the digests of its
//! outputs.
//!
//! The runner writes these files and `audit` checks them, so both take their format from here. A *key* is the BLAKE3 of
//! everything that a run's outputs depend on. It is the name of the run's folder.

mod key;
mod outputs;

pub use key::{Ingredients, KeyFile, config_text};
pub use outputs::{Output, Outputs, digest_of_folder};

/// The name of the file with the ingredients of a run's key.
pub const KEY: &str = "key.json";
/// The name of the file with the digests and sizes of a run's outputs.
pub const DIGESTS: &str = "digests.json";
/// The name of the file with a run's resolved config.
pub const CONFIG: &str = "config.toml";

/// A BLAKE3 digest in hexadecimal.
pub type Digest = String;

/// The digest of some bytes.
fn digest(bytes: &[u8]) -> Digest {
    blake3::hash(bytes).to_hex().to_string()
}
