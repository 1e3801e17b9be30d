//! One-shot queries over clusters: requests, streaming, errors.

mod cli;
mod pages;
mod pushdown;
mod selectors;
mod server;

use std::sync::Arc;
use std::time::Duration;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use kubesql_runtime::generated;
use kubesql_runtime::ingest::{Context, Kinds, OneShotOptions, OneShotSource};
use kubesql_runtime::sql::{Engine, Session, SqlError};
use serde_json::{Value, json};

use server::Server;

/// A session over servers, each with the name of its cluster.
fn session(servers: &[(&str, &Server)], options: OneShotOptions) -> Session {
    let contexts = servers.iter().map(|(name, server)| Context::from_text(name, &server.kubeconfig(name))).collect();
    let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
    let lists = OneShotSource::new(contexts, kinds, options);
    Engine::new(generated::KINDS, Arc::new(lists)).expect("an engine").session()
}

fn of(server: &Server) -> Session {
    session(&[("c", server)], OneShotOptions { sync_timeout: Duration::from_secs(30), ..OneShotOptions::default() })
}

/// The rows of a statement, values joined by `|`, sorted.
async fn rows(session: &Session, sql: &str) -> Result<Vec<String>, SqlError> {
    let mut answer = session.execute(sql).await?;
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    while let Some(batch) = answer.rows.next().await {
        let batch = batch?;
        let format = |column| ArrayFormatter::try_new(column, &options).expect("values can be shown");
        let columns: Vec<ArrayFormatter<'_>> = batch.columns().iter().map(|column| format(&**column)).collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(values.join("|"));
        }
    }
    rows.sort();
    Ok(rows)
}

/// A number of pods in two namespaces.
fn pods(count: usize) -> Vec<Value> {
    let pod = |number: usize| {
        json!({"metadata": {"name": format!("p{number:05}"), "namespace": if number.is_multiple_of(2) { "even" } else { "odd" },
                "uid": format!("u{number}"), "labels": {"app": format!("a{}", number % 7)}},
            "spec": {"containers": [{"name": "one", "image": "i"}, {"name": "two", "image": "j"}]},
            "status": {"phase": "Running"}})
    };
    (0..count).map(pod).collect()
}
