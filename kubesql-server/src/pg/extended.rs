//! The extended query protocol: parse, bind, describe, execute.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{Sink, SinkExt};
use pgwire::api::portal::{Format, Portal, PortalExecutionState};
use pgwire::api::query::{ExtendedQueryHandler, send_describe_response};
use pgwire::api::results::{
    DescribePortalResponse, DescribeResponse, DescribeStatementResponse, FieldInfo, Response, Tag,
};
use pgwire::api::stmt::{QueryParser, StoredStatement};
use pgwire::api::store::{Entry, PortalStore};
use pgwire::api::{ClientInfo, ClientPortalStore, DEFAULT_NAME, PgWireConnectionState, Type};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Describe, Execute, Parse, ParseComplete, PortalSuspended, Sync as PgSync,
    TARGET_TYPE_BYTE_PORTAL,
};
use pgwire::messages::response::{EmptyQueryResponse, ReadyForQuery, TransactionStatus};

use super::execute::{self, Outcome, PgStatement};
use super::shared::client;
use super::simple::{send_rows, send_tag, send_warnings};
use super::{connection_state, copy, encode, error_response, parameters};

/// Handles the messages of the protocol.
#[derive(Default)]
pub(super) struct Extended {
    parser: Arc<Parser>,
}

#[derive(Default)]
pub(super) struct Parser;

#[async_trait]
impl QueryParser for Parser {
    type Statement = PgStatement;

    async fn parse_sql<C>(&self, connection: &C, sql: &str, types: &[Option<Type>]) -> PgWireResult<Option<PgStatement>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        if kubesql_runtime::sql::split_statements(sql).is_empty() {
            return Ok(None);
        }
        PgStatement::parse(sql)?.check_transaction(connection.transaction_status())?;
        let declared: Vec<_> =
            types.iter().map(|declared| declared.as_ref().and_then(parameters::arrow_type)).collect();
        PgStatement::prepare(&*execute::client(connection)?, sql, &declared).await.map(Some)
    }

    fn get_parameter_types(&self, statement: &PgStatement) -> PgWireResult<Vec<Type>> {
        Ok(statement.parameters().iter().map(encode::pg_type).collect())
    }

    fn get_result_schema(&self, _: &PgStatement, _: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        Err(error_response::protocol_violation("statements are described with their connection"))
    }
}

#[async_trait]
impl ExtendedQueryHandler for Extended {
    type Statement = PgStatement;
    type QueryParser = Parser;

    fn query_parser(&self) -> Arc<Parser> {
        Arc::clone(&self.parser)
    }

