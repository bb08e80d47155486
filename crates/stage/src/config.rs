//! Configs: strict TOML, with errors that name file, line and key.

use std::fmt::Display;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::locate::{Place, join, locate, locate_field};
use crate::overrides::{apply, hint_of_syntax, hint_of_type, of_key, overrides};

/// Where a config comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConfigSource<'a> {
    /// The TOML file; none for an empty one.
    pub file: Option<&'a Path>,
    /// Tables in it, as paths with dots; none for the whole file. Arrays are indexed from 0. Keys that a table lacks are taken from
    /// the next.
    pub tables: &'a [String],
    /// `KEY=VALUE` overrides of the table's keys.
    pub set: &'a [String],
}

/// A config that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("failed to read config `{file}`: {detail}")]
    Read {
        /// The config file.
        file: String,
        /// Why.
        detail: String,
    },
    /// The table that was asked for is not there.
    #[error("config `{file}` has no table `{table}`")]
    NoTable {
        /// The config file.
        file: String,
        /// The table.
        table: String,
    },
    /// An override is no `KEY=VALUE`, or its value is a list, a table or quoted text that does not end.
    #[error("cannot understand --set `{argument}`: expected KEY=VALUE, such as rate=0.5 or model=paper-robust")]
    Set {
        /// The argument.
        argument: String,
    },
    /// A key is unknown, missing, or has a value that it cannot have.
    #[error("{file}{line}: {key}{message}", line = .line.map(|line| format!(":{line}")).unwrap_or_default(),
        key = if .key.is_empty() { String::new() } else { format!("key `{}`: ", .key) })]
    Value {
        /// The config file, or `--set`.
        file: String,
        /// The line, where the key has one.
        line: Option<usize>,
        /// The key's whole path.
        key: String,
        /// What was found and what was expected.
        message: String,
        /// What a user can do about it.
        hint: Option<String>,
    },
}

impl ConfigError {
    /// What a user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Set { argument } => hint_of_syntax(argument),
            Self::Value { message, .. } if message.starts_with("unknown field") && hyphenated(message).is_some() => {
                Some(format!("did you mean `{}`?", hyphenated(message)?))
            }
            Self::Value { hint, .. } => hint.clone(),
            _ => None,
        }
    }
}

/// The field that a message of an unknown one expects, where that one differs by `_` for `-` alone.
fn hyphenated(message: &str) -> Option<String> {
    let mut fields = message.split('`').skip(1).step_by(2);
    let meant = fields.next()?.replace('_', "-");
    fields.any(|field| field == meant).then_some(meant)
}

/// A field whose value has the right type and yet cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is {found}, expected {expected}")]
pub struct InvalidField {
    /// The key as the config writes it, with dots: `optimizer.learning-rate`.
    pub field: String,
    /// Its value.
    pub found: String,
    /// What it should be.
    pub expected: String,
}

impl InvalidField {
    /// A field, its value, and what it should be.
    pub fn new(field: impl Display, found: impl Display, expected: impl Display) -> Self {
        Self { field: field.to_string(), found: found.to_string(), expected: expected.to_string() }
    }

    /// An error unless `is_valid`.
    ///
    /// # Errors
    /// That one.
    pub fn unless(is_valid: bool, field: &str, found: impl Display, expected: &str) -> Result<(), Self> {
        if is_valid { Ok(()) } else { Err(Self::new(field, found, expected)) }
    }
}

