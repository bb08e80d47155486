//! What the programs say of their options.

use crate::root;
use std::path::Path;
use std::process::Command;

pub(crate) const PROGRAMS: [&str; 10] = [
    "twinset",
    "twinset-ingest",
    "twinset-neardup",
    "twinset-inject",
    "twinset-train",
    "twinset-evaluate",
    "twinset-gaussian",
    "twinset-leaks",
    "twinset-report",
    "twinset-audit",
];

/// The commands of `twinset` itself.
const OWN_COMMANDS: [&str; 2] = ["scan", "new-study"];

const HEAD: &str = "# Options

<!-- Generated from the programs: `UPDATE_REFERENCE=1 cargo test --release --workspace --test book` writes it anew. -->

What each program says with `--help`.
";

/// The book's page of all options.
pub(crate) fn page(programs: &Path) -> String {
    let mut page = HEAD.to_owned();
    for name in PROGRAMS.into_iter().chain(["cargo xtask"]) {
        let text = help(programs, &[name]);
        // Its other commands are the programs below.
        let own = || OWN_COMMANDS.map(str::to_owned).to_vec();
        let commands = if name == "twinset" { own() } else { subcommands(&text) };
        page += &format!("\n## {name}\n\n```text\n{text}```\n");
        for command in commands {
            let text = help(programs, &[name, &command]);
            page += &format!("\n### {name} {command}\n\n```text\n{text}```\n");
        }
    }
    page
}

/// Finds each long option of the commands of a block that does not run, and each pipeline.
pub(crate) fn check_options(programs: &Path, place: &str, block: &str) {
    for line in block.replace("\\\n", " ").lines() {
        let line = line.split(" #").next().unwrap_or_default().replace("cargo xtask", "cargo-xtask");
        let mut words = line.split_whitespace().skip_while(|word| !is_ours(word)).take_while(|word| *word != "--");
        let Some(program) = words.next() else { continue };
        let words: Vec<&str> = words.collect();
        let program = program.replace("cargo-xtask", "cargo xtask");
        let names: Vec<&str> = words.iter().copied().take_while(|word| !word.starts_with('-')).collect();
        let text = help(programs, &[&[program.as_str()], names.as_slice()].concat());
        for word in words.iter().filter(|word| word.starts_with("--")) {
            let option = word.split('=').next().unwrap_or(word);
            let is_there = text.split([' ', '\n', ',', '=']).any(|word| word == option);
            assert!(is_there, "{place}: `{program}` has no option `{option}`: `{line}`");
        }
        if let ["reproduce" | "plan" | "status", pipeline, ..] = names[..] {
            let path = root().join("pipelines").join(pipeline).with_extension("toml");
            assert!(path.is_file(), "{place}: there is no `{}`", path.display());
        }
    }
}

fn is_ours(word: &str) -> bool {
    word == "cargo-xtask" || PROGRAMS.contains(&word)
}

/// What a command prints of itself, 100 columns wide.
fn help(programs: &Path, words: &[&str]) -> String {
    let program = match words[0] {
        "cargo xtask" => Path::new(env!("CARGO_BIN_EXE_xtask")).to_owned(),
        name => programs.join(name),
    };
    let mut command = Command::new(program);
    command.args(&words[1..]).arg("--help").env("COLUMNS", "100").env_remove("TWINSET_MIRROR");
    let output = command.output().unwrap_or_else(|error| panic!("{words:?}: {error}"));
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// The names below `Commands:`, but for `help`.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help").map(str::to_owned).collect()
}
