//! A pickle, and all that can be asked of what was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twinset_ingest::pickle::{Pickle, Value};

/// Looks at a value and at those within it, not deeper than three: a list may hold itself.
fn look(value: Value<'_, '_>, depth: usize) -> usize {
    let _ = (value.kind(), value.int(), value.text(), value.ints());
    if let Some(array) = value.array() {
        let n_bytes = array.shape.iter().product::<usize>() * array.dtype.size;
        assert!(array.byte_rows().is_none_or(|bytes| bytes.len() == n_bytes));
    }
    let keys = value.keys();
    let of_keys = keys.iter().take(8).filter_map(|key| value.get(key));
    let within = value.items().into_iter().flatten().take(8).chain(of_keys);
    if depth == 0 { 1 } else { 1 + within.map(|value| look(value, depth - 1)).sum::<usize>() }
}

fuzz_target!(|input: &[u8]| {
    match Pickle::parse(input) {
        Ok(pickle) => assert!(look(pickle.root(), 3) > 0),
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
});
