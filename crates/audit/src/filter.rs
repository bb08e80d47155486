//! An SQL condition on a manifest's rows: evaluates it on a batch, and derives from it which row groups can be skipped.

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use polars::prelude::{self as pl, AnyValue, Expr, IntoLazy, LiteralValue, Operator, PlSmallStr, PolarsResult};

use crate::frame::frame;
use crate::pick::{Key, Need};

/// A condition over columns.
pub(crate) struct Filter<'a> {
    expression: Expr,
    columns: Vec<PlSmallStr>,
    schema: &'a pl::Schema,
}

impl<'a> Filter<'a> {
    /// The condition over a manifest whose columns have these types in SQL.
    pub(crate) fn of(expression: Expr, schema: &'a pl::Schema) -> Self {
        let columns = expression.clone().meta().root_names();
        Self { expression, columns, schema }
    }

    /// The columns that the condition names.
    pub(crate) fn columns(&self) -> Vec<&str> {
        self.columns.iter().map(PlSmallStr::as_str).collect()
    }

    /// For each row of a batch of these columns, whether the condition holds.
    ///
    /// # Errors
    /// When it cannot be computed.
    pub(crate) fn holds(&self, batch: &RecordBatch) -> PolarsResult<BooleanArray> {
        if let Some(holds) = self.compared(batch) {
            return Ok(holds);
        }
        let rows = frame(batch, self.schema)?;
        let holds = rows.lazy().select([self.expression.clone().alias("holds")]).collect()?;
        let holds = holds.column("holds")?.bool()?;
        Ok(match holds.len() {
            // A condition without columns has one value for all rows.
            1 => std::iter::repeat_n(holds.get(0), batch.num_rows()).collect(),
            _ => holds.iter().collect(),
        })
    }

    /// Evaluates `column = literal` directly on the array, without Polars; none for any other condition.
    fn compared(&self, batch: &RecordBatch) -> Option<BooleanArray> {
        let Expr::BinaryExpr { left, op: Operator::Eq, right } = &self.expression else { return None };
        let ((Expr::Column(_), Expr::Literal(literal)) | (Expr::Literal(literal), Expr::Column(_))) =
            (&**left, &**right)
        else {
            return None;
        };
        let [array] = batch.columns() else { return None };
        let holds = match (key_of(literal)?, array.data_type()) {
            (Key::Text(text), DataType::Utf8) => {
                let texts = array.as_string::<i32>();
                BooleanBuffer::collect_bool(texts.len(), |row| texts.value(row) == text)
            }
            (Key::Integer(n), DataType::UInt64) => equal(array.as_primitive::<UInt64Type>().values(), u64::try_from(n)),
            (Key::Integer(n), DataType::Int64) => equal(array.as_primitive::<Int64Type>().values(), i64::try_from(n)),
            _ => return None,
        };
        Some(BooleanArray::new(holds, array.nulls().cloned()))
    }

    /// What must be true of each row for which the condition holds, to compare with row groups' statistics.
    pub(crate) fn need(&self) -> Need {
        need(&self.expression)
    }
}

/// A mask of the values that equal `wanted`; no value does if their type cannot hold it.
fn equal<T: Copy + PartialEq, E>(values: &[T], wanted: Result<T, E>) -> BooleanBuffer {
    match wanted {
        Ok(wanted) => BooleanBuffer::collect_bool(values.len(), |row| values[row] == wanted),
        Err(_) => BooleanBuffer::new_unset(values.len()),
    }
}

fn need(expression: &Expr) -> Need {
    match expression {
        Expr::Alias(inner, _) => need(inner),
        Expr::BinaryExpr { left, op: Operator::And | Operator::LogicalAnd, right } => {
            Need::All(vec![need(left), need(right)])
        }
        Expr::BinaryExpr { left, op: Operator::Or | Operator::LogicalOr, right } => {
            Need::Any(vec![need(left), need(right)])
        }
        Expr::BinaryExpr { left, op, right } => match (&**left, &**right) {
            (Expr::Column(column), Expr::Literal(literal)) => compared(column, *op, literal),
            (Expr::Literal(literal), Expr::Column(column)) => compared(column, turned(*op), literal),
            _ => Need::Nothing,
        },
        Expr::Function { input, function } if function.to_string() == "is_in" => match &input[..] {
            [Expr::Column(column), values] => among(column, values),
            _ => Need::Nothing,
        },
        _ => Need::Nothing,
    }
}

/// The operator for exchanged sides: `<` becomes `>`.
fn turned(operator: Operator) -> Operator {
    match operator {
        Operator::Lt => Operator::Gt,
        Operator::LtEq => Operator::GtEq,
        Operator::Gt => Operator::Lt,
        Operator::GtEq => Operator::LtEq,
        other => other,
    }
}

/// The need of a comparison with a literal. `a < b` is treated as `a <= b`, which can only keep more row groups.
fn compared(column: &str, operator: Operator, literal: &LiteralValue) -> Need {
    let Some(key) = key_of(literal) else { return Need::Nothing };
    let column = column.to_owned();
    match operator {
        Operator::Eq => Need::exactly(&column, key),
        Operator::Lt | Operator::LtEq => Need::Within { column, low: None, high: Some(key) },
        Operator::Gt | Operator::GtEq => Need::Within { column, low: Some(key), high: None },
        _ => Need::Nothing,
    }
}

fn key_of(literal: &LiteralValue) -> Option<Key> {
    match literal {
        LiteralValue::Series(values) if values.len() == 1 => key(&values.get(0).ok()?),
        LiteralValue::Series(_) | LiteralValue::Range(_) => None,
        other => key(&other.to_any_value()?),
    }
}

fn key(value: &AnyValue) -> Option<Key> {
    match value {
        AnyValue::String(text) => Some(Key::Text((*text).to_owned())),
        AnyValue::StringOwned(text) => Some(Key::Text(text.to_string())),
        value if value.is_integer() => value.extract().map(Key::Integer),
        _ => None,
    }
}

/// The need of `column IN (values)`.
fn among(column: &str, values: &Expr) -> Need {
    const MAX_VALUES: usize = 256;
    let list = match values {
        Expr::Agg(pl::AggExpr::Implode { input, .. }) => return among(column, input),
        Expr::Cast { expr: input, .. } | Expr::Alias(input, _) => return among(column, input),
        Expr::Literal(LiteralValue::Series(values)) => (**values).clone(),
        Expr::Literal(LiteralValue::Scalar(values)) => match values.value() {
            AnyValue::List(values) => values.clone(),
            _ => return Need::Nothing,
        },
        _ => return Need::Nothing,
    };
    // If the list holds one list, that list has the values.
    let list = match list.get(0) {
        Ok(AnyValue::List(values)) if list.len() == 1 => values,
        _ => list,
    };
    let exactly = |value: AnyValue| key(&value).map(|key| Need::exactly(column, key));
    let needs: Option<Vec<Need>> = list.iter().filter(|value| !value.is_null()).map(exactly).collect();
    needs.filter(|needs| needs.len() <= MAX_VALUES).map_or(Need::Nothing, Need::Any)
}
