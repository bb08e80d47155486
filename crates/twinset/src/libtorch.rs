//! Programs that need libtorch: whether they start, and with which library path.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::anyhow;

/// The libtorch that the programs are linked with. A test compares it with the one that `cargo xtask setup` gets.
pub(crate) const VERSION: &str = "2.11.0";

const PATHS: &str = "LD_LIBRARY_PATH";
/// With what the dynamic loader ends where it finds no library.
const NOT_LOADED: i32 = 127;

/// Sets the library path that a program starts with; nothing where it starts as it is.
///
/// # Errors
/// When it starts with none of the libtorchs that are found.
pub(crate) fn prepare(program: &Path, command: &mut Command) -> anyhow::Result<()> {
    let Some(mut why) = not_loaded(program, None) else { return Ok(()) };
    for folder in folders() {
        let before = env::var_os(PATHS).unwrap_or_default();
        let paths = env::join_paths([folder.clone()].into_iter().chain(env::split_paths(&before)))?;
        match not_loaded(program, Some(&paths)) {
            None => {
                command.env(PATHS, paths);
                return Ok(());
            }
            Some(still) => why = format!("{still} (also with `{}`)", folder.display()),
        }
    }
    let name = program.file_name().unwrap_or_default().display().to_string();
    let hint = format!(
        "it needs libtorch {VERSION}: `cargo xtask setup` in a checkout of Twinset gets it, `pip install torch=={VERSION}` has it, and \
         LIBTORCH names the folder of another one"
    );
    Err(twinset_stage::with_hint(anyhow!("`{name}` cannot start: {why}"), hint))
}

/// What the dynamic loader says where it does not start a program.
fn not_loaded(program: &Path, paths: Option<&OsString>) -> Option<String> {
    let mut command = Command::new(program);
    if let Some(paths) = paths {
        command.env(PATHS, paths);
    }
    // Whatever else goes wrong, the program says itself when it is run.
    let output = command.arg("--version").stdin(Stdio::null()).output().ok()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    (output.status.code() == Some(NOT_LOADED))
        .then(|| stderr.lines().next().unwrap_or("a library is missing").to_owned())
}

/// Folders of libtorch's libraries: that of LIBTORCH, the one that `cargo xtask setup` keeps for all checkouts, and that of a
/// PyTorch that is installed in the same Python environment as this program.
fn folders() -> Vec<PathBuf> {
    let named = env::var_os("LIBTORCH").map(|folder| PathBuf::from(folder).join("lib"));
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|cache| cache.is_absolute());
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let kept = cache.map(|cache| cache.join(format!("twinset/libtorch-{VERSION}-cpu-{}/lib", env::consts::ARCH)));
    let environment = env::current_exe().ok().and_then(|own| Some(own.parent()?.parent()?.join("lib")));
    let pythons = environment.and_then(|lib| fs::read_dir(lib).ok()).into_iter().flatten().flatten();
    let installed = pythons.map(|python| python.path().join("site-packages/torch/lib"));
    named.into_iter().chain(kept).chain(installed).filter(|folder| folder.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_one_that_setup_gets() {
        let setup = concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/src/setup/libtorch.rs");
        let text = std::fs::read_to_string(setup).unwrap();
        assert!(text.contains(&format!("VERSION: &str = \"{}\"", super::VERSION)), "{setup}");
    }
}
