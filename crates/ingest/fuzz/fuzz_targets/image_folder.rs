#![no_main]

mod source;

use libfuzzer_sys::fuzz_target;

const CONFIG: &str = "dataset = 'image-folder'\npath = 'folder'\nmax-pixels = 4096\nresize = { width = 8, height = 8 }\n";

// The bytes are a picture beside one that is good: what decodes pictures is the same for all sources of encoded images.
fuzz_target!(|bytes: &[u8]| {
    let folder = source::Folder::new();
    folder.write("folder/train/cat/0.pgm", b"P5 1 1 255\n\x07");
    folder.write("folder/train/cat/any", bytes);
    folder.ingest(CONFIG);
});
