//! Classes whose names are numbers.

use std::cmp::Ordering;

use crate::summary::listed;

/// Sorts the names of classes: as numbers where all are numbers, else as text. Says so where that makes a difference.
pub(crate) fn sort(names: &mut [String]) -> Option<String> {
    names.sort_unstable();
    let mut numbered: Vec<(f64, String)> =
        names.iter().map(|name| Some((number(name)?, name.clone()))).collect::<Option<_>>()?;
    numbered.sort_by(|(left, left_name), (right, right_name)| {
        left.partial_cmp(right).unwrap_or(Ordering::Equal).then_with(|| left_name.cmp(right_name))
    });
    let is_same = names.iter().eq(numbered.iter().map(|(_, name)| name));
    names.iter_mut().zip(numbered).for_each(|(name, (_, sorted))| *name = sorted);
    (!is_same).then(|| format!("the classes are numbers and are sorted as numbers, not as text: {}", listed(names, 12)))
}

/// Writes numbers without their fraction where all names are whole numbers: `2.0` becomes `2`, `010` stays.
pub(super) fn whole_as_integers(names: &mut [String]) {
    let whole: Option<Vec<i64>> = names.iter().map(|name| whole(name)).collect();
    for (name, whole) in names.iter_mut().zip(whole.into_iter().flatten()) {
        if name.contains('.') {
            *name = whole.to_string();
        }
    }
}

/// The whole number that a text is, also with a fraction of nothing: `2`, `2.0`.
pub(super) fn whole(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.bytes().all(|digit| digit == b'0') { whole.parse().ok() } else { None }
}

/// The number that a text is: digits, perhaps with a sign before and a fraction behind them.
fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_it_is_said_where_numbers_are_not_sorted_as_text() {
        let check = |names: &[&str], expected: &[&str], is_said: bool| {
            let mut names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            let said = sort(&mut names);
            assert_eq!((names, said.is_some()), (expected.iter().map(|&name| name.to_owned()).collect(), is_said));
        };
        check(&["2", "10", "1"], &["1", "2", "10"], true);
        check(&["2", "1", "0"], &["0", "1", "2"], false);
        check(&["01", "10", "02"], &["01", "02", "10"], false);
        check(&["-2", "1", "-10"], &["-10", "-2", "1"], false);
        check(&["1", "-2", "-10", "20", "3"], &["-10", "-2", "1", "3", "20"], true);
        check(&["1.5", "10", "1.25"], &["1.25", "1.5", "10"], false);
        check(&["9007199254740993", "9007199254740992"], &["9007199254740992", "9007199254740993"], false);
        check(&["2", "10", "b", "a"], &["10", "2", "a", "b"], false);
        check(&["1.2.3", "10"], &["1.2.3", "10"], false);
        let mut names = vec!["9".to_owned(), "10".to_owned()];
        let expected = "the classes are numbers and are sorted as numbers, not as text: 9, 10";
        assert_eq!(sort(&mut names).as_deref(), Some(expected));
    }
}
