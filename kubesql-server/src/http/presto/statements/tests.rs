//! Statements that are asked for again, cancelled, or not asked for any more.

use kubesql_runtime::generated;
use kubesql_runtime::ingest::{Files, Kinds, Options};
use kubesql_runtime::sql::Engine;
use serde_json::Value;

use super::*;
use crate::http::presto::dialect::Dialect;
use crate::query::Limits;

const BASE: &str = "http://localhost:8080";

fn statements() -> Arc<Statements> {
    let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::rows);
    let files = Files::new(Vec::new(), kinds, Options { show_secrets: false }).expect("no files");
    let engine = Engine::new(generated::KINDS, Arc::new(files)).expect("an engine");
    Statements::new(Door::new(engine, Limits { at_once: 4, ..Limits::default() }, false))
}

fn begin(statements: &Statements, sql: &str) -> Arc<Statement> {
    let headers = HeaderMap::new();
    statements.begin(Session::of(Dialect::Presto, &headers), &headers, sql)
}

fn document(page: &Page) -> Value {
    serde_json::from_slice(&page.body).expect("JSON")
}

#[tokio::test]
async fn the_last_page_can_be_asked_for_again_and_no_other() {
    let statements = statements();
    let statement = begin(&statements, "select value from generate_series(1, 200000)");
    let (mut number, mut rows) = (0, 0);
    loop {
        let page = statement.page(number, BASE).await.expect("a page");
        let again = statement.page(number, BASE).await.expect("the page once more");
        assert_eq!(page.body, again.body);
        assert!(page.body.len() < 2 << 20, "{}", page.body.len());
        assert!(statement.page(number + 2, BASE).await.is_none());
        let page = document(&page);
        rows += page["data"].as_array().map_or(0, Vec::len);
        number += 1;
        match page["nextUri"].as_str() {
            Some(next) => assert!(next.ends_with(&format!("/{number}")), "{next}"),
            None => break,
        }
    }
    assert_eq!(rows, 200_000);
    assert!(number > 1 && statement.page(0, BASE).await.is_none());
    assert!(statement.page(number, BASE).await.is_none());
}

#[tokio::test]
async fn a_statement_waits_for_who_reads_slowly() {
    let statements = statements();
    let statement = begin(&statements, "select value from generate_series(1, 100000000)");
    while statement.flow.with(|told| told.rows == 0) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(statement.flow.with(|told| told.bytes) < 3 << 20);
}

#[tokio::test]
async fn who_cancels_is_told_so() {
    let statements = statements();
    let statement = begin(&statements, "select value from generate_series(1, 100000000)");
    assert!(statement.page(0, BASE).await.is_some());
    statement.cancel();
    let page = document(&statement.page(1, BASE).await.expect("a page"));
    assert_eq!((&page["error"]["errorName"], page.get("nextUri")), (&Value::from("USER_CANCELED"), None));
    assert_eq!(page["stats"]["state"], "FAILED");
}

#[tokio::test]
async fn what_nobody_asks_for_is_stopped() {
    let statements = statements();
    let statement = begin(&statements, "select value from generate_series(1, 100000000)");
    let id = statement.id.clone();
    let flow = Arc::clone(&statement.flow);
    drop(statement);
    statements.forget(Duration::from_secs(60), Duration::ZERO);
    assert!(statements.get(&id).is_some());
    tokio::time::sleep(Duration::from_millis(20)).await;
    statements.forget(Duration::from_millis(10), Duration::ZERO);
    assert!(statements.get(&id).is_none());
    // Its task is gone, and with it the other side.
    while Arc::strong_count(&flow) > 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
