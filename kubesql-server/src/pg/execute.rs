//! Executes statements of the simple and the extended protocol: queries, transactions, cursors, prepared statements, and
//! COPY.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use futures::{Sink, SinkExt, StreamExt};
use kubesql_runtime::sql::{Answer, Command, Copy, Prepared, parameter_type, parse_command};
use pgwire::api::portal::Format;
use pgwire::api::results::{QueryResponse, Tag};
use pgwire::api::stmt::StoredStatement;
use pgwire::api::store::{Entry, MemPortalStore, PortalStore};
use pgwire::api::{ClientInfo, ClientPortalStore, METADATA_USER, Type};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::TransactionStatus;

use super::{connection_state, encode, error_response, shared};
use crate::query::Client;

/// A parsed statement.
#[derive(Debug, Clone)]
pub(super) struct PgStatement {
    sql: String,
    command: Command,
    /// The plan of its query, if it has one and was prepared.
    prepared: Option<Prepared>,
}

/// The outcome of a statement.
pub(super) enum Outcome {
    Rows(QueryResponse),
    /// A command without rows.
    Completed(Tag),
    CopyOut(Answer, Copy),
}

impl PgStatement {
    /// Parses a statement without preparing its query.
    pub(super) fn parse(sql: &str) -> PgWireResult<Self> {
        Ok(Self { sql: sql.to_owned(), command: parse_command(sql).map_err(error_response::from_sql)?, prepared: None })
    }

    /// Parses a statement and prepares its query.
    pub(super) async fn prepare(client: &Client, sql: &str, types: &[Option<DataType>]) -> PgWireResult<Self> {
        let mut statement = Self::parse(sql)?;
        let query = match &statement.command {
            Command::Statement => Some(sql),
            Command::Declare(cursor) => Some(cursor.query.as_str()),
            Command::Copy(copy) => Some(copy.query.as_str()),
            _ => None,
        };
        if let Some(query) = query {
            statement.prepared = Some(client.prepare(query, types).await.map_err(error_response::from_sql)?);
        }
        Ok(statement)
    }

    /// The types of its parameters.
    pub(super) fn parameters(&self) -> &[DataType] {
        self.prepared.as_ref().map_or(&[], |prepared| &prepared.parameters)
    }

    /// Whether it ends a transaction, so that it may run in a failed one.
    fn ends_transaction(&self) -> bool {
        matches!(self.command, Command::Commit(_) | Command::Rollback(_) | Command::RollbackTo(_))
    }

    /// Fails in a failed transaction, unless the statement ends it.
    pub(super) fn check_transaction(&self, status: TransactionStatus) -> PgWireResult<()> {
        if status == TransactionStatus::Error && !self.ends_transaction() {
            let message = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(error_response::with_sqlstate("25P02", message));
        }
        Ok(())
    }

    /// The columns of its rows; `None` for a command without rows.
    pub(super) async fn schema<C: ClientInfo + ClientPortalStore>(
        &self,
        connection: &C,
    ) -> PgWireResult<Option<SchemaRef>>
    where
        C::PortalStore: PortalStore,
    {
        Ok(match &self.command {
            Command::Statement => self.prepared.as_ref().and_then(|prepared| prepared.schema.clone()),
            Command::Fetch { name, moves: false, .. } => {
                Some(connection_state::get(connection).cursor_schema(name).await?)
            }
            Command::Execute { name, .. } => {
                let stored = prepared_statement(connection, name)?;
                stored.statement.prepared.as_ref().and_then(|prepared| prepared.schema.clone())
            }
            _ => None,
        })
    }
}

/// The prepared statements and portals of a connection.
fn store<C: ClientPortalStore>(connection: &C) -> PgWireResult<&MemPortalStore<PgStatement>>
where
    C::PortalStore: PortalStore,
{
    let store = connection.portal_store().as_any().downcast_ref();
    store.ok_or_else(|| error_response::protocol_violation("unexpected portal store"))
}

/// A prepared statement by its name.
fn prepared_statement<C: ClientPortalStore>(
    connection: &C,
    name: &str,
) -> PgWireResult<Arc<StoredStatement<PgStatement>>>
where
    C::PortalStore: PortalStore,
{
    match store(connection)?.get_statement(name) {
        Some(Entry::Value(statement)) => Ok(statement),
        _ => Err(error_response::with_sqlstate("26000", format!("prepared statement \"{name}\" does not exist"))),
    }
}

