//! What both protocols do with a statement: transactions, cursors, prepared statements, COPY, and queries.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use futures::{Sink, SinkExt, StreamExt};
use kubesql_runtime::sql::{Answer, Command, Copy, Prepared, command, parameter_type};
use pgwire::api::portal::Format;
use pgwire::api::results::{QueryResponse, Tag};
use pgwire::api::stmt::StoredStatement;
use pgwire::api::store::{Entry, MemPortalStore, PortalStore};
use pgwire::api::{ClientInfo, ClientPortalStore, METADATA_USER, Type};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::TransactionStatus;

use super::{client_of, encode, failure, session};
use crate::query::Client;

/// A statement that is known for what it is.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    sql: String,
    command: Command,
    /// The query in it, where there is one and it was planned.
    prepared: Option<Prepared>,
}

/// What comes of a statement.
pub(super) enum Outcome {
    Rows(QueryResponse),
    Done(Tag),
    Copied(Answer, Copy),
}

impl Planned {
    /// A statement of the simple protocol.
    pub(super) fn plain(sql: &str) -> PgWireResult<Self> {
        Ok(Self { sql: sql.to_owned(), command: command(sql).map_err(failure::of)?, prepared: None })
    }

    /// A statement with parameters.
    pub(super) async fn prepare(client: &Client, sql: &str, types: &[Option<DataType>]) -> PgWireResult<Self> {
        let mut planned = Self::plain(sql)?;
        let query = match &planned.command {
            Command::Statement => Some(sql),
            Command::Declare(cursor) => Some(cursor.query.as_str()),
            Command::Copy(copy) => Some(copy.query.as_str()),
            _ => None,
        };
        if let Some(query) = query {
            planned.prepared = Some(client.prepare(query, types).await.map_err(failure::of)?);
        }
        Ok(planned)
    }

    /// The types of its parameters.
    pub(super) fn parameters(&self) -> &[DataType] {
        self.prepared.as_ref().map_or(&[], |prepared| &prepared.parameters)
    }

    /// Whether it may run where the transaction has failed.
    fn ends_transaction(&self) -> bool {
        matches!(self.command, Command::Commit(_) | Command::Rollback(_) | Command::RollbackTo(_))
    }

    /// Fails where the transaction has failed, which this statement does not end.
    pub(super) fn check(&self, status: TransactionStatus) -> PgWireResult<()> {
        if status == TransactionStatus::Error && !self.ends_transaction() {
            let message = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(failure::coded("25P02", message));
        }
        Ok(())
    }

    /// The columns of its rows; none where it has no rows.
    pub(super) async fn schema<C: ClientInfo + ClientPortalStore>(
        &self,
        connection: &C,
    ) -> PgWireResult<Option<SchemaRef>>
    where
        C::PortalStore: PortalStore,
    {
        Ok(match &self.command {
            Command::Statement => self.prepared.as_ref().and_then(|prepared| prepared.schema.clone()),
            Command::Fetch { name, moves: false, .. } => Some(session::of(connection).schema(name).await?),
            Command::Execute { name, .. } => {
                let stored = stored(connection, name)?;
                stored.statement.prepared.as_ref().and_then(|prepared| prepared.schema.clone())
            }
            _ => None,
        })
    }
}

/// The statements and portals of a connection.
fn store<C: ClientPortalStore>(connection: &C) -> PgWireResult<&MemPortalStore<Planned>>
where
    C::PortalStore: PortalStore,
{
    let store = connection.portal_store().as_any().downcast_ref();
    store.ok_or_else(|| failure::protocol("statements are kept somewhere else"))
}

fn stored<C: ClientPortalStore>(connection: &C, name: &str) -> PgWireResult<Arc<StoredStatement<Planned>>>
where
    C::PortalStore: PortalStore,
{
    match store(connection)?.get_statement(name) {
        Some(Entry::Value(statement)) => Ok(statement),
        _ => Err(failure::coded("26000", format!("prepared statement \"{name}\" does not exist"))),
    }
}

