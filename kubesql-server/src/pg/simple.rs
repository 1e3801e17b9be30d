//! The simple query protocol: text in, statement after statement.

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

use super::execute::{self, Outcome, Planned};
use super::{client_of, copy, failure};
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
        // What has no name lasts until the next statement without one.
        connection.portal_store().rm_portal(DEFAULT_NAME);
        let client = client_of(connection)?;
        let statements = split_statements(&query.query);
        if statements.is_empty() {
            connection.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
        }
        let grouped = statements.len() > 1;
        for sql in statements {
            let planned = Planned::plain(&sql)?;
            match execute::run(connection, &planned, &[], &Format::UnifiedText, grouped).await? {
                Outcome::Rows(mut response) => {
                    let fields = response.row_schema.iter().map(Into::into).collect();
                    connection.feed(PgWireBackendMessage::RowDescription(RowDescription::new(fields))).await?;
                    send_rows(connection, &mut response, 0).await?;
                }
                Outcome::Done(tag) => send_tag(connection, tag).await?,
                Outcome::Copied(answer, options) => copy::send(connection, answer, &options).await?,
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
        Err(failure::protocol("statements are answered one by one"))
    }
}

/// Sends rows as they come, so many at most where that is not 0; whether there may be more. With the last goes the tag.
pub(super) async fn send_rows<C>(connection: &mut C, response: &mut QueryResponse, most: usize) -> PgWireResult<bool>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    let mut rows = 0;
    while most == 0 || rows < most {
        let Some(row) = response.data_rows.next().await else {
            let mut tag = Tag::new(&response.command_tag);
            // What is shown is not counted.
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

/// Tells that a command is done.
pub(super) async fn send_tag<C>(connection: &mut C, tag: Tag) -> PgWireResult<()>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    connection.feed(PgWireBackendMessage::CommandComplete(tag.into())).await?;
    Ok(())
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
