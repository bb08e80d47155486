//! `twinset --version`.

use crate::libtorch;

/// Version, commit, and the libtorch that training and evaluation want.
pub(crate) fn text() -> String {
    let commit = option_env!("TWINSET_COMMIT")
        .map_or_else(|| "built outside of git".to_owned(), |commit| format!("commit {commit}"));
    let (version, libtorch) = (env!("CARGO_PKG_VERSION"), libtorch::VERSION);
    format!("twinset {version} ({commit})\nlibtorch {libtorch} for `twinset train` and `twinset evaluate`\n")
}
