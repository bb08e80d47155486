//! Words as a shell takes them.

use std::ffi::OsStr;

/// The word, in single quotes where the shell would take it for more than that.
pub(crate) fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        let check = |word: &str, expected: &str| assert_eq!(super::quoted(word), expected);
        check("my-photos/2024", "my-photos/2024");
        check("Фото", "Фото");
        check("my photos", "'my photos'");
        check("it's", r"'it'\''s'");
        check("~/a", "'~/a'");
        check("", "''");
    }
}
