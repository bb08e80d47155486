//! Files and folders that are nobody's images: hidden ones, and what operating systems, file servers and tools leave beside
//! the images.

use std::collections::BTreeMap;
use std::ffi::OsStr;

/// Names in any case, apart from those that begin with a dot.
const NAMES: [&str; 14] = [
    "$recycle.bin",
    "#recycle",
    "@eadir",
    "@recently-snapshot",
    "@recycle",
    "__macosx",
    "__pycache__",
    "desktop.ini",
    "ehthumbs.db",
    "icon\r",
    "lost+found",
    "recycler",
    "system volume information",
    "thumbs.db",
];

/// Whether a file or folder of this name is passed over: it is hidden, or left by an operating system.
pub(crate) fn is_stranger(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") || NAMES.iter().any(|stranger| name.eq_ignore_ascii_case(stranger.as_bytes()))
}

/// What was passed over: names, and how often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strangers(BTreeMap<String, usize>);

impl Strangers {
    /// Adds one. Files that macOS writes beside others, `._cat.jpg` beside `cat.jpg`, are counted together.
    pub(crate) fn add(&mut self, name: &OsStr) {
        let name = name.to_string_lossy();
        let name = if name.starts_with("._") { "._*".into() } else { name };
        *self.0.entry(name.into_owned()).or_default() += 1;
    }

    /// Adds those of another folder.
    pub(crate) fn append(&mut self, other: Self) {
        other.0.into_iter().for_each(|(name, n)| *self.0.entry(name).or_default() += n);
    }

    /// A warning that counts them; none where there are none.
    pub(crate) fn warning(&self) -> Option<String> {
        const N_SHOWN: usize = 6;
        let mut named: Vec<_> = self.0.iter().collect();
        named.sort_by_key(|&(name, n)| (std::cmp::Reverse(*n), name));
        let shown: Vec<_> = named.iter().take(N_SHOWN).map(|(name, n)| format!("`{name}` ({n})")).collect();
        let more = if named.len() > N_SHOWN { ", …" } else { "" };
        let n: usize = self.0.values().sum();
        let what = "files and folders that are hidden or that operating systems leave";
        (n > 0).then(|| format!("passed over {n} {what}: {}{more}", shown.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systems_leave_is_known_by_its_name_and_counted() {
        let mut strangers = Strangers::default();
        for name in [
            ".DS_Store",
            "@eaDir",
            "__MACOSX",
            "._a.jpg",
            "._b.jpg",
            ".git",
            "$RECYCLE.BIN",
            "Thumbs.db",
            "@eaDir",
            "@eaDir",
        ] {
            assert!(is_stranger(OsStr::new(name)), "{name}");
            strangers.add(OsStr::new(name));
        }
        let expected = "passed over 10 files and folders that are hidden or that operating systems leave: `@eaDir` (3), `._*` (2), \
                        `$RECYCLE.BIN` (1), `.DS_Store` (1), `.git` (1), `Thumbs.db` (1), …";
        assert_eq!(strangers.warning().as_deref(), Some(expected));
        for name in [
            ".ipynb_checkpoints",
            ".Trashes",
            ".Spotlight-V100",
            "desktop.ini",
            "lost+found",
            "System Volume Information",
        ] {
            assert!(is_stranger(OsStr::new(name)), "{name}");
        }
        for name in ["cat", "a.jpg", "macosx", "icons", "recycling", "a.DS_Store"] {
            assert!(!is_stranger(OsStr::new(name)), "{name}");
        }
        let mut one = Strangers::default();
        assert_eq!(one.warning(), None);
        one.add(OsStr::new("Thumbs.db"));
        let expected =
            "passed over 1 files and folders that are hidden or that operating systems leave: `Thumbs.db` (1)";
        assert_eq!(one.warning().as_deref(), Some(expected));
    }
}
