//! The statements of a session: planned, prepared and running ones.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use kubesql_runtime::sql::{Answer, Prepared};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tonic::Status;

use super::status;

/// How long a planned answer waits to be fetched, as it keeps its permit to run. A later fetch plans the statement
/// again.
pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum number of planned answers of a session.
const MAX_PLANNED: usize = 4;

/// The maximum number of prepared statements of a session.
const MAX_PREPARED: usize = 1000;

/// The statements of a session.
#[derive(Default)]
pub(super) struct Statements {
    state: Mutex<StatementsState>,
}

#[derive(Default)]
struct StatementsState {
    planned: VecDeque<PlannedAnswer>,
    /// Whether a task is running that drops answers after [`FETCH_TIMEOUT`].
    is_swept: bool,
    prepared: HashMap<Bytes, Arc<BoundStatement>>,
    /// The running statements, to cancel them. A prepared statement may run several times at once.
    running: Vec<(Bytes, Arc<Notify>)>,
}

/// An answer whose rows were not fetched yet.
struct PlannedAnswer {
    id: Bytes,
    planned_at: Instant,
    answer: Answer,
}

/// A prepared statement with the values of its parameters.
pub(super) struct BoundStatement {
    pub(super) prepared: Prepared,
    values: Mutex<Vec<ArrayRef>>,
}

impl BoundStatement {
    /// The values of the parameters.
    pub(super) fn values(&self) -> Vec<ArrayRef> {
        self.values.lock().clone()
    }

    /// Sets the values of the parameters from batches that have at most one row in total.
    pub(super) async fn bind(
        &self,
        batches: impl Stream<Item = Result<RecordBatch, Status>> + Send,
    ) -> Result<(), Status> {
        let mut batches = std::pin::pin!(batches);
        let mut values = None;
        while let Some(batch) = batches.try_next().await? {
            match batch.num_rows() {
                0 => {}
                1 if values.is_none() => values = Some(batch.columns().to_vec()),
                _ => {
                    let message =
                        "a statement takes one row of parameters at a time\nhint: execute it once for each row";
                    return Err(status::invalid_message(message));
                }
            }
        }
        *self.values.lock() = values.unwrap_or_default();
        Ok(())
    }
}

impl Statements {
    /// Adds a planned answer. Returns whether a task has to be started that calls [`Self::drop_expired`].
    pub(super) fn add_planned(&self, id: Bytes, answer: Answer) -> bool {
        let mut state = self.state.lock();
        if state.planned.len() == MAX_PLANNED {
            state.planned.pop_front();
        }
        state.planned.push_back(PlannedAnswer { id, planned_at: Instant::now(), answer });
        !std::mem::replace(&mut state.is_swept, true)
    }

    /// Drops answers that were not fetched in time. Returns whether none is left, so that the task ends.
    pub(super) fn drop_expired(&self) -> bool {
        let mut state = self.state.lock();
        state.planned.retain(|planned| planned.planned_at.elapsed() < FETCH_TIMEOUT);
        state.is_swept = !state.planned.is_empty();
        !state.is_swept
    }

    /// Adds a prepared statement; fails if there are too many.
    pub(super) fn add_prepared(&self, id: Bytes, prepared: Prepared) -> Result<Arc<BoundStatement>, Status> {
        let bound = Arc::new(BoundStatement { prepared, values: Mutex::default() });
        let mut state = self.state.lock();
        if state.prepared.len() >= MAX_PREPARED {
            let message = format!("too many prepared statements: the limit is {MAX_PREPARED} for each session");
            return Err(Status::resource_exhausted(format!("{message}\nhint: close those that are not needed")));
        }
        state.prepared.insert(id, Arc::clone(&bound));
        Ok(bound)
    }

    /// Adds a running statement. Returns the notification that cancels it.
    pub(super) fn add_running(&self, id: Bytes) -> Arc<Notify> {
        let cancel = Arc::new(Notify::new());
        self.state.lock().running.push((id, Arc::clone(&cancel)));
        cancel
    }

    /// Removes a running statement.
    pub(super) fn remove_running(&self, cancel: &Arc<Notify>) {
        self.state.lock().running.retain(|(_, other)| !Arc::ptr_eq(other, cancel));
    }

    /// The number of planned answers.
    #[cfg(test)]
    pub(super) fn planned_count(&self) -> usize {
        self.state.lock().planned.len()
    }

    /// Takes a planned answer.
    pub(super) fn take_planned(&self, id: &Bytes) -> Option<Answer> {
        let mut state = self.state.lock();
        let at = state.planned.iter().position(|planned| planned.id == *id)?;
        state.planned.remove(at).map(|planned| planned.answer)
    }

    /// The prepared statement of a handle.
    pub(super) fn prepared(&self, id: &Bytes) -> Result<Arc<BoundStatement>, Status> {
        let missing = || Status::not_found("prepared statement does not exist in this session\nhint: prepare it again");
        self.state.lock().prepared.get(id).cloned().ok_or_else(missing)
    }

    /// Closes a prepared statement, if it exists.
    pub(super) fn close(&self, id: &Bytes) {
        self.state.lock().prepared.remove(id);
    }

    /// Cancels and closes all statements.
    pub(super) fn clear(&self) {
        let state = std::mem::take(&mut *self.state.lock());
        state.running.iter().for_each(|(_, cancel)| cancel.notify_one());
    }

    /// Cancels the statements with these identifiers. Returns whether there was one to cancel.
    pub(super) fn cancel(&self, ids: &[Bytes]) -> bool {
        let mut state = self.state.lock();
        let before = state.planned.len();
        state.planned.retain(|planned| !ids.contains(&planned.id));
        let running = state.running.iter().filter(|(id, _)| ids.contains(id));
        running.inspect(|(_, cancel)| cancel.notify_one()).count() > 0 || state.planned.len() < before
    }
}