    async fn on_parse<C>(&self, connection: &mut C, message: Parse) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PgStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        if !name.is_empty() && name != DEFAULT_NAME && connection.portal_store().get_statement(name).is_some() {
            return Err(error_response::with_sqlstate(
                "42P05",
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        let parsed = StoredStatement::parse(connection, &message, self.query_parser()).await?;
        let exists = |name: &str| connection.portal_store().get_statement(name).is_some();
        connection_state::get(connection).add_statement(name, exists)?;
        match parsed {
            Some(statement) => connection.portal_store().put_statement(Arc::new(statement)),
            None => connection.portal_store().put_empty_statement(name),
        }
        connection.feed(PgWireBackendMessage::ParseComplete(ParseComplete::new())).await?;
        Ok(())
    }

    async fn on_bind<C>(&self, connection: &mut C, message: Bind) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PgStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.statement_name.as_deref().unwrap_or(DEFAULT_NAME);
        let portal_name = message.portal_name.as_deref().unwrap_or(DEFAULT_NAME);
        let statement = match connection.portal_store().get_statement(name) {
            Some(Entry::Value(statement)) => Some(statement),
            Some(Entry::Empty) => None,
            None => {
                return Err(error_response::with_sqlstate(
                    "26000",
                    format!("prepared statement \"{name}\" does not exist"),
                ));
            }
        };
        let expected = statement.as_ref().map_or(0, |statement| statement.statement.parameters().len());
        let given = message.parameters.len();
        if given != expected {
            return Err(parameters::count_mismatch(given, name, expected));
        }
        check_formats("parameter", message.parameter_format_codes.len(), expected)?;
        match statement {
            Some(statement) => {
                statement.statement.check_transaction(connection.transaction_status())?;
                let width = statement.statement.schema(connection).await?.map_or(0, |schema| schema.fields().len());
                check_formats("result", message.result_column_format_codes.len(), width)?;
                let portal = Portal::try_new(&message, statement)?;
                connection.portal_store().put_portal(Arc::new(portal));
            }
            None => connection.portal_store().put_empty_portal(portal_name),
        }
        connection.feed(PgWireBackendMessage::BindComplete(BindComplete::new())).await?;
        Ok(())
    }

    async fn on_execute<C>(&self, connection: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PgStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if !matches!(connection.state(), PgWireConnectionState::ReadyForQuery) {
            return Err(PgWireError::NotReadyForQuery);
        }
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let portal = match connection.portal_store().get_portal(name) {
            Some(Entry::Value(portal)) => portal,
            Some(Entry::Empty) => {
                connection.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
                return Ok(());
            }
            None => return Err(error_response::with_sqlstate("34000", format!("portal \"{name}\" does not exist"))),
        };
        connection.set_state(PgWireConnectionState::QueryInProgress);
        let max_rows = usize::try_from(message.max_rows).unwrap_or(0);
        let outcome = execute_portal(connection, &portal, max_rows).await;
        if outcome.is_err() {
            *portal.state().lock().await = PortalExecutionState::Finished;
        }
        connection.set_state(PgWireConnectionState::ReadyForQuery);
        outcome?;
        let client = client(connection)?;
        send_warnings(connection, &client).await
    }

    async fn on_sync<C>(&self, connection: &mut C, _: PgSync) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PgStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let status = connection.transaction_status();
        if status == TransactionStatus::Idle {
            // Without BEGIN, each message group is a transaction of its own.
            connection.portal_store().clear_portals();
        }
        connection.send(PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(status))).await?;
        Ok(())
    }

    async fn on_describe<C>(&self, connection: &mut C, message: Describe) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PgStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        if message.target_type == TARGET_TYPE_BYTE_PORTAL && connection.portal_store().get_portal(name).is_none() {
            // Cursors of DECLARE CURSOR are portals too.
            let state = connection_state::get(connection);
            let schema = state.cursor_schema(name).await?;
            let format = state.cursor_format(name, &Format::UnifiedText).await;
            return send_describe_response(connection, &DescribePortalResponse::new(encode::fields(&schema, &format)))
                .await;
        }
        self._on_describe(connection, message).await
    }

    async fn do_describe_statement<C>(
        &self,
        connection: &mut C,
        statement: &StoredStatement<PgStatement>,
    ) -> PgWireResult<DescribeStatementResponse>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PgStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let inferred = statement.statement.parameters().iter().map(encode::pg_type);
        let declared = |at: usize| statement.parameter_types.get(at).cloned().flatten();
        let declared = |at| declared(at).filter(|declared: &Type| *declared != Type::UNKNOWN);
        let types = inferred.enumerate().map(|(at, inferred)| declared(at).unwrap_or(inferred)).collect();
        let schema = statement.statement.schema(connection).await?;
        let fields = schema.map(|schema| encode::fields(&schema, &Format::UnifiedText)).unwrap_or_default();
        Ok(DescribeStatementResponse::new(types, fields))
    }

    async fn do_describe_portal<C>(
        &self,
        connection: &mut C,
        portal: &Portal<PgStatement>,
    ) -> PgWireResult<DescribePortalResponse>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PgStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Ok(match portal.statement.statement.schema(connection).await? {
            Some(schema) => DescribePortalResponse::new(encode::fields(&schema, &portal.result_column_format)),
            None => DescribePortalResponse::no_data(),
        })
    }

    async fn do_query<C>(&self, _: &mut C, _: &Portal<PgStatement>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = PgStatement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Err(error_response::protocol_violation("portals are executed by on_execute"))
    }
}

/// The number of format codes must be zero, one for all values, or one for each.
fn check_formats(what: &str, given: usize, expected: usize) -> PgWireResult<()> {
    if given > 1 && given != expected {
        let message = format!("bind message has {given} {what} formats but {expected} are required");
        return Err(error_response::protocol_violation(message));
    }
    Ok(())
}

/// Starts or continues a portal and sends its rows as they arrive, at most `max_rows` unless that is 0.
async fn execute_portal<C>(connection: &mut C, portal: &Portal<PgStatement>, max_rows: usize) -> PgWireResult<()>
where
    C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::PortalStore: PortalStore<Statement = PgStatement>,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    let statement = &portal.statement.statement;
    statement.check_transaction(connection.transaction_status())?;
    let state = portal.state();
    let mut state = state.lock().await;
    match &mut *state {
        PortalExecutionState::Initial => {
            let values = parameters::decode(portal)?;
            match execute::run(connection, statement, &values, &portal.result_column_format, false).await? {
                Outcome::Rows(response) => *state = PortalExecutionState::Suspended(response),
                Outcome::Completed(tag) => {
                    *state = PortalExecutionState::Finished;
                    return send_tag(connection, tag).await;
                }
                Outcome::CopyOut(answer, options) => {
                    *state = PortalExecutionState::Finished;
                    return copy::send(connection, answer, &options).await;
                }
            }
        }
        PortalExecutionState::Suspended(_) => {}
        PortalExecutionState::Finished => {
            return send_tag(connection, Tag::new("SELECT").with_rows(0)).await;
        }
    }
    if let PortalExecutionState::Suspended(response) = &mut *state {
        if send_rows(connection, response, max_rows).await? {
            connection.feed(PgWireBackendMessage::PortalSuspended(PortalSuspended::new())).await?;
        } else {
            *state = PortalExecutionState::Finished;
        }
    }
    Ok(())
}
