//! An IDX file, plain or gzipped: images after an even byte, labels after an odd one.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use twinset_ingest::idx::{Content, Idx};

fuzz_target!(|input: &[u8]| {
    let Some((content, bytes)) = input.split_first() else { return };
    let content = if content % 2 == 0 { Content::Images } else { Content::Labels };
    match Idx::read(Path::new("a"), content, bytes, bytes.len() as u64) {
        Ok(idx) => assert_eq!(idx.shape.iter().product::<usize>(), idx.elements.len()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
