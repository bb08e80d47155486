//! Texts that name files.

use crate::tree::Entry;

/// A text that names the other manifests that were made from the same input.
pub(super) fn also(users: &[&Entry]) -> String {
    let rest: Vec<&str> = users.iter().skip(1).map(|entry| entry.relative.as_str()).collect();
    match rest.len() {
        0 => String::new(),
        1 => format!("; {} was made from that, too", named(&rest)),
        _ => format!("; {} were made from that, too", named(&rest)),
    }
}

/// A text that names the first files and says how many more there are.
pub(super) fn named(paths: &[&str]) -> String {
    const MAX_NAMED: usize = 4;
    let (n, quoted) = (paths.len(), |path: &&str| format!("`{path}`"));
    match paths {
        [] => String::new(),
        [one] => quoted(one),
        [first @ .., last] if n <= MAX_NAMED => {
            format!("{} and {}", first.iter().map(quoted).collect::<Vec<_>>().join(", "), quoted(last))
        }
        _ => {
            let first: Vec<_> = paths.iter().take(MAX_NAMED - 1).map(quoted).collect();
            format!("{} and {} more", first.join(", "), n + 1 - MAX_NAMED)
        }
    }
}
