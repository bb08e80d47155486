//! Rewrites the parts of a query that Polars answers wrongly or does not support.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Function as Call, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    Ident, ObjectName, Statement, UnaryOperator, VisitMut, VisitorMut,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserOptions};

use super::Named;
use super::exact::Function;
use super::exists;

/// The query with exact arithmetic and without EXISTS. None if the text is not a query; Polars then says what is wrong.
pub(super) fn rewritten(sql: &str, tables: &[Named]) -> Option<Statement> {
    let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
    let mut parser = Parser::new(&GenericDialect).with_options(options).try_with_sql(sql).ok()?;
    let [mut statement] = <[Statement; 1]>::try_from(parser.parse_statements().ok()?).ok()?;
    if !matches!(statement, Statement::Query(_)) {
        return None;
    }
    let _: ControlFlow<()> = statement.visit(&mut exists::Plain { tables });
    let _: ControlFlow<()> = statement.visit(&mut Exact);
    Some(statement)
}

/// Makes arithmetic exact.
struct Exact;

impl VisitorMut for Exact {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let new = match expression {
            Expr::BinaryOp { left, op, right } if !is_interval(left) && !is_interval(right) => {
                let function = match op {
                    BinaryOperator::Plus => Function::Add,
                    BinaryOperator::Minus => Function::Subtract,
                    BinaryOperator::Multiply => Function::Multiply,
                    BinaryOperator::DuckIntegerDivide => Function::Quotient,
                    BinaryOperator::Modulo => Function::Remainder,
                    _ => return ControlFlow::Continue(()),
                };
                // An expression of literal numbers is left as it is, because LIMIT accepts no functions.
                (!is_number(left) || !is_number(right))
                    .then(|| call(function.name(), vec![(**left).clone(), (**right).clone()]))
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } if !is_number(expr) && !is_interval(expr) => {
                Some(call(Function::Subtract.name(), vec![number(0), (**expr).clone()]))
            }
            Expr::Function(function) => aggregate(function),
            _ => None,
        };
        if let Some(new) = new {
            *expression = new;
        }
        ControlFlow::Continue(())
    }
}

/// SUM and AVG of whole numbers, exactly.
fn aggregate(function: &Call) -> Option<Expr> {
    let name = function.name.to_string().to_ascii_lowercase();
    // A sum with DISTINCT is left to Polars, which refuses it.
    let FunctionArguments::List(FunctionArgumentList { args, duplicate_treatment: None, .. }) = &function.args else {
        return None;
    };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = &args[..] else { return None };
    let sum = || {
        let mut sum = named(function, "SUM");
        if let FunctionArguments::List(list) = &mut sum.args {
            list.args = vec![argument_of(call(Function::Widen.name(), vec![argument.clone()]))];
        }
        Expr::Function(sum)
    };
    match name.as_str() {
        "sum" => Some(call(Function::Sum.name(), vec![sum(), Expr::Function(named(function, "MIN"))])),
        "avg" => Some(call(Function::Mean.name(), vec![sum(), Expr::Function(named(function, "COUNT"))])),
        _ => None,
    }
}

/// The same call of another function.
fn named(function: &Call, name: &str) -> Call {
    Call { name: object(name), ..function.clone() }
}

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Function(Call {
        name: object(name),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(argument_of).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn object(name: &str) -> ObjectName {
    ObjectName::from(vec![Ident::new(name)])
}

fn argument_of(expression: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expression))
}

fn number(n: u8) -> Expr {
    Expr::value(sqlparser::ast::Value::Number(n.to_string(), false))
}

fn is_number(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(_))
}

fn is_interval(expression: &Expr) -> bool {
    matches!(expression, Expr::Interval(_))
}
