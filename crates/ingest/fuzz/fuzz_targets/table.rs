#![no_main]

mod source;

use libfuzzer_sys::fuzz_target;

const CONFIG: &str = "dataset = 'table'\npath = 'labels.csv'\nsplit-column = 'split'\nmax-pixels = 4096\n";
/// Two by one pixels, red and blue.
const PICTURE: &[u8] = b"P6 2 1 255\n\xff\0\0\0\0\xff";

fuzz_target!(|bytes: &[u8]| {
    let folder = source::Folder::new();
    for name in ["a.ppm", "b.ppm", "c/d.ppm"] {
        folder.write(name, PICTURE);
    }
    folder.write("labels.csv", bytes);
    folder.ingest(CONFIG);
});