/// The client of a connection. Sets its user and process number, for functions such as `pg_backend_pid()`.
pub(super) fn client(connection: &impl ClientInfo) -> PgWireResult<Arc<Client>> {
    let client = shared::client(connection)?;
    let user = connection.metadata().get(METADATA_USER).map(String::as_str).unwrap_or_default();
    client.introduce(user, connection.pid_and_secret_key().0);
    Ok(client)
}

/// Executes a statement. `grouped` is set if the message contains several statements, which form a transaction.
pub(super) async fn run<C>(
    connection: &mut C,
    statement: &PgStatement,
    values: &[ArrayRef],
    format: &Format,
    grouped: bool,
) -> PgWireResult<Outcome>
where
    C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::PortalStore: PortalStore,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    statement.check_transaction(connection.transaction_status())?;
    let client = client(connection)?;
    let query = async |sql: &str| match &statement.prepared {
        Some(prepared) => client.run(prepared, values).await.map_err(error_response::from_sql),
        None => client.execute(sql).await.map_err(error_response::from_sql),
    };
    let completed = |tag: &str| Ok(Outcome::Completed(Tag::new(tag)));
    match &statement.command {
        Command::Statement => Ok(query_outcome(query(&statement.sql).await?, format)),
        Command::Copy(copy) => Ok(Outcome::CopyOut(query(&copy.query).await?, copy.clone())),
        Command::Declare(cursor) => {
            if !cursor.hold && !grouped && connection.transaction_status() == TransactionStatus::Idle {
                return Err(error_response::with_sqlstate(
                    "25P01",
                    "DECLARE CURSOR can only be used in transaction blocks",
                ));
            }
            let answer = query(&cursor.query).await?;
            connection_state::get(connection).open_cursor(cursor, answer).await?;
            completed("DECLARE CURSOR")
        }
        Command::Fetch { name, count, moves } => {
            let state = connection_state::get(connection);
            let mut answer = state.fetch(name, *count).await?;
            if !moves {
                return Ok(query_outcome(answer, &state.cursor_format(name, format).await));
            }
            let mut rows = 0;
            while let Some(batch) = answer.rows.next().await {
                rows += batch.map_err(error_response::from_sql)?.num_rows();
            }
            Ok(Outcome::Completed(Tag::new("MOVE").with_rows(rows)))
        }
        Command::Close(name) => {
            connection_state::get(connection).close_cursor(name.as_deref()).await?;
            completed(if name.is_some() { "CLOSE CURSOR" } else { "CLOSE CURSOR ALL" })
        }
        Command::Prepare { name, types, query } => {
            prepare(connection, &client, name, types, query).await?;
            completed("PREPARE")
        }
        Command::Execute { name, values } => {
            let stored = prepared_statement(connection, name)?;
            let values = evaluate(&client, values).await?;
            let expected = stored.statement.parameters().len();
            if expected != values.len() {
                let message = format!(
                    "wrong number of parameters for prepared statement \"{name}\": expected {expected} but got {}",
                    values.len()
                );
                return Err(error_response::with_sqlstate("42601", message));
            }
            let Some(prepared) = &stored.statement.prepared else {
                let message = format!("prepared statement \"{name}\" is not a query");
                return Err(error_response::with_sqlstate("0A000", message));
            };
            Ok(query_outcome(client.run(prepared, &values).await.map_err(error_response::from_sql)?, format))
        }
        Command::Deallocate(name) => {
            deallocate(connection, name.as_deref())?;
            completed(if name.is_some() { "DEALLOCATE" } else { "DEALLOCATE ALL" })
        }
        Command::DiscardAll => {
            if connection.transaction_status() != TransactionStatus::Idle {
                return Err(error_response::with_sqlstate(
                    "25001",
                    "DISCARD ALL cannot run inside a transaction block",
                ));
            }
            client.execute(&statement.sql).await.map_err(error_response::from_sql)?;
            connection_state::get(connection).close_cursor(None).await?;
            deallocate(connection, None)?;
            completed("DISCARD ALL")
        }
        _ => execute_transaction_command(connection, &client, &statement.command).await,
    }
}

fn query_outcome(answer: Answer, format: &Format) -> Outcome {
    if answer.schema.fields().is_empty() && answer.command != "SELECT" {
        return Outcome::Completed(Tag::new(answer.command));
    }
    Outcome::Rows(encode::query_response(answer, format))
}

