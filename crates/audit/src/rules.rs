//! What must hold of a schema, in words.

use twinset_manifest::Constraint;

/// A constraint as a sentence.
pub(crate) fn rule(constraint: &Constraint) -> String {
    match *constraint {
        Constraint::Check { rule, holds, .. } => format!("{rule}: {holds}"),
        Constraint::OneOf { column, values } => format!("value: {column} is one of {}", values().join(", ")),
        Constraint::Digest(column) => format!("value: {column} is 64 hexadecimal digits"),
        Constraint::Unique([column]) => format!("unique: no two rows have the same {column}"),
        Constraint::Unique(columns) => format!("unique: no two rows have the same {}", columns.join(", ")),
        Constraint::Counted { column, from } => format!("count: {column} counts the rows from {from}, without gaps"),
        Constraint::CountOf { column, by } => format!("count: {column} is how many rows have the row's {by}"),
        Constraint::Class { label, name: None } => format!("class: {label} is a class of the dataset"),
        Constraint::Class { label, name: Some(name) } => {
            format!("class: {label} is a class of the dataset, and {name} its name")
        }
        Constraint::Refers { column, agree } => {
            let own: Vec<_> = agree.iter().map(|(own, theirs)| format!("{own} = {theirs}")).collect();
            let agree = if own.is_empty() { String::new() } else { format!("; agreement: {}", own.join(", ")) };
            format!("foreign-key: {column} is the image_id of an image that it was made from, or with{agree}")
        }
    }
}
