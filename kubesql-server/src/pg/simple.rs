//! The simple query protocol: a message contains the text of one or more statements.

use std::fmt::Debug;

use async_trait::async_trait;
use futures::{Sink, SinkExt, StreamExt};
use kubesql_runtime::sql::split_statements;
use pgwire::api::portal::Format;
use pgwire::api::query::{SimpleQueryHandler, send_ready_for_query};
use pgwire::api::results::{QueryResponse, Response, Tag};
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, DEFAULT_NAME, PgWireConnectionState};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::RowDescription;
use pgwire::messages::response::EmptyQueryResponse;
use pgwire::messages::simplequery::Query;

use super::execute::{self, Outcome, PgStatement};
use super::shared::client;
use super::{copy, error_response};
use crate::query::Client;

/// Executes the statements of a message one after the other. If one fails, the answers to those before were sent.
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
        // The unnamed portal lasts until the next statement.
        connection.portal_store().rm_portal(DEFAULT_NAME);
        let client = client(connection)?;
        let statements = split_statements(&query.query);
        if statements.is_empty() {
            connection.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
        }
        let grouped = statements.len() > 1;
        let mut end = 0;
        for sql in statements {
            let start = query.query[end..].find(&sql).map_or(end, |at| end + at);
            end = start + sql.len();
            // Clients look for positions in the text that they have sent.
            let characters = query.query[..start].chars().count();
            let shift = |error| error_response::shift_position(error, characters);
            let statement = PgStatement::parse(&sql).map_err(shift)?;
            let outcome = execute::run(connection, &statement, &[], &Format::UnifiedText, grouped).await;
            match outcome.map_err(shift)? {
                Outcome::Rows(mut response) => {
                    let fields = response.row_schema.iter().map(Into::into).collect();
                    connection.feed(PgWireBackendMessage::RowDescription(RowDescription::new(fields))).await?;
                    send_rows(connection, &mut response, 0).await?;
                }
                Outcome::Completed(tag) => send_tag(connection, tag).await?,
                Outcome::CopyOut(answer, options) => copy::send(connection, answer, &options).await?,
            }
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
        Err(error_response::protocol_violation("queries are executed by on_query"))
    }
}

/// Sends rows as they arrive, at most `max_rows` unless that is 0, and after the last one the command tag. Returns
/// whether there may be more rows.
pub(super) async fn send_rows<C>(
    connection: &mut C,
    response: &mut QueryResponse,
    max_rows: usize,
) -> PgWireResult<bool>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    let mut rows = 0;
    while max_rows == 0 || rows < max_rows {
        let Some(row) = response.data_rows.next().await else {
            let mut tag = Tag::new(&response.command_tag);
            // SHOW has a tag without a number.
            if matches!(response.command_tag.as_str(), "SELECT" | "FETCH") {
                tag = tag.with_rows(rows);
            }
            send_tag(connection, tag).await?;
            return Ok(false);
        };
        connection.feed(PgWireBackendMessage::DataRow(row?)).await?;
        rows += 1;
    }
    Ok(true)
}

/// Sends the tag of a completed command.
pub(super) async fn send_tag<C>(connection: &mut C, tag: Tag) -> PgWireResult<()>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    connection.feed(PgWireBackendMessage::CommandComplete(tag.into())).await?;
    Ok(())
}

/// Sends the warnings about the data of the last answer.
pub(super) async fn send_warnings<C>(connection: &mut C, client: &Client) -> PgWireResult<()>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    for warning in client.take_warnings() {
        connection.feed(PgWireBackendMessage::NoticeResponse(error_response::data_warning(warning))).await?;
    }
    Ok(())
}
