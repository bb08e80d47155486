//! Hands the commit to `twinset --version`. Stage programs know none: their digest is part of every key in the store, and a commit that
//! changes nothing else must run nothing again.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(&root).args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    };
    // A tarball may be unpacked within a checkout of something else.
    let same = |top: String| Some(Path::new(&top).canonicalize().ok()? == root.canonicalize().ok()?);
    if git(&["rev-parse", "--show-toplevel"]).and_then(same) != Some(true) {
        return;
    }
    if let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) {
        println!("cargo::rustc-env=TWINSET_COMMIT={commit}");
    }
    // It has a line more after each commit and checkout.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        let log = root.join(PathBuf::from(log));
        if log.exists() {
            println!("cargo::rerun-if-changed={}", log.display());
        }
    }
}