async fn prepare<C: ClientInfo + ClientPortalStore>(
    connection: &C,
    client: &Client,
    name: &str,
    types: &[String],
    query: &str,
) -> PgWireResult<()>
where
    C::PortalStore: PortalStore,
{
    if store(connection)?.get_statement(name).is_some() {
        return Err(error_response::with_sqlstate("42P05", format!("prepared statement \"{name}\" already exists")));
    }
    let types: Vec<Option<DataType>> = types.iter().map(|name| parameter_type(name)).collect();
    let prepared = client.prepare(query, &types).await.map_err(error_response::from_sql)?;
    let types: Vec<Option<Type>> =
        prepared.parameters.iter().map(|data_type| Some(encode::pg_type(data_type))).collect();
    let store = store(connection)?;
    connection_state::get(connection).add_statement(name, |name| store.get_statement(name).is_some())?;
    let statement = PgStatement { sql: query.to_owned(), command: Command::Statement, prepared: Some(prepared) };
    store.put_statement(Arc::new(StoredStatement::new(name.to_owned(), statement, types)));
    Ok(())
}

/// Removes a prepared statement, or all of them.
fn deallocate<C: ClientInfo + ClientPortalStore>(connection: &C, name: Option<&str>) -> PgWireResult<()>
where
    C::PortalStore: PortalStore,
{
    let store = store(connection)?;
    match name {
        Some(name) => {
            if store.get_statement(name).is_none() {
                return Err(error_response::with_sqlstate(
                    "26000",
                    format!("prepared statement \"{name}\" does not exist"),
                ));
            }
            store.rm_statement(name);
        }
        None => connection_state::get(connection).take_statements().iter().for_each(|name| store.rm_statement(name)),
    }
    Ok(())
}

/// Evaluates expressions. Each value is an array of one element.
async fn evaluate(client: &Client, values: &[String]) -> PgWireResult<Vec<ArrayRef>> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let items: Vec<String> = values.iter().enumerate().map(|(at, value)| format!("({value}) AS v{at}")).collect();
    let mut answer = client.execute(&format!("SELECT {}", items.join(", "))).await.map_err(error_response::from_sql)?;
    while let Some(batch) = answer.rows.next().await {
        let batch = batch.map_err(error_response::from_sql)?;
        if batch.num_rows() == 1 {
            return Ok(batch.columns().to_vec());
        }
    }
    Err(error_response::with_sqlstate("42601", "could not evaluate the parameters"))
}

/// Begins and ends transactions. There is nothing to commit or to roll back but settings and cursors. The status is kept
/// because clients rely on it.
async fn execute_transaction_command<C>(connection: &mut C, client: &Client, command: &Command) -> PgWireResult<Outcome>
where
    C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::PortalStore: PortalStore,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    use TransactionStatus::{Error, Idle, Transaction};
    let before = connection.transaction_status();
    let state = connection_state::get(connection);
    let mut warning = None;
    let (sql, tag, after) = match command {
        Command::Begin => {
            warning = (before != Idle).then_some(("25001", "there is already a transaction in progress"));
            ("BEGIN", "BEGIN", Transaction)
        }
        Command::Commit(chain) | Command::Rollback(chain) => {
            if before == Idle && *chain {
                return Err(error_response::with_sqlstate("25P01", "AND CHAIN can only be used in transaction blocks"));
            }
            warning = (before == Idle).then_some(("25P01", "there is no transaction in progress"));
            let is_commit = matches!(command, Command::Commit(_));
            let sql = if is_commit && before != Error { "COMMIT" } else { "ROLLBACK" };
            state.end_transaction().await;
            connection.portal_store().clear_portals();
            (sql, sql, if *chain { Transaction } else { Idle })
        }
        Command::Savepoint(_) | Command::Release(_) | Command::RollbackTo(_) if before == Idle => {
            return Err(error_response::with_sqlstate("25P01", "savepoints can only be used in transaction blocks"));
        }
        Command::Savepoint(name) => {
            state.add_savepoint(name);
            ("", "SAVEPOINT", before)
        }
        Command::Release(name) => {
            state.release_savepoint(name)?;
            ("", "RELEASE", before)
        }
        Command::RollbackTo(name) => {
            state.roll_back_to_savepoint(name)?;
            ("", "ROLLBACK", Transaction)
        }
        _ => return Err(error_response::protocol_violation("unexpected command")),
    };
    if !sql.is_empty() {
        client.execute(sql).await.map_err(error_response::from_sql)?;
        if after == Transaction && sql != "BEGIN" {
            client.execute("BEGIN").await.map_err(error_response::from_sql)?;
        }
    }
    if let Some((code, message)) = warning {
        connection.feed(PgWireBackendMessage::NoticeResponse(error_response::warning(code, message))).await?;
    }
    connection.set_transaction_status(after);
    Ok(Outcome::Completed(Tag::new(tag)))
}
