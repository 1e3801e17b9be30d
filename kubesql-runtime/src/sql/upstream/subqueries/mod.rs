//! Subqueries that DataFusion answers wrongly or not at all.
//!
//! DataFusion 55.2.0 decorrelates simple subqueries only:
//!
//! - `NOT IN` under `OR` ignores NULL: <https://github.com/apache/datafusion/issues/25336>,
//!   <https://github.com/apache/datafusion/issues/25347>, <https://github.com/apache/datafusion/issues/8241>.
//! - Correlated scalar subqueries need an aggregate: <https://github.com/apache/datafusion/issues/16137>.
//! - `LATERAL` with `LIMIT`, and references to other than the next outer query, are not supported:
//!   <https://github.com/apache/datafusion/issues/10048>, <https://github.com/apache/datafusion/issues/6140>.
//!
//! This rule replaces all subqueries but the simplest by joins. `dependent` evaluates a correlated subquery.

mod dependent;
mod single_row;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ExprSchema, JoinType, ScalarValue};
use datafusion::error::Result;
use datafusion::functions_aggregate::count::count_all;
use datafusion::functions_aggregate::expr_fn::{count, first_value};
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison, SetQuantifier};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Filter, Join, Limit, LogicalPlan, Operator, Projection, Subquery, SubqueryAlias,
    binary_expr, lit, when,
};
use datafusion::optimizer::AnalyzerRule;

use dependent::{Domain, Names, extend, join_by, outer_columns, unsupported};

/// Replaces subqueries by joins, except those that DataFusion plans correctly.
#[derive(Debug)]
pub(crate) struct DecorrelateSubqueries;

impl AnalyzerRule for DecorrelateSubqueries {
    fn name(&self) -> &'static str {
        "decorrelate_subqueries"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        if !has_subqueries(&plan)? {
            return Ok(plan);
        }
        let mut rewriter = Rewriter::default();
        let plan = plan.transform_up_with_subqueries(|node| rewriter.rewrite(node))?.data;
        reject_outer_references(&plan)?;
        Ok(plan)
    }
}

fn subquery_of(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::SetComparison(SetComparison { subquery, .. })
        | Expr::ScalarSubquery(subquery) => Some(subquery),
        _ => None,
    }
}

fn has_subqueries(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::Subquery(_)) || node.expressions().iter().any(has_subquery)))
}

fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|expr| Ok(subquery_of(expr).is_some())).unwrap_or(true)
}

