//! An answer on its way to the client: its rows up to the limit, and what is told of them.

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use futures::StreamExt;
use futures::stream::BoxStream;
use kubesql_runtime::sql::{Answer, SqlError, type_name};
use kubesql_runtime::store::Warning;
use serde::Serialize;
use utoipa::ToSchema;

use crate::query::Client;

/// A column of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Column {
    #[schema(example = "requests.cpu")]
    name: String,
    /// As psql spells it
    #[serde(rename = "type")]
    #[schema(example = "double precision")]
    of: String,
}

/// The columns of an answer.
pub(super) fn columns(schema: &Schema) -> Vec<Column> {
    schema.fields().iter().map(|field| Column { name: field.name().clone(), of: type_name(field) }).collect()
}

/// What was wrong with the data of an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Warning)]
pub(super) struct Told {
    /// Where it happened first
    #[schema(example = "cluster prod, Pod shop/web-1, spec.containers[0].resources")]
    place: String,
    message: String,
    /// How often
    count: u64,
}

impl From<&Warning> for Told {
    fn from(warning: &Warning) -> Self {
        let Warning { place, message, count } = warning.clone();
        Self { place, message, count }
    }
}

/// What stands behind the rows of a JSON document.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    row_count: u64,
    truncated: bool,
    command: &'static str,
    warnings: Vec<Told>,
    missing: Vec<String>,
}

/// An answer as a JSON document.
#[allow(dead_code)] // Written piece by piece; this describes it.
#[derive(Debug, ToSchema)]
#[schema(as = Answer)]
pub(super) struct Document {
    columns: Vec<Column>,
    /// A list of values for each row; times are RFC 3339 in UTC
    #[schema(example = json!([["web-1", 0.25]]))]
    rows: Vec<Vec<serde_json::Value>>,
    row_count: u64,
    /// Whether there are more rows than `limit` allowed
    truncated: bool,
    /// What was done
    #[schema(example = "SELECT")]
    command: String,
    /// What was wrong with the data
    warnings: Vec<Told>,
    /// Clusters that the answer is without (`kubesql.partial`)
    missing: Vec<String>,
}

/// The rows of an answer, read as far as the client may have them.
pub(super) struct Answering {
    /// Kept until the end: it has the warnings.
    client: Client,
    pub(super) schema: SchemaRef,
    command: &'static str,
    batches: BoxStream<'static, Result<RecordBatch, SqlError>>,
    /// Read before the client was told that there is an answer.
    first: Option<RecordBatch>,
    /// Rows that may still be given.
    left: Option<usize>,
    rows: usize,
    /// Whether there are rows that are not given.
    pub(super) truncated: bool,
    pub(super) warnings: Vec<Warning>,
}

impl Answering {
    /// Reads as far as the first rows, so that most failures are known before anything is sent.
    pub(super) async fn begin(client: Client, answer: Answer, limit: Option<usize>) -> Result<Self, SqlError> {
        let Answer { command, schema, rows } = answer;
        // Asked once more after its end, where there are no rows.
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
        Ok(Self { client, schema, command, batches, first, left: limit, rows: 0, truncated: false, warnings })
    }

    /// The next rows.
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
            if let Some(left) = &mut self.left {
                if batch.num_rows() > *left {
                    self.truncated = true;
                    batch = batch.slice(0, *left);
                }
                *left -= batch.num_rows();
            }
            self.rows += batch.num_rows();
            return Ok((batch.num_rows() > 0).then_some(batch));
        }
        Ok(None)
    }

    /// What is to be told once all rows are given.
    pub(super) fn summary(&mut self) -> Summary {
        self.warnings.extend(self.client.take_warnings());
        Summary {
            row_count: u64::try_from(self.rows).unwrap_or(u64::MAX),
            truncated: self.truncated,
            command: self.command,
            warnings: told(&self.warnings),
            missing: missing(&self.warnings),
        }
    }

    /// The warnings that came up since the last call.
    pub(super) fn take_warnings(&mut self) -> Vec<Warning> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.extend(self.client.take_warnings());
        warnings
    }
}

/// Warnings as they are told.
pub(super) fn told(warnings: &[Warning]) -> Vec<Told> {
    warnings.iter().map(Told::from).collect()
}

fn missing(warnings: &[Warning]) -> Vec<String> {
    let mut missing: Vec<String> = warnings.iter().filter_map(Warning::missing_cluster).map(str::to_owned).collect();
    missing.dedup();
    missing
}
