//! README and the book do what they say: their commands run, and their list of options is the programs' own.
//!
//! The blocks ```` ```sh ```` of a page run in order, in a temporary checkout with a small data set. A page that begins with
//! `<!-- after: other.md -->` goes on from the files of that other page. A block after `<!-- not run: reason -->` does not run;
//! of its commands the options are looked up in `--help`. SQL and Python run where `TWINSET_READERS` names the folder of the
//! readers' packages, as `cargo xtask readers` does; a block after `<!-- needs: torch -->` only where Python has that package.

mod commands;
mod folder;
mod markdown;
mod pictures;

use folder::Folder;
use markdown::Page;
use std::path::{Path, PathBuf};

/// Blocks of README and the book that do not run, so that nobody marks one more without noticing.
const N_NOT_RUN: usize = 29;

/// The checkout.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The folder of the stage programs that this very build made; `None` where only xtask was built.
fn programs() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_BIN_EXE_xtask")).parent()?.to_owned();
    let is_complete = commands::PROGRAMS.iter().all(|name| folder.join(name).is_file());
    if !is_complete {
        println!("skipped: `{}` lacks stage programs; `cargo xtask test` builds them", folder.display());
    }
    is_complete.then_some(folder)
}

/// Runs a page's blocks, those of the pages before it first.
fn run(name: &str) {
    let Some(programs) = programs() else { return };
    let page = Page::read(&root(), name);
    if std::env::var_os("TWINSET_READERS").is_some() && !page.blocks.iter().any(markdown::Block::is_for_readers) {
        return;
    }
    let folder = Folder::new(&programs);
    if let Some(before) = &page.after {
        Page::read(&root(), before).blocks.iter().for_each(|block| folder.run(before, block));
    }
    page.blocks.iter().for_each(|block| folder.run(name, block));
}

macro_rules! pages {
    ($($test:ident: $name:literal,)*) => {
        /// Every page with commands.
        const PAGES: &[&str] = &[$($name),*];
        $(
            #[test]
            fn $test() {
                run($name);
            }
        )*
    };
}

pages! {
    readme: "README.md",
    introduction: "docs/src/introduction.md",
    install: "docs/src/install.md",
    deduplicate: "docs/src/deduplicate.md",
    audit: "docs/src/audit.md",
    study: "docs/src/study.md",
    data: "docs/src/data.md",
    train: "docs/src/train.md",
    cluster: "docs/src/cluster.md",
    elsewhere: "docs/src/elsewhere.md",
    leaks: "docs/src/leaks.md",
    python: "docs/src/python.md",
    contributing: "CONTRIBUTING.md",
}

#[test]
fn every_page_with_commands_has_a_test() {
    let mut names = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    names.extend(markdown::pages(&root()));
    let n_not_run = |name: &String| {
        let page = Page::read(&root(), name);
        assert!(page.blocks.is_empty() || PAGES.contains(&name.as_str()), "{name} has commands, and no test runs them");
        page.blocks.iter().filter(|block| block.not_run.is_some()).count()
    };
    let n_not_run: usize = names.iter().map(n_not_run).sum();
    assert_eq!(n_not_run, N_NOT_RUN, "blocks that do not run; change N_NOT_RUN if this is meant");
}

#[test]
fn the_books_options_are_those_of_the_programs() {
    let Some(programs) = programs() else { return };
    let path = root().join("docs/src/commands.md");
    let expected = commands::page(&programs);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/src/commands.md is stale; `UPDATE_REFERENCE=1 cargo test --release --workspace --test book` writes it anew"
    );
}
