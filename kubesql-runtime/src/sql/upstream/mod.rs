//! Workarounds for bugs of DataFusion and sqlparser, one per file.
//!
//! The header of each file describes the bug, links the upstream issue and names the affected version. Its test fails
//! once upstream has fixed the bug: then remove the file.

pub(crate) mod ambiguous_columns;
mod dialect;
mod escape;
mod exists_as_value;
mod float_and_numeric;
mod in_lists;
mod interval_order;
mod join_cancellation;
mod null_safe_equality;
mod outer_using;
mod overflow;
mod rounding;
mod set_operations;
mod subqueries;
mod table_command;
mod total;
pub(crate) mod using;

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState};

pub(crate) use dialect::DIALECT;
pub(crate) use escape::strip_parentheses;
pub(crate) use float_and_numeric::FloatBeforeNumeric;
pub(crate) use join_cancellation::{CancelOnDrop, CancellableJoins};
pub(crate) use outer_using::unsupported_join;
pub(crate) use set_operations::unsupported_set_operation;
pub(crate) use table_command::expand_table_commands;

/// Registers the functions and rules that correct results of DataFusion. `CancellableJoins` is registered when the
/// state is built.
pub(crate) fn register(state: &mut SessionState) -> Result<()> {
    for function in total::exact_aggregates() {
        state.register_udaf(Arc::new(function))?;
    }
    state.register_function_rewrite(Arc::new(interval_order::CompareIntervals))?;
    state.register_function_rewrite(Arc::new(rounding::RoundingCasts))?;
    state.add_analyzer_rule(Arc::new(overflow::CheckedArithmetic));
    state.add_analyzer_rule(Arc::new(in_lists::DistinctOperands));
    state.add_analyzer_rule(Arc::new(exists_as_value::ExistsAsValue));
    state.add_analyzer_rule(Arc::new(subqueries::DecorrelateSubqueries));
    // It rewrites the joins of the rule before.
    state.add_analyzer_rule(Arc::new(null_safe_equality::NullSafeEquality));
    Ok(())
}

/// Runs a query in DataFusion without the workarounds, and returns the values of its only column as text.
#[cfg(test)]
async fn plain_datafusion(sql: &str) -> String {
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    let frame = datafusion::prelude::SessionContext::new().sql(sql).await.expect(sql);
    let batches = frame.collect().await.expect(sql);
    let mut values = Vec::new();
    for batch in &batches {
        let options = FormatOptions::default().with_null("NULL");
        let column = ArrayFormatter::try_new(batch.column(0), &options).expect("a formatter");
        values.extend((0..batch.num_rows()).map(|row| column.value(row).to_string()));
    }
    values.join(" ")
}
