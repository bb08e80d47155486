//! Finding the key that an error is about.
//!
//! Serde forgets positions inside tagged enums, so where an error has none, the key or value that it quotes is looked
//! for in the table.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

/// A key in a config file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where it stands, in bytes; none where it came from an override.
    pub(crate) offset: Option<usize>,
    /// Its whole path.
    pub(crate) key: String,
}

/// The key that a parser's error is about.
pub(crate) fn locate(table: &Spanned<DeValue<'_>>, prefix: &str, span: Option<Range<usize>>, message: &str) -> Place {
    let mut entries = Vec::new();
    walk(table, prefix, &mut entries);
    let whole = table.span();
    let span = span.filter(|span| *span != whole && !span.is_empty());
    let holder = span.and_then(|span| entries.iter().filter(|e| e.holds(&span)).min_by_key(|e| e.value_span.len()));
    // The holder may be a whole table of which the error is about one key.
    let is_inside = |entry: &&Entry| holder.is_none_or(|holder| entry.key.starts_with(&format!("{}.", holder.key)));
    let quoted = quotations(message);
    let by_key = || {
        let name = quoted.first().filter(|_| message.starts_with("unknown field"))?;
        entries.iter().filter(is_inside).find(|entry| entry.name == *name)
    };
    let by_value = || {
        // What was found is quoted before examples of what was expected.
        let quotes = |word: &str| entries.iter().filter(is_inside).find(|e| e.scalar.as_deref() == Some(word));
        quoted.iter().find_map(|word| quotes(word)).filter(|_| !message.starts_with("missing field"))
    };
    match by_key().or_else(by_value).or(holder) {
        Some(entry) => entry.place(),
        None => Place { offset: Some(whole.start).filter(|_| !whole.is_empty()), key: prefix.to_owned() },
    }
}

/// The key that a check of our own is about, named below `prefix` with dots and places, as `claim[1].left`.
pub(crate) fn locate_field(table: &Spanned<DeValue<'_>>, prefix: &str, field: &str) -> Place {
    let mut entries = Vec::new();
    walk(table, prefix, &mut entries);
    let key = join(prefix, field);
    let dotted = key.replace('[', ".").replace(']', "");
    let found = entries.iter().find(|entry| entry.key == dotted).map(Entry::place);
    let offset =
        found.map_or_else(|| Some(table.span().start).filter(|_| !table.span().is_empty()), |place| place.offset);
    Place { offset, key }
}

struct Entry {
    key: String,
    name: String,
    key_span: Range<usize>,
    value_span: Range<usize>,
    scalar: Option<String>,
}

impl Entry {
    fn holds(&self, span: &Range<usize>) -> bool {
        self.key_span == *span || (self.value_span.start <= span.start && span.end <= self.value_span.end)
    }

    fn place(&self) -> Place {
        Place { offset: Some(self.key_span.start).filter(|_| !self.key_span.is_empty()), key: self.key.clone() }
    }
}

fn walk(value: &Spanned<DeValue<'_>>, path: &str, entries: &mut Vec<Entry>) {
    match value.get_ref() {
        DeValue::Table(table) => {
            for (key, value) in table {
                let path = join(path, key.get_ref());
                entries.push(Entry {
                    key: path.clone(),
                    name: key.get_ref().to_string(),
                    key_span: key.span(),
                    value_span: value.span(),
                    scalar: scalar(value.get_ref()),
                });
                walk(value, &path, entries);
            }
        }
        DeValue::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                let path = join(path, &index.to_string());
                entries.push(Entry {
                    key: path.clone(),
                    name: index.to_string(),
                    key_span: value.span(),
                    value_span: value.span(),
                    scalar: scalar(value.get_ref()),
                });
                walk(value, &path, entries);
            }
        }
        _ => {}
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(float(number.as_str())),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A float as serde's messages have it: `1e3` is `1000.0` there.
fn float(written: &str) -> String {
    match written.parse::<f64>() {
        Ok(value) if value.is_finite() && value.fract() == 0.0 => format!("{value:.1}"),
        Ok(value) => value.to_string(),
        Err(_) => written.to_owned(),
    }
}

pub(crate) fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}

/// What a message puts between backticks or double quotes.
fn quotations(message: &str) -> Vec<&str> {
    let mut words: Vec<_> = message.split('`').skip(1).step_by(2).collect();
    words.extend(message.split('"').skip(1).step_by(2));
    words
}
