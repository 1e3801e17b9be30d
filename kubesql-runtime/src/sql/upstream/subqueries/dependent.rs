//! Evaluates a correlated subquery for all rows of the outer query at once.
//!
//! The distinct values of the outer columns are the *domain*. It is joined with the relations of the subquery, and each
//! operator above treats the rows of one element of the domain separately. This is the unnesting of Neumann and Kemper,
//! "Unnesting Arbitrary Queries" (2015).

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Aggregate, Distinct, DistinctOn, EmptyRelation, Expr, ExprFunctionExt, Filter, Join, JoinConstraint, Limit,
    LogicalPlan, Operator, Projection, SortExpr, SubqueryAlias, Union, Values, Window, binary_expr, cast, lit,
};

use crate::sql::error::{ErrorKind, SqlError};

/// The error of a subquery that cannot be evaluated.
pub(super) fn unsupported(message: &str) -> SqlError {
    SqlError::new(ErrorKind::Unsupported, message).hint("write the subquery as a join, or with WITH")
}

/// The marks of names that the rule adds. They occur in no other name.
const PREFIX: &str = "\u{2063}subquery";
const ROW_NUMBER: &str = "\u{2063}row_number";

/// Creates names that are unique in a plan.
#[derive(Debug, Default)]
pub(super) struct Names(usize);

impl Names {
    pub(super) fn next(&mut self) -> String {
        self.0 += 1;
        format!("{PREFIX}{}", self.0)
    }
}

/// The distinct values of columns of the outer query.
pub(super) struct Domain {
    /// The columns, by their names in the outer query.
    pub(super) outer: Vec<Column>,
    plan: Arc<LogicalPlan>,
}

/// Returns the columns of a schema that a plan references as columns of an outer query. Subqueries in expressions have
/// been rewritten, or do not reference this schema.
pub(super) fn outer_columns(plan: &LogicalPlan, schema: &DFSchema) -> Result<Vec<Column>> {
    let mut found = Vec::new();
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::OuterReferenceColumn(_, column) = expr
                    && schema.has_column(column)
                    && !found.contains(column)
                {
                    found.push(column.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// Projects all columns of a plan and more expressions.
pub(super) fn extend(plan: LogicalPlan, more: impl IntoIterator<Item = Expr>) -> Result<LogicalPlan> {
    let columns = plan.schema().iter().map(Expr::from).chain(more);
    let columns = columns.collect();
    Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(plan))?))
}

/// The condition that two lists of columns have the same values. NULL is a value here.
fn same_values(left: &[Column], right: &[Column]) -> Option<Expr> {
    let pairs = left.iter().zip(right);
    conjunction(pairs.map(|(left, right)| {
        binary_expr(Expr::Column(left.clone()), Operator::IsNotDistinctFrom, Expr::Column(right.clone()))
    }))
}

/// Joins two plans by columns with the same values, where NULL is a value, and by a condition.
pub(super) fn join_by(
    left: LogicalPlan,
    right: LogicalPlan,
    join_type: JoinType,
    keys: (&[Column], &[Column]),
    condition: Option<Expr>,
) -> Result<LogicalPlan> {
    // `null_safe_equality` makes keys of a hash join of the condition.
    let filter = conjunction(same_values(keys.0, keys.1).into_iter().chain(condition));
    let filter = filter.or_else(|| (join_type != JoinType::Inner).then(|| lit(true)));
    let (left, right) = (Arc::new(left), Arc::new(right));
    let nulls = NullEquality::NullEqualsNothing;
    Ok(LogicalPlan::Join(Join::try_new(left, right, Vec::new(), filter, join_type, JoinConstraint::On, nulls, false)?))
}

impl Domain {
    /// The domain of a subquery over the rows of a plan.
    pub(super) fn new(rows: &LogicalPlan, outer: Vec<Column>) -> Result<Self> {
        for column in &outer {
            // Arrow cannot group by maps.
            if matches!(rows.schema().qualified_field_from_column(column)?.1.data_type(), DataType::Map(..)) {
                let message = format!("a subquery cannot use map \"{}\" of the outer query as a whole", column.name);
                return Err(unsupported(&message).into());
            }
        }
        let source = superset(rows)?;
        require_repeatable(&source)?;
        let columns = outer.iter().enumerate().map(|(at, column)| Expr::Column(column.clone()).alias(format!("c{at}")));
        let projection = Projection::try_new(columns.collect(), Arc::new(source))?;
        let plan = LogicalPlan::Distinct(Distinct::All(Arc::new(LogicalPlan::Projection(projection))));
        Ok(Self { outer, plan: Arc::new(plan) })
    }

