//! The code blocks of a page.

use std::fs;
use std::path::Path;

const LANGUAGES: [&str; 3] = ["sh", "sql", "python"];

pub(crate) struct Page {
    /// The page whose files this one goes on from.
    pub(crate) after: Option<String>,
    pub(crate) blocks: Vec<Block>,
}

pub(crate) struct Block {
    /// Of its first line in the page.
    pub(crate) line: usize,
    pub(crate) language: &'static str,
    pub(crate) text: String,
    /// Why it does not run.
    pub(crate) not_run: Option<String>,
    /// The Python package without which it does not run.
    pub(crate) needs: Option<String>,
}

impl Block {
    /// Whether it needs the readers' packages.
    pub(crate) fn is_for_readers(&self) -> bool {
        self.language != "sh" && self.not_run.is_none()
    }
}

impl Page {
    /// The page of this name, from the checkout's root.
    pub(crate) fn read(root: &Path, name: &str) -> Self {
        let text = fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let lines: Vec<&str> = text.lines().collect();
        let after = comment(lines.first().unwrap_or(&""), "after").map(|page| format!("docs/src/{page}"));
        let mut blocks = Vec::new();
        for (i, line) in lines.iter().enumerate() {
            let Some(language) = line.strip_prefix("```").and_then(|name| LANGUAGES.into_iter().find(|l| *l == name))
            else {
                continue;
            };
            let text: Vec<&str> = lines[i + 1..].iter().copied().take_while(|line| *line != "```").collect();
            let said = |key| i.checked_sub(1).and_then(|before| comment(lines[before], key));
            let (not_run, needs) = (said("not run"), said("needs"));
            blocks.push(Block { line: i + 2, language, text: text.join("\n"), not_run, needs });
        }
        Self { after, blocks }
    }
}

/// The text of `<!-- key: text -->`.
fn comment(line: &str, key: &str) -> Option<String> {
    let text = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?.strip_prefix(key)?.strip_prefix(": ")?;
    Some(text.to_owned())
}

/// The book's pages, from the root; not those that are generated.
pub(crate) fn pages(root: &Path) -> Vec<String> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(root.join("docs/src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            pages.push(format!("docs/src/{name}"));
        }
    }
    pages.sort();
    pages
}
