//! Expressions with both `double precision` and `numeric`.
//!
//! DataFusion 55.2.0 converts them to `numeric(30, 15)`, which large floats exceed and small ones lose their digits in:
//! <https://github.com/apache/datafusion/issues/14272>. In PostgreSQL the result is `double precision`, as in
//! `coalesce(requests.cpu, 0.5)`. This rule precedes DataFusion's type coercion. Operators are converted while they are
//! planned (`postgres::Operators`).
//!
//! The results of `floor` and `ceil` have the type of the argument, so `ceil(0.2)` overflows `numeric(1, 1)`. The rule
//! widens the argument.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Between, Case, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Union, cast};
use datafusion::optimizer::AnalyzerRule;

/// The functions whose arguments get one type.
const FUNCTIONS: [&str; 6] = ["coalesce", "greatest", "least", "nullif", "nvl", "make_array"];

/// Converts `numeric` to `double precision` where an expression has both.
#[derive(Debug)]
pub(crate) struct FloatBeforeNumeric;

impl AnalyzerRule for FloatBeforeNumeric {
    fn name(&self) -> &'static str {
        "float_before_numeric"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(rewrite).map(|plan| plan.data)
    }
}

fn rewrite(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let plan = match plan {
        LogicalPlan::Union(union) => return rewrite_union(union),
        other => other,
    };
    let schema = merge_schema(&plan.inputs());
    let names = NamePreserver::new(&plan);
    let rewritten = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let rewritten = expr.transform_up(|expr| convert(expr, &schema))?;
        Ok(rewritten.update_data(|expr| name.restore(expr)))
    })?;
    if rewritten.transformed { rewritten.map_data(LogicalPlan::recompute_schema) } else { Ok(rewritten) }
}

/// Converts the operands of an expression that gives them one type.
fn convert(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, mut args }) if FUNCTIONS.contains(&func.name()) => {
            let changed = convert_all(args.iter_mut(), schema);
            Ok(Transformed::new_transformed(Expr::ScalarFunction(ScalarFunction { func, args }), changed))
        }
        Expr::ScalarFunction(ScalarFunction { func, mut args }) if ["floor", "ceil"].contains(&func.name()) => {
            let changed = args.iter_mut().any(|argument| widen(argument, schema));
            Ok(Transformed::new_transformed(Expr::ScalarFunction(ScalarFunction { func, args }), changed))
        }
        Expr::Case(Case { mut expr, mut when_then_expr, mut else_expr }) => {
            let mut changed = false;
            if let Some(expr) = &mut expr {
                let whens = when_then_expr.iter_mut().map(|(when, _)| &mut **when);
                changed |= convert_all(std::iter::once(&mut **expr).chain(whens), schema);
            }
            let thens = when_then_expr.iter_mut().map(|(_, then)| &mut **then);
            changed |= convert_all(thens.chain(else_expr.as_deref_mut()), schema);
            Ok(Transformed::new_transformed(Expr::Case(Case { expr, when_then_expr, else_expr }), changed))
        }
        Expr::InList(InList { mut expr, mut list, negated }) => {
            let changed = convert_all(std::iter::once(&mut *expr).chain(&mut list), schema);
            Ok(Transformed::new_transformed(Expr::InList(InList { expr, list, negated }), changed))
        }
        Expr::Between(Between { mut expr, negated, mut low, mut high }) => {
            let changed = convert_all([&mut *expr, &mut *low, &mut *high].into_iter(), schema);
            Ok(Transformed::new_transformed(Expr::Between(Between { expr, negated, low, high }), changed))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// Converts those that are `numeric` if one is `double precision`. Returns whether any was converted.
fn convert_all<'e>(exprs: impl Iterator<Item = &'e mut Expr>, schema: &DFSchema) -> bool {
    let typed: Vec<_> = exprs.map(|expr| (expr.get_type(schema).ok(), expr)).collect();
    if !typed.iter().any(|(data_type, _)| *data_type == Some(DataType::Float64)) {
        return false;
    }
    let mut changed = false;
    for (data_type, expr) in typed {
        if matches!(data_type, Some(DataType::Decimal128(..))) {
            *expr = cast(std::mem::take(expr), DataType::Float64);
            changed = true;
        }
    }
    changed
}

/// Gives a `numeric` one more digit before the point: `ceil(0.2)` has one digit more than its argument.
fn widen(expr: &mut Expr, schema: &DFSchema) -> bool {
    match expr.get_type(schema) {
        Ok(DataType::Decimal128(precision, scale)) if scale > 0 && precision < 38 => {
            *expr = cast(std::mem::take(expr), DataType::Decimal128(precision + 1, scale));
            true
        }
        _ => false,
    }
}

/// Converts the columns of a union's inputs.
fn rewrite_union(union: Union) -> Result<Transformed<LogicalPlan>> {
    let data_type = |input: &LogicalPlan, at: usize| input.schema().field(at).data_type().clone();
    let count = union.schema.fields().len();
    let is_mixed = |at: &usize| {
        let has = |wanted: fn(&DataType) -> bool| {
            union.inputs.iter().any(|input| at < &input.schema().fields().len() && wanted(&data_type(input, *at)))
        };
        has(|of| *of == DataType::Float64) && has(|of| matches!(of, DataType::Decimal128(..)))
    };
    let mixed: Vec<usize> = (0..count).filter(is_mixed).collect();
    if mixed.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let convert = |input: &Arc<LogicalPlan>| {
        let columns = input.schema().iter().enumerate().map(|(at, (relation, field))| {
            let column = Expr::from((relation, field));
            let is_numeric = mixed.contains(&at) && matches!(field.data_type(), DataType::Decimal128(..));
            if is_numeric {
                cast(column, DataType::Float64).alias_qualified(relation.cloned(), field.name())
            } else {
                column
            }
        });
        let columns: Vec<Expr> = columns.collect();
        Ok(Arc::new(LogicalPlanBuilder::from(Arc::clone(input)).project(columns)?.build()?))
    };
    let inputs = union.inputs.iter().map(convert).collect::<Result<Vec<_>>>()?;
    Ok(Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
}

#[cfg(test)]
mod tests {
    use crate::sql::upstream::plain_datafusion;

    #[tokio::test]
    async fn upstream_converts_floats_to_numeric() {
        let sql = "select arrow_typeof(coalesce(x, cast(0.5 as decimal(2, 1)))) from (select 1.5::double) t(x)";
        assert_eq!(plain_datafusion(sql).await, "Decimal128(30, 15)", "fixed upstream: remove the conversions");
        let ceiling = datafusion::prelude::SessionContext::new().sql("select ceil(cast(0.2 as decimal(1, 1)))").await;
        assert!(ceiling.expect("a plan").collect().await.is_err(), "fixed upstream: remove `widen`");
    }
}
