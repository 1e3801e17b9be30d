//! Prepared statements: planned once, and run with values for their parameters.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::scalar::ScalarValue;

use futures::StreamExt;

use crate::sql::catalog::registry::Registry;
use crate::sql::catalog::statement_catalog::NamedTables;
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::plan::{failure, type_names};
use crate::sql::rewrite::names::ColumnNames;
use crate::sql::rewrite::output_names::OutputNames;
use crate::sql::{Answer, SelectList};

/// A statement whose parameters and columns are known.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) sql: String,
    /// The types of `$1`, `$2` and so on; text for a parameter of unknown type.
    pub parameters: Vec<DataType>,
    /// The columns of its rows; `None` for a statement without rows.
    pub schema: Option<SchemaRef>,
    /// The select list of the query.
    pub select_list: SelectList,
    /// Its plan, if it does not depend on the data.
    pub(crate) cached: Option<Arc<CachedPlan>>,
}

/// A plan that can be run again while its dependencies are unchanged.
#[derive(Debug)]
pub(crate) struct CachedPlan {
    pub(crate) plan: LogicalPlan,
    pub(crate) names: ColumnNames,
    pub(crate) tables: NamedTables,
    pub(crate) dependencies: PlanDependencies,
}

/// The dependencies of a cached plan.
#[derive(Debug)]
pub(crate) struct PlanDependencies {
    /// The tables that existed when the plan was made.
    pub(crate) registry: Arc<Registry>,
    /// The schema of unqualified names.
    pub(crate) schema: String,
    /// The tables that the statement references.
    pub(crate) relations: Vec<(Option<String>, String)>,
}

impl Prepared {
    /// The text of the statement.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Casts values to the types of the parameters.
    pub(crate) fn cast_values(&self, values: &[ArrayRef]) -> Result<Vec<ArrayRef>, SqlError> {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let typed = values.iter().enumerate().map(|(at, value)| match self.parameters.get(at) {
            Some(expected) if expected != value.data_type() => {
                cast_with_options(value, expected, &options).map_err(|error| {
                    SqlError::new(
                        ErrorKind::Invalid,
                        type_names::with_sql_types(&format!("parameter ${}: {error}", at + 1)),
                    )
                })
            }
            _ => Ok(Arc::clone(value)),
        });
        typed.collect()
    }

    /// Renames the columns of an answer to those of the prepared statement. Fails if their types differ.
    pub(crate) fn conform(&self, answer: Answer) -> Result<Answer, SqlError> {
        let Some(schema) = &self.schema else { return Ok(answer) };
        let types =
            |schema: &SchemaRef| schema.fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>();
        if types(schema) != types(&answer.schema) {
            let message = "cached plan must not change result type";
            return Err(SqlError::new(ErrorKind::Unsupported, message).hint("prepare it again"));
        }
        let Answer { command, select_list, rows, .. } = answer;
        let named = Arc::clone(schema);
        let rows = rows.map(move |batch| {
            let renamed = batch.map(|batch| batch.with_schema(Arc::clone(&named)));
            renamed?.map_err(|error| SqlError::new(ErrorKind::Internal, error.to_string()))
        });
        Ok(Answer { command, schema: Arc::clone(schema), select_list, rows: rows.boxed() })
    }
}

/// The types of a plan's parameters, in order: the declared one, or the inferred one, or text.
pub(crate) fn parameters(plan: &LogicalPlan, declared: &[Option<DataType>]) -> Result<Vec<DataType>, SqlError> {
    let explained = |error| failure::explain(&error, None);
    let mut found = plan.get_parameter_types().map_err(explained)?;
    infer_types(plan, &mut found).map_err(explained)?;
    let mut types = Vec::new();
    for (name, inferred) in found {
        let number =
            name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok()).filter(|number| *number > 0);
        let Some(number) = number else {
            let message = format!("invalid parameter \"{name}\"");
            return Err(SqlError::new(ErrorKind::Unsupported, message).hint("parameters are $1, $2 and so on"));
        };
        if number > usize::from(u16::MAX) {
            return Err(SqlError::new(ErrorKind::Unsupported, "a statement can have at most 65535 parameters"));
        }
        if types.len() < number {
            types.resize(number, DataType::Utf8);
        }
        let declared = declared.get(number - 1).cloned().flatten();
        if let Some(data_type) = declared.or(inferred) {
            types[number - 1] = data_type;
        }
    }
    Ok(types)
}

/// Infers types that DataFusion does not: that of a cast, and `bigint` in LIMIT and OFFSET.
fn infer_types(plan: &LogicalPlan, types: &mut HashMap<String, Option<DataType>>) -> Result<(), DataFusionError> {
    let mut set_type = |expr: &Expr, data_type: &DataType| {
        if let Expr::Placeholder(placeholder) = expr
            && let Some(unknown @ None) = types.get_mut(&placeholder.id)
        {
            *unknown = Some(data_type.clone());
        }
    };
    plan.apply_with_subqueries(|plan| {
        if let LogicalPlan::Limit(limit) = plan {
            let counts = [&limit.skip, &limit.fetch].into_iter().flatten();
            counts.for_each(|count| set_type(count, &DataType::Int64));
        }
        plan.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) = expr {
                    set_type(expr, field.data_type());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

/// The columns of a plan with parameters of these types. The types of the values do not change the names.
pub(crate) fn schema(
    state: &SessionState,
    plan: LogicalPlan,
    parameters: &[DataType],
    outputs: &OutputNames,
) -> Result<SchemaRef, DataFusionError> {
    let names = outputs.restore(plan.schema().inner());
    let nulls: Vec<ScalarValue> = parameters.iter().map(ScalarValue::try_from).collect::<Result<_, _>>()?;
    let plan = plan.with_param_values(nulls)?;
    let analyzed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
    let fields = names.fields().iter().zip(analyzed.schema().fields());
    // Nullability depends on the values.
    let field =
        |(name, field): (&Arc<Field>, &Arc<Field>)| Field::clone(field).with_name(name.name()).with_nullable(true);
    Ok(Arc::new(Schema::new(fields.map(field).collect::<Vec<_>>())))
}

/// Replaces the parameters of a plan by values. Fails if their numbers differ.
pub(crate) fn with_values(plan: LogicalPlan, values: &[ArrayRef]) -> Result<LogicalPlan, SqlError> {
    let expected = parameters(&plan, &[])?.len();
    if expected != values.len() {
        let message =
            format!("the statement requires {expected} parameters, but {} values were supplied", values.len());
        return Err(SqlError::new(ErrorKind::Invalid, message));
    }
    if expected == 0 {
        return Ok(plan);
    }
    let scalars = values.iter().map(|value| ScalarValue::try_from_array(value, 0));
    let scalars: Result<Vec<ScalarValue>, _> = scalars.collect();
    scalars.and_then(|scalars| plan.with_param_values(scalars)).map_err(|error| failure::explain(&error, None))
}