/// Whether a plan, or a subquery of its expressions, references columns of an outer query.
fn has_outer_references(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found = found || node.expressions().iter().any(Expr::contains_outer);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// Fails if a column of an outer query is referenced where DataFusion does not expect it.
fn reject_outer_references(plan: &LogicalPlan) -> Result<()> {
    plan.apply(|node| {
        if node.expressions().iter().any(Expr::contains_outer) {
            return Err(unsupported("this reference to a column of an outer query is not supported").into());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// Whether a plan returns at most one row.
fn is_single_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Values(values) => values.values.len() <= 1,
        LogicalPlan::Limit(Limit { fetch: Some(fetch), input, .. }) => {
            matches!(**fetch, Expr::Literal(ScalarValue::Int64(Some(0 | 1)), _)) || is_single_row(input)
        }
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::SubqueryAlias(_) => plan.inputs().into_iter().all(is_single_row),
        _ => false,
    }
}

/// Whether a plan returns at least one row.
fn has_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(relation) => relation.produce_one_row,
        LogicalPlan::Values(values) => !values.values.is_empty(),
        LogicalPlan::Projection(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::SubqueryAlias(_) => plan.inputs().into_iter().all(has_row),
        _ => false,
    }
}

/// Whether DataFusion decorrelates a subquery correctly: it references the outer query in conditions of `WHERE` only,
/// and only the next outer query.
fn is_simple(plan: &LogicalPlan, outer: &DFSchema) -> Result<bool> {
    if !has_outer_references(plan)? {
        return Ok(true);
    }
    let is_simple_node = match plan {
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => {
            !plan.expressions().iter().any(|expr| expr.contains_outer() || has_subquery(expr))
        }
        LogicalPlan::Filter(filter) => {
            let mut is_simple = !has_subquery(&filter.predicate);
            filter.predicate.apply(|expr| {
                if let Expr::OuterReferenceColumn(_, column) = expr {
                    is_simple &= outer.has_column(column);
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
            is_simple
        }
        _ => false,
    };
    let input = plan.inputs();
    Ok(is_simple_node && is_simple(input[0], outer)?)
}

/// Whether DataFusion plans a condition of `WHERE` correctly.
fn is_supported(condition: &Expr, outer: &DFSchema) -> Result<bool> {
    let (condition, is_not) = match condition {
        Expr::Not(inner) => (&**inner, true),
        other => (other, false),
    };
    match condition {
        Expr::Exists(Exists { subquery, .. }) => is_simple(&subquery.subquery, outer),
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            let plan = &subquery.subquery;
            // `NOT IN` depends on NULL.
            let is_plain = !has_subquery(expr) && !expr.contains_outer() && is_not == *negated;
            Ok(is_plain && is_simple(plan, outer)?)
        }
        _ => Ok(false),
    }
}

/// Whether an expression has a subquery that must be replaced. DataFusion evaluates uncorrelated scalar subqueries.
fn needs_join(expr: &Expr) -> bool {
    let needs = |expr: &Expr| match expr {
        Expr::ScalarSubquery(subquery) => {
            let plan = &subquery.subquery;
            // DataFusion does not know that the value is NULL if there is no row.
            let is_known = plan.schema().field(0).is_nullable() || has_row(plan);
            Ok(!is_single_row(plan) || !is_known || has_outer_references(plan)?)
        }
        other => Ok(subquery_of(other).is_some()),
    };
    expr.exists(needs).unwrap_or(true)
}

/// Restores the columns of a schema.
fn restore_columns(plan: LogicalPlan, schema: &DFSchema) -> Result<LogicalPlan> {
    if plan.schema().fields().len() == schema.fields().len() {
        return Ok(plan);
    }
    let columns = schema.columns().into_iter().map(Expr::Column).collect();
    Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(plan))?))
}

fn filter(plan: LogicalPlan, conditions: Vec<Expr>) -> Result<LogicalPlan> {
    Ok(match conjunction(conditions) {
        Some(predicate) => LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(plan))?),
        None => plan,
    })
}

/// The plan of an aggregate without groups.
fn aggregate(plan: LogicalPlan, exprs: Vec<Expr>) -> Result<LogicalPlan> {
    Ok(LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(plan), Vec::new(), exprs)?))
}

fn first_column(plan: &LogicalPlan) -> Column {
    Column::from(plan.schema().qualified_field(0))
}

#[derive(Default)]
struct Rewriter {
    names: Names,
    /// Whether a node has been rewritten.
    changed: bool,
}

impl Rewriter {
    /// Rewrites a node. Its inputs and subqueries have been rewritten.
    fn rewrite(&mut self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let node = match node {
            // The types of columns do not change, but they may become nullable.
            node @ (LogicalPlan::Union(_) | LogicalPlan::RecursiveQuery(_)) => node,
            node if self.changed => node.recompute_schema()?,
            node => node,
        };
        let is_lateral = |plan: &LogicalPlan| match plan {
            LogicalPlan::Subquery(_) => true,
            LogicalPlan::SubqueryAlias(alias) => matches!(*alias.input, LogicalPlan::Subquery(_)),
            _ => false,
        };
        let rewritten = match node {
            LogicalPlan::Filter(node) if has_subquery(&node.predicate) => self.rewrite_filter(node)?,
            LogicalPlan::Join(join) if is_lateral(&join.right) => self.rewrite_lateral(join)?,
            LogicalPlan::Join(join) if join.filter.as_ref().is_some_and(has_subquery) => self.rewrite_join(join)?,
            node if !matches!(node, LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::Limit(_))
                && node.inputs().len() == 1
                && node.expressions().iter().any(needs_join) =>
            {
                self.rewrite_unary(node)?
            }
            node => return Ok(Transformed::new_transformed(node, self.changed)),
        };
        self.changed = true;
        Ok(Transformed::yes(rewritten))
    }

