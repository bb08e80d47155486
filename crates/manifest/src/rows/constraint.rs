//! What must hold of a manifest's rows beyond their types.

use super::Rule;

/// Something that holds of every sound manifest of a schema. `rows/constraints.rs` declares them, schema by schema.
#[derive(Clone, Copy, Debug)]
pub enum Constraint {
    /// An SQL expression that is true, or null, of every row.
    Check {
        /// The rule that a row breaks for which it is false.
        rule: Rule,
        /// The column that is to blame.
        column: &'static str,
        /// The expression.
        holds: &'static str,
    },
    /// The column's text is one of these.
    OneOf {
        /// The column.
        column: &'static str,
        /// What it may hold.
        values: fn() -> Vec<&'static str>,
    },
    /// The column's text is a BLAKE3 digest: 64 hexadecimal digits.
    Digest(&'static str),
    /// No two rows have the same values in these columns, null being a value; the first such constraint is the schema's key.
    Unique(&'static [&'static str]),
    /// The rows' numbers, without gaps and in order.
    Counted {
        /// The column.
        column: &'static str,
        /// The first row's.
        from: u64,
    },
    /// How many rows have the same value in another column as this one.
    CountOf {
        /// The column.
        column: &'static str,
        /// The other column.
        by: &'static str,
    },
    /// One of the classes that the footer of the manifest, or of the images that it refers to, names.
    Class {
        /// The column that counts classes from 0.
        label: &'static str,
        /// The column with the class's name, where there is one.
        name: Option<&'static str>,
    },
    /// An image of the manifests that this one was made from, or that were made with it; null refers to none.
    Refers {
        /// The column.
        column: &'static str,
        /// This manifest's columns, each with the one of `images` that it repeats.
        agree: &'static [(&'static str, &'static str)],
    },
}
