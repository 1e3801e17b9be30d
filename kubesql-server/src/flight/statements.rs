//! Plans, prepares, executes and cancels the statements of a session.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow_flight::sql::{Any, Command, CommandPreparedStatementQuery, ProstMessageExt, TicketStatementQuery};
use arrow_flight::{FlightInfo, Ticket};
use bytes::Bytes;
use kubesql_runtime::sql::{Answer, SqlError};
use prost::Message;
use tokio::sync::Notify;
use tonic::Status;

use super::session::Session;
use super::statement_store::{BoundStatement, FETCH_TIMEOUT};
use super::status;

/// The contents of a ticket: the planned answer, and the statement in case it has to be planned again.
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

/// Plans a statement. Returns its columns and the ticket for its rows.
pub(super) async fn plan(session: &Arc<Session>, sql: String) -> Result<(SchemaRef, TicketStatementQuery), Status> {
    let answer = session.client.execute(&sql).await.map_err(status::from_sql)?;
    let (id, schema) = (new_id(), Arc::clone(&answer.schema));
    if session.statements.add_planned(id.clone(), answer) {
        tokio::spawn(sweep(Arc::downgrade(session)));
    }
    let handle = Handle { id, sql }.encode_to_vec();
    Ok((schema, TicketStatementQuery { statement_handle: handle.into() }))
}

/// Drops answers that were not fetched in time, until there are none.
async fn sweep(session: std::sync::Weak<Session>) {
    loop {
        tokio::time::sleep(FETCH_TIMEOUT / 2).await;
        let Some(session) = session.upgrade() else { return };
        if session.statements.drop_expired() {
            return;
        }
    }
}

/// The answer of a ticket.
pub(super) async fn answer(session: &Arc<Session>, ticket: &TicketStatementQuery) -> Result<(Answer, Running), Status> {
    let Handle { id, sql } = handle(ticket)?;
    let running = Running::new(session, id.clone());
    let planned = session.statements.take_planned(&id);
    let answer = match planned {
        Some(answer) => answer,
        None => running.guard(session.client.execute(&sql)).await?,
    };
    Ok((answer, running))
}

fn handle(ticket: &TicketStatementQuery) -> Result<Handle, Status> {
    Handle::decode(&*ticket.statement_handle).map_err(|_| status::invalid_message("invalid ticket"))
}

/// Prepares a statement. Returns its handle and the statement.
pub(super) async fn prepare(session: &Arc<Session>, sql: &str) -> Result<(Bytes, Arc<BoundStatement>), Status> {
    let prepared = session.client.prepare(sql, &[]).await.map_err(status::from_sql)?;
    let id = new_id();
    let bound = session.statements.add_prepared(id.clone(), prepared)?;
    Ok((id, bound))
}

/// Executes a prepared statement.
pub(super) async fn run(session: &Arc<Session>, id: &Bytes) -> Result<(Answer, Running), Status> {
    let bound = session.statements.prepared(id)?;
    let running = Running::new(session, id.clone());
    let values = bound.values();
    let answer = running.guard(session.client.run(&bound.prepared, &values)).await?;
    Ok((answer, running))
}

/// Executes a statement without rows, such as SET.
pub(super) async fn update(session: &Arc<Session>, sql: &str) -> Result<i64, Status> {
    let answer = session.client.execute(sql).await.map_err(status::from_sql)?;
    update_count(&answer)
}

/// Executes a prepared statement without rows.
pub(super) async fn update_prepared(session: &Arc<Session>, id: &Bytes) -> Result<i64, Status> {
    let (answer, _running) = run(session, id).await?;
    update_count(&answer)
}

fn update_count(answer: &Answer) -> Result<i64, Status> {
    if answer.schema.fields().is_empty() && answer.command != "SELECT" {
        return Ok(0);
    }
    Err(status::invalid_message(format!(
        "{} returns rows and is not an update\nhint: execute it as a query",
        answer.command
    )))
}

/// Cancels the statements of a flight's tickets. Returns whether there was one to cancel.
pub(super) fn cancel(session: &Session, info: &FlightInfo) -> bool {
    let tickets = info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref());
    session.statements.cancel(&tickets.filter_map(ticket_id).collect::<Vec<_>>())
}

/// The identifier in a ticket.
fn ticket_id(ticket: &Ticket) -> Option<Bytes> {
    let command = Any::decode(&*ticket.ticket).ok().and_then(|any| Command::try_from(any).ok())?;
    match command {
        Command::TicketStatementQuery(ticket) => handle(&ticket).ok().map(|handle| handle.id),
        Command::CommandPreparedStatementQuery(query) => Some(query.prepared_statement_handle),
        _ => None,
    }
}

/// The ticket for the rows of a prepared statement.
pub(super) fn prepared_ticket(id: Bytes) -> Any {
    CommandPreparedStatementQuery { prepared_statement_handle: id }.as_any()
}

/// A running statement. It can be cancelled until this is dropped.
pub(super) struct Running {
    pub(super) session: Arc<Session>,
    cancel: Arc<Notify>,
}

impl Running {
    fn new(session: &Arc<Session>, id: Bytes) -> Self {
        Self { session: Arc::clone(session), cancel: session.statements.add_running(id) }
    }

    /// The output of a future, or an error if the statement is cancelled before.
    pub(super) async fn guard<T>(&self, future: impl Future<Output = Result<T, SqlError>>) -> Result<T, Status> {
        tokio::select! {
            biased;
            () = self.cancel.notified() => Err(status::cancelled()),
            output = future => output.map_err(status::from_sql),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.session.statements.remove_running(&self.cancel);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::TryStreamExt;

    use super::*;
    use crate::flight::tests::client;

    #[tokio::test(start_paused = true)]
    async fn a_planned_answer_is_dropped_if_it_is_not_fetched() {
        let session = Arc::new(Session::anonymous(client()));
        let planned = || session.statements.planned_count();
        let (_, first) = plan(&session, "select 1".to_owned()).await.expect("a ticket");
        tokio::time::sleep(FETCH_TIMEOUT - Duration::from_secs(1)).await;
        let (_, second) = plan(&session, "select 2".to_owned()).await.expect("a ticket");
        assert_eq!(planned(), 2);
        // The sweep runs every half of the timeout.
        tokio::time::sleep(FETCH_TIMEOUT / 2 + Duration::from_secs(1)).await;
        assert_eq!(planned(), 1);
        tokio::time::sleep(FETCH_TIMEOUT).await;
        assert_eq!(planned(), 0);
        // Statements that were dropped are planned again.
        for ticket in [first, second] {
            let (answer, _running) = super::answer(&session, &ticket).await.expect("an answer");
            assert_eq!(answer.rows.try_collect::<Vec<_>>().await.expect("rows").len(), 1);
        }
    }
}
