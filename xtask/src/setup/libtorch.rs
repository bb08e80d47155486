//! What a folder that should be libtorch holds.

use crate::hint::hinted;
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// The version that `tch` is made for; the last number may differ.
pub const VERSION: &str = "2.11.0";

/// What every libtorch has to hold.
const LIBRARIES: [&str; 3] = ["libc10.so", "libtorch.so", "libtorch_cpu.so"];

/// A usable libtorch.
#[derive(Debug, Clone, PartialEq)]
pub struct Libtorch {
    /// Holds `include/` and `lib/`; links are followed.
    pub folder: PathBuf,
    /// Such as `2.11.0`.
    pub version: String,
    /// Whether the half for NVIDIA's GPUs is there too.
    pub has_cuda: bool,
}

/// Looks whether `folder` holds a usable libtorch.
pub fn inspect(folder: &Path) -> Result<Libtorch> {
    let shown = folder.display();
    let advice = "`cargo xtask setup` gets libtorch when LIBTORCH is not set";
    if !folder.is_dir() {
        return Err(hinted(format!("`{shown}` is no folder"), advice));
    }
    let Some(version) = version(folder) else {
        return Err(hinted(
            format!("`{shown}` holds no libtorch: found no `include/torch/headeronly/version.h`"),
            advice,
        ));
    };
    let wanted = VERSION.rsplit_once('.').map_or(VERSION, |(minor, _)| minor);
    if version.rsplit_once('.').map(|(minor, _)| minor) != Some(wanted) {
        let message = format!("`{shown}` holds libtorch {version}, expected {wanted}");
        return Err(hinted(message, format!("name a libtorch {VERSION}; {advice}")));
    }
    for library in LIBRARIES {
        if !folder.join("lib").join(library).is_file() {
            bail!("`{shown}` lacks `lib/{library}`");
        }
    }
    let folder = folder.canonicalize()?;
    Ok(Libtorch { has_cuda: folder.join("lib/libtorch_cuda.so").is_file(), folder, version })
}

/// The version that the headers say, or the file `build-version` of libtorch's own archives.
fn version(folder: &Path) -> Option<String> {
    let headers = ["torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h"];
    let of_headers = headers.iter().find_map(|header| {
        let text = fs::read_to_string(folder.join("include").join(header)).ok()?;
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("#define TORCH_VERSION_{name} ")))?;
            line.trim().parse::<u32>().ok()
        };
        Some(format!("{}.{}.{}", number("MAJOR")?, number("MINOR")?, number("PATCH")?))
    });
    of_headers.or_else(|| {
        let text = fs::read_to_string(folder.join("build-version")).ok()?;
        Some(text.trim().split('+').next()?.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::render;

    fn folder(version: &str, header: &str, libraries: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let numbers: Vec<&str> = version.split('.').collect();
        let text = ["MAJOR", "MINOR", "PATCH"]
            .iter()
            .zip(numbers)
            .map(|(name, number)| format!("#define TORCH_VERSION_{name} {number}\n"))
            .collect::<String>();
        let header = folder.path().join("include").join(header);
        fs::create_dir_all(header.parent().unwrap()).unwrap();
        fs::write(header, text).unwrap();
        fs::create_dir(folder.path().join("lib")).unwrap();
        for library in libraries {
            fs::write(folder.path().join("lib").join(library), "").unwrap();
        }
        folder
    }

    #[test]
    fn versions_are_read_and_compared() {
        let (new, old) = ("torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h");
        for (version, header, expected) in [
            ("2.11.0", new, Ok("2.11.0")),
            ("2.11.3", old, Ok("2.11.3")),
            ("2.9.1", old, Err("holds libtorch 2.9.1, expected 2.11\nhint: name a libtorch 2.11.0; ")),
            ("2.1.1", new, Err("holds libtorch 2.1.1, expected 2.11\n")),
        ] {
            let folder = folder(version, header, &LIBRARIES);
            match (inspect(folder.path()), expected) {
                (Ok(libtorch), Ok(expected)) => assert_eq!(libtorch.version, expected),
                (Err(error), Err(expected)) => assert!(render(&error).contains(expected), "{error:#}"),
                (found, expected) => panic!("{found:?} is not {expected:?}"),
            }
        }
    }

    #[test]
    fn what_lacks_a_library_is_refused() {
        let folder = folder("2.11.0", "torch/headeronly/version.h", &["libc10.so", "libtorch.so"]);
        let error = inspect(folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("lacks `lib/libtorch_cpu.so`"), "{error}");
    }
}
