#![no_main]

mod source;

use libfuzzer_sys::fuzz_target;

const CONFIG: &str = "dataset = 'webdataset'\ndraw-split = { val = 0.2, test = 0.2 }\nmax-pixels = 4096\n";

fuzz_target!(|bytes: &[u8]| {
    let folder = source::Folder::new();
    let name = if bytes.starts_with(&[0x1f, 0x8b]) { "all.tar.gz" } else { "all.tar" };
    folder.write(name, bytes);
    folder.ingest(&format!("{CONFIG}path = '{name}'\n"));
});
