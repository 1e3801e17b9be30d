//! Pages that are requested again, statements that are cancelled, and abandoned ones.

use kubesql_runtime::generated;
use kubesql_runtime::ingest::{FileOptions, FileSource, Kinds};
use kubesql_runtime::sql::Engine;
use serde_json::Value;

use super::*;
use crate::http::presto::dialect::Dialect;
use crate::query::Limits;

const BASE_URL: &str = "http://localhost:8080";

/// More rows than the buffer takes.
const ENDLESS: &str = "select value from generate_series(1, 100000000)";

fn statements() -> Arc<Statements> {
    let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
    let files = FileSource::new(Vec::new(), kinds, FileOptions { show_secrets: false }).expect("no files");
    let engine = Engine::new(generated::KINDS, Arc::new(files)).expect("an engine");
    Statements::new(Frontend::unaudited(engine, Limits { concurrent: 4, ..Limits::default() }))
}

fn start(statements: &Statements, sql: &str) -> Arc<Statement> {
    let session = Session::from_headers(Dialect::Presto, &HeaderMap::new());
    statements.start(Identity::anonymous(), session, sql)
}

fn document(page: &Page) -> Value {
    serde_json::from_slice(&page.body).expect("JSON")
}

#[tokio::test]
async fn only_the_next_and_the_previous_page_can_be_requested() {
    let statements = statements();
    let statement = start(&statements, "select value from generate_series(1, 200000)");
    let (mut number, mut rows) = (0, 0);
    loop {
        let page = statement.page(number, BASE_URL).await.expect("a page");
        let again = statement.page(number, BASE_URL).await.expect("the page once more");
        assert_eq!(page.body, again.body);
        assert!(page.body.len() < 2 << 20, "{}", page.body.len());
        assert!(statement.page(number + 2, BASE_URL).await.is_none());
        let page = document(&page);
        rows += page["data"].as_array().map_or(0, Vec::len);
        number += 1;
        match page["nextUri"].as_str() {
            Some(next) => assert!(next.ends_with(&format!("/{number}")), "{next}"),
            None => break,
        }
    }
    assert_eq!(rows, 200_000);
    assert!(number > 1 && statement.page(0, BASE_URL).await.is_none());
    assert!(statement.page(number, BASE_URL).await.is_none());
}

/// With the clock paused, the sleep ends once no task can go on: the statement waits for its client.
#[tokio::test(start_paused = true)]
async fn a_statement_pauses_until_its_client_reads() {
    let statements = statements();
    let statement = start(&statements, ENDLESS);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let bytes = statement.buffer.with_state(|state| state.bytes);
    assert!((1 << 20..3 << 20).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn a_cancelled_statement_ends_with_an_error() {
    let statements = statements();
    let statement = start(&statements, ENDLESS);
    assert!(statement.page(0, BASE_URL).await.is_some());
    statement.cancel();
    let page = document(&statement.page(1, BASE_URL).await.expect("a page"));
    assert_eq!((&page["error"]["errorName"], page.get("nextUri")), (&Value::from("USER_CANCELED"), None));
    assert_eq!(page["stats"]["state"], "FAILED");
}

#[tokio::test(start_paused = true)]
async fn abandoned_statements_are_stopped_and_removed() {
    let statements = statements();
    let sweeping = Arc::clone(&statements);
    let mut sweeper = JoinSet::new();
    sweeper.spawn(async move { sweeping.remove_abandoned().await });
    let running = start(&statements, ENDLESS);
    let ended = start(&statements, "select 1");
    assert!(document(&ended.page(0, BASE_URL).await.expect("a page")).get("nextUri").is_none());
    let (running_id, ended_id) = (running.info.id.clone(), ended.info.id.clone());
    let buffer = Arc::clone(&running.buffer);
    drop((running, ended));
    tokio::time::sleep(KEPT_AFTER_END + 2 * SWEEP_INTERVAL).await;
    assert!(statements.get(&ended_id).is_none());
    statements.get(&running_id).expect("it is running").touch();
    tokio::time::sleep(ABANDONED_AFTER - SWEEP_INTERVAL).await;
    assert!(statements.get(&running_id).is_some());
    tokio::time::sleep(2 * SWEEP_INTERVAL).await;
    assert!(statements.get(&running_id).is_none());
    assert_eq!(Arc::strong_count(&buffer), 1, "the task has ended");
}
