//! Work-arounds of DataFusion and sqlparser, each in a file of its own.
//!
//! Each file says what upstream does wrong, links the upstream issue, names the version that it was seen in, and has a
//! test that fails once upstream has fixed it: then the file goes.

pub(crate) mod ambiguous_columns;
mod dialect;
mod escape;
mod exists_as_value;
mod interval_order;
mod join_cancellation;
mod outer_using;
mod overflow;
mod rounding;
mod set_operations;
mod total;
pub(crate) mod using;

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState};

pub(crate) use dialect::DIALECT;
pub(crate) use escape::strip_parentheses;
pub(crate) use join_cancellation::{CancelOnDrop, CancellableJoins};
pub(crate) use outer_using::unsupported_join;
pub(crate) use set_operations::unsupported_set_operation;

/// Gives a state the functions and rules that answer what DataFusion's would answer wrongly; `CancellableJoins` it gets
/// when it is built.
pub(crate) fn register(state: &mut SessionState) -> Result<()> {
    for function in total::exact_aggregates() {
        state.register_udaf(Arc::new(function))?;
    }
    state.register_function_rewrite(Arc::new(interval_order::CompareIntervals))?;
    state.register_function_rewrite(Arc::new(rounding::RoundingCasts))?;
    state.add_analyzer_rule(Arc::new(overflow::CheckedArithmetic));
    state.add_analyzer_rule(Arc::new(exists_as_value::ExistsAsValue));
    Ok(())
}

/// The text of the only value that a statement gives in plain DataFusion, for the tests that show what it does wrong.
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
