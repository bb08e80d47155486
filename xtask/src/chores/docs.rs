//! `cargo xtask docs`: builds the book in `docs/` with mdBook.

use crate::hint::hinted;
use crate::machine::process;
use crate::machine::workspace::Workspace;
use anyhow::Result;
use std::process::Command;

/// The book's first page, as `docs/book.toml` says it.
const PAGE: &str = "target/book/index.html";

/// Builds the book; an error where mdBook is not installed.
pub fn docs(workspace: &Workspace) -> Result<()> {
    let is_there = process::output(Command::new("mdbook").arg("--version")).is_ok_and(|output| output.status.success());
    if !is_there {
        return Err(hinted(
            "failed to start `mdbook`, which builds the book",
            "`cargo install mdbook` installs it; the pages can be read as they are, too: docs/src/SUMMARY.md",
        ));
    }
    let mut command = Command::new("mdbook");
    command.args(["build", "docs"]).current_dir(workspace.root());
    process::run(&mut command, "mdbook build docs")?;
    println!("book: {PAGE}");
    Ok(())
}
