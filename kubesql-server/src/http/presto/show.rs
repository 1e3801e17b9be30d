//! `SHOW` and `DESCRIBE` with the columns and type names of Presto.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, StringArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;

use super::command::Like;
use super::outcome::{CATALOG, Outcome, table};
use super::query_error::QueryError;
use super::session::Session;
use super::types::Type;
use crate::query::Client;

/// An array of strings.
pub(super) fn string_array(values: impl IntoIterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// All rows of a statement, as strings.
async fn rows(client: &Client, sql: &str) -> Result<Vec<Vec<String>>, QueryError> {
    let mut answer = client.execute(sql).await?;
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    while let Some(batch) = answer.rows.next().await.transpose()? {
        let formatters: Result<Vec<ArrayFormatter>, _> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect();
        let formatters = formatters.map_err(std::io::Error::other)?;
        for row in 0..batch.num_rows() {
            rows.push(formatters.iter().map(|column| column.value(row).to_string()).collect());
        }
    }
    Ok(rows)
}

/// One column of the rows.
fn column(rows: &[Vec<String>], at: usize) -> ArrayRef {
    string_array(rows.iter().map(|row| row.get(at).cloned().unwrap_or_default()))
}

fn first(row: &[String]) -> &str {
    row.first().map_or("", String::as_str)
}

async fn list(client: &Client, sql: &str, name: &str, like: &Like) -> Result<Outcome, QueryError> {
    let mut rows = rows(client, sql).await?;
    like.retain(&mut rows, |row| first(row))?;
    table(vec![(name, column(&rows, 0))])
}

pub(super) fn catalogs(like: &Like) -> Result<Outcome, QueryError> {
    let mut catalogs = vec![CATALOG.to_owned()];
    like.retain(&mut catalogs, |name| name)?;
    table(vec![("Catalog", string_array(catalogs))])
}

pub(super) async fn schemas(client: &Client, like: &Like) -> Result<Outcome, QueryError> {
    list(client, "SHOW SCHEMAS", "Schema", like).await
}

/// The tables of a schema, by default the session's.
pub(super) async fn tables(client: &Client, schema: Option<&str>, like: &Like) -> Result<Outcome, QueryError> {
    let sql = schema.map_or_else(|| "SHOW TABLES".to_owned(), |schema| format!("SHOW TABLES FROM {}", quote(schema)));
    list(client, &sql, "Table", like).await
}

/// The columns of a table. The comment of a column is its path in the object.
pub(super) async fn columns(
    client: &Client,
    session: &Session,
    name: &[String],
    like: &Like,
) -> Result<Outcome, QueryError> {
    let name: Vec<String> = name.iter().map(|word| quote(word)).collect();
    let mut rows = rows(client, &format!("DESCRIBE {}", name.join("."))).await?;
    like.retain(&mut rows, |row| first(row))?;
    let types = rows.iter().map(|row| row.get(1).map_or("", String::as_str));
    let types = string_array(types.map(|name| Type::from_sql_name(name).name(session.dialect)));
    let extra = string_array(rows.iter().map(|_| String::new()));
    table(vec![("Column", column(&rows, 0)), ("Type", types), ("Extra", extra), ("Comment", column(&rows, 2))])
}

pub(super) async fn functions(client: &Client, like: &Like) -> Result<Outcome, QueryError> {
    const ALL: &str = "SELECT name, kind, coalesce(syntax, ''), coalesce(description, '') FROM system.functions";
    let mut rows = rows(client, ALL).await?;
    like.retain(&mut rows, |row| first(row))?;
    let arguments = rows.iter().map(|row| {
        let syntax = row.get(2).and_then(|syntax| syntax.split_once('(')).map_or("", |(_, arguments)| arguments);
        syntax.trim_end_matches(')').to_owned()
    });
    let unknown = || string_array(rows.iter().map(|_| String::new()));
    table(vec![
        ("Function", column(&rows, 0)),
        ("Return Type", unknown()),
        ("Argument Types", string_array(arguments)),
        ("Function Type", column(&rows, 1)),
        ("Deterministic", unknown()),
        ("Description", column(&rows, 3)),
    ])
}

pub(super) async fn session(client: &Client, like: &Like) -> Result<Outcome, QueryError> {
    let mut settings = rows(client, "SHOW ALL").await?;
    like.retain(&mut settings, |row| first(row))?;
    let unknown = || string_array(settings.iter().map(|_| String::new()));
    let types = string_array(settings.iter().map(|_| "varchar".to_owned()));
    table(vec![
        ("Name", column(&settings, 0)),
        ("Value", column(&settings, 1)),
        ("Default", unknown()),
        ("Type", types),
        ("Description", unknown()),
    ])
}

/// The columns of a prepared statement.
pub(super) fn outputs(session: &Session, columns: &[(String, Type)]) -> Result<Outcome, QueryError> {
    let size = |column_type: &Type| match column_type {
        Type::Boolean | Type::TinyInt => 1,
        Type::SmallInt => 2,
        Type::Integer | Type::Real | Type::Date => 4,
        Type::BigInt | Type::Double | Type::Time | Type::Timestamp | Type::TimestampTz | Type::Interval => 8,
        _ => 0,
    };
    let names: ArrayRef = string_array(columns.iter().map(|(name, _)| name.clone()));
    let empty = || string_array(columns.iter().map(|_| String::new()));
    let unaliased = BooleanArray::from(vec![false; names.len()]);
    table(vec![
        ("Column Name", names),
        ("Catalog", empty()),
        ("Schema", empty()),
        ("Table", empty()),
        ("Type", string_array(columns.iter().map(|(_, of)| of.name(session.dialect)))),
        ("Type Size", Arc::new(Int64Array::from_iter_values(columns.iter().map(|(_, of)| size(of))))),
        ("Aliased", Arc::new(unaliased)),
    ])
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
