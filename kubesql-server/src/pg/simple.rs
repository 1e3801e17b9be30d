//! The simple query protocol: text in, statement after statement.

use std::fmt::Debug;

use async_trait::async_trait;
use futures::{Sink, SinkExt};
use kubesql_runtime::sql::statements;
use pgwire::api::portal::Format;
use pgwire::api::query::{SimpleQueryHandler, send_execution_response, send_query_response, send_ready_for_query};
use pgwire::api::results::{Response, Tag};
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, PgWireConnectionState};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{EmptyQueryResponse, TransactionStatus};
use pgwire::messages::simplequery::Query;

use super::{client_of, encode, failure};
use crate::query::Client;

/// Answers each statement before it looks at the next, so that one that fails takes nothing from those before.
pub(super) struct Simple;

#[async_trait]
impl SimpleQueryHandler for Simple {
    async fn on_query<C>(&self, connection: &mut C, query: Query) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if !matches!(connection.state(), PgWireConnectionState::ReadyForQuery) {
            return Err(PgWireError::NotReadyForQuery);
        }
        connection.set_state(PgWireConnectionState::QueryInProgress);
        let client = client_of(connection)?;
        let statements = statements(&query.query);
        if statements.is_empty() {
            connection.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
        }
        for sql in statements {
            let answer = client.execute(&sql).await.map_err(failure::of)?;
            let command = answer.command;
            if answer.schema.fields().is_empty() && command != "SELECT" {
                send_execution_response(connection, Tag::new(command)).await?;
            } else {
                send_query_response(connection, encode::response(answer, &Format::UnifiedText), true).await?;
            }
            connection.set_transaction_status(status_after(command, connection.transaction_status()));
            send_warnings(connection, &client).await?;
        }
        connection.set_state(PgWireConnectionState::ReadyForQuery);
        send_ready_for_query(connection, connection.transaction_status()).await
    }

    async fn do_query<C>(&self, _: &mut C, _: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Err(failure::protocol("statements are answered one by one"))
    }
}

/// Whether a transaction is open after a command. There is nothing in it, but clients keep account of it.
pub(super) fn status_after(command: &str, before: TransactionStatus) -> TransactionStatus {
    match command {
        "BEGIN" => TransactionStatus::Transaction,
        "COMMIT" | "ROLLBACK" => TransactionStatus::Idle,
        _ => before,
    }
}

/// Tells what was wrong with the data of the last answer.
pub(super) async fn send_warnings<C>(connection: &mut C, client: &Client) -> PgWireResult<()>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    for warning in client.take_warnings() {
        connection.feed(PgWireBackendMessage::NoticeResponse(failure::notice(warning))).await?;
    }
    Ok(())
}
