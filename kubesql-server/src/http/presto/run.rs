//! Executes statements. Those that only Presto has are translated, all others are passed to the engine.

use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::datatypes::Schema;
use kubesql_runtime::sql::{Answer, SqlError};

use super::command::{self, Command};
use super::outcome::{CATALOG, Outcome, table};
use super::query_error::QueryError;
use super::session::{Session, SessionChanges};
use super::show::{self, string_array};
use super::types::Type;
use crate::placeholders;
use crate::query::Client;

/// The catalog that drivers read metadata from.
const SYSTEM_CATALOG: &str = "system";

/// The setting that names the schema of unqualified tables.
const SEARCH_PATH: &str = "search_path";

/// Executes a statement in a session.
pub(super) async fn run(client: &Client, session: &Session, sql: &str) -> Result<Outcome, QueryError> {
    for (name, value) in &session.properties {
        client.set(name, Some(value)).map_err(invalid_property)?;
    }
    match resolve_execute(session, command::parse(sql))? {
        Command::Query(sql) => query(client, session, &sql).await,
        Command::Use(name) => {
            let (catalog, schema) = match name.split_first() {
                Some((catalog, rest)) if !rest.is_empty() => (catalog.clone(), rest.join(".")),
                _ => (session.catalog.clone().unwrap_or_else(|| CATALOG.to_owned()), name.join(".")),
            };
            let path = search_path(&catalog, &schema)?;
            client.execute_set(sql, SEARCH_PATH, Some(&path)).map_err(schema_not_found)?;
            Outcome::update("USE", SessionChanges::set_schema(&catalog, &schema))
        }
        Command::SetSession(name, value) => {
            client.execute_set(sql, &name, Some(&value)).map_err(invalid_property)?;
            Outcome::update("SET SESSION", SessionChanges::set_property(&name, &value))
        }
        Command::ResetSession(name) => {
            client.execute_set(sql, &name, None).map_err(invalid_property)?;
            Outcome::update("RESET SESSION", SessionChanges::reset_property(&name))
        }
        Command::SetTimeZone => Outcome::update("SET TIME ZONE", SessionChanges::default()),
        Command::Prepare(name, sql) => Outcome::update("PREPARE", SessionChanges::add_prepared(&name, &sql)),
        Command::Deallocate(name) => {
            prepared_statement(session, &name)?;
            Outcome::update("DEALLOCATE", SessionChanges::remove_prepared(&name))
        }
        Command::DescribeInput(name) => {
            use_session_schema(client, session)?;
            let prepared = client.prepare(&placeholders::number(prepared_statement(session, &name)?), &[]).await?;
            let positions = Int64Array::from_iter_values((0..).take(prepared.parameters.len()));
            let types = prepared.parameters.iter().map(|data_type| Type::from_arrow(data_type).name(session.dialect));
            table(vec![("Position", Arc::new(positions)), ("Type", string_array(types))])
        }
        Command::DescribeOutput(name) => {
            use_session_schema(client, session)?;
            let sql = prepared_statement(session, &name)?;
            let prepared = client.prepare(&placeholders::number(sql), &[]).await?;
            let schema = prepared.schema.unwrap_or_else(|| Arc::new(Schema::empty()));
            show::outputs(session, &columns(&schema, &prepared.select_list.unnamed))
        }
        Command::Begin => {
            let id = format!("{:032x}", rand::random::<u128>());
            Outcome::update("START TRANSACTION", SessionChanges::start_transaction(&id))
        }
        Command::End(command) => Outcome::update(command, SessionChanges::end_transaction()),
        Command::ShowCatalogs(like) => show::catalogs(&like),
        Command::ShowSchemas(catalog, like) => {
            check_catalog(catalog.as_deref().or(session.catalog.as_deref()))?;
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
            use_session_schema(client, session)?;
            show::tables(client, None, &like).await
        }
        Command::Describe(table, like) => {
            use_session_schema(client, session)?;
            show::columns(client, session, &table, &like).await
        }
        Command::ShowFunctions(like) => show::functions(client, &like).await,
        Command::ShowSession(like) => {
            use_session_schema(client, session)?;
            show::session(client, &like).await
        }
        Command::Execute(..) | Command::ExecuteImmediate(..) => {
            Err(QueryError::new("NOT_SUPPORTED", "EXECUTE of an EXECUTE statement"))
        }
    }
}

