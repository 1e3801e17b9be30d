//! The outcome of a statement: columns, rows, and changes of the session.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::{Field, Schema};
use futures::stream::{self, BoxStream, StreamExt};
use kubesql_runtime::sql::SqlError;

use super::query_error::QueryError;
use super::session::SessionChanges;
use super::types::Type;

/// The catalog of all tables.
pub(super) const CATALOG: &str = "kubesql";

/// The answer to a statement.
pub(super) struct Outcome {
    /// Names and types.
    pub(super) columns: Vec<(String, Type)>,
    pub(super) rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
    /// The command, unless it is a query.
    pub(super) update_type: Option<&'static str>,
    pub(super) changes: SessionChanges,
}

impl Outcome {
    /// The answer to a statement that changes the session.
    pub(super) fn update(command: &'static str, changes: SessionChanges) -> Result<Self, QueryError> {
        // Drivers expect columns in every answer.
        let done = table(vec![("result", Arc::new(BooleanArray::from(vec![true])))])?;
        Ok(Self { update_type: Some(command), changes, ..done })
    }
}

/// An answer with the given columns.
pub(super) fn table(columns: Vec<(&str, ArrayRef)>) -> Result<Outcome, QueryError> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let typed = columns.iter().map(|(name, array)| ((*name).to_owned(), Type::from_arrow(array.data_type()))).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(std::io::Error::other)?;
    let rows = stream::once(futures::future::ready(Ok(batch))).boxed();
    Ok(Outcome { columns: typed, rows, update_type: None, changes: SessionChanges::default() })
}
