//! Rewrites EXISTS, which Polars does not support.
//!
//! If the subquery compares one of its columns with the outer query, EXISTS becomes IN:
//! `EXISTS (SELECT * FROM v WHERE v.id = t.id AND v.n > 2)` becomes `t.id IN (SELECT v.id FROM v WHERE v.n > 2)`. If
//! the subquery does not depend on the outer query, EXISTS becomes a count. Any other EXISTS is left as it is and
//! becomes an error.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, TableFactor, VisitMut, VisitorMut,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::Named;

/// Rewrites each EXISTS.
pub(super) struct Plain<'a> {
    pub(super) tables: &'a [Named],
}

impl VisitorMut for Plain<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let Expr::Exists { subquery, negated } = expression else { return ControlFlow::Continue(()) };
        let Some(inner) = Inner::of(subquery, self.tables) else { return ControlFlow::Continue(()) };
        if inner.is_alone(subquery) {
            let operator = if *negated { "IN" } else { "NOT IN" };
            // Without the limit, Polars would turn this into a join.
            let count = format!("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM ({subquery}) AS inner_ LIMIT 1");
            if let Some(count) = parsed(&format!("CAST(0 AS BIGINT) {operator} ({count})")) {
                *expression = count;
            }
            return ControlFlow::Continue(());
        }
        if let Some(membership) = inner.membership(subquery) {
            // EXISTS is never null, but IN can be.
            let text = if *negated { "NOT " } else { "" };
            if let Some(membership) = parsed(&format!("{text}COALESCE({membership}, FALSE)")) {
                *expression = membership;
            }
        }
        ControlFlow::Continue(())
    }
}

/// The subquery of an EXISTS: the names of its tables, and their columns.
struct Inner {
    names: HashSet<String>,
    columns: HashSet<String>,
}

impl Inner {
    /// None unless the subquery is a SELECT from known tables.
    fn of(query: &Query, tables: &[Named]) -> Option<Self> {
        let select = select(query)?;
        let (mut names, mut columns) = (HashSet::new(), HashSet::new());
        let factors = select
            .from
            .iter()
            .flat_map(|from| [&from.relation].into_iter().chain(from.joins.iter().map(|join| &join.relation)));
        for factor in factors {
            let TableFactor::Table { name, alias, .. } = factor else { return None };
            let name = name.to_string().trim_matches('"').to_owned();
            let table = tables.iter().find(|table| table.name == name)?;
            columns.extend(table.columns());
            names.insert(alias.as_ref().map_or(name, |alias| alias.name.value.clone()));
        }
        Some(Self { names, columns })
    }

    /// Whether the subquery does not depend on the outer query.
    fn is_alone(&self, query: &Query) -> bool {
        let mut clone = query.clone();
        let mut names = Names { inner: self, is_alone: true };
        let _: ControlFlow<()> = clone.visit(&mut names);
        names.is_alone
    }

    fn is_own(&self, expression: &Expr) -> bool {
        let mut clone = expression.clone();
        let mut names = Names { inner: self, is_alone: true };
        let _: ControlFlow<()> = clone.visit(&mut names);
        names.is_alone
    }

    /// The subquery's comparison with the outer query, as an IN without nulls.
    fn membership(&self, query: &Query) -> Option<String> {
        let select = select(query)?;
        // An aggregate is excluded: it has a row even if the table has none.
        let is_column = |item: &SelectItem| match item {
            SelectItem::UnnamedExpr(of) | SelectItem::ExprWithAlias { expr: of, .. } => {
                matches!(of, Expr::Value(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_))
            }
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => true,
            _ => false,
        };
        let condition = select.selection.as_ref().filter(|_| select.projection.iter().all(is_column))?;
        let is_own = |part: &&Expr| self.is_own(part);
        let (own, others): (Vec<&Expr>, Vec<&Expr>) = conjuncts(condition).into_iter().partition(is_own);
        let [Expr::BinaryOp { left, op: BinaryOperator::Eq, right }] = others[..] else { return None };
        let (inner, outer) = if self.is_own(left) { (left, right) } else { (right, left) };
        if !self.is_own(inner) || self.names_own(outer) {
            return None;
        }
        let own: String = own.iter().map(|part| format!(" AND ({part})")).collect();
        let from: Vec<String> = select.from.iter().map(ToString::to_string).collect();
        let from = from.join(", ");
        Some(format!("{outer} IN (SELECT {inner} AS own FROM {from} WHERE {inner} IS NOT NULL{own})"))
    }

    /// Whether an expression names a table of the inner query.
    fn names_own(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Identifier(name) => self.columns.contains(&name.value),
            Expr::CompoundIdentifier(parts) => parts.first().is_some_and(|first| self.names.contains(&first.value)),
            // Only one column may be compared.
            _ => true,
        }
    }
}

/// Looks for names that do not belong to the subquery.
struct Names<'a> {
    inner: &'a Inner,
    is_alone: bool,
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        self.is_alone &= match expression {
            Expr::Identifier(name) => self.inner.columns.contains(&name.value),
            Expr::CompoundIdentifier(parts) => parts.first().is_some_and(|first| {
                self.inner.names.contains(&first.value) || self.inner.columns.contains(&first.value)
            }),
            // Names in a nested query are not checked.
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => false,
            _ => true,
        };
        ControlFlow::Continue(())
    }
}

/// The SELECT of a query; none if the query groups or limits.
fn select(query: &Query) -> Option<&Select> {
    let SetExpr::Select(select) = &*query.body else { return None };
    let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let is_plain =
        query.with.is_none() && query.limit_clause.is_none() && query.fetch.is_none() && select.top.is_none();
    (is_plain && !is_grouped && select.having.is_none() && select.qualify.is_none()).then_some(select)
}

/// The parts of a condition that are joined by AND.
fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match condition {
        Expr::Nested(inner) => conjuncts(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => [conjuncts(left), conjuncts(right)].concat(),
        other => vec![other],
    }
}

fn parsed(text: &str) -> Option<Expr> {
    Parser::new(&GenericDialect).try_with_sql(text).ok()?.parse_expr().ok()
}
