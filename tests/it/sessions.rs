//! Statements in this process, and their rows as text.

use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use kubesql_runtime::generated;
use kubesql_runtime::ingest::clusters::{Context, WatchOptions, WatchSource};
use kubesql_runtime::ingest::files::Kinds;
use kubesql_runtime::sql::{Engine, Session, SqlError};
use kubesql_runtime::store::Source;

/// Rows of values.
pub(crate) type Rows = Vec<Vec<String>>;

/// A source that watches these clusters, and an engine over it.
pub(crate) fn live(contexts: Vec<Context>, options: WatchOptions) -> (WatchSource, Arc<Engine>) {
    let live = WatchSource::new(contexts, Kinds::new(generated::KINDS.iter().copied(), generated::flattener), options);
    let source: Arc<dyn Source> = Arc::new(live.clone());
    let engine = Engine::new(generated::KINDS, source).expect("an engine");
    (live, engine)
}

/// The rows of a statement, with `NULL` for missing values.
pub(crate) async fn ask(session: &Session, sql: &str) -> Result<Rows, SqlError> {
    let mut answer = session.execute(sql).await?;
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    while let Some(batch) = answer.rows.next().await {
        let batch = batch?;
        let columns: Vec<ArrayFormatter> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("values can be shown"))
            .collect();
        rows.extend(
            (0..batch.num_rows()).map(|row| columns.iter().map(|column| column.value(row).to_string()).collect()),
        );
    }
    Ok(rows)
}
