//! Arithmetic on whole numbers whose result is exact or an error. Polars' own arithmetic wraps around on overflow, and
//! its unsigned numbers stay unsigned.

use std::collections::HashMap;
use std::sync::Arc;

use polars::error::{PolarsError, PolarsResult, polars_bail, polars_err};
use polars::prelude::{
    AnonymousColumnsUdf, Column, ColumnsUdf, DataType, Field, Float64Chunked, Int64Chunked, Int128Chunked, IntoColumn,
    NewChunkedArray, PlSmallStr, Schema, UserDefinedFunction,
};
use polars::sql::{FunctionOptions, FunctionRegistry};

/// The prefix of the names of all these functions.
pub(super) const PREFIX: &str = "exact_";

/// The functions that replace a query's operators and aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Add,
    Subtract,
    Multiply,
    /// A quotient without its fraction.
    Quotient,
    /// The remainder of a division, with the sign of the dividend.
    Remainder,
    /// Converts whole numbers to 128 bits; leaves all other types.
    Widen,
    /// Narrows a 128-bit sum to the type for sums of the summed column. The second argument is a value of that column.
    Sum,
    /// Divides a sum by a count.
    Mean,
}

impl Function {
    const ALL: [Self; 8] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Quotient,
        Self::Remainder,
        Self::Widen,
        Self::Sum,
        Self::Mean,
    ];

    /// The function's name in the rewritten query.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Add => "exact_add",
            Self::Subtract => "exact_subtract",
            Self::Multiply => "exact_multiply",
            Self::Quotient => "exact_quotient",
            Self::Remainder => "exact_remainder",
            Self::Widen => "exact_widen",
            Self::Sum => "exact_sum",
            Self::Mean => "exact_mean",
        }
    }

    fn of_columns(self, columns: &[Column]) -> PolarsResult<Column> {
        match (self, columns) {
            (Self::Widen, [value]) => {
                if value.dtype().is_integer() {
                    value.cast(&DataType::Int128)
                } else {
                    Ok(value.clone())
                }
            }
            (Self::Sum, [sum, sample]) => narrowed(sum, sample.dtype()),
            (Self::Mean, [sum, n]) => (&sum.cast(&DataType::Float64)? / &n.cast(&DataType::Float64)?)
                .map(|mean| mean.with_name(sum.name().clone())),
            (_, [left, right]) if left.dtype().is_integer() && right.dtype().is_integer() => {
                self.of_integers(left, right)
            }
            (Self::Add, [left, right]) => left + right,
            (Self::Subtract, [left, right]) => left - right,
            (Self::Multiply, [left, right]) => left * right,
            (Self::Quotient | Self::Remainder, [left, right]) => self.of_floats(left, right),
            _ => polars_bail!(ComputeError: "{} takes other arguments", self.name()),
        }
    }

    fn of_integers(self, left: &Column, right: &Column) -> PolarsResult<Column> {
        let (name, is_wide) = (left.name().clone(), is_wide(left.dtype()) || is_wide(right.dtype()));
        let n = match (left.len(), right.len()) {
            (1, n) | (n, _) => n,
        };
        let [one, other] = [left, right].map(|column| column.cast(&DataType::Int128));
        let (one, other) = (one?, other?);
        let (one, other) = (one.i128()?, other.i128()?);
        let at = |values: &Int128Chunked, row| values.get(if values.len() == 1 { 0 } else { row });
        let results = (0..n).map(|row| {
            let Some((left, right)) = at(one, row).zip(at(other, row)) else { return Ok(None) };
            let result = self.of_numbers(left, right).filter(|result| is_wide || i64::try_from(*result).is_ok());
            result.map(Some).ok_or_else(|| self.failure(left, right, is_wide))
        });
        let results = results.collect::<PolarsResult<Vec<Option<i128>>>>()?;
        if is_wide {
            return Ok(Int128Chunked::from_iter_options(name, results.into_iter()).into_column());
        }
        let narrow = results.into_iter().map(|result| result.and_then(|result| i64::try_from(result).ok()));
        Ok(Int64Chunked::from_iter_options(name, narrow).into_column())
    }

    /// None if the result has more than 128 bits, or for a division by zero.
    fn of_numbers(self, left: i128, right: i128) -> Option<i128> {
        match self {
            Self::Add => left.checked_add(right),
            Self::Subtract => left.checked_sub(right),
            Self::Multiply => left.checked_mul(right),
            Self::Quotient => left.checked_div(right),
            Self::Remainder => left.checked_rem(right),
            Self::Widen | Self::Sum | Self::Mean => None,
        }
    }

    /// The quotient or remainder of two numbers, at least one of which is not a whole number.
    fn of_floats(self, left: &Column, right: &Column) -> PolarsResult<Column> {
        let [one, other] = [left, right].map(|column| column.cast(&DataType::Float64));
        let (one, other) = (one?, other?);
        let n = if one.len() == 1 { other.len() } else { one.len() };
        let (one, other) = (one.f64()?, other.f64()?);
        let at = |values: &Float64Chunked, row| values.get(if values.len() == 1 { 0 } else { row });
        let result = |left: f64, right: f64| if self == Self::Quotient { (left / right).floor() } else { left % right };
        let results = (0..n).map(|row| at(one, row).zip(at(other, row)).map(|(left, right)| result(left, right)));
        Ok(Float64Chunked::from_iter_options(left.name().clone(), results).into_column())
    }

    fn failure(self, left: i128, right: i128, is_wide: bool) -> PolarsError {
        let operator = match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Quotient => "//",
            Self::Remainder => "%",
            Self::Multiply | Self::Widen | Self::Sum | Self::Mean => "*",
        };
        if right == 0 {
            return polars_err!(ComputeError: "{left} {operator} 0 is a division by zero: write NULLIF(…, 0)");
        }
        let (n_bits, wider) = if is_wide { (128, "DOUBLE") } else { (64, "HUGEINT") };
        polars_err!(ComputeError: "{left} {operator} {right} has more than {n_bits} bits: write CAST(… AS {wider}) around one side")
    }

    fn dtype(self, fields: &[Field]) -> PolarsResult<DataType> {
        let types: Vec<DataType> =
            fields.iter().map(|field| field.dtype().clone().materialize_unknown(true)).collect::<PolarsResult<_>>()?;
        match (self, &types[..]) {
            (Self::Mean, _) => Ok(DataType::Float64),
            (Self::Sum, [sum, sample]) => {
                Ok(if sample.is_integer() && !is_wide(sample) { DataType::Int64 } else { sum.clone() })
            }
            (Self::Widen, [value]) => Ok(if value.is_integer() { DataType::Int128 } else { value.clone() }),
            (_, [left, right]) if left.is_integer() && right.is_integer() => {
                Ok(if is_wide(left) || is_wide(right) { DataType::Int128 } else { DataType::Int64 })
            }
            _ => {
                let of_field = |(field, dtype): (&Field, &DataType)| Column::full_null(field.name().clone(), 1, dtype);
                let columns: Vec<Column> = fields.iter().zip(&types).map(of_field).collect();
                Ok(self.of_columns(&columns)?.dtype().clone())
            }
        }
    }
}

