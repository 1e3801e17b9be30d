//! Tests of statements over a few objects in memory.

mod arithmetic;
mod clauses;
mod columns;
mod compat_v0;
mod decorrelation;
mod duplicates;
mod error_texts;
mod errors;
mod first_typed;
mod json;
mod memory;
mod planning;
mod prepared;
mod presto;
mod rows;
mod show;
mod stars;
mod subqueries;
mod unnamed;
mod world;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;

use super::{Engine, Session, SqlError};
use world::World;

/// A session over [`world::usual`].
fn session() -> Session {
    session_of(&world::usual())
}

fn session_of(world: &World) -> Session {
    Engine::new(crate::generated::KINDS, world.source()).expect("an engine").session()
}

/// Runs a statement and returns the column names and the rows, with values joined by `|`.
async fn answer(session: &Session, sql: &str) -> Result<(Vec<String>, Vec<String>), SqlError> {
    let mut answer = session.execute(sql).await?;
    let columns = answer.schema.fields().iter().map(|field| field.name().clone()).collect();
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    while let Some(batch) = answer.rows.next().await {
        let batch = batch?;
        assert_eq!(batch.schema().fields(), answer.schema.fields(), "{sql}: schema of a batch differs");
        let formatters: Vec<ArrayFormatter> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("values can be shown"))
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> = formatters.iter().map(|formatter| formatter.value(row).to_string()).collect();
            rows.push(values.join("|"));
        }
    }
    Ok((columns, rows))
}

/// Compares the rows of a statement over the usual world. Without ORDER BY the order of the rows is ignored.
async fn check(sql: &str, expect: &[&str]) {
    check_in(&session(), sql, expect).await;
}

async fn check_in(session: &Session, sql: &str, expect: &[&str]) {
    let (_, mut rows) = answer(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error} ({:?})", error.hint));
    let mut expect: Vec<String> = expect.iter().map(|&row| row.to_owned()).collect();
    if !sql.to_lowercase().contains("order by") {
        rows.sort();
        expect.sort();
    }
    assert_eq!(rows, expect, "{sql}");
}

/// Compares the rows of many statements over the usual world, and reports all that differ.
async fn check_all(cases: &[(&str, &[&str])]) {
    let session = session();
    let mut failed = Vec::new();
    for (sql, expect) in cases {
        let mut expect: Vec<String> = expect.iter().map(|&row| row.to_owned()).collect();
        match answer(&session, sql).await {
            Ok((_, mut rows)) => {
                if !sql.to_lowercase().contains("order by") {
                    rows.sort();
                    expect.sort();
                }
                if rows != expect {
                    failed.push(format!("{sql}: {rows:?} instead of {expect:?}"));
                }
            }
            Err(error) => failed.push(format!("{sql}: {error} ({:?})", error.hint)),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Runs a statement and returns its column names.
async fn columns_of(session: &Session, sql: &str) -> Vec<String> {
    answer(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error} ({:?})", error.hint)).0
}

async fn error(sql: &str) -> SqlError {
    match answer(&session(), sql).await {
        Err(error) => error,
        Ok((_, rows)) => panic!("{sql}: returned {rows:?}"),
    }
}