/// The client, who is told who asks.
pub(super) fn client(connection: &impl ClientInfo) -> PgWireResult<Arc<Client>> {
    let client = client_of(connection)?;
    let user = connection.metadata().get(METADATA_USER).map(String::as_str).unwrap_or_default();
    client.introduce(user, connection.pid_and_secret_key().0);
    Ok(client)
}

/// Runs a statement. Where several come at once (`grouped`), they are a transaction.
pub(super) async fn run<C>(
    connection: &mut C,
    planned: &Planned,
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
    planned.check(connection.transaction_status())?;
    let client = client(connection)?;
    let query = async |sql: &str| match &planned.prepared {
        Some(prepared) => client.run(prepared, values).await.map_err(failure::of),
        None => client.execute(sql).await.map_err(failure::of),
    };
    let done = |tag: &str| Ok(Outcome::Done(Tag::new(tag)));
    match &planned.command {
        Command::Statement => Ok(outcome(query(&planned.sql).await?, format)),
        Command::Copy(copy) => Ok(Outcome::Copied(query(&copy.query).await?, copy.clone())),
        Command::Declare(cursor) => {
            if !cursor.hold && !grouped && connection.transaction_status() == TransactionStatus::Idle {
                return Err(failure::coded("25P01", "DECLARE CURSOR can only be used in transaction blocks"));
            }
            let answer = query(&cursor.query).await?;
            session::of(connection).open(cursor, answer).await?;
            done("DECLARE CURSOR")
        }
        Command::Fetch { name, count, moves } => {
            let session = session::of(connection);
            let mut answer = session.fetch(name, *count).await?;
            if !moves {
                return Ok(outcome(answer, &session.format(name, format).await));
            }
            let mut rows = 0;
            while let Some(batch) = answer.rows.next().await {
                rows += batch.map_err(failure::of)?.num_rows();
            }
            Ok(Outcome::Done(Tag::new("MOVE").with_rows(rows)))
        }
        Command::Close(name) => {
            session::of(connection).close(name.as_deref()).await?;
            done(if name.is_some() { "CLOSE CURSOR" } else { "CLOSE CURSOR ALL" })
        }
        Command::Prepare { name, types, query } => {
            prepare(connection, &client, name, types, query).await?;
            done("PREPARE")
        }
        Command::Execute { name, values } => {
            let statement = stored(connection, name)?;
            let values = evaluated(&client, values).await?;
            let wanted = statement.statement.parameters().len();
            if wanted != values.len() {
                let message = format!(
                    "wrong number of parameters for \"{name}\": it has {wanted}, and {} are given",
                    values.len()
                );
                return Err(failure::coded("42601", message));
            }
            let Some(prepared) = &statement.statement.prepared else {
                return Err(failure::coded("0A000", format!("\"{name}\" is no query")));
            };
            Ok(outcome(client.run(prepared, &values).await.map_err(failure::of)?, format))
        }
        Command::Deallocate(name) => {
            deallocate(connection, name.as_deref())?;
            done(if name.is_some() { "DEALLOCATE" } else { "DEALLOCATE ALL" })
        }
        Command::DiscardAll => {
            if connection.transaction_status() != TransactionStatus::Idle {
                return Err(failure::coded("25001", "DISCARD ALL cannot run inside a transaction block"));
            }
            client.execute(&planned.sql).await.map_err(failure::of)?;
            session::of(connection).close(None).await?;
            deallocate(connection, None)?;
            done("DISCARD ALL")
        }
        _ => transaction(connection, &client, &planned.command).await,
    }
}

fn outcome(answer: Answer, format: &Format) -> Outcome {
    if answer.schema.fields().is_empty() && answer.command != "SELECT" {
        return Outcome::Done(Tag::new(answer.command));
    }
    Outcome::Rows(encode::response(answer, format))
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
        return Err(failure::coded("42P05", format!("prepared statement \"{name}\" already exists")));
    }
    let types: Vec<Option<DataType>> = types.iter().map(|of| parameter_type(of)).collect();
    let prepared = client.prepare(query, &types).await.map_err(failure::of)?;
    let types: Vec<Option<Type>> = prepared.parameters.iter().map(|of| Some(encode::pg_type(of))).collect();
    let store = store(connection)?;
    session::of(connection).note_statement(name, |name| store.get_statement(name).is_some())?;
    let planned = Planned { sql: query.to_owned(), command: Command::Statement, prepared: Some(prepared) };
    store.put_statement(Arc::new(StoredStatement::new(name.to_owned(), planned, types)));
    Ok(())
}

