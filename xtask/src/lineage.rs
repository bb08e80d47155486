//! The call of `reproduce` as the *parent* of its stage runs, for those who collect OpenLineage events.

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// The variable by which a run hears who started it: `<namespace>/<job>/<run id>`.
pub const PARENT_ID: &str = "OPENLINEAGE_PARENT_ID";

/// What stage runs of this pipeline are told in [`PARENT_ID`]: what the caller says, else this call as a run of its own.
pub fn parent_id(pipeline: &str) -> String {
    env::var(PARENT_ID).unwrap_or_else(|_| {
        let namespace = env::var("OPENLINEAGE_NAMESPACE").unwrap_or_else(|_| "default".to_owned());
        format!("{namespace}/twinset.reproduce.{pipeline}/{}", run_id())
    })
}

/// A UUID of version 7: the time in milliseconds, then random bits.
fn run_id() -> String {
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
    // Each state is keyed by the operating system's random numbers.
    let random = || RandomState::new().hash_one(std::process::id());
    let (left, right) = (random(), random());
    format!(
        "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
        unix_ms >> 16 & 0xFFFF_FFFF,
        unix_ms & 0xFFFF,
        left & 0xFFF,
        0x8000 | left >> 12 & 0x3FFF,
        right & 0xFFFF_FFFF_FFFF
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_run_id_is_a_uuid_of_version_7() {
        let (id, other) = (super::run_id(), super::run_id());
        assert_ne!(id, other);
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
        assert!(parts[2].starts_with('7') && parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
        let unix_ms = u64::from_str_radix(&parts[..2].concat(), 16).unwrap();
        assert!((1_700_000_000_000..10_000_000_000_000).contains(&unix_ms), "{id}");
    }
}