/// A sum of whole numbers in 64 bits, or in 128 bits if the summed column has 128 bits.
fn narrowed(sum: &Column, of: &DataType) -> PolarsResult<Column> {
    if !of.is_integer() || is_wide(of) {
        return Ok(sum.clone());
    }
    let sums = sum.cast(&DataType::Int128)?;
    let name = sum.name();
    let narrow = |sum: i128| {
        let beyond = |_| polars_err!(ComputeError: "SUM({name}) is {sum}, which has more than 64 bits: write SUM(CAST({name} AS HUGEINT))");
        i64::try_from(sum).map_err(beyond)
    };
    let narrow = sums.i128()?.iter().map(|sum| sum.map(narrow).transpose()).collect::<PolarsResult<Vec<_>>>()?;
    Ok(Int64Chunked::from_iter_options(name.clone(), narrow.into_iter()).into_column())
}

fn is_wide(dtype: &DataType) -> bool {
    matches!(dtype, DataType::Int128 | DataType::UInt128)
}

impl ColumnsUdf for Function {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn call_udf(&self, columns: &mut [Column]) -> PolarsResult<Column> {
        self.of_columns(columns)
    }
}

impl AnonymousColumnsUdf for Function {
    fn as_column_udf(self: Arc<Self>) -> Arc<dyn ColumnsUdf> {
        self
    }

    fn deep_clone(self: Arc<Self>) -> Arc<dyn AnonymousColumnsUdf> {
        self
    }

    fn get_field(&self, _: &Schema, fields: &[Field]) -> PolarsResult<Field> {
        let name = fields.first().map(|field| field.name().clone()).unwrap_or_default();
        Ok(Field::new(name, self.dtype(fields)?))
    }
}

/// The functions by name. Each is one shared object, so that Polars sees that two occurrences of an expression are
/// equal.
pub(super) struct Functions(HashMap<&'static str, UserDefinedFunction>);

impl Functions {
    pub(super) fn all() -> Self {
        let function = |function: Function| {
            let mut of = UserDefinedFunction::new(PlSmallStr::from_static(function.name()), function);
            of.options = FunctionOptions::elementwise();
            (function.name(), of)
        };
        Self(Function::ALL.into_iter().map(function).collect())
    }
}

impl FunctionRegistry for Functions {
    fn register(&mut self, name: &str, _: UserDefinedFunction) -> PolarsResult<()> {
        polars_bail!(ComputeError: "cannot register `{name}`")
    }

    fn get_udf(&self, name: &str) -> PolarsResult<Option<UserDefinedFunction>> {
        Ok(self.0.get(name).cloned())
    }

    fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
