//! SHOW and DESCRIBE as Presto answers them: its columns, its names of types.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, StringArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;

use super::command::Like;
use super::failure::Failure;
use super::run::{CATALOG, Outcome, table};
use super::session::Session;
use super::types::Type;
use crate::query::Client;

/// A column of texts.
pub(super) fn texts(values: impl IntoIterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// All rows of a statement, as texts.
async fn rows(client: &Client, sql: &str) -> Result<Vec<Vec<String>>, Failure> {
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

/// One column of rows.
fn column(rows: &[Vec<String>], at: usize) -> ArrayRef {
    texts(rows.iter().map(|row| row.get(at).cloned().unwrap_or_default()))
}

async fn list(client: &Client, sql: &str, name: &str, like: &Like) -> Result<Outcome, Failure> {
    let mut rows = rows(client, sql).await?;
    rows.retain(|row| row.first().is_some_and(|name| like.matches(name)));
    table(vec![(name, column(&rows, 0))])
}

pub(super) fn catalogs(like: &Like) -> Result<Outcome, Failure> {
    let catalogs = [CATALOG].into_iter().filter(|name| like.matches(name)).map(str::to_owned);
    table(vec![("Catalog", texts(catalogs))])
}

pub(super) async fn schemas(client: &Client, like: &Like) -> Result<Outcome, Failure> {
    list(client, "SHOW SCHEMAS", "Schema", like).await
}

/// The tables of a schema, or of the session's.
pub(super) async fn tables(client: &Client, schema: Option<&str>, like: &Like) -> Result<Outcome, Failure> {
    let sql = schema.map_or_else(|| "SHOW TABLES".to_owned(), |schema| format!("SHOW TABLES FROM {}", quoted(schema)));
    list(client, &sql, "Table", like).await
}

/// The columns of a table; the paths that they come from are their comments.
pub(super) async fn columns(
    client: &Client,
    session: &Session,
    name: &[String],
    like: &Like,
) -> Result<Outcome, Failure> {
    let name: Vec<String> = name.iter().map(|word| quoted(word)).collect();
    let mut rows = rows(client, &format!("DESCRIBE {}", name.join("."))).await?;
    rows.retain(|row| row.first().is_some_and(|name| like.matches(name)));
    let types = rows.iter().map(|row| row.get(1).map_or("", String::as_str));
    let types = texts(types.map(|name| Type::of_psql(name).name(session.dialect)));
    let extra = texts(rows.iter().map(|_| String::new()));
    table(vec![("Column", column(&rows, 0)), ("Type", types), ("Extra", extra), ("Comment", column(&rows, 2))])
}

pub(super) async fn functions(client: &Client, like: &Like) -> Result<Outcome, Failure> {
    const ALL: &str = "SELECT name, kind, coalesce(syntax, ''), coalesce(description, '') FROM system.functions";
    let mut rows = rows(client, ALL).await?;
    rows.retain(|row| row.first().is_some_and(|name| like.matches(name)));
    let arguments = rows.iter().map(|row| {
        let syntax = row.get(2).and_then(|syntax| syntax.split_once('(')).map_or("", |(_, arguments)| arguments);
        syntax.trim_end_matches(')').to_owned()
    });
    let unknown = || texts(rows.iter().map(|_| String::new()));
    table(vec![
        ("Function", column(&rows, 0)),
        ("Return Type", unknown()),
        ("Argument Types", texts(arguments)),
        ("Function Type", column(&rows, 1)),
        ("Deterministic", unknown()),
        ("Description", column(&rows, 3)),
    ])
}

pub(super) async fn session(client: &Client, like: &Like) -> Result<Outcome, Failure> {
    let mut now = rows(client, "SHOW ALL").await?;
    now.retain(|row| row.first().is_some_and(|name| like.matches(name)));
    let unknown = || texts(now.iter().map(|_| String::new()));
    let of = texts(now.iter().map(|_| "varchar".to_owned()));
    table(vec![
        ("Name", column(&now, 0)),
        ("Value", column(&now, 1)),
        ("Default", unknown()),
        ("Type", of),
        ("Description", unknown()),
    ])
}

/// What a prepared statement answers.
pub(super) fn outputs(session: &Session, columns: &[(String, Type)]) -> Result<Outcome, Failure> {
    let size = |of: &Type| match of {
        Type::Boolean | Type::TinyInt => 1,
        Type::SmallInt => 2,
        Type::Integer | Type::Real | Type::Date => 4,
        Type::BigInt | Type::Double | Type::Time | Type::Timestamp | Type::TimestampTz | Type::Interval => 8,
        _ => 0,
    };
    let names: ArrayRef = texts(columns.iter().map(|(name, _)| name.clone()));
    let empty = || texts(columns.iter().map(|_| String::new()));
    let unaliased = BooleanArray::from(vec![false; names.len()]);
    table(vec![
        ("Column Name", names),
        ("Catalog", empty()),
        ("Schema", empty()),
        ("Table", empty()),
        ("Type", texts(columns.iter().map(|(_, of)| of.name(session.dialect)))),
        ("Type Size", Arc::new(Int64Array::from_iter_values(columns.iter().map(|(_, of)| size(of))))),
        ("Aliased", Arc::new(unaliased)),
    ])
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
