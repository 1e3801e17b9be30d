//! The calls of the protocol.

use std::sync::Arc;

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{
    Any, Command, CommandStatementUpdate, DoPutPreparedStatementResult, DoPutUpdateResult, ProstMessageExt,
};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest,
    HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use super::prepared_schema::{columns, schema_bytes};
use super::sessions::Sessions;
use super::{actions, metadata, rows, statements, status, types};
use crate::listen::Access;
use crate::query::Frontend;

/// A stream of messages.
type MessageStream<T> = BoxStream<'static, Result<T, Status>>;

/// The implementation of the protocol.
pub(super) struct Service {
    sessions: Sessions,
}

impl Service {
    pub(super) fn new(frontend: Arc<Frontend>, access: Arc<Access>) -> Self {
        Self { sessions: Sessions::new(frontend, access) }
    }
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = MessageStream<HandshakeResponse>;
    type ListFlightsStream = MessageStream<FlightInfo>;
    type DoGetStream = MessageStream<FlightData>;
    type DoPutStream = MessageStream<PutResult>;
    type DoActionStream = MessageStream<arrow_flight::Result>;
    type ListActionsStream = MessageStream<ActionType>;
    type DoExchangeStream = MessageStream<FlightData>;

    /// Exchanges a name and a password for a token, which the client sends with further calls.
    async fn handshake(
        &self,
        call: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let session = self.sessions.session(&call).await?;
        let token = self.sessions.issue_token(&session);
        let payload = HandshakeResponse { protocol_version: 0, payload: token.clone().into() };
        let mut response = Response::new(stream::iter([Ok(payload)]).boxed() as Self::HandshakeStream);
        if let Ok(bearer) = MetadataValue::try_from(format!("Bearer {token}")) {
            response.metadata_mut().insert("authorization", bearer);
        }
        Ok(response)
    }

    async fn list_flights(&self, _: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        Err(Status::unimplemented("listing flights is not supported\nhint: use a Flight SQL client"))
    }

    async fn get_flight_info(&self, call: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        let session = self.sessions.session(&call).await?;
        let descriptor = call.into_inner();
        let (schema, ticket) = match command(&descriptor.cmd)? {
            Command::CommandStatementQuery(query) => {
                let (schema, ticket) = statements::plan(&session, query.query).await?;
                (types::sent_schema(&schema), ticket.as_any())
            }
            Command::CommandPreparedStatementQuery(query) => {
                let handle = query.prepared_statement_handle;
                let bound = session.statements.prepared(&handle)?;
                (columns(&bound.prepared), statements::prepared_ticket(handle))
            }
            other => match metadata::schema(&other)? {
                Some(schema) => (schema, other.into_any()),
                None => return Err(unsupported(&other)),
            },
        };
        let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket.encode_to_vec()));
        let info = FlightInfo::new().try_with_schema(&schema).map_err(status::encoding_failed)?;
        Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(descriptor).with_ordered(true)))
    }

    async fn poll_flight_info(&self, call: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        let info = self.get_flight_info(call).await?.into_inner();
        Ok(Response::new(PollInfo { info: Some(info), progress: Some(1.0), ..PollInfo::default() }))
    }

    async fn get_schema(&self, call: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let session = self.sessions.session(&call).await?;
        let schema = match command(&call.get_ref().cmd)? {
            Command::CommandStatementQuery(query) => {
                columns(&session.client.prepare(&query.query, &[]).await.map_err(status::from_sql)?)
            }
            Command::CommandPreparedStatementQuery(query) => {
                columns(&session.statements.prepared(&query.prepared_statement_handle)?.prepared)
            }
            other => metadata::schema(&other)?.ok_or_else(|| unsupported(&other))?,
        };
        Ok(Response::new(SchemaResult { schema: schema_bytes(&schema)? }))
    }

    async fn do_get(&self, call: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        let session = self.sessions.session(&call).await?;
        let (answer, running) = match command(&call.get_ref().ticket)? {
            Command::TicketStatementQuery(ticket) => statements::answer(&session, &ticket).await?,
            Command::CommandPreparedStatementQuery(query) => {
                statements::run(&session, &query.prepared_statement_handle).await?
            }
            other => {
                let missing = unsupported(&other);
                let batch = metadata::answer(other, &session.client).await?.ok_or(missing)?;
                return Ok(Response::new(rows::encode_batch(batch)));
            }
        };
        Ok(Response::new(rows::encode_answer(answer, running)))
    }

    async fn do_put(&self, call: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        let session = self.sessions.session(&call).await?;
        let mut messages = call.into_inner();
        let first = messages.try_next().await?.ok_or_else(|| status::invalid_message("the stream has no messages"))?;
        let descriptor = first.flight_descriptor.as_ref();
        let descriptor = descriptor.ok_or_else(|| status::invalid_message("the first message has no descriptor"))?;
        let result = match command(&descriptor.cmd)? {
            Command::CommandPreparedStatementQuery(query) => {
                let handle = query.prepared_statement_handle;
                session.statements.prepared(&handle)?.bind(batches(first, messages)).await?;
                // The handle is returned, because some clients take a missing one for an empty one.
                DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) }.encode_to_vec()
            }
            Command::CommandPreparedStatementUpdate(update) => {
                let handle = update.prepared_statement_handle;
                session.statements.prepared(&handle)?.bind(batches(first, messages)).await?;
                update_result(statements::update_prepared(&session, &handle).await?)
            }
            Command::CommandStatementUpdate(CommandStatementUpdate { query, .. }) => {
                update_result(statements::update(&session, &query).await?)
            }
            Command::CommandStatementIngest(_) => {
                let message = "all data is read-only\nhint: change objects with kubectl";
                return Err(Status::permission_denied(message));
            }
            other => return Err(unsupported(&other)),
        };
        Ok(Response::new(stream::iter([Ok(PutResult { app_metadata: result.into() })]).boxed()))
    }

    async fn do_action(&self, call: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        actions::run(&self.sessions, call).await
    }

    async fn list_actions(&self, call: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        self.sessions.session(&call).await?;
        Ok(Response::new(stream::iter(actions::list()).boxed()))
    }

    async fn do_exchange(&self, _: Request<Streaming<FlightData>>) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(Status::unimplemented("DoExchange is not supported"))
    }
}

fn command(bytes: &[u8]) -> Result<Command, Status> {
    let invalid = || status::invalid_message("not a command of Flight SQL\nhint: use a Flight SQL client");
    Any::decode(bytes).ok().and_then(|any| Command::try_from(any).ok()).ok_or_else(invalid)
}

fn unsupported(command: &Command) -> Status {
    match command {
        Command::CommandStatementSubstraitPlan(_) => {
            Status::unimplemented("Substrait is not supported\nhint: send SQL")
        }
        other => Status::unimplemented(format!("{} is not supported", other.type_url())),
    }
}

fn update_result(record_count: i64) -> Vec<u8> {
    DoPutUpdateResult { record_count }.encode_to_vec()
}

/// Decodes the batches that a client sends.
fn batches(
    first: FlightData,
    rest: Streaming<FlightData>,
) -> impl Stream<Item = Result<arrow::array::RecordBatch, Status>> + Send {
    // Without parameters, clients send messages without a schema.
    let messages = stream::iter([Ok(first)]).chain(rest);
    let messages = messages.try_filter(|message| futures::future::ready(!message.data_header.is_empty()));
    FlightRecordBatchStream::new_from_flight_data(messages.map_err(|error| FlightError::Tonic(Box::new(error))))
        .map_err(Status::from)
}
