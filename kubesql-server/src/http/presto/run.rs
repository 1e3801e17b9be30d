//! Runs the statements of a session: what only Presto has by what the engine has, everything else as it is.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{Field, Schema};
use futures::stream::{self, BoxStream, StreamExt};
use kubesql_runtime::sql::{Answer, SqlError, unnamed_columns};

use super::command::{self, Command};
use super::failure::Failure;
use super::session::{Changes, Session};
use super::show::{self, texts};
use super::types::Type;
use super::words::Words;
use crate::http::setting;
use crate::query::Client;

/// The catalog that all tables are in.
pub(super) const CATALOG: &str = "kubesql";

/// The catalog that drivers look up what there is in.
const SYSTEM: &str = "system";

/// A statement that was begun.
pub(super) struct Outcome {
    /// Names and types.
    pub(super) columns: Vec<(String, Type)>,
    pub(super) rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
    /// What was done, where that was no query.
    pub(super) update: Option<&'static str>,
    pub(super) changes: Changes,
}

impl Outcome {
    /// Of a statement that changes the session.
    fn update(what: &'static str, changes: Changes) -> Result<Self, Failure> {
        // Drivers want columns of every answer.
        let done = table(vec![("result", Arc::new(BooleanArray::from(vec![true])))])?;
        Ok(Self { update: Some(what), changes, ..done })
    }
}

/// An answer of columns that are there already.
pub(super) fn table(columns: Vec<(&str, ArrayRef)>) -> Result<Outcome, Failure> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let typed = columns.iter().map(|(name, array)| ((*name).to_owned(), Type::of(array.data_type()))).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(std::io::Error::other)?;
    let rows = stream::once(futures::future::ready(Ok(batch))).boxed();
    Ok(Outcome { columns: typed, rows, update: None, changes: Changes::default() })
}

/// Runs a statement in a session.
pub(super) async fn run(client: &Client, session: &Session, sql: &str) -> Result<Outcome, Failure> {
    for (name, value) in &session.properties {
        set(client, name, Some(value)).await?;
    }
    match executed(session, command::parse(sql))? {
        Command::Query(sql) => query(client, session, &sql).await,
        Command::Use(name) => {
            let (catalog, schema) = match name.split_first() {
                Some((catalog, rest)) if !rest.is_empty() => (catalog.clone(), rest.join(".")),
                _ => (session.catalog.clone().unwrap_or_else(|| CATALOG.to_owned()), name.join(".")),
            };
            enter(client, &catalog, &schema).await?;
            Outcome::update("USE", Changes::catalog_and_schema(&catalog, &schema))
        }
        Command::SetSession(name, value) => {
            set(client, &name, Some(&value)).await?;
            Outcome::update("SET SESSION", Changes::set(&name, &value))
        }
        Command::ResetSession(name) => {
            set(client, &name, None).await?;
            Outcome::update("RESET SESSION", Changes::reset(&name))
        }
        Command::SetTimeZone => Outcome::update("SET TIME ZONE", Changes::default()),
        Command::Prepare(name, sql) => Outcome::update("PREPARE", Changes::prepared(&name, &sql)),
        Command::Deallocate(name) => {
            known(session, &name)?;
            Outcome::update("DEALLOCATE", Changes::deallocated(&name))
        }
        Command::DescribeInput(name) => {
            at_schema(client, session).await?;
            let prepared = client.prepare(&numbered(known(session, &name)?), &[]).await?;
            let positions = Int64Array::from_iter_values((0..).take(prepared.parameters.len()));
            let types = prepared.parameters.iter().map(|of| Type::of(of).name(session.dialect));
            table(vec![("Position", Arc::new(positions)), ("Type", texts(types))])
        }
        Command::DescribeOutput(name) => {
            at_schema(client, session).await?;
            let sql = known(session, &name)?;
            let schema = client.prepare(&numbered(sql), &[]).await?.schema;
            show::outputs(session, &columns(sql, schema.as_deref().unwrap_or(&Schema::empty())))
        }
        Command::Begin => {
            let id = format!("{:032x}", rand::random::<u128>());
            Outcome::update("START TRANSACTION", Changes::transaction(&id))
        }
        Command::End(what) => Outcome::update(what, Changes::no_transaction()),
        Command::ShowCatalogs(like) => show::catalogs(&like),
        Command::ShowSchemas(catalog, like) => {
            at_catalog(catalog.as_deref().or(session.catalog.as_deref()))?;
            show::schemas(client, &like).await
        }
        Command::ShowTables(Some(name), like) => {
            let schema = match name.split_first() {
                Some((catalog, rest)) if !rest.is_empty() && catalog == CATALOG => rest.join("."),
                _ => name.join("."),
            };
            show::tables(client, Some(&schema), &like).await
        }
        Command::ShowTables(None, like) => {
            at_schema(client, session).await?;
            show::tables(client, None, &like).await
        }
        Command::Describe(table, like) => {
            at_schema(client, session).await?;
            show::columns(client, session, &table, &like).await
        }
        Command::ShowFunctions(like) => show::functions(client, &like).await,
        Command::ShowSession(like) => {
            at_schema(client, session).await?;
            show::session(client, &like).await
        }
        Command::Execute(..) | Command::ExecuteImmediate(..) => {
            Err(Failure::new("NOT_SUPPORTED", "EXECUTE of an EXECUTE"))
        }
    }
}

