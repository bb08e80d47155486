//! Pages, which must not take the place of data.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use twinset_manifest::write_atomically;

/// The first bytes of a page, in any case of letters.
const DOCTYPE: &[u8] = b"<!doctype html";
const PARQUET: &[u8] = b"PAR1";

/// An error where a page would take the place of something else than a page: of one of the files that it is made from, or of any
/// other file that holds something.
///
/// # Errors
/// Says what stands at `out`.
pub fn expect_page(out: &Path, inputs: &[&Path]) -> anyhow::Result<()> {
    let Ok(whole) = fs::canonicalize(out) else { return Ok(()) };
    let found = if inputs.iter().any(|input| fs::canonicalize(input).is_ok_and(|input| input == whole)) {
        "is what the page is made from"
    } else {
        let mut begin = Vec::new();
        let read = File::open(&whole).and_then(|file| file.take(DOCTYPE.len() as u64).read_to_end(&mut begin));
        match read {
            _ if whole.is_dir() => "is a folder",
            Ok(0) => return Ok(()),
            Ok(_) if begin.eq_ignore_ascii_case(DOCTYPE) => return Ok(()),
            Ok(_) if begin.starts_with(PARQUET) => "is a Parquet file",
            _ => "is no HTML page",
        }
    };
    bail!("`{}` {found}, expected another file for --out", out.display())
}

/// Writes a page, whole or not at all; its folder is made if it is missing.
///
/// # Errors
/// When the folder or the page cannot be written.
pub fn write_page(out: &Path, html: &str) -> anyhow::Result<()> {
    let folder = out.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    write_atomically(out, html.as_bytes()).with_context(|| format!("cannot write `{}`", out.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_takes_the_place_of_a_page_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let check = |name: &str, bytes: &[u8], expected: &str| {
            fs::write(path(name), bytes).unwrap();
            let found = expect_page(&path(name), &[&path("input.csv")]).map_err(|error| error.to_string());
            let expected = format!("`{}` {expected}, expected another file for --out", path(name).display());
            assert_eq!(found, Err(expected));
        };
        check("images.parquet", b"PAR1....PAR1", "is a Parquet file");
        check("notes.md", b"# Notes on what was found", "is no HTML page");
        check("input.csv", b"<!doctype html> is what it begins with", "is what the page is made from");
        for (name, bytes) in [("a.html", "<!doctype html>\n<p>"), ("b.html", "<!DOCTYPE HTML>"), ("empty", "")] {
            fs::write(path(name), bytes).unwrap();
            expect_page(&path(name), &[&path("input.csv")]).unwrap();
        }
        expect_page(&path("missing/a.html"), &[]).unwrap();
        write_page(&path("missing/a.html"), "<!doctype html>").unwrap();
        write_page(&path("missing/a.html"), "<!doctype html>\n<p>").unwrap();
        assert_eq!(fs::read_to_string(path("missing/a.html")).unwrap(), "<!doctype html>\n<p>");
        let error = write_page(&path("a.html/b.html"), "").unwrap_err().to_string();
        assert_eq!(error, format!("cannot make the folder `{}`", path("a.html").display()));
    }
}
