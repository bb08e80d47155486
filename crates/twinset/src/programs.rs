//! Where the programs are.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The program of this name: beside `twinset` itself, else on PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let beside = env::current_exe().ok().and_then(|own| Some(own.parent()?.to_owned()));
    // A link to `twinset` may stand where the programs do not.
    let called = env::args_os().next().map(PathBuf::from).and_then(|called| Some(called.parent()?.to_owned()));
    let path = env::var_os("PATH").unwrap_or_default();
    let folders =
        beside.into_iter().chain(called.filter(|folder| folder != Path::new(""))).chain(env::split_paths(&path));
    folders.map(|folder| folder.join(name)).find(|program| is_program(program))
}

/// What to say where a program is missing.
pub(crate) fn missing(name: &str) -> anyhow::Error {
    let beside = env::current_exe().ok().and_then(|own| Some(own.parent()?.display().to_string())).unwrap_or_default();
    let message = format!("there is no program `{name}` in `{beside}` beside `twinset`, and none on PATH");
    let hint = match name {
        "twinset-study" => "in a checkout of Twinset: cargo xtask reproduce, plan, work, status, why or gc".to_owned(),
        "twinset-train" | "twinset-evaluate" => {
            "in a checkout of Twinset `cargo xtask setup` gets libtorch, and `cargo build --release --workspace --bins` builds \
             the program"
                .to_owned()
        }
        _ => "install all programs into one folder; in a checkout of Twinset `cargo build --release` builds them".to_owned(),
    };
    twinset_stage::with_hint(anyhow::Error::msg(message), hint)
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// As which the user called this program, so that a command that is printed can be pasted.
pub(crate) fn own_name() -> String {
    let called = env::args_os().next().unwrap_or_default();
    let is_path = called.as_encoded_bytes().contains(&b'/');
    if is_path { twinset_stage::shell_word(&called) } else { twinset_stage::shell_word(OsStr::new("twinset")) }
}
