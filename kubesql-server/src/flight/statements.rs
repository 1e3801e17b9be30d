//! What a session has planned, prepared and running.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow_flight::sql::{Any, Command, CommandPreparedStatementQuery, ProstMessageExt, TicketStatementQuery};
use arrow_flight::{FlightInfo, Ticket};
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use kubesql_runtime::sql::{Answer, Prepared, SqlError};
use parking_lot::Mutex;
use prost::Message;
use tokio::sync::Notify;
use tonic::Status;

use super::failure;
use super::sessions::Session;

/// How long a planned answer waits to be fetched. It has its turn at the door; who comes later has it planned again.
const PATIENCE: Duration = Duration::from_secs(10);

/// At most so many answers of a session wait.
const PLANNED: usize = 4;

/// At most so many statements of a session are prepared.
const PREPARED: usize = 1000;

/// The statements of a session.
#[derive(Default)]
pub(super) struct Statements {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    planned: VecDeque<Planned>,
    /// Whether somebody looks after those that wait too long.
    swept: bool,
    prepared: HashMap<Bytes, Arc<Bound>>,
    /// How to stop what runs; the same prepared statement may run several times.
    running: Vec<(Bytes, Arc<Notify>)>,
}

/// An answer whose rows nobody has asked for yet.
struct Planned {
    id: Bytes,
    since: Instant,
    answer: Answer,
}

/// A prepared statement, and the values of its parameters.
pub(super) struct Bound {
    pub(super) prepared: Prepared,
    values: Mutex<Vec<ArrayRef>>,
}

/// What a ticket says: the answer that is planned, and the statement, to plan it again.
#[derive(Clone, PartialEq, Message)]
struct Handle {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(string, tag = "2")]
    sql: String,
}

fn new_id() -> Bytes {
    Bytes::copy_from_slice(&rand::random::<[u8; 16]>())
}

/// Plans a statement, and gives its columns and the ticket for its rows.
pub(super) async fn plan(session: &Arc<Session>, sql: String) -> Result<(SchemaRef, TicketStatementQuery), Status> {
    let answer = session.client.execute(&sql).await.map_err(failure::of)?;
    let (id, schema) = (new_id(), Arc::clone(&answer.schema));
    let statements = &session.statements;
    let mut kept = statements.kept.lock();
    if kept.planned.len() == PLANNED {
        kept.planned.pop_front();
    }
    kept.planned.push_back(Planned { id: id.clone(), since: Instant::now(), answer });
    if !std::mem::replace(&mut kept.swept, true) {
        tokio::spawn(sweep(Arc::downgrade(session)));
    }
    let handle = Handle { id, sql }.encode_to_vec();
    Ok((schema, TicketStatementQuery { statement_handle: handle.into() }))
}

/// Drops answers that have waited too long, until none waits.
async fn sweep(session: std::sync::Weak<Session>) {
    loop {
        tokio::time::sleep(PATIENCE / 2).await;
        let Some(session) = session.upgrade() else { return };
        let mut kept = session.statements.kept.lock();
        kept.planned.retain(|planned| planned.since.elapsed() < PATIENCE);
        if kept.planned.is_empty() {
            kept.swept = false;
            return;
        }
    }
}

/// The answer that a ticket is for.
pub(super) async fn answer(session: &Arc<Session>, ticket: &TicketStatementQuery) -> Result<(Answer, Running), Status> {
    let Handle { id, sql } = handle(ticket)?;
    let running = Running::new(session, id.clone());
    let planned = session.statements.take(&id);
    let answer = match planned {
        Some(answer) => answer,
        None => running.unless(session.client.execute(&sql)).await?,
    };
    Ok((answer, running))
}

fn handle(ticket: &TicketStatementQuery) -> Result<Handle, Status> {
    Handle::decode(&*ticket.statement_handle).map_err(|_| failure::protocol("that is no ticket of this server"))
}

/// Prepares a statement, and gives it with its handle.
pub(super) async fn prepare(session: &Arc<Session>, sql: &str) -> Result<(Bytes, Arc<Bound>), Status> {
    let prepared = session.client.prepare(sql, &[]).await.map_err(failure::of)?;
    let (id, bound) = (new_id(), Arc::new(Bound { prepared, values: Mutex::default() }));
    let mut kept = session.statements.kept.lock();
    if kept.prepared.len() >= PREPARED {
        let message = format!("the session has {PREPARED} prepared statements\nhint: close those that are not needed");
        return Err(Status::resource_exhausted(message));
    }
    kept.prepared.insert(id.clone(), Arc::clone(&bound));
    Ok((id, bound))
}

