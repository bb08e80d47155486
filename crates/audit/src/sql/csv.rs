//! Reads delimited text as a table. Each column gets the narrowest type that fits all its values.

use polars::prelude::{Column, DataFrame, NamedFrom, PolarsError, Series};
use twinset_delimited::{DelimitedError, Table};

/// The text is not a table.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// It cannot be read as delimited text.
    #[error(transparent)]
    Delimited(#[from] DelimitedError),
    /// It cannot be made a table.
    #[error("{0}")]
    Frame(#[from] PolarsError),
}

/// Reads a text with a header. A column has whole numbers, numbers, true and false, or else text. An empty field is
/// null.
///
/// # Errors
/// When a row has another number of fields than the header, or two columns have one name.
pub fn csv(text: &[u8]) -> Result<DataFrame, CsvError> {
    let mut table = Table::parse(text, None, &[])?;
    let names = table.header().to_vec();
    let places = names.iter().map(|name| table.needed(name)).collect::<Result<Vec<_>, _>>()?;
    let mut fields: Vec<Vec<Option<String>>> = vec![Vec::new(); names.len()];
    while let Some(row) = table.next_row()? {
        for (column, place) in fields.iter_mut().zip(&places) {
            let field = row.field(*place);
            column.push((!field.is_empty()).then(|| field.to_owned()));
        }
    }
    let n_rows = fields.first().map_or(0, Vec::len);
    let columns = names.iter().zip(&fields).map(|(name, fields)| series(name, fields).into()).collect::<Vec<Column>>();
    Ok(DataFrame::new(n_rows, columns)?)
}

fn series(name: &str, fields: &[Option<String>]) -> Series {
    let name = name.into();
    if let Some(numbers) = all(fields, |field| field.parse::<i64>().ok()) {
        return Series::new(name, numbers);
    }
    if let Some(numbers) = all(fields, number) {
        return Series::new(name, numbers);
    }
    let truth = |field: &str| match field.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    all(fields, truth).map_or_else(|| Series::new(name.clone(), fields), |truths| Series::new(name.clone(), truths))
}

/// A number that is written with digits; a word such as `nan` is text.
fn number(field: &str) -> Option<f64> {
    field.bytes().any(|byte| byte.is_ascii_digit()).then(|| field.parse().ok()).flatten()
}

/// The values as one type; none if a field does not have this type, or if all fields are empty.
fn all<T>(fields: &[Option<String>], parse: impl Fn(&str) -> Option<T>) -> Option<Vec<Option<T>>> {
    let is_some = fields.iter().any(Option::is_some);
    let values = fields.iter().map(|field| field.as_deref().map(|field| parse(field).ok_or(())).transpose());
    values.collect::<Result<Vec<_>, ()>>().ok().filter(|_| is_some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_the_narrowest_type_of_all_its_values() {
        let table = csv(b"id;share;is_sound;word;date\n7;0.5;true;a;2026-11-30\n;1;False;;\n").unwrap();
        let types: Vec<String> = table.dtypes().iter().map(ToString::to_string).collect();
        assert_eq!(types, ["i64", "f64", "bool", "str", "str"]);
        let nulls: Vec<usize> = table.columns().iter().map(Column::null_count).collect();
        assert_eq!(nulls, [1, 0, 0, 1, 1]);
    }

    #[test]
    fn what_is_no_table_is_told_with_its_line() {
        let error = csv(b"a,b\n1,2\n3\n").unwrap_err().to_string();
        assert_eq!(error, "line 3: found 1 fields, expected 2 as in the header");
        let error = csv(b"a,a\n1,2\n").unwrap_err().to_string();
        assert_eq!(error, "line 1: found columns 1 and 2 both called `a`, expected one of that name");
    }
}
