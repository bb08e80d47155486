//! `--set KEY=VALUE`: the keys that it overrides, and what to write instead where that is no use.
//!
//! A key of a table within the config has dots: `optimizer.learning-rate=0.01`. The table's other keys stay as they are.
//!
//! A value is TOML. What is no TOML is text as it stands: `dataset=image-folder`. A date is text, too, for no key wants one.
//! What begins as a list, a table or quoted text, and is none, is a mistake.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::locate::join;

/// The keys and their values, or the argument that cannot be understood. The values have empty spans: those that they were parsed with count from the override's first
/// byte, not the file's.
pub(crate) fn overrides(set: &[String]) -> Result<Vec<(String, DeValue<'_>)>, &String> {
    set.iter()
        .map(|argument| {
            let (key, value) = parts(argument).ok_or(argument)?;
            let value = match DeValue::parse(value).map(Spanned::into_inner) {
                Ok(DeValue::Datetime(_)) => DeValue::String(Cow::Borrowed(value)),
                Ok(parsed) => without_places(parsed),
                Err(_) if value.is_empty() || value.starts_with(['"', '\'', '[', '{']) => return Err(argument),
                Err(_) => DeValue::String(Cow::Borrowed(value)),
            };
            Ok((key.to_owned(), value))
        })
        .collect()
}

/// Puts the overrides into a table. They have an empty span, by which `locate` knows that they have no line.
pub(crate) fn apply<'i>(value: &mut Spanned<DeValue<'i>>, overrides: Vec<(String, DeValue<'i>)>) {
    let DeValue::Table(table) = value.get_mut() else { return };
    for (key, value) in overrides {
        insert(table, &key, value);
    }
}

fn insert<'i>(table: &mut DeTable<'i>, key: &str, value: DeValue<'i>) {
    let without_place = |key: &str| Spanned::new(0..0, DeString::Owned(key.to_owned()));
    if let Some((first, rest)) = key.split_once('.') {
        let empty = || Spanned::new(0..0, DeValue::Table(DeTable::new()));
        if let DeValue::Table(inner) = table.entry(without_place(first)).or_insert_with(empty).get_mut() {
            return insert(inner, rest, value);
        }
    }
    table.remove(key);
    table.insert(without_place(key), Spanned::new(0..0, value));
}

/// The override of a key, given with its whole path; the last one, which wins.
pub(crate) fn of_key<'s>(set: &'s [String], prefix: &str, key: &str) -> Option<&'s String> {
    set.iter().rfind(|argument| parts(argument).is_some_and(|(found, _)| join(prefix, found) == key))
}

/// What to write for an override that is no `KEY=VALUE`.
pub(crate) fn hint_of_syntax(argument: &str) -> Option<String> {
    let (key, value) = parts(argument)?;
    if value.is_empty() {
        return Some(format!("empty text is --set {key}='\"\"'"));
    }
    let is_list = value.starts_with(['[', '{']);
    is_list.then(|| {
        "within a list or table text stands in double quotes, and the shell needs single ones around all".to_owned()
    })
}

/// What to write for an override whose value has the wrong type.
pub(crate) fn hint_of_type(argument: &str, message: &str) -> Option<String> {
    let (key, value) = parts(argument)?;
    let expected = message.strip_prefix("invalid type: ")?.split_once("expected ")?.1;
    if expected.contains("string") {
        let is_word = !value.is_empty() && !value.contains(['"', '\'', '[', ']', '{', '}', '\n', '\\']);
        return is_word
            .then(|| format!("text that looks like a number or a boolean needs quotes: --set {key}='\"{value}\"'"));
    }
    let boolean = match value.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" => true,
        "no" | "off" | "false" => false,
        _ => return None,
    };
    expected.contains("boolean").then(|| format!("a boolean is true or false: --set {key}={boolean}"))
}

fn parts(argument: &str) -> Option<(&str, &str)> {
    let (key, value) = argument.split_once('=')?;
    Some((key.trim(), value.trim()))
}

fn without_places(value: DeValue<'_>) -> DeValue<'_> {
    fn bare(value: Spanned<DeValue<'_>>) -> Spanned<DeValue<'_>> {
        Spanned::new(0..0, without_places(value.into_inner()))
    }
    match value {
        DeValue::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| (Spanned::new(0..0, key.into_inner()), bare(value)));
            DeValue::Table(entries.collect::<DeTable<'_>>())
        }
        DeValue::Array(items) => DeValue::Array(items.into_iter().map(bare).collect()),
        value => value,
    }
}
