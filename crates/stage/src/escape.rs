//! Text of others on a terminal: file names and values may hold characters that move the cursor, change colours or hide text.

use std::borrow::Cow;

/// The text with escapes such as `\u{1b}` for its control characters and for those that change the direction of writing. New
/// lines and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_unseen(c) && !matches!(c, '\n' | '\t'))
}

/// The same on one line: new lines and tabs are `\n` and `\t`.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_unseen)
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if is_escaped(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}

fn is_unseen(c: char) -> bool {
    let changes_direction =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || changes_direction || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_letters_stay() {
        let check = |text: &str, lines: &str, line: &str| {
            assert_eq!((printable(text).as_ref(), printable_line(text).as_ref()), (lines, line));
        };
        check("café\\猫 🐈\u{200d}", "café\\猫 🐈\u{200d}", "café\\猫 🐈\u{200d}");
        check("a\x1b[31mred", "a\\u{1b}[31mred", "a\\u{1b}[31mred");
        check("a\r\n\tb", "a\\r\n\tb", "a\\r\\n\\tb");
        check("\u{7f}\u{9b}2J", "\\u{7f}\\u{9b}2J", "\\u{7f}\\u{9b}2J");
        check("cat\u{202e}gnp.exe\u{2069}", "cat\\u{202e}gnp.exe\\u{2069}", "cat\\u{202e}gnp.exe\\u{2069}");
        check("a\u{2028}b", "a\\u{2028}b", "a\\u{2028}b");
    }
}
