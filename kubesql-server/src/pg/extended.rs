//! The extended query protocol: statements with parameters, prepared once and run as often as wanted.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::Sink;
use kubesql_runtime::sql::Prepared;
use pgwire::api::portal::{Format, Portal};
use pgwire::api::query::ExtendedQueryHandler;
use pgwire::api::results::{FieldInfo, Response, Tag};
use pgwire::api::stmt::QueryParser;
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, Type};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::extendedquery::Execute;

use super::simple::{send_warnings, status_after};
use super::{client_of, encode, failure, parameters};

/// Prepares and runs statements.
#[derive(Default)]
pub(super) struct Extended {
    planner: Arc<Planner>,
}

#[derive(Default)]
pub(super) struct Planner;

#[async_trait]
impl QueryParser for Planner {
    type Statement = Prepared;

    async fn parse_sql<C>(&self, connection: &C, sql: &str, types: &[Option<Type>]) -> PgWireResult<Option<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let declared: Vec<_> = types.iter().map(|of| of.as_ref().and_then(parameters::arrow_type)).collect();
        Ok(Some(client_of(connection)?.prepare(sql, &declared).await.map_err(failure::of)?))
    }

    fn get_parameter_types(&self, statement: &Prepared) -> PgWireResult<Vec<Type>> {
        Ok(statement.parameters.iter().map(encode::pg_type).collect())
    }

    fn get_result_schema(&self, statement: &Prepared, format: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        let format = format.unwrap_or(&Format::UnifiedText);
        Ok(statement.schema.as_ref().map(|schema| encode::fields(schema, format)).unwrap_or_default())
    }
}

#[async_trait]
impl ExtendedQueryHandler for Extended {
    type Statement = Prepared;
    type QueryParser = Planner;

    fn query_parser(&self) -> Arc<Planner> {
        Arc::clone(&self.planner)
    }

    async fn on_execute<C>(&self, connection: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self._on_execute(connection, message).await?;
        let client = client_of(connection)?;
        send_warnings(connection, &client).await
    }

    async fn do_query<C>(&self, connection: &mut C, portal: &Portal<Prepared>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let client = client_of(connection)?;
        let values = parameters::decode(portal)?;
        let answer = client.run(&portal.statement.statement, &values).await.map_err(failure::of)?;
        if answer.schema.fields().is_empty() && answer.command != "SELECT" {
            let tag = Tag::new(answer.command);
            return Ok(match answer.command {
                "BEGIN" => Response::TransactionStart(tag),
                "COMMIT" | "ROLLBACK" => Response::TransactionEnd(tag),
                _ => Response::Execution(tag),
            });
        }
        connection.set_transaction_status(status_after(answer.command, connection.transaction_status()));
        Ok(Response::Query(encode::response(answer, &portal.result_column_format)))
    }
}