/// Forgets a prepared statement, or all.
fn deallocate<C: ClientInfo + ClientPortalStore>(connection: &C, name: Option<&str>) -> PgWireResult<()>
where
    C::PortalStore: PortalStore,
{
    let store = store(connection)?;
    match name {
        Some(name) => {
            if store.get_statement(name).is_none() {
                return Err(failure::coded("26000", format!("prepared statement \"{name}\" does not exist")));
            }
            store.rm_statement(name);
        }
        None => session::of(connection).take_statements().iter().for_each(|name| store.rm_statement(name)),
    }
    Ok(())
}

/// Values of expressions, each an array of one element.
async fn evaluated(client: &Client, values: &[String]) -> PgWireResult<Vec<ArrayRef>> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let items: Vec<String> = values.iter().enumerate().map(|(at, value)| format!("({value}) AS v{at}")).collect();
    let mut answer = client.execute(&format!("SELECT {}", items.join(", "))).await.map_err(failure::of)?;
    while let Some(batch) = answer.rows.next().await {
        let batch = batch.map_err(failure::of)?;
        if batch.num_rows() == 1 {
            return Ok(batch.columns().to_vec());
        }
    }
    Err(failure::coded("42601", "the values cannot be computed"))
}

/// The begin and the end of transactions. There is nothing in them to be written or taken back, but settings and
/// cursors end with them, and clients keep account of them.
async fn transaction<C>(connection: &mut C, client: &Client, command: &Command) -> PgWireResult<Outcome>
where
    C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::PortalStore: PortalStore,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    use TransactionStatus::{Error, Idle, Transaction};
    let before = connection.transaction_status();
    let session = session::of(connection);
    let mut warned = None;
    let (sql, tag, after) = match command {
        Command::Begin => {
            warned = (before != Idle).then_some(("25001", "there is already a transaction in progress"));
            ("BEGIN", "BEGIN", Transaction)
        }
        Command::Commit(chain) | Command::Rollback(chain) => {
            if before == Idle && *chain {
                return Err(failure::coded("25P01", "AND CHAIN can only be used in transaction blocks"));
            }
            warned = (before == Idle).then_some(("25P01", "there is no transaction in progress"));
            let commits = matches!(command, Command::Commit(_));
            let sql = if commits && before != Error { "COMMIT" } else { "ROLLBACK" };
            session.end_transaction().await;
            connection.portal_store().clear_portals();
            (sql, sql, if *chain { Transaction } else { Idle })
        }
        Command::Savepoint(_) | Command::Release(_) | Command::RollbackTo(_) if before == Idle => {
            return Err(failure::coded("25P01", "savepoints can only be used in transaction blocks"));
        }
        Command::Savepoint(name) => {
            session.save(name);
            ("", "SAVEPOINT", before)
        }
        Command::Release(name) => {
            session.back_to(name, false)?;
            ("", "RELEASE", before)
        }
        Command::RollbackTo(name) => {
            session.back_to(name, true)?;
            ("", "ROLLBACK", Transaction)
        }
        _ => return Err(failure::protocol("this is no command of a transaction")),
    };
    if !sql.is_empty() {
        client.execute(sql).await.map_err(failure::of)?;
        if after == Transaction && sql != "BEGIN" {
            client.execute("BEGIN").await.map_err(failure::of)?;
        }
    }
    if let Some((code, message)) = warned {
        connection.feed(PgWireBackendMessage::NoticeResponse(failure::warning(code, message))).await?;
    }
    connection.set_transaction_status(after);
    Ok(Outcome::Done(Tag::new(tag)))
}
