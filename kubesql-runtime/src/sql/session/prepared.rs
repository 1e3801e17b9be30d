//! Statements that are planned once and run with values for their parameters.

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
use crate::sql::plan::failure;
use crate::sql::rewrite::names::ColumnNames;
use crate::sql::rewrite::output_names::OutputNames;
use crate::sql::{Answer, SelectList};

/// A statement whose parameters and columns are known.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) sql: String,
    /// The types of `$1`, `$2` and so on; text where nothing says what it is.
    pub parameters: Vec<DataType>,
    /// The columns of its rows; `None` where it has none.
    pub schema: Option<SchemaRef>,
    /// What its select list says of them.
    pub select_list: SelectList,
    /// Its plan, where that does not depend on when it runs.
    pub(crate) cached: Option<Arc<CachedPlan>>,
}

/// A plan to be run any number of times, as long as all is as it was when it was made.
#[derive(Debug)]
pub(crate) struct CachedPlan {
    pub(crate) plan: LogicalPlan,
    pub(crate) names: ColumnNames,
    pub(crate) tables: NamedTables,
    pub(crate) made: PlanDependencies,
}

/// What a plan was made with.
#[derive(Debug)]
pub(crate) struct PlanDependencies {
    /// The tables that there were.
    pub(crate) registry: Arc<Registry>,
    /// The schema of names without one.
    pub(crate) schema: String,
    /// What is read from.
    pub(crate) relations: Vec<(Option<String>, String)>,
}

impl Prepared {
    /// The statement.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The values as the parameters' types.
    pub(crate) fn typed(&self, values: &[ArrayRef]) -> Result<Vec<ArrayRef>, SqlError> {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let typed = values.iter().enumerate().map(|(at, value)| match self.parameters.get(at) {
            Some(of) if of != value.data_type() => cast_with_options(value, of, &options).map_err(|error| {
                SqlError::new(ErrorKind::Invalid, failure::in_sql(&format!("parameter ${}: {error}", at + 1)))
            }),
            _ => Ok(Arc::clone(value)),
        });
        typed.collect()
    }

    /// The answer under the names that were told, if its columns are still of the types that were told.
    pub(crate) fn told(&self, answer: Answer) -> Result<Answer, SqlError> {
        let Some(schema) = &self.schema else { return Ok(answer) };
        let types =
            |schema: &SchemaRef| schema.fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>();
        if types(schema) != types(&answer.schema) {
            let message = "the columns of the prepared statement are others by now";
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

/// The types of a plan's parameters, in order: as declared, or as the plan wants them, or text.
pub(crate) fn parameters(plan: &LogicalPlan, declared: &[Option<DataType>]) -> Result<Vec<DataType>, SqlError> {
    let explained = |error| failure::explain(&error, None);
    let mut found = plan.get_parameter_types().map_err(explained)?;
    complete(plan, &mut found).map_err(explained)?;
    let mut types = Vec::new();
    for (name, wanted) in found {
        let number =
            name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok()).filter(|number| *number > 0);
        let Some(number) = number else {
            let message = format!("{name} is no parameter");
            return Err(SqlError::new(ErrorKind::Unsupported, message).hint("parameters are $1, $2 and so on"));
        };
        if number > usize::from(u16::MAX) {
            return Err(SqlError::new(ErrorKind::Unsupported, "more parameters than a statement can have"));
        }
        if types.len() < number {
            types.resize(number, DataType::Utf8);
        }
        let declared = declared.get(number - 1).cloned().flatten();
        if let Some(known) = declared.or(wanted) {
            types[number - 1] = known;
        }
    }
    Ok(types)
}

/// What DataFusion does not say: a parameter that is cast is of that type, and LIMIT and OFFSET take whole numbers.
fn complete(plan: &LogicalPlan, types: &mut HashMap<String, Option<DataType>>) -> Result<(), DataFusionError> {
    let mut found = |expr: &Expr, of: &DataType| {
        if let Expr::Placeholder(placeholder) = expr
            && let Some(unknown @ None) = types.get_mut(&placeholder.id)
        {
            *unknown = Some(of.clone());
        }
    };
    plan.apply_with_subqueries(|plan| {
        if let LogicalPlan::Limit(limit) = plan {
            let counts = [&limit.skip, &limit.fetch].into_iter().flatten();
            counts.for_each(|count| found(count, &DataType::Int64));
        }
        plan.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) = expr {
                    found(expr, field.data_type());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

/// The columns that a plan has with values of these types; their names are those that it has without.
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
    // Whether there can be NULLs depends on the values.
    let field = |(name, of): (&Arc<Field>, &Arc<Field>)| Field::clone(of).with_name(name.name()).with_nullable(true);
    Ok(Arc::new(Schema::new(fields.map(field).collect::<Vec<_>>())))
}

/// The plan with values in the place of its parameters, of which there must be as many.
pub(crate) fn with_values(plan: LogicalPlan, values: &[ArrayRef]) -> Result<LogicalPlan, SqlError> {
    let wanted = parameters(&plan, &[])?.len();
    if wanted != values.len() {
        let message = format!("the statement has {wanted} parameters, and there are {} values", values.len());
        return Err(SqlError::new(ErrorKind::Invalid, message));
    }
    if wanted == 0 {
        return Ok(plan);
    }
    let scalars = values.iter().map(|value| ScalarValue::try_from_array(value, 0));
    let scalars: Result<Vec<ScalarValue>, _> = scalars.collect();
    scalars.and_then(|scalars| plan.with_param_values(scalars)).map_err(|error| failure::explain(&error, None))
}