    /// Returns the plan of the domain with columns of unique names.
    fn instance(&self, names: &mut Names) -> Result<(LogicalPlan, Vec<Column>)> {
        let name = names.next();
        let columns = self.plan.schema().columns();
        let renamed =
            columns.into_iter().enumerate().map(|(at, column)| Expr::Column(column).alias(format!("{name}.{at}")));
        let projection = Projection::try_new(renamed.collect(), Arc::clone(&self.plan))?;
        let columns = projection.schema.columns();
        Ok((LogicalPlan::Projection(projection), columns))
    }

    /// Replaces references to the outer query by columns of the domain.
    fn replace(&self, expr: Expr, columns: &[Column]) -> Result<Expr> {
        let replaced = expr.transform_up(|expr| match &expr {
            Expr::OuterReferenceColumn(_, column) => match self.outer.iter().position(|outer| outer == column) {
                Some(at) => Ok(Transformed::yes(Expr::Column(columns[at].clone()))),
                None => Ok(Transformed::no(expr)),
            },
            _ => Ok(Transformed::no(expr)),
        })?;
        Ok(replaced.data)
    }

    fn replace_all(&self, exprs: Vec<Expr>, columns: &[Column], names: &NamePreserver) -> Result<Vec<Expr>> {
        let replaced = exprs.into_iter().map(|expr| {
            let name = names.save(&expr);
            Ok(name.restore(self.replace(expr, columns)?))
        });
        replaced.collect()
    }

    fn replace_sort(&self, exprs: Vec<SortExpr>, columns: &[Column]) -> Result<Vec<SortExpr>> {
        exprs.into_iter().map(|sort| Ok(SortExpr { expr: self.replace(sort.expr, columns)?, ..sort })).collect()
    }

