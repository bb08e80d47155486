//! Invariants of the crates' sources.

use super::{Finding, Text};

const LONG_LINES: usize = 400;

/// Libraries never print, never exit and never see clap; `stage` is the shell that does, and `twinset` has no library.
pub(super) fn libraries_are_silent(files: &[Text]) -> Vec<Finding> {
    let words = ["print!(", "println!(", "eprint!(", "eprintln!(", "process::exit", "clap::"];
    let is_library =
        |file: &&Text| file.path.starts_with("crates/") && file.path.contains("/src/") && !is_shell(&file.path);
    files
        .iter()
        .filter(is_library)
        .flat_map(|file| lines_with(file, &words, "libraries never print, exit or see clap"))
        .collect()
}

/// Files are written through `manifest`'s atomic helper.
pub(super) fn files_are_written_by_manifest(files: &[Text]) -> Vec<Finding> {
    let words = ["File::create", "fs::write", "OpenOptions"];
    let is_of_stage = |file: &&Text| {
        file.path.starts_with("crates/") && file.path.contains("/src/") && !file.path.starts_with("crates/manifest/")
    };
    files
        .iter()
        .filter(is_of_stage)
        .flat_map(|file| lines_with(file, &words, "write through `manifest`'s atomic helper"))
        .collect()
}

/// Long files, where a second noun may hide.
pub(super) fn long(files: &[Text]) -> Vec<Finding> {
    let is_source = |file: &&Text| file.path.ends_with(".rs") && file.path.contains("src/");
    let sources = files.iter().filter(is_source).map(|file| (file, file.text.lines().count()));
    let long = sources.filter(|(_, n_lines)| *n_lines > LONG_LINES);
    long.map(|(file, n_lines)| format!("{}: {n_lines} lines; look for the second noun in it", file.path)).collect()
}

fn is_shell(path: &str) -> bool {
    let of_binary = ["/src/bin/", "/src/commands/"];
    ["crates/stage/", "crates/twinset/"].iter().any(|program| path.starts_with(program))
        || path.ends_with("/src/main.rs")
        || of_binary.iter().any(|folder| path.contains(folder))
}

/// Lines of code with one of `words`: comments do not count, nor do tests, which stand at a file's end or in `tests.rs`.
fn lines_with(file: &Text, words: &[&str], rule: &str) -> Vec<Finding> {
    if file.path.ends_with("/tests.rs") || file.path.contains("/tests/") {
        return vec![];
    }
    let code = file.text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    code.filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter_map(|(i, line)| {
            let word = words.iter().find(|word| has_word(line, word))?;
            Some(format!("{}:{}: `{word}`: {rule}", file.path, i + 1))
        })
        .collect()
}

/// Whether `word` stands in `line` and does not go on to the left.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(start, _)| !line[..start].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    #[test]
    fn libraries_that_speak_are_found() {
        for (path, line, n_findings) in [
            ("crates/inject/src/lib.rs", "    println!(\"x\");", 1),
            ("crates/inject/src/plan.rs", "std::process::exit(1)", 1),
            ("crates/inject/src/plan.rs", "use clap::Parser;", 1),
            ("crates/inject/src/main.rs", "println!(\"x\");", 0),
            ("crates/inject/src/commands/list.rs", "println!(\"x\");", 0),
            ("crates/stage/src/lib.rs", "eprintln!(\"x\");", 0),
            ("crates/inject/src/lib.rs", "// println!(\"x\");", 0),
            ("crates/inject/src/lib.rs", "#[cfg(test)]\nprintln!(\"x\");", 0),
            ("crates/inject/src/lib.rs", "my_println!(\"x\");", 0),
            ("crates/inject/tests/cli.rs", "println!(\"x\");", 0),
        ] {
            let findings = libraries_are_silent(&[text(path, line)]);
            assert_eq!(findings.len(), n_findings, "{path} {line}: {findings:?}");
        }
        let findings = libraries_are_silent(&[text("crates/a/src/lib.rs", "\nprint!(\"\")")]);
        assert_eq!(findings, ["crates/a/src/lib.rs:2: `print!(`: libraries never print, exit or see clap"]);
    }

    #[test]
    fn files_made_past_the_helper_are_found() {
        for (path, line, n_findings) in [
            ("crates/train/src/main.rs", "let file = File::create(path)?;", 1),
            ("crates/train/src/lib.rs", "fs::write(path, text)?;", 1),
            ("crates/manifest/src/atomic.rs", "File::create(path)", 0),
            ("crates/train/tests/cli.rs", "fs::write(path, text)", 0),
        ] {
            assert_eq!(files_are_written_by_manifest(&[text(path, line)]).len(), n_findings, "{path}");
        }
    }

    #[test]
    fn long_files_are_warned_of() {
        assert_eq!(long(&[text("crates/a/src/lib.rs", &"\n".repeat(401))]).len(), 1);
        assert_eq!(long(&[text("crates/a/src/lib.rs", &"\n".repeat(400))]).len(), 0);
    }
}
