//! Plans subqueries one after the other. Polars accepts our own functions only in the outermost query, so a subquery
//! that calls one is made a table first.

use std::ops::ControlFlow;

use polars::prelude::{LazyFrame, PolarsError, PolarsResult};
use polars::sql::SQLContext;
use sqlparser::ast::{Expr, Query, SetExpr, Statement, TableFactor, VisitMut, VisitorMut};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::exact::PREFIX;

/// Plans a query whose inner queries may call functions of the context.
pub(super) fn plan(context: &mut SQLContext, statement: &mut Statement) -> PolarsResult<LazyFrame> {
    let mut parts = Parts { context, n_tables: 0 };
    if let Statement::Query(query) = statement {
        parts.with(query)?;
        broken(query.visit(&mut parts))?;
    }
    context.execute(&statement.to_string())
}

/// Makes tables of subqueries.
struct Parts<'a> {
    context: &'a mut SQLContext,
    n_tables: usize,
}

impl Parts<'_> {
    /// Makes tables of the queries in WITH, in order, because each may name those before it.
    fn with(&mut self, query: &mut Query) -> PolarsResult<()> {
        let is_plain = query
            .with
            .as_ref()
            .is_some_and(|with| !with.recursive && with.cte_tables.iter().all(|table| table.alias.columns.is_empty()));
        if !is_plain || !calls_ours(query.with.as_ref().map(ToString::to_string)) {
            return Ok(());
        }
        for mut table in query.with.take().into_iter().flat_map(|with| with.cte_tables) {
            broken(table.query.visit(self))?;
            let lazy = self.context.execute(&table.query.to_string())?;
            self.context.register(&table.alias.name.value, lazy);
        }
        Ok(())
    }

    /// Makes a table of a query, and returns a query that selects all of it.
    fn table(&mut self, query: &str) -> PolarsResult<Query> {
        let lazy = self.context.execute(query)?;
        self.n_tables += 1;
        let name = format!("inner_{}", self.n_tables);
        self.context.register(&name, lazy);
        let parsed = Parser::new(&GenericDialect).try_with_sql(&format!("SELECT * FROM {name}"));
        let parsed = parsed.and_then(|mut parser| parser.parse_query());
        parsed.map(|query| *query).map_err(|error| PolarsError::SQLInterface(error.to_string().into()))
    }

    /// The sides of UNION, INTERSECT and EXCEPT.
    fn sides(&mut self, expression: &mut SetExpr) -> PolarsResult<()> {
        let SetExpr::SetOperation { left, right, .. } = expression else { return Ok(()) };
        for side in [left, right] {
            self.sides(side)?;
            if matches!(&**side, SetExpr::Select(_)) && calls_ours(Some(side.to_string())) {
                *side = self.table(&side.to_string())?.body;
            }
        }
        Ok(())
    }
}

impl VisitorMut for Parts<'_> {
    type Break = Box<PolarsError>;

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        flow(self.sides(&mut query.body))
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        let TableFactor::Derived { lateral: false, subquery, .. } = factor else { return ControlFlow::Continue(()) };
        if calls_ours(Some(subquery.to_string())) {
            match self.table(&subquery.to_string()) {
                Ok(table) => **subquery = table,
                Err(error) => return ControlFlow::Break(Box::new(error)),
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        let (Expr::InSubquery { subquery, .. } | Expr::Subquery(subquery)) = expression else {
            return ControlFlow::Continue(());
        };
        // A subquery that names columns of the outer query cannot be planned alone, so it is left as it is.
        if calls_ours(Some(subquery.to_string()))
            && let Ok(table) = self.table(&subquery.to_string())
        {
            **subquery = table;
        }
        ControlFlow::Continue(())
    }
}

fn calls_ours(text: Option<String>) -> bool {
    text.is_some_and(|text| text.contains(PREFIX))
}

fn flow(result: PolarsResult<()>) -> ControlFlow<Box<PolarsError>> {
    result.map_or_else(|error| ControlFlow::Break(Box::new(error)), ControlFlow::Continue)
}

fn broken(flow: ControlFlow<Box<PolarsError>>) -> PolarsResult<()> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}
