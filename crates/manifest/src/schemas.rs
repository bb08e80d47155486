//! `SCHEMAS.md`, generated from the row types.

use std::fmt::Write;

use crate::column::type_name;
use crate::examples::EXAMPLES;
use crate::{ColumnDoc, SchemaDoc, catalog};

/// The text of `SCHEMAS.md`.
pub fn schemas_markdown() -> String {
    let mut text = String::from(
        "# Schemas\n\n\
         Generated from `crates/manifest/src/rows.rs` and `rows/`; `UPDATE_SCHEMAS=1 cargo test -p twinset-manifest` writes it anew.\n\n\
         Every manifest is a Parquet file. Its footer holds `twinset.schema` (the heading below) and `twinset.provenance`: \
         JSON with the stage and its version, its resolved config, its seed, the name, schema and BLAKE3 of each input, \
         warnings, and, where the stage checked its own result, `checks`: the `name` of each, its `outcome` (`passed`, `failed` or \
         `skipped`), and a `detail` with the figures. An `images` manifest also holds a `huggingface` entry, so that `datasets` decodes its pictures and names their classes.\n",
    );
    for schema in catalog() {
        section(&mut text, &schema);
    }
    text
}

fn section(text: &mut String, schema: &SchemaDoc) {
    let SchemaDoc { schema: name, doc, .. } = schema;
    write!(text, "\n## {name}\n\n{doc}\n\n| column | type | null | meaning |\n|---|---|---|---|\n")
        .expect("writing to a string does not fail");
    for ColumnDoc { name, data_type, is_nullable, doc } in &schema.columns {
        let null = if *is_nullable { "yes" } else { "" };
        writeln!(text, "| `{name}` | {} | {null} | {} |", type_name(data_type), one_line(doc))
            .expect("writing to a string does not fail");
    }
    for example in EXAMPLES.iter().filter(|example| example.schema == schema.schema) {
        text.push_str(&example.markdown());
    }
}

/// A doc comment on one line.
pub fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_example_is_of_a_schema() {
        for example in crate::examples::EXAMPLES {
            assert!(super::catalog().iter().any(|doc| doc.schema == example.schema), "{}", example.schema);
        }
    }

    #[test]
    fn schemas_md_says_what_the_row_types_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../SCHEMAS.md");
        let expected = super::schemas_markdown();
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &expected).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expected,
            "SCHEMAS.md is stale: UPDATE_SCHEMAS=1 cargo test -p twinset-manifest writes it anew"
        );
    }
}
