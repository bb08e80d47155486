//! Identifiers of runs.

use std::hash::{BuildHasher, RandomState};

/// A new UUID of version 7 (RFC 9562): 48 bits of time in milliseconds, then random bits.
pub(crate) fn new_run_id(unix_ms: u64) -> String {
    // Each state is keyed by the operating system's random numbers.
    let random = || RandomState::new().hash_one(std::process::id());
    uuid_v7(unix_ms, u128::from(random()) << 64 | u128::from(random()))
}

fn uuid_v7(unix_ms: u64, random: u128) -> String {
    const VERSION: u128 = 0xF << 76;
    const VARIANT: u128 = 0b11 << 62;
    let bits = u128::from(unix_ms & 0xFFFF_FFFF_FFFF) << 80 | random & (u128::MAX >> 48);
    let bits = bits & !VERSION & !VARIANT | 7 << 76 | 0b10 << 62;
    let text = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_its_time_version_and_variant() {
        // The example of RFC 9562, appendix A.6.
        let random = 0xCC3 << 64 | 0x18C4_DC0C_0C07_398F;
        assert_eq!(uuid_v7(0x017F_22E2_79B0, random), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
        assert_eq!(uuid_v7(0x017F_22E2_79B0, u128::MAX), "017f22e2-79b0-7fff-bfff-ffffffffffff");
        assert_eq!(uuid_v7(0, 0), "00000000-0000-7000-8000-000000000000");
    }

    #[test]
    fn no_two_are_alike() {
        assert_ne!(new_run_id(0), new_run_id(0));
    }
}