async fn query(client: &Client, session: &Session, sql: &str) -> Result<Outcome, Failure> {
    if sql.is_empty() {
        return Err(Failure::new("SYNTAX_ERROR", "there is no statement"));
    }
    at_schema(client, session).await?;
    let Answer { command, schema, rows } = client.execute(sql).await?;
    if schema.fields().is_empty() && command != "SELECT" {
        return Outcome::update(command, Changes::default());
    }
    Ok(Outcome { columns: columns(sql, &schema), rows, update: None, changes: Changes::default() })
}

/// Names and types of columns; those that the statement gives no name have one by their place, as in Presto.
fn columns(sql: &str, schema: &Schema) -> Vec<(String, Type)> {
    let typed = schema.fields().iter().map(|field| (field.name().clone(), Type::of(field.data_type())));
    let mut columns: Vec<(String, Type)> = typed.collect();
    for at in unnamed_columns(sql, columns.len()) {
        if let Some((name, _)) = columns.get_mut(at) {
            *name = format!("_col{at}");
        }
    }
    columns
}

/// The statement that an EXECUTE runs; any other is itself.
fn executed(session: &Session, command: Command) -> Result<Command, Failure> {
    let (sql, values) = match command {
        Command::Execute(name, values) => (known(session, &name)?.to_owned(), values),
        Command::ExecuteImmediate(sql, values) => (sql, values),
        other => return Ok(other),
    };
    let bound = command::bound(&sql, &values).map_err(|wanted| {
        let message = format!("Incorrect number of parameters: expected {wanted} but found {}", values.len());
        Failure::new("INVALID_PARAMETER_USAGE", message)
    })?;
    Ok(command::parse(&bound))
}

/// The text of a prepared statement.
fn known<'a>(session: &'a Session, name: &str) -> Result<&'a str, Failure> {
    let sql = session.prepared.get(name).map(String::as_str);
    sql.ok_or_else(|| Failure::new("NOT_FOUND", format!("Prepared statement not found: {name}")))
}

/// A statement with its parameters as the engine has them.
fn numbered(sql: &str) -> String {
    Words::of(sql).with(|number| format!("${}", number + 1))
}

async fn set(client: &Client, name: &str, value: Option<&str>) -> Result<(), Failure> {
    let unknown = || Failure::new("INVALID_SESSION_PROPERTY", format!("Session property '{name}' does not exist"));
    let statement = setting::statement(name, value).ok_or_else(unknown)?;
    client.execute(&statement).await.map_err(|error| Failure::from(error).named("INVALID_SESSION_PROPERTY"))?;
    Ok(())
}

fn at_catalog(catalog: Option<&str>) -> Result<(), Failure> {
    match catalog {
        Some(CATALOG | SYSTEM) | None => Ok(()),
        Some(other) => {
            let message = format!("Catalog '{other}' does not exist (there is one: {CATALOG})");
            Err(Failure::new("CATALOG_NOT_FOUND", message))
        }
    }
}

/// Goes to the session's schema, so that tables are found there first.
async fn at_schema(client: &Client, session: &Session) -> Result<(), Failure> {
    let catalog = session.catalog.as_deref().unwrap_or(CATALOG);
    match &session.schema {
        Some(schema) if schema != CATALOG || catalog != CATALOG => enter(client, catalog, schema).await,
        _ => at_catalog(Some(catalog)),
    }
}

async fn enter(client: &Client, catalog: &str, schema: &str) -> Result<(), Failure> {
    at_catalog(Some(catalog))?;
    let path = if catalog == SYSTEM { format!("{SYSTEM}.{schema}") } else { schema.to_owned() };
    let entered = set(client, "search_path", Some(&path)).await;
    entered.map_err(|failure| failure.named("SCHEMA_NOT_FOUND"))
}
