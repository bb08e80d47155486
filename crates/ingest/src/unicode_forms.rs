//! Names that look alike and are not: `ö` is one character in Unicode's form NFC and two in NFD, as some systems and
//! archives write names.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

/// The first two names, one of each side, that are one name in two forms, with all beyond ASCII escaped.
pub(crate) fn twins(left: &[String], right: &[String]) -> Option<(String, String)> {
    let right: HashMap<String, &String> = right.iter().map(|name| (nfc(name), name)).collect();
    left.iter().find_map(|left| {
        let right = right.get(&nfc(left)).filter(|right| **right != left)?;
        Some((escaped(left), escaped(right)))
    })
}

/// A warning for each name of a class that stands there in two forms: they are two classes.
pub(crate) fn twins_within(names: &[String]) -> Vec<String> {
    let mut first_of: HashMap<String, &String> = HashMap::new();
    let mut warnings = Vec::new();
    for name in names.iter().filter(|name| !name.is_ascii()) {
        match first_of.get(&nfc(name)) {
            None => {
                first_of.insert(nfc(name), name);
            }
            Some(first) => warnings.push(format!(
                "classes `{}` and `{}` look like one name in two Unicode forms (NFC and NFD), and are two classes",
                escaped(first),
                escaped(name)
            )),
        }
    }
    warnings
}

fn nfc(name: &str) -> String {
    name.nfc().collect()
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

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn names_in_two_forms_are_found_and_escaped() {
        let check = |left: &[&str], right: &[&str], expected: Option<(&str, &str)>| {
            let expected = expected.map(|(left, right)| (left.to_owned(), right.to_owned()));
            assert_eq!(twins(&owned(left), &owned(right)), expected, "{left:?} {right:?}");
        };
        let forms = Some((r"V\u{f6}gel", r"Vo\u{308}gel"));
        check(&["cat", "V\u{f6}gel"], &["Vo\u{308}gel"], forms);
        check(&["Vo\u{308}gel"], &["V\u{f6}gel"], forms.map(|(nfc, nfd)| (nfd, nfc)));
        check(&["\u{af43}"], &["\u{1101}\u{1169}\u{11be}"], Some((r"\u{af43}", r"\u{1101}\u{1169}\u{11be}")));
        check(&["V\u{f6}gel"], &["V\u{e4}gel"], None);
        check(&["Vo\u{308}gel"], &["Vo\u{308}gel"], None);
        check(&["cat"], &["dog"], None);
        check(&["Vogel"], &["Vo\u{308}gel"], None);
        check(&[], &["Vo\u{308}gel"], None);
    }

    #[test]
    fn two_forms_among_the_classes_are_warned_of() {
        let check = |names: &[&str], expected: &[&str]| assert_eq!(twins_within(&owned(names)), owned(expected));
        let expected = r"classes `cafe\u{301}` and `caf\u{e9}` look like one name in two Unicode forms (NFC and NFD), and are two classes";
        check(&["cafe\u{301}", "cat", "caf\u{e9}"], &[expected]);
        check(&["caf\u{e9}", "cafe", "caf\u{e8}"], &[]);
    }
}
