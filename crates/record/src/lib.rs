//! What the runner writes down of a run in the run's folder: what its key is made of, and what its outputs were.
//!
//! The runner writes these files and `audit` checks them, so their format stands here once. A *key* is the BLAKE3 of all that a run's
//! outputs depend on, and the name of its folder.

mod key;
mod outputs;

pub use key::{Ingredients, KeyFile, config_text};
pub use outputs::{Output, Outputs, digest_of_folder};

/// The file that says what a run's key is made of.
pub const KEY: &str = "key.json";
/// The file that says which bytes a run's outputs have.
pub const DIGESTS: &str = "digests.json";
/// The file with a run's resolved config.
pub const CONFIG: &str = "config.toml";

/// A BLAKE3 digest in hexadecimal.
pub type Digest = String;

/// The digest of some bytes.
fn digest(bytes: &[u8]) -> Digest {
    blake3::hash(bytes).to_hex().to_string()
}
