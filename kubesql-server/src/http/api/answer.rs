//! An answer as the API returns it: rows up to the requested limit, and a summary.

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use futures::StreamExt;
use futures::stream::BoxStream;
use kubesql_runtime::sql::{Answer, SqlError, type_name};
use kubesql_runtime::store::Warning;
use serde::Serialize;
use utoipa::ToSchema;

use crate::query::Client;

/// A column of an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Column)]
pub(super) struct AnswerColumn {
    #[schema(example = "requests.cpu")]
    name: String,
    /// The name of the SQL type, as in psql
    #[serde(rename = "type")]
    #[schema(example = "double precision")]
    sql_type: String,
}

/// The columns of an answer.
pub(super) fn columns(schema: &Schema) -> Vec<AnswerColumn> {
    let column = |field: &FieldRef| AnswerColumn { name: field.name().clone(), sql_type: type_name(field) };
    schema.fields().iter().map(column).collect()
}

/// A problem with the data of an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Warning)]
pub(super) struct WarningDocument {
    /// Where the problem occurred first
    #[schema(example = "cluster prod, Pod shop/web-1, spec.containers[0].resources")]
    place: String,
    message: String,
    /// How many times it occurred
    count: u64,
}

impl From<&Warning> for WarningDocument {
    fn from(warning: &Warning) -> Self {
        let Warning { place, message, count } = warning.clone();
        Self { place, message, count }
    }
}

/// The members that follow the rows in a JSON document.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    row_count: u64,
    truncated: bool,
    command: &'static str,
    warnings: Vec<WarningDocument>,
    missing: Vec<String>,
}

/// An answer as a JSON document.
#[allow(dead_code)] // It is written in parts; this is its schema.
#[derive(Debug, ToSchema)]
#[schema(as = Answer)]
pub(super) struct AnswerDocument {
    columns: Vec<AnswerColumn>,
    /// One array of values for each row. Times are RFC 3339 in UTC
    #[schema(example = json!([["web-1", 0.25]]))]
    rows: Vec<Vec<serde_json::Value>>,
    row_count: u64,
    /// Whether rows were left out because of `limit`
    truncated: bool,
    /// The command that was executed
    #[schema(example = "SELECT")]
    command: String,
    /// Problems with the data
    warnings: Vec<WarningDocument>,
    /// Clusters that could not answer and are left out (see the setting `kubesql.partial`)
    missing: Vec<String>,
}

/// The rows of an answer, up to the requested limit.
pub(super) struct AnswerReader {
    /// The source of warnings.
    client: Client,
    pub(super) schema: SchemaRef,
    /// Whether the select list has a `*`.
    pub(super) has_star: bool,
    command: &'static str,
    batches: BoxStream<'static, Result<RecordBatch, SqlError>>,
    /// Read in advance by [`Self::begin`].
    first: Option<RecordBatch>,
    /// How many more rows may be returned; `None` without a limit.
    remaining: Option<usize>,
    rows: usize,
    /// Whether rows were left out because of the limit.
    pub(super) truncated: bool,
    pub(super) warnings: Vec<Warning>,
}

impl AnswerReader {
    /// Waits for the first rows, so that most errors are known before the response begins.
    pub(super) async fn begin(client: Client, answer: Answer, limit: Option<usize>) -> Result<Self, SqlError> {
        let Answer { command, schema, select_list, rows } = answer;
        // Fused: without rows, it is polled again after its end.
        let mut batches = rows.fuse().boxed();
        let mut first = None;
        while first.is_none() {
            match batches.next().await.transpose()? {
                Some(batch) if batch.num_rows() > 0 => first = Some(batch),
                Some(_) => {}
                None => break,
            }
        }
        let warnings = client.take_warnings();
        let has_star = select_list.has_star;
        let (remaining, rows, truncated) = (limit, 0, false);
        Ok(Self { client, schema, has_star, command, batches, first, remaining, rows, truncated, warnings })
    }

    /// The next batch, which is not empty.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>, SqlError> {
        while !self.truncated {
            let next = match self.first.take() {
                Some(batch) => Some(batch),
                None => self.batches.next().await.transpose()?,
            };
            let Some(mut batch) = next else { break };
            if batch.num_rows() == 0 {
                continue;
            }
            if let Some(remaining) = &mut self.remaining {
                if batch.num_rows() > *remaining {
                    self.truncated = true;
                    batch = batch.slice(0, *remaining);
                }
                *remaining -= batch.num_rows();
            }
            self.rows += batch.num_rows();
            return Ok((batch.num_rows() > 0).then_some(batch));
        }
        Ok(None)
    }

    /// To be called after the last batch.
    pub(super) fn summary(&mut self) -> Summary {
        self.warnings.extend(self.client.take_warnings());
        Summary {
            row_count: u64::try_from(self.rows).unwrap_or(u64::MAX),
            truncated: self.truncated,
            command: self.command,
            warnings: warning_documents(&self.warnings),
            missing: missing_clusters(&self.warnings),
        }
    }

    /// The warnings that were raised since the last call.
    pub(super) fn take_warnings(&mut self) -> Vec<Warning> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.extend(self.client.take_warnings());
        warnings
    }
}

/// Warnings as the API returns them.
pub(super) fn warning_documents(warnings: &[Warning]) -> Vec<WarningDocument> {
    warnings.iter().map(WarningDocument::from).collect()
}

fn missing_clusters(warnings: &[Warning]) -> Vec<String> {
    let mut missing: Vec<String> = warnings.iter().filter_map(Warning::missing_cluster).map(str::to_owned).collect();
    missing.dedup();
    missing
}
