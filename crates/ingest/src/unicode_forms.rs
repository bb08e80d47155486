//! Names that look alike and are not: `ö` is one character in Unicode's form NFC and two in NFD, as some systems and
//! archives write names.

/// The first two names, one of each side, that seem to be one name in two forms, with all beyond ASCII escaped.
///
/// Nothing is normalised: a character beyond ASCII is taken to be alike to any other, and to a base with its marks.
pub(crate) fn twins(left: &[String], right: &[String]) -> Option<(String, String)> {
    let alike = |left: &&String, right: &&String| {
        (left.contains(is_mark) || right.contains(is_mark)) && outline(left) == outline(right)
    };
    left.iter().find_map(|left| {
        let right = right.iter().find(|right| alike(&left, right))?;
        Some((escaped(left), escaped(right)))
    })
}

/// The name with one sign for each character beyond ASCII, or base with its marks.
fn outline(name: &str) -> String {
    let mut outline = String::new();
    for character in name.chars() {
        if is_mark(character) {
            outline.pop();
        }
        outline.push(if character.is_ascii() { character } else { char::REPLACEMENT_CHARACTER });
    }
    outline
}

/// A character that NFC joins to the one before: accents, the voicing of kana, the later letters of a Hangul syllable.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{3099}' | '\u{309a}' | '\u{1161}'..='\u{11ff}')
}

fn escaped(name: &str) -> String {
    let escape = |character: char| match character.is_ascii() {
        true => character.to_string(),
        false => character.escape_unicode().to_string(),
    };
    name.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_two_forms_are_found_and_escaped() {
        let check = |left: &[&str], right: &[&str], expected: Option<(&str, &str)>| {
            let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
            let expected = expected.map(|(left, right)| (left.to_owned(), right.to_owned()));
            assert_eq!(twins(&owned(left), &owned(right)), expected, "{left:?} {right:?}");
        };
        let forms = Some((r"V\u{f6}gel", r"Vo\u{308}gel"));
        check(&["cat", "V\u{f6}gel"], &["Vo\u{308}gel"], forms);
        check(&["Vo\u{308}gel"], &["V\u{f6}gel"], forms.map(|(nfc, nfd)| (nfd, nfc)));
        check(&["\u{c0f6}"], &["\u{1101}\u{1169}\u{11be}"], Some((r"\u{c0f6}", r"\u{1101}\u{1169}\u{11be}")));
        check(&["V\u{f6}gel"], &["V\u{e4}gel"], None);
        check(&["cat"], &["dog"], None);
        check(&["Vogel"], &["Vo\u{308}gel"], None);
        check(&[], &["Vo\u{308}gel"], None);
    }
}
