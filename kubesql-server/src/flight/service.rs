//! The calls of the protocol, each handed to who answers it.

use std::pin::Pin;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{
    Any, Command, CommandStatementUpdate, DoPutPreparedStatementResult, DoPutUpdateResult, ProstMessageExt,
};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest,
    HandshakeResponse, IpcMessage, PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use kubesql_runtime::sql::Prepared;
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use super::sessions::Sessions;
use super::{actions, failure, metadata, rows, statements, types};
use crate::listen::Access;
use crate::output::plain::plain;
use crate::query::Door;

/// Messages in a row.
pub(super) type Many<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Answers calls.
pub(super) struct Service {
    sessions: Sessions,
}

impl Service {
    pub(super) fn new(door: Arc<Door>, access: Arc<Access>) -> Self {
        Self { sessions: Sessions::new(door, access) }
    }
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = Many<HandshakeResponse>;
    type ListFlightsStream = Many<FlightInfo>;
    type DoGetStream = Many<FlightData>;
    type DoPutStream = Many<PutResult>;
    type DoActionStream = Many<arrow_flight::Result>;
    type ListActionsStream = Many<ActionType>;
    type DoExchangeStream = Many<FlightData>;

    /// Gives a token for a name and a password, which clients show with every call from then on.
    async fn handshake(
        &self,
        call: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let session = self.sessions.of(&call).await?;
        let token = self.sessions.token(&session);
        let payload = HandshakeResponse { protocol_version: 0, payload: token.clone().into() };
        let mut response = Response::new(stream::iter([Ok(payload)]).boxed() as Self::HandshakeStream);
        if let Ok(bearer) = MetadataValue::try_from(format!("Bearer {token}")) {
            response.metadata_mut().insert("authorization", bearer);
        }
        Ok(response)
    }

    async fn list_flights(&self, _: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        Err(Status::unimplemented("there are no flights but those that statements make\nhint: use a Flight SQL client"))
    }

    async fn get_flight_info(&self, call: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        let session = self.sessions.of(&call).await?;
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
                None => return Err(unknown(&other)),
            },
        };
        let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket.encode_to_vec()));
        let info = FlightInfo::new().try_with_schema(&schema).map_err(failure::encoding)?;
        Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(descriptor).with_ordered(true)))
    }

    async fn poll_flight_info(&self, call: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        let info = self.get_flight_info(call).await?.into_inner();
        Ok(Response::new(PollInfo { info: Some(info), progress: Some(1.0), ..PollInfo::default() }))
    }

    async fn get_schema(&self, call: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let session = self.sessions.of(&call).await?;
        let schema = match command(&call.get_ref().cmd)? {
            Command::CommandStatementQuery(query) => {
                columns(&session.client.prepare(&query.query, &[]).await.map_err(failure::of)?)
            }
            Command::CommandPreparedStatementQuery(query) => {
                columns(&session.statements.prepared(&query.prepared_statement_handle)?.prepared)
            }
            other => metadata::schema(&other)?.ok_or_else(|| unknown(&other))?,
        };
        Ok(Response::new(SchemaResult { schema: schema_bytes(&schema)? }))
    }

    async fn do_get(&self, call: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        let session = self.sessions.of(&call).await?;
        let (answer, running) = match command(&call.get_ref().ticket)? {
            Command::TicketStatementQuery(ticket) => statements::answer(&session, &ticket).await?,
            Command::CommandPreparedStatementQuery(query) => {
                statements::run(&session, &query.prepared_statement_handle).await?
            }
            other => {
                let missing = unknown(&other);
                let batch = metadata::answer(other, &session.client).await?.ok_or(missing)?;
                return Ok(Response::new(rows::of_batch(batch)));
            }
        };
        Ok(Response::new(rows::of(answer, running)))
    }

    async fn do_put(&self, call: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        let session = self.sessions.of(&call).await?;
        let mut messages = call.into_inner();
        let first = messages.try_next().await?.ok_or_else(|| failure::protocol("there is no message"))?;
        let descriptor = first.flight_descriptor.as_ref();
        let descriptor = descriptor.ok_or_else(|| failure::protocol("the first message says not what it is for"))?;
        let result = match command(&descriptor.cmd)? {
            Command::CommandPreparedStatementQuery(query) => {
                let handle = query.prepared_statement_handle;
                session.statements.prepared(&handle)?.bind(batches(first, messages)).await?;
                // The same one, for some clients take none for an empty one.
                DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) }.encode_to_vec()
            }
            Command::CommandPreparedStatementUpdate(update) => {
                let handle = update.prepared_statement_handle;
                session.statements.prepared(&handle)?.bind(batches(first, messages)).await?;
                updated(statements::update_prepared(&session, &handle).await?)
            }
            Command::CommandStatementUpdate(CommandStatementUpdate { query, .. }) => {
                updated(statements::update(&session, &query).await?)
            }
            Command::CommandStatementIngest(_) => {
                let message = "clusters are read only here\nhint: change objects with kubectl";
                return Err(Status::permission_denied(message));
            }
            other => return Err(unknown(&other)),
        };
        Ok(Response::new(stream::iter([Ok(PutResult { app_metadata: result.into() })]).boxed()))
    }

    async fn do_action(&self, call: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        actions::run(&self.sessions, call).await
    }

    async fn list_actions(&self, call: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        self.sessions.of(&call).await?;
        Ok(Response::new(stream::iter(actions::list()).boxed()))
    }

    async fn do_exchange(&self, _: Request<Streaming<FlightData>>) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(Status::unimplemented("nothing is exchanged here: clusters are read only"))
    }
}

fn command(bytes: &[u8]) -> Result<Command, Status> {
    let foreign = || failure::protocol("that is no command of Flight SQL\nhint: use a Flight SQL client");
    Any::decode(bytes).ok().and_then(|any| Command::try_from(any).ok()).ok_or_else(foreign)
}

fn unknown(command: &Command) -> Status {
    match command {
        Command::CommandStatementSubstraitPlan(_) => {
            Status::unimplemented("Substrait is not understood\nhint: send SQL")
        }
        other => Status::unimplemented(format!("{} is not understood", other.type_url())),
    }
}

fn updated(record_count: i64) -> Vec<u8> {
    DoPutUpdateResult { record_count }.encode_to_vec()
}

/// The batches that a client sends.
fn batches(
    first: FlightData,
    rest: Streaming<FlightData>,
) -> impl Stream<Item = Result<arrow::array::RecordBatch, Status>> + Send {
    // Who has no parameters to bind sends no schema either.
    let messages = stream::iter([Ok(first)]).chain(rest);
    let messages = messages.try_filter(|message| futures::future::ready(!message.data_header.is_empty()));
    FlightRecordBatchStream::new_from_flight_data(messages.map_err(|error| FlightError::Tonic(Box::new(error))))
        .map_err(Status::from)
}

/// The columns of a prepared statement's rows as they are sent.
pub(super) fn columns(prepared: &Prepared) -> SchemaRef {
    prepared.schema.as_deref().map_or_else(|| Arc::new(Schema::empty()), types::sent_schema)
}

/// Its parameters as a client is to send them.
pub(super) fn parameters(prepared: &Prepared) -> SchemaRef {
    let parameter = |(at, of): (usize, &DataType)| Field::new(format!("${}", at + 1), plain(of), true);
    Arc::new(Schema::new(prepared.parameters.iter().enumerate().map(parameter).collect::<Vec<_>>()))
}

/// A schema as a message of Arrow's.
pub(super) fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &options).try_into().map_err(failure::encoding)?;
    Ok(bytes)
}
