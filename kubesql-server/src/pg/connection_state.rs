//! The state of a connection between statements: cursors, savepoints, names of prepared statements.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::stream::{self, BoxStream, StreamExt};
use kubesql_runtime::sql::{Answer, Cursor, SelectList, SqlError};
use pgwire::api::ClientInfo;
use pgwire::api::portal::Format;
use pgwire::error::PgWireResult;
use tokio::sync::Mutex;

use super::error_response;

/// The maximum number of prepared statements of a connection. Each keeps its plan in memory.
const MAX_PREPARED: usize = 1000;

/// The state of a connection.
#[derive(Default)]
pub(super) struct ConnectionState {
    cursors: Mutex<BTreeMap<String, OpenCursor>>,
    savepoints: parking_lot::Mutex<Vec<String>>,
    /// The names of prepared statements.
    statements: parking_lot::Mutex<BTreeSet<String>>,
}

/// An open cursor.
struct OpenCursor {
    schema: SchemaRef,
    rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
    /// Batches that were read and not fetched yet.
    buffered: VecDeque<RecordBatch>,
    /// The row that was fetched last.
    current: Option<RecordBatch>,
    hold: bool,
    binary: bool,
}

/// The state of a connection, created on first use.
pub(super) fn get(connection: &impl ClientInfo) -> Arc<ConnectionState> {
    connection.session_extensions().get_or_insert_with(ConnectionState::default)
}

impl ConnectionState {
    /// Opens a cursor over an answer.
    pub(super) async fn open_cursor(&self, cursor: &Cursor, answer: Answer) -> PgWireResult<()> {
        let mut cursors = self.cursors.lock().await;
        if cursors.contains_key(&cursor.name) {
            return Err(error_response::with_sqlstate("42P03", format!("cursor \"{}\" already exists", cursor.name)));
        }
        let Answer { schema, rows, .. } = answer;
        let (hold, binary) = (cursor.hold, cursor.binary);
        let open = OpenCursor { schema, rows, buffered: VecDeque::new(), current: None, hold, binary };
        cursors.insert(cursor.name.clone(), open);
        Ok(())
    }

    /// Fetches the next `count` rows of a cursor; all remaining rows without a count.
    pub(super) async fn fetch(&self, name: &str, count: Option<usize>) -> PgWireResult<Answer> {
        let mut cursors = self.cursors.lock().await;
        let open = cursors.get_mut(name).ok_or_else(|| unknown_cursor(name))?;
        let schema = Arc::clone(&open.schema);
        let Some(mut remaining) = count else {
            open.current = None;
            let buffered = std::mem::take(&mut open.buffered).into_iter().map(Ok);
            let rows = std::mem::replace(&mut open.rows, stream::empty().boxed());
            return Ok(fetched_answer(schema, stream::iter(buffered).chain(rows).boxed()));
        };
        if remaining == 0 {
            let current = open.current.clone().into_iter().map(Ok);
            return Ok(fetched_answer(schema, stream::iter(current.collect::<Vec<_>>()).boxed()));
        }
        open.current = None;
        let mut fetched: Vec<Result<RecordBatch, SqlError>> = Vec::new();
        while remaining > 0 {
            let batch = match open.buffered.pop_front() {
                Some(batch) => batch,
                None => match open.rows.next().await {
                    Some(batch) => batch.map_err(error_response::from_sql)?,
                    None => break,
                },
            };
            let rows = batch.num_rows();
            if rows > remaining {
                open.buffered.push_front(batch.slice(remaining, rows - remaining));
                fetched.push(Ok(batch.slice(0, remaining)));
                break;
            }
            remaining -= rows;
            fetched.push(Ok(batch));
        }
        if let Some(Ok(last)) =
            fetched.iter().rev().find(|batch| batch.as_ref().is_ok_and(|batch| batch.num_rows() > 0))
        {
            open.current = Some(last.slice(last.num_rows() - 1, 1));
        }
        Ok(fetched_answer(schema, stream::iter(fetched).boxed()))
    }

    /// The columns of a cursor.
    pub(super) async fn cursor_schema(&self, name: &str) -> PgWireResult<SchemaRef> {
        let cursors = self.cursors.lock().await;
        cursors.get(name).map(|open| Arc::clone(&open.schema)).ok_or_else(|| unknown_cursor(name))
    }

    /// The format of a cursor's rows: binary if it was declared so, else the requested one.
    pub(super) async fn cursor_format(&self, name: &str, requested: &Format) -> Format {
        let binary = self.cursors.lock().await.get(name).is_some_and(|open| open.binary);
        if binary { Format::UnifiedBinary } else { requested.clone() }
    }

    /// Closes a cursor, or all of them.
    pub(super) async fn close_cursor(&self, name: Option<&str>) -> PgWireResult<()> {
        let mut cursors = self.cursors.lock().await;
        match name {
            None => cursors.clear(),
            Some(name) => _ = cursors.remove(name).ok_or_else(|| unknown_cursor(name))?,
        }
        Ok(())
    }

    /// Ends the transaction, which closes the cursors without hold.
    pub(super) async fn end_transaction(&self) {
        self.cursors.lock().await.retain(|_, open| open.hold);
        self.savepoints.lock().clear();
    }

    /// Adds the name of a prepared statement; fails if there are too many. `exists` returns whether one still exists.
    pub(super) fn add_statement(&self, name: &str, exists: impl Fn(&str) -> bool) -> PgWireResult<()> {
        let mut statements = self.statements.lock();
        if statements.len() >= MAX_PREPARED && !statements.contains(name) {
            // Statements that were closed by a message of the protocol are still in the set.
            statements.retain(|name| exists(name));
            if statements.len() >= MAX_PREPARED {
                let message = format!("too many prepared statements: the limit is {MAX_PREPARED} for each connection");
                return Err(error_response::with_sqlstate("53400", message));
            }
        }
        statements.insert(name.to_owned());
        Ok(())
    }

    /// Removes and returns the names of all prepared statements.
    pub(super) fn take_statements(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.statements.lock())
    }

    pub(super) fn add_savepoint(&self, name: &str) {
        self.savepoints.lock().push(name.to_owned());
    }

    /// Removes a savepoint and those after it.
    pub(super) fn release_savepoint(&self, name: &str) -> PgWireResult<()> {
        self.truncate_savepoints(name, false)
    }

    /// Removes the savepoints after this one.
    pub(super) fn roll_back_to_savepoint(&self, name: &str) -> PgWireResult<()> {
        self.truncate_savepoints(name, true)
    }

    fn truncate_savepoints(&self, name: &str, keep: bool) -> PgWireResult<()> {
        let mut savepoints = self.savepoints.lock();
        let at = savepoints.iter().rposition(|savepoint| savepoint == name);
        let at =
            at.ok_or_else(|| error_response::with_sqlstate("3B001", format!("savepoint \"{name}\" does not exist")))?;
        savepoints.truncate(at + usize::from(keep));
        Ok(())
    }
}

fn unknown_cursor(name: &str) -> pgwire::error::PgWireError {
    error_response::with_sqlstate("34000", format!("cursor \"{name}\" does not exist"))
}

/// The answer to a FETCH.
fn fetched_answer(schema: SchemaRef, rows: BoxStream<'static, Result<RecordBatch, SqlError>>) -> Answer {
    Answer { command: "FETCH", schema, select_list: SelectList::default(), rows }
}