    fn is_referenced_by(&self, plan: &LogicalPlan) -> Result<bool> {
        let mut found = false;
        plan.apply(|node| {
            for expr in node.expressions() {
                found = found || self.is_referenced_in(&expr)?;
            }
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        Ok(found)
    }

    fn is_referenced_in(&self, expr: &Expr) -> Result<bool> {
        expr.exists(|expr| Ok(matches!(expr, Expr::OuterReferenceColumn(_, column) if self.outer.contains(column))))
    }

    /// Returns a plan with the rows of `plan` for each element of the domain, and its columns of the domain.
    pub(super) fn depend(&self, plan: LogicalPlan, names: &mut Names) -> Result<(LogicalPlan, Vec<Column>)> {
        if !self.is_referenced_by(&plan)? {
            let (domain, columns) = self.instance(names)?;
            if matches!(plan, LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: true, .. })) {
                return Ok((domain, columns));
            }
            return Ok((join_by(plan, domain, JoinType::Inner, (&[], &[]), None)?, columns));
        }
        match plan {
            LogicalPlan::Projection(_) => {
                let preserver = NamePreserver::new(&plan);
                let LogicalPlan::Projection(Projection { expr, input, .. }) = plan else { return changed() };
                let (input, columns) = self.depend(Arc::unwrap_or_clone(input), names)?;
                let mut exprs = self.replace_all(expr, &columns, &preserver)?;
                exprs.extend(columns.iter().cloned().map(Expr::Column));
                Ok((LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?), columns))
            }
            LogicalPlan::Filter(filter) => {
                let (input, columns) = self.depend(Arc::unwrap_or_clone(filter.input), names)?;
                let predicate = self.replace(filter.predicate, &columns)?;
                Ok((LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(input))?), columns))
            }
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => {
                let (input, columns) = self.depend(Arc::unwrap_or_clone(input), names)?;
                let qualified = columns.into_iter().map(|column| Column::new(Some(alias.clone()), column.name));
                let qualified = qualified.collect();
                Ok((LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(input), alias)?), qualified))
            }
            LogicalPlan::Subquery(subquery) => self.depend(Arc::unwrap_or_clone(subquery.subquery), names),
            // The order of the rows of a subquery has no meaning without a limit.
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.depend(Arc::unwrap_or_clone(sort.input), names),
            LogicalPlan::Limit(limit) => self.limit(limit, names),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate, names),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let (input, columns) = self.depend(Arc::unwrap_or_clone(input), names)?;
                Ok((LogicalPlan::Distinct(Distinct::All(Arc::new(input))), columns))
            }
            LogicalPlan::Distinct(Distinct::On(on)) => self.distinct_on(on, names),
            LogicalPlan::Join(join) => self.join(join, names),
            LogicalPlan::Union(union) => self.union(union, names),
            LogicalPlan::Values(values) => self.values(values, names),
            LogicalPlan::Window(_) => self.window(plan, names),
            LogicalPlan::Unnest(unnest) => {
                let (input, columns) = self.depend(Arc::unwrap_or_clone(unnest.input), names)?;
                let plan =
                    datafusion::logical_expr::builder::unnest_with_options(input, unnest.exec_columns, unnest.options)?;
                Ok((plan, columns))
            }
            LogicalPlan::RecursiveQuery(_) => {
                Err(unsupported("a recursive query cannot reference columns of an outer query").into())
            }
            _ => Err(unsupported("this part of the subquery cannot reference columns of an outer query").into()),
        }
    }

    /// `LIMIT` applies to each element of the domain, so it is a condition on the row number.
    fn limit(&self, Limit { skip, fetch, input }: Limit, names: &mut Names) -> Result<(LogicalPlan, Vec<Column>)> {
        let limited = |input| Arc::new(LogicalPlan::Limit(Limit { skip: skip.clone(), fetch: fetch.clone(), input }));
        let (order, input) = match Arc::unwrap_or_clone(input) {
            LogicalPlan::Projection(Projection { expr, input, schema, .. }) => {
                let projection = Projection::try_new_with_schema(expr, limited(input), schema)?;
                return self.depend(LogicalPlan::Projection(projection), names);
            }
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => {
                let alias = SubqueryAlias::try_new(limited(input), alias)?;
                return self.depend(LogicalPlan::SubqueryAlias(alias), names);
            }
            LogicalPlan::Sort(sort) => (sort.expr, Arc::unwrap_or_clone(sort.input)),
            other => (Vec::new(), other),
        };
        let (input, columns) = self.depend(input, names)?;
        let partition = columns.iter().cloned().map(Expr::Column).collect();
        let number = row_number().partition_by(partition).order_by(self.replace_sort(order, &columns)?).build()?;
        let name = format!("{ROW_NUMBER}{}", names.next());
        let window = LogicalPlan::Window(Window::try_new(vec![number.alias(&name)], Arc::new(input))?);
        let number = cast(Expr::Column(Column::new_unqualified(name)), DataType::Int64);
        let bound = |expr: Option<Box<Expr>>| -> Result<Option<Expr>> {
            // A limit of NULL is no limit.
            let expr =
                expr.map(|expr| *expr).filter(|expr| !matches!(expr, Expr::Literal(value, _) if value.is_null()));
            expr.map(|expr| Ok(cast(self.replace(expr, &columns)?, DataType::Int64))).transpose()
        };
        let (skip, fetch) = (bound(skip)?, bound(fetch)?);
        let after = skip.clone().map(|skip| number.clone().gt(skip));
        let until = fetch.map(|fetch| match skip {
            Some(skip) => (number - skip).lt_eq(fetch),
            None => number.lt_eq(fetch),
        });
        let plan = match conjunction(after.into_iter().chain(until)) {
            Some(predicate) => LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(window))?),
            None => window,
        };
        Ok((plan, columns))
    }

    fn aggregate(&self, aggregate: Aggregate, names: &mut Names) -> Result<(LogicalPlan, Vec<Column>)> {
        let plan = LogicalPlan::Aggregate(aggregate);
        let preserver = NamePreserver::new(&plan);
        let LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, .. }) = plan else { return changed() };
        if group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
            return Err(unsupported("a correlated subquery with GROUPING SETS, ROLLUP or CUBE is not supported").into());
        }
        let (mut input, mut columns) = self.depend(Arc::unwrap_or_clone(input), names)?;
        let mut groups = self.replace_all(group_expr, &columns, &preserver)?;
        let mut aggregates = Vec::new();
        if groups.is_empty() {
            // Without GROUP BY there is a row for each element of the domain, even if it has no input.
            let mark = names.next();
            let marked = extend(input, [lit(true).alias(&mark)])?;
            let (domain, all) = self.instance(names)?;
            input = join_by(domain, marked, JoinType::Left, (&all, &columns), None)?;
            let exists = Expr::Column(Column::new_unqualified(mark)).is_not_null();
            for expr in aggr_expr {
                let name = preserver.save(&expr);
                let expr = self.replace(expr, &columns)?.transform_up(|expr| match expr {
                    Expr::AggregateFunction(mut function) => {
                        let filter = function.params.filter.take();
                        let filter = filter.map_or_else(|| exists.clone(), |filter| exists.clone().and(*filter));
                        function.params.filter = Some(Box::new(filter));
                        Ok(Transformed::yes(Expr::AggregateFunction(function)))
                    }
                    other => Ok(Transformed::no(other)),
                })?;
                aggregates.push(name.restore(expr.data));
            }
            columns = all;
        } else {
            aggregates = self.replace_all(aggr_expr, &columns, &preserver)?;
        }
        groups.extend(columns.iter().cloned().map(Expr::Column));
        Ok((LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), groups, aggregates)?), columns))
    }

    fn distinct_on(&self, on: DistinctOn, names: &mut Names) -> Result<(LogicalPlan, Vec<Column>)> {
        let plan = LogicalPlan::Distinct(Distinct::On(on));
        let preserver = NamePreserver::new(&plan);
        let LogicalPlan::Distinct(Distinct::On(on)) = plan else { return changed() };
        let (input, columns) = self.depend(Arc::unwrap_or_clone(on.input), names)?;
        let added = || columns.iter().cloned().map(Expr::Column);
        let on_exprs = on.on_expr.into_iter().map(|expr| self.replace(expr, &columns)).collect::<Result<Vec<_>>>()?;
        let on_exprs = added().chain(on_exprs).collect();
        let mut selected = self.replace_all(on.select_expr, &columns, &preserver)?;
        selected.extend(added());
        let order = match on.sort_expr {
            Some(order) => {
                let order = self.replace_sort(order, &columns)?;
                Some(added().map(|column| column.sort(true, false)).chain(order).collect())
            }
            None => None,
        };
        let on = DistinctOn::try_new(on_exprs, selected, order, Arc::new(input))?;
        Ok((LogicalPlan::Distinct(Distinct::On(on)), columns))
    }

    fn join(&self, join: Join, names: &mut Names) -> Result<(LogicalPlan, Vec<Column>)> {
        use JoinType::{Inner, Left, LeftAnti, LeftMark, LeftSemi, Right};
        let mut in_condition = false;
        for (left, right) in &join.on {
            in_condition |= self.is_referenced_in(left)? || self.is_referenced_in(right)?;
        }
        if let Some(filter) = &join.filter {
            in_condition |= self.is_referenced_in(filter)?;
        }
        let (in_left, in_right) = (self.is_referenced_by(&join.left)?, self.is_referenced_by(&join.right)?);
        // The side whose rows are kept has the domain. So has a side that references the outer query.
        let (has_left, has_right) = match join.join_type {
            Inner => (in_left || (in_condition && !in_right), in_right),
            Left | LeftSemi | LeftAnti | LeftMark => (true, in_right),
            Right => (in_left, true),
            _ => {
                return Err(unsupported("a correlated subquery with a FULL JOIN is not supported").into());
            }
        };
        let (left, right) = (Arc::unwrap_or_clone(join.left), Arc::unwrap_or_clone(join.right));
        let (left, left_columns) = if has_left { self.depend(left, names)? } else { (left, Vec::new()) };
        let (right, right_columns) = if has_right { self.depend(right, names)? } else { (right, Vec::new()) };
        let columns = if has_left && join.join_type != Right { left_columns.clone() } else { right_columns.clone() };
        let same = if has_left && has_right { same_values(&left_columns, &right_columns) } else { None };
        let filter = join.filter.map(|filter| self.replace(filter, &columns)).transpose()?;
        let filter = conjunction(filter.into_iter().chain(same));
        let on = join.on.into_iter();
        let on = on.map(|(left, right)| Ok((self.replace(left, &columns)?, self.replace(right, &columns)?)));
        let on = on.collect::<Result<Vec<_>>>()?;
        let (left, right) = (Arc::new(left), Arc::new(right));
        let join = Join::try_new(
            left,
            right,
            on,
            filter,
            join.join_type,
            join.join_constraint,
            join.null_equality,
            join.null_aware,
        )?;
        Ok((LogicalPlan::Join(join), columns))
    }

    fn union(&self, union: Union, names: &mut Names) -> Result<(LogicalPlan, Vec<Column>)> {
        let (name, schema) = (names.next(), Arc::clone(&union.schema));
        let mut inputs = Vec::new();
        for input in union.inputs {
            let own = input.schema().columns();
            let (input, columns) = self.depend(Arc::unwrap_or_clone(input), names)?;
            let all = own.into_iter().chain(columns).enumerate();
            let all = all.map(|(at, column)| Expr::Column(column).alias(format!("{name}.{at}"))).collect();
            inputs.push(Arc::new(LogicalPlan::Projection(Projection::try_new(all, Arc::new(input))?)));
        }
        let union = Union::try_new_with_loose_types(inputs)?;
        rename(LogicalPlan::Union(union), &schema)
    }

    fn values(&self, values: Values, names: &mut Names) -> Result<(LogicalPlan, Vec<Column>)> {
        let (name, schema) = (names.next(), values.schema);
        let mut inputs = Vec::new();
        for row in values.values {
            let (domain, columns) = self.instance(names)?;
            let row = row.into_iter().map(|expr| self.replace(expr, &columns)).collect::<Result<Vec<_>>>()?;
            let all = row.into_iter().chain(columns.into_iter().map(Expr::Column)).enumerate();
            let all = all.map(|(at, expr)| expr.alias(format!("{name}.{at}"))).collect();
            inputs.push(Arc::new(LogicalPlan::Projection(Projection::try_new(all, Arc::new(domain))?)));
        }
        let plan = match inputs.pop() {
            Some(only) if inputs.is_empty() => Arc::unwrap_or_clone(only),
            last => {
                inputs.extend(last);
                LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)
            }
        };
        rename(plan, &schema)
    }

    fn window(&self, plan: LogicalPlan, names: &mut Names) -> Result<(LogicalPlan, Vec<Column>)> {
        let preserver = NamePreserver::new(&plan);
        let LogicalPlan::Window(window) = plan else { return changed() };
        let (input, columns) = self.depend(Arc::unwrap_or_clone(window.input), names)?;
        let exprs = window.window_expr.into_iter().map(|expr| {
            let name = preserver.save(&expr);
            let expr = self.replace(expr, &columns)?.transform_up(|expr| match expr {
                Expr::WindowFunction(mut function) => {
                    function.params.partition_by.extend(columns.iter().cloned().map(Expr::Column));
                    Ok(Transformed::yes(Expr::WindowFunction(function)))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(name.restore(expr.data))
        });
        let exprs = exprs.collect::<Result<Vec<_>>>()?;
        Ok((LogicalPlan::Window(Window::try_new(exprs, Arc::new(input))?), columns))
    }
}

/// Renames the first columns of a plan to those of a schema. Returns the other columns.
fn rename(plan: LogicalPlan, schema: &DFSchema) -> Result<(LogicalPlan, Vec<Column>)> {
    let columns = plan.schema().columns();
    let (own, added) = columns.split_at(schema.fields().len());
    let own = own.iter().zip(schema.iter());
    let own = own.map(|(column, (relation, field))| {
        Expr::Column(column.clone()).alias_qualified(relation.cloned(), field.name())
    });
    let all = own.chain(added.iter().cloned().map(Expr::Column)).collect();
    let added = added.to_vec();
    Ok((LogicalPlan::Projection(Projection::try_new(all, Arc::new(plan))?), added))
}

/// Returns a plan that has at least the rows of a plan. It lacks the nodes whose rows may differ if they run twice, as
/// long as that only adds rows.
fn superset(plan: &LogicalPlan) -> Result<LogicalPlan> {
    let with_inputs = |inputs: Vec<LogicalPlan>| plan.with_new_exprs(plan.expressions(), inputs);
    match plan {
        LogicalPlan::Limit(limit) => superset(&limit.input),
        LogicalPlan::Sort(sort) => superset(&sort.input),
        // A condition on a row number is a limit.
        LogicalPlan::Filter(filter) if has_window(&filter.input)? => superset(&filter.input),
        LogicalPlan::Filter(filter) => with_inputs(vec![superset(&filter.input)?]),
        LogicalPlan::Projection(projection) => with_inputs(vec![superset(&projection.input)?]),
        LogicalPlan::SubqueryAlias(alias) => with_inputs(vec![superset(&alias.input)?]),
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner => {
            with_inputs(vec![superset(&join.left)?, superset(&join.right)?])
        }
        LogicalPlan::Join(join) if join.join_type == JoinType::Left => {
            with_inputs(vec![superset(&join.left)?, LogicalPlan::clone(&join.right)])
        }
        other => Ok(other.clone()),
    }
}

fn has_window(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|plan| Ok(matches!(plan, LogicalPlan::Window(_))))
}

/// Fails if a plan may return different rows each time.
fn require_repeatable(plan: &LogicalPlan) -> Result<()> {
    plan.apply(|node| {
        let is_limit = matches!(node, LogicalPlan::Limit(_));
        if is_limit || node.expressions().iter().any(Expr::is_volatile) {
            let message =
                "a correlated subquery over rows that depend on LIMIT or on a volatile function is not supported";
            return Err(unsupported(message).into());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// The error of a node that is not what it was, which is a bug.
fn changed<T>() -> Result<T> {
    datafusion::common::internal_err!("the node has changed")
}
