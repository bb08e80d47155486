//! Invariants of the pages: README, the book, and every other Markdown file.

use super::{Finding, Text};

const BOOK: &str = "docs/src/";
const MAX_README_LINES: usize = 120;

/// README stays a page that is read in one go.
pub(super) fn readme_is_short(files: &[Text]) -> Vec<Finding> {
    let readme = files.iter().filter(|file| file.path == "README.md").map(|file| file.text.lines().count());
    let long = readme.filter(|n_lines| *n_lines > MAX_README_LINES);
    long.map(|n| format!("README.md: {n} lines, at most {MAX_README_LINES}; the rest belongs in {BOOK}")).collect()
}

/// mdBook leaves out a page that its summary does not name.
pub(super) fn book_is_listed(files: &[Text]) -> Vec<Finding> {
    let path = format!("{BOOK}SUMMARY.md");
    let Some(summary) = files.iter().find(|file| file.path == path) else { return vec![] };
    let names = files.iter().filter_map(|file| file.path.strip_prefix(BOOK).filter(|name| name.ends_with(".md")));
    let is_missing = |name: &&str| *name != "SUMMARY.md" && !summary.text.contains(&format!("({name})"));
    names.filter(is_missing).map(|name| format!("{path}: lacks the page `{name}`")).collect()
}

/// Links between files lead to files and headings that are there; `exists` looks a path up, from the root. The book's links
/// stay within the book, as nothing else is in it when it is built.
pub(super) fn links(files: &[Text], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in targets(&file.text) {
            let place = format!("{}:{line}: `{target}`", file.path);
            let (path, heading) = target.split_once('#').map_or((target, None), |(path, name)| (path, Some(name)));
            let path = if path.is_empty() { file.path.clone() } else { joined(&file.path, path) };
            if file.path.starts_with(BOOK) && !path.starts_with(BOOK) {
                findings.push(format!("{place} leads out of the book, which holds {BOOK} alone"));
            } else if !exists(&path) {
                findings.push(format!("{place} leads nowhere: there is no `{path}`"));
            } else if let Some(heading) = heading
                && let Some(page) = files.iter().find(|file| file.path == path)
                && !prose(&page.text).any(|(_, line)| line.starts_with('#') && anchor(line) == heading)
            {
                findings.push(format!("{place} leads nowhere: `{path}` has no such heading"));
            }
        }
    }
    findings
}

/// The links to files, with their lines.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut targets = Vec::new();
    for (number, line) in prose(text) {
        // Every other part lies between backticks.
        for part in line.split('`').step_by(2) {
            let ends = part.match_indices("](").map(|(at, _)| &part[at + 2..]);
            targets.extend(ends.filter_map(|rest| Some((number, rest.split_once(')')?.0))));
        }
    }
    targets.retain(|(_, target)| !target.contains("://") && !target.starts_with("mailto:"));
    targets
}

/// The lines outside of code blocks, counted from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(i, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        (!is_code && !is_fence).then_some((i + 1, line))
    })
}

/// A path as a file names it, from the root.
fn joined(from: &str, path: &str) -> String {
    let mut folders: Vec<&str> = from.split('/').collect();
    folders.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(folders.pop()),
            "." | "" => {}
            name => folders.push(name),
        }
    }
    folders.join("/")
}

/// What a link to a heading calls it.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let other = text("docs/src/other.md", "# Other\n\n## What leaks from my test set?\n");
        for (path, line, expected) in [
            ("README.md", "see [the book](docs/src/other.md)", None),
            (
                "README.md",
                "![alt](docs/none.png)",
                Some("README.md:1: `docs/none.png` leads nowhere: there is no `docs/none.png`"),
            ),
            ("README.md", "[a](https://example.com/none) `[b](none.md)`", None),
            ("README.md", "```\n[a](none.md)\n```", None),
            ("docs/src/a.md", "[other](other.md#what-leaks-from-my-test-set)", None),
            ("docs/src/a.md", "[other](other.md#else)", Some("`docs/src/other.md` has no such heading")),
            ("docs/src/a.md", "# A\n[here](#a)", None),
            ("docs/src/a.md", "[up](../../README.md)", Some("leads out of the book")),
            ("crates/a/README.md", "[up](../../README.md) [folder](../../docs/)", None),
        ] {
            let files = [text(path, line), other.clone()];
            let exists = |found: &str| [path, "README.md", "docs", "docs/src/other.md"].contains(&found);
            let findings = links(&files, &exists);
            match expected {
                None => assert!(findings.is_empty(), "{findings:?}"),
                Some(expected) => assert!(findings.len() == 1 && findings[0].contains(expected), "{findings:?}"),
            }
        }
    }

    #[test]
    fn long_readmes_and_unlisted_pages_are_found() {
        for (n_lines, n_findings) in [(120, 0), (121, 1)] {
            assert_eq!(readme_is_short(&[text("README.md", &"\n".repeat(n_lines))]).len(), n_findings);
        }
        let summary = text("docs/src/SUMMARY.md", "- [A](a.md)");
        let findings = book_is_listed(&[summary, text("docs/src/a.md", ""), text("docs/src/b.md", "")]);
        assert_eq!(findings, ["docs/src/SUMMARY.md: lacks the page `b.md`"]);
    }
}