    /// Rewrites a node with one input.
    fn rewrite_unary(&mut self, node: LogicalPlan) -> Result<LogicalPlan> {
        let schema = Arc::clone(node.schema());
        let names = NamePreserver::new(&node);
        let mut input = LogicalPlan::clone(node.inputs()[0]);
        let mut exprs = Vec::new();
        for expr in node.expressions() {
            let name = names.save(&expr);
            exprs.push(name.restore(self.replace(&mut input, expr)?));
        }
        restore_columns(node.with_new_exprs(exprs, vec![input])?, &schema)
    }

    fn rewrite_filter(&mut self, Filter { predicate, input, .. }: Filter) -> Result<LogicalPlan> {
        let schema = Arc::clone(input.schema());
        let (mut before, mut replaced, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for condition in split_conjunction_owned(predicate) {
            if !has_subquery(&condition) {
                before.push(condition);
            } else if is_supported(&condition, &schema)? || !needs_join(&condition) {
                after.push(condition);
            } else {
                replaced.push(condition);
            }
        }
        if replaced.is_empty() {
            before.extend(after);
            return filter(Arc::unwrap_or_clone(input), before);
        }
        let mut input = filter(Arc::unwrap_or_clone(input), before)?;
        for condition in replaced {
            let condition = self.replace(&mut input, condition)?;
            after.push(condition);
        }
        restore_columns(filter(input, after)?, &schema)
    }

    /// Rewrites a join with subqueries in its condition.
    fn rewrite_join(&mut self, mut join: Join) -> Result<LogicalPlan> {
        let schema = Arc::clone(&join.schema);
        let conditions = join.filter.take().map(split_conjunction_owned).unwrap_or_default();
        let (with, mut without): (Vec<Expr>, Vec<Expr>) = conditions.into_iter().partition(has_subquery);
        if join.join_type == JoinType::Inner {
            join.filter = conjunction(without);
            let predicate = conjunction(with).unwrap_or_else(|| lit(true));
            return self.rewrite_filter(Filter::try_new(predicate, Arc::new(LogicalPlan::Join(join)))?);
        }
        for condition in with {
            // The value of the condition is a column of one side.
            let reads = |side: &LogicalPlan| -> Result<bool> {
                let own = condition.column_refs().into_iter().any(|column| side.schema().has_column(column));
                let mut reads = own;
                condition.apply(|expr| {
                    if let Some(subquery) = subquery_of(expr) {
                        reads |= !outer_columns(&subquery.subquery, side.schema())?.is_empty();
                    }
                    Ok(TreeNodeRecursion::Continue)
                })?;
                Ok(reads)
            };
            let side = match (reads(&join.left)?, reads(&join.right)?) {
                (true, true) => {
                    return Err(unsupported("a subquery in ON of an outer join cannot use both tables").into());
                }
                (true, false) => &mut join.left,
                _ => &mut join.right,
            };
            let mut input = LogicalPlan::clone(side);
            let condition = self.replace(&mut input, condition)?;
            let name = self.names.next();
            *side = Arc::new(extend(input, [condition.alias(&name)])?);
            without.push(Expr::Column(Column::new_unqualified(name)));
        }
        let Join { left, right, on, join_type, join_constraint, null_equality, null_aware, .. } = join;
        let filter = conjunction(without);
        let join = Join::try_new(left, right, on, filter, join_type, join_constraint, null_equality, null_aware)?;
        restore_columns(LogicalPlan::Join(join), &schema)
    }

    /// Rewrites a join whose right side references columns of the left side.
    fn rewrite_lateral(&mut self, join: Join) -> Result<LogicalPlan> {
        let schema = Arc::clone(&join.schema);
        let (alias, subquery) = match Arc::unwrap_or_clone(join.right) {
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => {
                (Some(alias), Arc::unwrap_or_clone(input))
            }
            other => (None, other),
        };
        let plan = match subquery {
            LogicalPlan::Subquery(subquery) => Arc::unwrap_or_clone(subquery.subquery),
            other => other,
        };
        let outer = outer_columns(&plan, join.left.schema())?;
        let (plan, columns) = if outer.is_empty() {
            (plan, Vec::new())
        } else {
            Domain::new(&join.left, outer.clone())?.depend(plan, &mut self.names)?
        };
        let (plan, columns) = match alias {
            Some(alias) => {
                let columns = columns.into_iter().map(|column| Column::new(Some(alias.clone()), column.name));
                let columns: Vec<Column> = columns.collect();
                (LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(plan), alias)?), columns)
            }
            None => (plan, columns),
        };
        let conditions = join.on.into_iter().map(|(left, right)| left.eq(right)).chain(join.filter);
        let left = Arc::unwrap_or_clone(join.left);
        let mut conditions: Vec<Expr> = conditions.collect();
        let mut above = Vec::new();
        if join.join_type == JoinType::Inner {
            above = conditions.extract_if(.., |condition| has_subquery(condition)).collect();
        } else if join.join_type != JoinType::Left || conditions.iter().any(has_subquery) {
            return Err(unsupported("this join with LATERAL is not supported").into());
        }
        let joined = join_by(left, plan, join.join_type, (&outer, &columns), conjunction(conditions))?;
        let joined = restore_columns(joined, &schema)?;
        match conjunction(above) {
            Some(predicate) => self.rewrite_filter(Filter::try_new(predicate, Arc::new(joined))?),
            None => Ok(joined),
        }
    }

    /// Replaces the subqueries of an expression over a plan by columns that are added to the plan.
    fn replace(&mut self, input: &mut LogicalPlan, expr: Expr) -> Result<Expr> {
        let replaced = expr.transform_up(|expr| {
            Ok(Transformed::yes(match expr {
                Expr::InSubquery(list) => self.replace_in(input, list)?,
                Expr::Exists(Exists { subquery, negated }) => {
                    let exists = self.replace_exists(input, Arc::unwrap_or_clone(subquery.subquery))?;
                    if negated { !exists } else { exists }
                }
                Expr::SetComparison(comparison) => self.replace_comparison(input, comparison)?,
                Expr::ScalarSubquery(subquery) if needs_join(&Expr::ScalarSubquery(subquery.clone())) => {
                    self.replace_scalar(input, Arc::unwrap_or_clone(subquery.subquery))?
                }
                other => return Ok(Transformed::no(other)),
            }))
        });
        Ok(replaced?.data)
    }

    /// `x IN (SELECT ...)` is true if a value equals `x`, else NULL if `x` or a value is NULL, else false. It is false
    /// if there are no values.
    fn replace_in(&mut self, input: &mut LogicalPlan, list: InSubquery) -> Result<Expr> {
        let InSubquery { expr, subquery, negated } = list;
        let plan = Arc::unwrap_or_clone(subquery.subquery);
        let value = Expr::Column(first_column(&plan));
        let key = self.names.next();
        *input = extend(input.clone(), [expr.alias(&key)])?;
        let key = Column::new_unqualified(key);
        let counts = aggregate(plan.clone(), vec![count_all(), count(value.clone())])?;
        let [rows, values]: [Column; 2] = self.attach(input, counts, None)?.try_into().map_err(|_| width())?;
        let distinct = filter(plan, vec![value.clone().is_not_null()])?;
        let distinct = Projection::try_new(vec![value, lit(true).alias("found")], Arc::new(distinct))?;
        let distinct = LogicalPlan::Distinct(Distinct::All(Arc::new(LogicalPlan::Projection(distinct))));
        let [_, found]: [Column; 2] = self.attach(input, distinct, Some(&key))?.try_into().map_err(|_| width())?;
        let (rows, values) = (Expr::Column(rows), Expr::Column(values));
        let unknown = Expr::Literal(ScalarValue::Boolean(None), None);
        let is_in = when(Expr::Column(found).is_not_null(), lit(true))
            .when(rows.clone().eq(lit(0_i64)), lit(false))
            .when(Expr::Column(key).is_null().or(values.lt(rows)), unknown)
            .otherwise(lit(false))?;
        Ok(if negated { !is_in } else { is_in })
    }

    fn replace_exists(&mut self, input: &mut LogicalPlan, plan: LogicalPlan) -> Result<Expr> {
        let columns = self.attach(input, aggregate(plan, vec![count_all()])?, None)?;
        let count = columns.into_iter().next().ok_or_else(width)?;
        Ok(Expr::Column(count).gt(lit(0_i64)))
    }

    fn replace_scalar(&mut self, input: &mut LogicalPlan, plan: LogicalPlan) -> Result<Expr> {
        if is_single_row(&plan) {
            let columns = self.attach(input, plan, None)?;
            return Ok(Expr::Column(columns.into_iter().next().ok_or_else(width)?));
        }
        let value = Expr::Column(first_column(&plan));
        let plan = aggregate(plan, vec![count_all(), first_value(value, Vec::new())])?;
        let columns = self.attach(input, plan, None)?.into_iter().map(Expr::Column).collect();
        Ok(single_row::function().call(columns))
    }

    /// `x op ANY (SELECT ...)` and `x op ALL (SELECT ...)`.
    fn replace_comparison(&mut self, input: &mut LogicalPlan, comparison: SetComparison) -> Result<Expr> {
        let SetComparison { expr, subquery, op, quantifier } = comparison;
        let negated = match (op, &quantifier) {
            (Operator::Eq, SetQuantifier::Any) => Some(false),
            (Operator::NotEq, SetQuantifier::All) => Some(true),
            _ => None,
        };
        if let Some(negated) = negated {
            return self.replace_in(input, InSubquery { expr, subquery, negated });
        }
        let schema = Arc::clone(input.schema());
        let expr = expr.transform_up(|expr| match expr {
            Expr::Column(column) => {
                let field = Arc::clone(schema.field_from_column(&column)?);
                Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        let plan = Arc::unwrap_or_clone(subquery.subquery);
        let compared = binary_expr(expr.data, op, Expr::Column(first_column(&plan)));
        let is_any = matches!(quantifier, SetQuantifier::Any);
        let decides = if is_any { compared.clone().is_true() } else { compared.clone().is_false() };
        let decided = self.replace_exists(input, filter(plan.clone(), vec![decides])?)?;
        let unknown = self.replace_exists(input, filter(plan, vec![compared.is_null()])?)?;
        when(decided, lit(is_any))
            .when(unknown, Expr::Literal(ScalarValue::Boolean(None), None))
            .otherwise(lit(!is_any))
    }

    /// Joins a plan with the rows of a subquery, and with those whose first column equals `key` if it is given. Returns
    /// the columns of the subquery, which are NULL if it has no rows.
    fn attach(&mut self, input: &mut LogicalPlan, plan: LogicalPlan, key: Option<&Column>) -> Result<Vec<Column>> {
        let outer = outer_columns(&plan, input.schema())?;
        let own = plan.schema().columns();
        let (plan, domain) = if outer.is_empty() {
            (plan, Vec::new())
        } else {
            Domain::new(input, outer.clone())?.depend(plan, &mut self.names)?
        };
        let name = self.names.next();
        let width = own.len();
        let renamed = own.into_iter().chain(domain).enumerate();
        let renamed = renamed.map(|(at, column)| Expr::Column(column).alias(format!("{name}.{at}"))).collect();
        let right = LogicalPlan::Projection(Projection::try_new(renamed, Arc::new(plan))?);
        let mut columns = right.schema().columns();
        let domain = columns.split_off(width);
        let equal = |(key, value): (&Column, &Column)| Expr::Column(key.clone()).eq(Expr::Column(value.clone()));
        let condition = key.zip(columns.first()).map(equal);
        *input = join_by(input.clone(), right, JoinType::Left, (&outer, &domain), condition)?;
        Ok(columns)
    }
}

/// The error of a subquery without the columns that were given to it, which is a bug.
fn width() -> datafusion::error::DataFusionError {
    datafusion::common::internal_datafusion_err!("a subquery has lost its columns")
}
