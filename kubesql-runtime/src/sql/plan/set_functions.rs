//! Plans functions in FROM that return sets of rows: an unnested call of the function, which returns a list of rows.

use datafusion::common::{Column, DFSchema, UnnestOptions};
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{FunctionArg, FunctionArgExpr, TableFactor};

use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::functions::json;
use crate::sql::parse::identifiers::words;

/// The column of the list. Its name must differ from those of other columns of the query.
const LIST: &str = "\u{2063}list";

/// Plans functions that return sets of rows.
#[derive(Debug)]
pub(crate) struct SetFunctions;

impl RelationPlanner for SetFunctions {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::Function { name, args, with_ordinality, alias, .. } = &relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let name = words(name).pop().unwrap_or_default();
        let Some(columns) = json::set_columns(&name) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        if *with_ordinality {
            let message = format!("WITH ORDINALITY of {name} is not supported");
            return Err(SqlError::new(ErrorKind::Unsupported, message).into());
        }
        let mut arguments = Vec::new();
        for argument in args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else {
                let message = format!("{name} has no argument {argument}");
                return Err(SqlError::new(ErrorKind::Unsupported, message).into());
            };
            arguments.push(context.sql_to_expr(argument.clone(), &DFSchema::empty())?);
        }
        let options = UnnestOptions::new().with_preserve_nulls(false);
        let list = || Expr::Column(Column::new_unqualified(LIST));
        let columns = columns.iter().map(|column| get_field(list(), column.name().as_str()).alias(column.name()));
        let plan = LogicalPlanBuilder::empty(true)
            .project([json::call(&name, arguments)?.alias(LIST)])?
            .unnest_column_with_options(Column::new_unqualified(LIST), options)?
            .project(columns)?
            .build()?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias.clone()))))
    }
}
