//! Whether a manifest has the columns of its schema.

use twinset_manifest::rows::Rule;
use twinset_manifest::{SchemaDoc, Untyped, type_name};

use super::Findings;

/// Checks names and types; false where the rows cannot be checked, then.
pub(super) fn check(manifest: &Untyped, schema: &SchemaDoc, findings: &mut Findings) -> bool {
    let n_before = findings.violations.len();
    for column in &schema.columns {
        let expected = type_name(&column.data_type);
        match manifest.columns().field_with_name(column.name) {
            Err(_) => findings.of_file(Rule::Columns, Some(column.name), "no such column", &expected),
            Ok(field) if !field.data_type().equals_datatype(&column.data_type) => {
                findings.of_file(Rule::Columns, Some(column.name), &type_name(field.data_type()), &expected);
            }
            Ok(_) => {}
        }
    }
    for field in manifest.columns().fields() {
        if !schema.columns.iter().any(|column| column.name == field.name()) {
            let found = type_name(field.data_type());
            findings.of_file(Rule::Columns, Some(field.name()), &found, "no such column");
        }
    }
    findings.violations.len() == n_before
}
