//! An *inner path* is one that somebody else wrote down - in a table, in an archive - and that stays within its folder.

use std::path::{Component, Path};

/// The path without `.`, with `/`; none where it is absolute or goes up; empty for the folder itself.
pub(crate) fn within(path: &str) -> Option<String> {
    let parts = Path::new(path).components().filter(|part| *part != Component::CurDir).map(|part| match part {
        Component::Normal(part) => part.to_str(),
        _ => None,
    });
    parts.collect::<Option<Vec<_>>>().map(|parts| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_within_or_is_none() {
        for (path, expected) in [
            ("a/b.png", Some("a/b.png")),
            ("./a//b.png", Some("a/b.png")),
            ("./", Some("")),
            ("a/../b.png", None),
            ("../b.png", None),
            ("/etc/passwd", None),
        ] {
            assert_eq!(within(path).as_deref(), expected, "{path}");
        }
    }
}