impl ConfigSource<'_> {
    /// Parses the config strictly, then checks it.
    ///
    /// # Errors
    /// Names file, line and key, what was found and what was expected.
    pub fn parse<C: DeserializeOwned>(
        self,
        validate: impl FnOnce(&C) -> Result<(), InvalidField>,
    ) -> Result<C, ConfigError> {
        let file = self.file.map_or_else(|| "--set".to_owned(), |path| path.display().to_string());
        let text = match self.file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| ConfigError::Read { file: file.clone(), detail: error.to_string() })?,
        };
        let prefix = self.tables.first().map_or("", String::as_str);
        let error = |place: Place, message: String| ConfigError::Value {
            file: file.clone(),
            line: place.offset.map(|offset| 1 + text[..offset].matches('\n').count()),
            hint: of_key(self.set, prefix, &place.key).and_then(|argument| hint_of_type(argument, &message)),
            key: place.key,
            message,
        };
        let syntax = |error_: &toml::de::Error| Place { offset: error_.span().map(|s| s.start), key: String::new() };
        let document = DeTable::parse(&text).map_err(|e| error(syntax(&e), one_line(e.message())))?;
        let span = document.span();
        let mut value = Spanned::new(span, DeValue::Table(document.into_inner()));
        let table = |path: &String| {
            let missing = || ConfigError::NoTable { file: file.clone(), table: path.clone() };
            select(value.clone(), path).ok_or_else(missing)
        };
        let mut tables = self.tables.iter().map(table).collect::<Result<Vec<_>, _>>()?.into_iter();
        if let Some(first) = tables.next() {
            value = tables.fold(first, with_keys_of);
        }
        let overrides = overrides(self.set).map_err(|argument| ConfigError::Set { argument: argument.clone() })?;
        let whole = value.clone();
        apply(&mut value, overrides.clone());
        let located = value.clone();
        let config = C::deserialize(ValueDeserializer::from(value)).map_err(|e| {
            let mut error = error(locate(&located, prefix, e.span(), e.message()), one_line(e.message()));
            if let (true, ConfigError::Value { hint, .. }) = (self.tables.is_empty(), &mut error) {
                let mut tables = Vec::new();
                add_tables::<C>(&whole, "", &overrides, &mut tables);
                let tables: Vec<_> = tables.iter().take(3).map(|table| format!("--table {table}")).collect();
                if !tables.is_empty() {
                    *hint = Some(format!("the config is a table of this file: {}", tables.join(" or ")));
                }
            }
            error
        })?;
        validate(&config).map_err(|invalid| {
            let InvalidField { field, found, expected } = invalid;
            error(locate_field(&located, prefix, &field), format!("found {found}, expected {expected}"))
        })?;
        Ok(config)
    }
}

/// Adds the paths of the tables below a value that are such a config.
fn add_tables<C: DeserializeOwned>(
    value: &Spanned<DeValue<'_>>,
    path: &str,
    overrides: &[(String, DeValue<'_>)],
    tables: &mut Vec<String>,
) {
    let below: Vec<(String, &Spanned<DeValue<'_>>)> = match value.get_ref() {
        DeValue::Table(table) => table.iter().map(|(key, value)| (key.get_ref().to_string(), value)).collect(),
        DeValue::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => return,
    };
    for (step, value) in below {
        let path = join(path, &step);
        // An empty table says nothing of what it is for.
        if matches!(value.get_ref(), DeValue::Table(table) if !table.is_empty()) {
            let mut table = value.clone();
            apply(&mut table, overrides.to_vec());
            if C::deserialize(ValueDeserializer::from(table)).is_ok() {
                tables.push(path);
                continue;
            }
        }
        add_tables::<C>(value, &path, overrides, tables);
    }
}

/// The value at a path of keys and indices.
fn select<'i>(mut value: Spanned<DeValue<'i>>, path: &str) -> Option<Spanned<DeValue<'i>>> {
    for step in path.split('.') {
        value = match value.into_inner() {
            DeValue::Table(table) => table.into_iter().find(|(key, _)| key.get_ref() == step)?.1,
            DeValue::Array(items) => items.into_iter().nth(step.parse().ok()?)?,
            _ => return None,
        };
    }
    matches!(value.get_ref(), DeValue::Table(_)).then_some(value)
}

/// The table with the keys that it lacks and `other` has.
fn with_keys_of<'i>(mut table: Spanned<DeValue<'i>>, other: Spanned<DeValue<'i>>) -> Spanned<DeValue<'i>> {
    if let (DeValue::Table(own), DeValue::Table(other)) = (table.get_mut(), other.into_inner()) {
        for (key, value) in other {
            own.entry(key).or_insert(value);
        }
    }
    table
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