async fn query(client: &Client, session: &Session, sql: &str) -> Result<Outcome, QueryError> {
    if sql.is_empty() {
        return Err(QueryError::new("SYNTAX_ERROR", "SQL statement is empty"));
    }
    use_session_schema(client, session)?;
    let Answer { command, schema, select_list, rows } = client.execute(sql).await?;
    if schema.fields().is_empty() && command != "SELECT" {
        return Outcome::update(command, SessionChanges::default());
    }
    Ok(Outcome {
        columns: columns(&schema, &select_list.unnamed),
        rows,
        update_type: None,
        changes: SessionChanges::default(),
    })
}

/// Names and types of columns. A column without a name gets one from its position, as in Presto.
fn columns(schema: &Schema, unnamed: &[usize]) -> Vec<(String, Type)> {
    let typed = schema.fields().iter().map(|field| (field.name().clone(), Type::from_arrow(field.data_type())));
    let mut columns: Vec<(String, Type)> = typed.collect();
    for &at in unnamed {
        if let Some((name, _)) = columns.get_mut(at) {
            *name = format!("_col{at}");
        }
    }
    columns
}

/// Replaces an `EXECUTE` by the statement that it executes.
fn resolve_execute(session: &Session, command: Command) -> Result<Command, QueryError> {
    let (sql, values) = match command {
        Command::Execute(name, values) => (prepared_statement(session, &name)?.to_owned(), values),
        Command::ExecuteImmediate(sql, values) => (sql, values),
        other => return Ok(other),
    };
    let bound = command::bind(&sql, &values).map_err(|expected| {
        let message = format!("Incorrect number of parameters: expected {expected} but found {}", values.len());
        QueryError::new("INVALID_PARAMETER_USAGE", message)
    })?;
    Ok(command::parse(&bound))
}

/// The text of a prepared statement.
fn prepared_statement<'a>(session: &'a Session, name: &str) -> Result<&'a str, QueryError> {
    let sql = session.prepared.get(name).map(String::as_str);
    sql.ok_or_else(|| QueryError::new("NOT_FOUND", format!("Prepared statement not found: {name}")))
}

fn invalid_property(error: SqlError) -> QueryError {
    QueryError::from(error).with_name("INVALID_SESSION_PROPERTY")
}

fn check_catalog(catalog: Option<&str>) -> Result<(), QueryError> {
    match catalog {
        Some(CATALOG | SYSTEM_CATALOG) | None => Ok(()),
        Some(other) => {
            let message = format!("Catalog '{other}' does not exist (there is one: {CATALOG})");
            Err(QueryError::new("CATALOG_NOT_FOUND", message))
        }
    }
}

/// Makes the session's schema the one in which unqualified tables are looked up.
fn use_session_schema(client: &Client, session: &Session) -> Result<(), QueryError> {
    let catalog = session.catalog.as_deref().unwrap_or(CATALOG);
    match &session.schema {
        Some(schema) if schema != CATALOG || catalog != CATALOG => {
            client.set(SEARCH_PATH, Some(&search_path(catalog, schema)?)).map_err(schema_not_found)
        }
        _ => check_catalog(Some(catalog)),
    }
}

/// The value of the setting `search_path` for a schema.
fn search_path(catalog: &str, schema: &str) -> Result<String, QueryError> {
    check_catalog(Some(catalog))?;
    Ok(if catalog == SYSTEM_CATALOG { format!("{SYSTEM_CATALOG}.{schema}") } else { schema.to_owned() })
}

fn schema_not_found(error: SqlError) -> QueryError {
    QueryError::from(error).with_name("SCHEMA_NOT_FOUND")
}
