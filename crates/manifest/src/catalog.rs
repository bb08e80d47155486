//! All row types, as values: what is known of a manifest by its schema alone.

use crate::rows::{
    Cell, ClaimRow, Cluster, Efficiency, Epoch, FigurePoint, Gaussian, GaussianBoundary, GaussianPoint, Hashes, Image,
    KnownImage, KnownPair, Leak, LearningCurve, Outcome, Pair, PartImage, PrecisionRecall, Prediction, ReferencePair,
    Reject, Removed, TrainsetRow, Violation, constraints,
};
use crate::{ColumnDoc, Constraint, Row};

/// A row type as a value.
#[derive(Clone, Debug)]
pub struct SchemaDoc {
    /// The schema and its version, for instance `images/3`.
    pub schema: &'static str,
    /// The row type's doc comment, on one line.
    pub doc: String,
    /// The columns, in order.
    pub columns: Vec<ColumnDoc>,
    /// What must hold of its rows.
    pub constraints: &'static [Constraint],
}

impl SchemaDoc {
    /// The columns that tell a row from all others; none where nothing does.
    pub fn key(&self) -> Option<&'static [&'static str]> {
        self.constraints.iter().find_map(|constraint| match constraint {
            Constraint::Unique(columns) => Some(*columns),
            _ => None,
        })
    }
}

/// All schemas, in the order of `SCHEMAS.md`.
pub fn catalog() -> Vec<SchemaDoc> {
    vec![
        entry::<Image>(),
        entry::<Reject>(),
        entry::<Hashes>(),
        entry::<Pair>(),
        entry::<Cluster>(),
        entry::<ReferencePair>(),
        entry::<KnownImage>(),
        entry::<KnownPair>(),
        entry::<PartImage>(),
        entry::<PrecisionRecall>(),
        entry::<Removed>(),
        entry::<TrainsetRow>(),
        entry::<Epoch>(),
        entry::<LearningCurve>(),
        entry::<Prediction>(),
        entry::<Leak>(),
        entry::<Gaussian>(),
        entry::<GaussianBoundary>(),
        entry::<GaussianPoint>(),
        entry::<Cell>(),
        entry::<Outcome>(),
        entry::<ClaimRow>(),
        entry::<Efficiency>(),
        entry::<FigurePoint>(),
        entry::<Violation>(),
    ]
}

fn entry<R: Row>() -> SchemaDoc {
    SchemaDoc { schema: R::SCHEMA, doc: one_line(R::DOC), columns: R::columns(), constraints: constraints(R::SCHEMA) }
}

/// A doc comment on one line.
pub fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema_name;

    /// The columns that a constraint names.
    fn named(constraint: &Constraint) -> Vec<&'static str> {
        match *constraint {
            Constraint::Check { column, .. }
            | Constraint::OneOf { column, .. }
            | Constraint::Digest(column)
            | Constraint::Counted { column, .. } => vec![column],
            Constraint::Unique(columns) => columns.to_vec(),
            Constraint::CountOf { column, by } => vec![column, by],
            Constraint::Class { label, name } => [label].into_iter().chain(name).collect(),
            Constraint::Refers { column, agree } => {
                [column].into_iter().chain(agree.iter().map(|(own, _)| *own)).collect()
            }
        }
    }

    #[test]
    fn constraints_name_columns_of_their_schema_and_of_images() {
        let images = Image::columns();
        for schema in catalog() {
            for constraint in schema.constraints {
                for name in named(constraint) {
                    assert!(schema.columns.iter().any(|column| column.name == name), "{}: {name}", schema.schema);
                }
                if let Constraint::Refers { agree, .. } = constraint {
                    for (_, theirs) in *agree {
                        assert!(images.iter().any(|column| column.name == *theirs), "{}: {theirs}", schema.schema);
                    }
                }
            }
        }
    }

    #[test]
    fn every_schema_stands_once() {
        let mut names: Vec<_> = catalog().iter().map(|schema| schema_name(schema.schema)).collect();
        let n = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), n);
    }
}
