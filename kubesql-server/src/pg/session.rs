//! What a connection keeps between statements: its cursors and savepoints.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::stream::{self, BoxStream, StreamExt};
use kubesql_runtime::sql::{Answer, Cursor, SqlError};
use pgwire::api::ClientInfo;
use pgwire::api::portal::Format;
use pgwire::error::PgWireResult;
use tokio::sync::Mutex;

use super::failure;

/// So many statements may be prepared at a time: each keeps its plan.
const PREPARED: usize = 1000;

/// The state of a connection.
#[derive(Default)]
pub(super) struct Session {
    cursors: Mutex<BTreeMap<String, Open>>,
    savepoints: parking_lot::Mutex<Vec<String>>,
    /// Names of statements that were prepared.
    statements: parking_lot::Mutex<BTreeSet<String>>,
}

/// A cursor that rows can be taken from.
struct Open {
    schema: SchemaRef,
    rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
    /// What was read and not yet taken.
    left: VecDeque<RecordBatch>,
    /// The row that was taken last.
    current: Option<RecordBatch>,
    hold: bool,
    binary: bool,
}

/// The state of a connection.
pub(super) fn of(connection: &impl ClientInfo) -> Arc<Session> {
    connection.session_extensions().get_or_insert_with(Session::default)
}

impl Session {
    /// Opens a cursor over an answer.
    pub(super) async fn open(&self, cursor: &Cursor, answer: Answer) -> PgWireResult<()> {
        let mut cursors = self.cursors.lock().await;
        if cursors.contains_key(&cursor.name) {
            return Err(failure::coded("42P03", format!("cursor \"{}\" already exists", cursor.name)));
        }
        let Answer { schema, rows, .. } = answer;
        let open =
            Open { schema, rows, left: VecDeque::new(), current: None, hold: cursor.hold, binary: cursor.binary };
        cursors.insert(cursor.name.clone(), open);
        Ok(())
    }

    /// The next rows of a cursor; all that are left where there is no number.
    pub(super) async fn fetch(&self, name: &str, count: Option<usize>) -> PgWireResult<Answer> {
        let mut cursors = self.cursors.lock().await;
        let open = cursors.get_mut(name).ok_or_else(|| missing(name))?;
        let schema = Arc::clone(&open.schema);
        let Some(mut wanted) = count else {
            open.current = None;
            let left = std::mem::take(&mut open.left).into_iter().map(Ok);
            let rows = std::mem::replace(&mut open.rows, stream::empty().boxed());
            return Ok(Answer { command: "FETCH", schema, rows: stream::iter(left).chain(rows).boxed() });
        };
        if wanted == 0 {
            let current = open.current.clone().into_iter().map(Ok);
            return Ok(Answer { command: "FETCH", schema, rows: stream::iter(current.collect::<Vec<_>>()).boxed() });
        }
        open.current = None;
        let mut taken: Vec<Result<RecordBatch, SqlError>> = Vec::new();
        while wanted > 0 {
            let batch = match open.left.pop_front() {
                Some(batch) => batch,
                None => match open.rows.next().await {
                    Some(batch) => batch.map_err(failure::of)?,
                    None => break,
                },
            };
            let rows = batch.num_rows();
            if rows > wanted {
                open.left.push_front(batch.slice(wanted, rows - wanted));
                taken.push(Ok(batch.slice(0, wanted)));
                break;
            }
            wanted -= rows;
            taken.push(Ok(batch));
        }
        if let Some(Ok(last)) = taken.iter().rev().find(|batch| batch.as_ref().is_ok_and(|batch| batch.num_rows() > 0))
        {
            open.current = Some(last.slice(last.num_rows() - 1, 1));
        }
        Ok(Answer { command: "FETCH", schema, rows: stream::iter(taken).boxed() })
    }

    /// The columns of a cursor.
    pub(super) async fn schema(&self, name: &str) -> PgWireResult<SchemaRef> {
        let cursors = self.cursors.lock().await;
        cursors.get(name).map(|open| Arc::clone(&open.schema)).ok_or_else(|| missing(name))
    }

    /// The format that a cursor's rows have, unless another is asked for.
    pub(super) async fn format(&self, name: &str, asked: &Format) -> Format {
        let binary = self.cursors.lock().await.get(name).is_some_and(|open| open.binary);
        if binary { Format::UnifiedBinary } else { asked.clone() }
    }

    /// Closes a cursor, or all.
    pub(super) async fn close(&self, name: Option<&str>) -> PgWireResult<()> {
        let mut cursors = self.cursors.lock().await;
        match name {
            None => cursors.clear(),
            Some(name) => _ = cursors.remove(name).ok_or_else(|| missing(name))?,
        }
        Ok(())
    }

    /// The transaction ends, and with it the cursors that are not held.
    pub(super) async fn end_transaction(&self) {
        self.cursors.lock().await.retain(|_, open| open.hold);
        self.savepoints.lock().clear();
    }

    /// Notes that a statement is prepared, unless there are too many of those that are still there.
    pub(super) fn note_statement(&self, name: &str, is_there: impl Fn(&str) -> bool) -> PgWireResult<()> {
        let mut statements = self.statements.lock();
        if statements.len() >= PREPARED && !statements.contains(name) {
            // What the protocol closes is not told here.
            statements.retain(|name| is_there(name));
            if statements.len() >= PREPARED {
                let message = format!("this connection has {PREPARED} prepared statements: DEALLOCATE some");
                return Err(failure::coded("53400", message));
            }
        }
        statements.insert(name.to_owned());
        Ok(())
    }

    /// The statements that were prepared, which are to be forgotten.
    pub(super) fn take_statements(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.statements.lock())
    }

    /// Notes a savepoint.
    pub(super) fn save(&self, name: &str) {
        self.savepoints.lock().push(name.to_owned());
    }

    /// Goes back to a savepoint, which stays, or forgets it with those after it.
    pub(super) fn back_to(&self, name: &str, stays: bool) -> PgWireResult<()> {
        let mut savepoints = self.savepoints.lock();
        let at = savepoints.iter().rposition(|savepoint| savepoint == name);
        let at = at.ok_or_else(|| failure::coded("3B001", format!("savepoint \"{name}\" does not exist")))?;
        savepoints.truncate(at + usize::from(stays));
        Ok(())
    }
}

fn missing(name: &str) -> pgwire::error::PgWireError {
    failure::coded("34000", format!("cursor \"{name}\" does not exist"))
}
