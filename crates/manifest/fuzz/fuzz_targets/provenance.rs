//! Any bytes as a footer's provenance: what is understood is the same once written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinset_manifest::Provenance;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(provenance) = serde_json::from_slice::<Provenance>(bytes) {
        let json = serde_json::to_vec(&provenance).expect("a provenance serialises to JSON");
        assert_eq!(serde_json::from_slice::<Provenance>(&json).expect("its own JSON is understood"), provenance);
    }
});