/// The answer to a prepared statement.
pub(super) async fn run(session: &Arc<Session>, id: &Bytes) -> Result<(Answer, Running), Status> {
    let bound = session.statements.prepared(id)?;
    let running = Running::new(session, id.clone());
    let values = bound.values.lock().clone();
    let answer = running.unless(session.client.run(&bound.prepared, &values)).await?;
    Ok((answer, running))
}

/// Runs what gives no rows, such as SET.
pub(super) async fn update(session: &Arc<Session>, sql: &str) -> Result<i64, Status> {
    let answer = session.client.execute(sql).await.map_err(failure::of)?;
    without_rows(&answer)
}

/// Runs a prepared statement that gives no rows.
pub(super) async fn update_prepared(session: &Arc<Session>, id: &Bytes) -> Result<i64, Status> {
    let (answer, _running) = run(session, id).await?;
    without_rows(&answer)
}

fn without_rows(answer: &Answer) -> Result<i64, Status> {
    if answer.schema.fields().is_empty() && answer.command != "SELECT" {
        return Ok(0);
    }
    Err(failure::protocol(format!("{} gives rows, so it is no update\nhint: run it as a query", answer.command)))
}

impl Bound {
    /// Takes the values of the parameters from batches, which must have one row together; none where they have none.
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
                    let message = "a statement takes one row of parameters at a time, and here are several";
                    return Err(failure::protocol(format!("{message}\nhint: run it once for each row")));
                }
            }
        }
        *self.values.lock() = values.unwrap_or_default();
        Ok(())
    }
}

impl Statements {
    fn take(&self, id: &Bytes) -> Option<Answer> {
        let mut kept = self.kept.lock();
        let at = kept.planned.iter().position(|planned| planned.id == *id)?;
        kept.planned.remove(at).map(|planned| planned.answer)
    }

    /// The prepared statement of a handle.
    pub(super) fn prepared(&self, id: &Bytes) -> Result<Arc<Bound>, Status> {
        let missing = || Status::not_found("the session has no such prepared statement\nhint: prepare it again");
        self.kept.lock().prepared.get(id).cloned().ok_or_else(missing)
    }

    /// Forgets a prepared statement; nothing where there is none.
    pub(super) fn close(&self, id: &Bytes) {
        self.kept.lock().prepared.remove(id);
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        let kept = std::mem::take(&mut *self.kept.lock());
        kept.running.iter().for_each(|(_, stop)| stop.notify_one());
    }

    /// Stops what a flight's tickets are for; whether there was anything to stop.
    pub(super) fn cancel(&self, info: &FlightInfo) -> bool {
        let tickets = info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref());
        let ids: Vec<Bytes> = tickets.filter_map(id).collect();
        let mut kept = self.kept.lock();
        let before = kept.planned.len();
        kept.planned.retain(|planned| !ids.contains(&planned.id));
        let running = kept.running.iter().filter(|(id, _)| ids.contains(id));
        running.inspect(|(_, stop)| stop.notify_one()).count() > 0 || kept.planned.len() < before
    }
}

/// What a ticket's statement is known by.
fn id(ticket: &Ticket) -> Option<Bytes> {
    let command = Any::decode(&*ticket.ticket).ok().and_then(|any| Command::try_from(any).ok())?;
    match command {
        Command::TicketStatementQuery(ticket) => handle(&ticket).ok().map(|handle| handle.id),
        Command::CommandPreparedStatementQuery(query) => Some(query.prepared_statement_handle),
        _ => None,
    }
}

/// The ticket of a prepared statement's rows.
pub(super) fn prepared_ticket(id: Bytes) -> Any {
    CommandPreparedStatementQuery { prepared_statement_handle: id }.as_any()
}

/// A statement that runs, and can be cancelled as long as this is there.
pub(super) struct Running {
    pub(super) session: Arc<Session>,
    stop: Arc<Notify>,
}

impl Running {
    fn new(session: &Arc<Session>, id: Bytes) -> Self {
        let stop = Arc::new(Notify::new());
        session.statements.kept.lock().running.push((id, Arc::clone(&stop)));
        Self { session: Arc::clone(session), stop }
    }

    /// The outcome of the work, unless it is cancelled before.
    pub(super) async fn unless<T>(&self, work: impl Future<Output = Result<T, SqlError>>) -> Result<T, Status> {
        tokio::select! {
            biased;
            () = self.stop.notified() => Err(failure::cancelled()),
            outcome = work => outcome.map_err(failure::of),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.session.statements.kept.lock().running.retain(|(_, stop)| !Arc::ptr_eq(stop, &self.stop));
    }
}
