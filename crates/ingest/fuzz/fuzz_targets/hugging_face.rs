//! Any bytes as a Parquet file of `datasets`. Memory is not limited: run it with `-rss_limit_mb=0 -malloc_limit_mb=0`.

#![no_main]

mod source;

use libfuzzer_sys::fuzz_target;

const CONFIG: &str = "dataset = 'hugging-face'\npath = 'all.parquet'\nsplit = 'train'\nmax-pixels = 4096\n";

fuzz_target!(|bytes: &[u8]| {
    let folder = source::Folder::new();
    folder.write("all.parquet", bytes);
    folder.ingest(CONFIG);
});
