//! Decodes the files whose paths stand on standard input, and says what came of each: its path, then `ok`, its size and what
//! was lost, or the reason why it is rejected. With a folder as argument the pixels are written there as PPM, numbered.
//!
//! `tests/pillow/compare.py` compares them with Pillow's.

use std::env;
use std::fs;
use std::io::{self, BufRead};
use std::path::Path;

use twinset_pixels::{Decoded, Limits, decode_with_losses};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1);
    for (n, path) in io::stdin().lock().lines().enumerate() {
        let path = path?;
        match decode_with_losses(&fs::read(&path)?, &Limits::default()) {
            Ok(Decoded { pixels, lost }) => {
                let (width, height) = pixels.dimensions();
                println!("{path}\tok\t{width}x{height}\t{}", lost.names().unwrap_or_default());
                if let Some(folder) = &folder {
                    let ppm = [format!("P6\n{width} {height}\n255\n").as_bytes(), pixels.as_raw()].concat();
                    fs::write(Path::new(folder).join(format!("{n}.ppm")), ppm)?;
                }
            }
            Err(error) => println!("{path}\t{}\t{}", error.reason(), error.detail()),
        }
    }
    Ok(())
}
