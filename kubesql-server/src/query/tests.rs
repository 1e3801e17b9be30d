//! Statements that end early: by a timeout, by a cancel request, and beside other statements.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use kubesql_runtime::generated;
use kubesql_runtime::ingest::{FileOptions, FileSource, Kinds};

use super::*;

/// Joins 10^18 pairs. The condition can neither be hashed nor pushed down.
const ENDLESS: &str = "select count(*) from generate_series(1, 1000000) a(value), generate_series(1, 1000000) b(value), \
    generate_series(1, 1000000) c(value) where a.value + b.value < c.value";

/// Joins 10^12 pairs, none of which satisfies the condition: the join never produces a row, where it could yield.
const ENDLESS_WITHOUT_ROWS: &str = "select count(*) from generate_series(1, 1000000) a(value), generate_series(1, 1000000) b(value) \
    where a.value + b.value < 0";

fn frontend(timeout: Option<Duration>, concurrent: usize) -> Arc<Frontend> {
    let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
    let files = FileSource::new(Vec::new(), kinds, FileOptions { show_secrets: false }).expect("no files");
    let engine = Engine::new(generated::KINDS, Arc::new(files)).expect("an engine");
    Frontend::unaudited(engine, Limits { timeout, concurrent, ..Limits::default() })
}

async fn count_rows(answer: Answer) -> Result<usize, SqlError> {
    let mut answer = answer;
    let mut rows = 0;
    while let Some(batch) = answer.rows.next().await {
        rows += batch?.num_rows();
    }
    Ok(rows)
}

async fn execute(client: &Client, sql: &str) -> Result<usize, SqlError> {
    count_rows(client.execute(sql).await?).await
}

/// An answer whose rows never come, and which tells when it is dropped.
fn pending_answer() -> (Answer, std::sync::Weak<()>) {
    let held = Arc::new(());
    let dropped = Arc::downgrade(&held);
    let rows = futures::stream::pending().inspect(move |_| _ = &held).boxed();
    let schema = Arc::new(arrow::datatypes::Schema::empty());
    (Answer { command: "SELECT", schema, rows, select_list: kubesql_runtime::sql::SelectList::default() }, dropped)
}

#[tokio::test(start_paused = true)]
async fn a_timeout_releases_resources_even_if_the_client_does_not_read() {
    let frontend = frontend(Some(Duration::from_secs(300)), 1);
    let client = frontend.internal_client();
    let (answer, dropped) = pending_answer();
    let mut answer = client.guard("select", async { Ok(answer) }).await.expect("an answer");
    tokio::time::sleep(Duration::from_secs(299)).await;
    assert!(dropped.upgrade().is_some() && frontend.wait_idle().now_or_never().is_none());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(dropped.upgrade().is_none() && frontend.wait_idle().now_or_never().is_some());
    let error = answer.rows.next().await.expect("an error").expect_err("no rows");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Timeout, "the statement took more than 300 s"));
    assert!(answer.rows.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_includes_the_time_in_the_queue() {
    let frontend = frontend(Some(Duration::from_secs(300)), 1);
    let (answer, _) = pending_answer();
    let first = frontend.internal_client();
    let _answer = first.guard("select", async { Ok(answer) }).await.expect("an answer");
    tokio::time::sleep(Duration::from_secs(200)).await;
    let second = frontend.internal_client();
    second.set("statement_timeout", Some("50s")).expect("a setting");
    let began = tokio::time::Instant::now();
    let error = second.execute("select 1").await.err().expect("it is queued");
    assert_eq!((error.kind, began.elapsed()), (ErrorKind::Timeout, Duration::from_secs(50)), "{error}");
}

#[tokio::test]
async fn a_queued_statement_runs_when_the_one_before_ends() {
    let frontend = frontend(None, 1);
    let first = frontend.internal_client().execute("select * from generate_series(1, 3)").await.expect("an answer");
    let second = frontend.internal_client();
    let mut queued = Box::pin(second.execute("select 1"));
    assert!(queued.as_mut().now_or_never().is_none(), "two statements run at the same time");
    drop(first);
    assert_eq!(count_rows(queued.await.expect("an answer")).await, Ok(1));
}

#[tokio::test]
async fn a_closed_frontend_rejects_statements() {
    let frontend = frontend(None, 1);
    let client = frontend.internal_client();
    frontend.close();
    frontend.wait_closed().await;
    let error = client.execute("select 1").await.err().expect("it is closed");
    assert_eq!(error.kind, ErrorKind::GoingAway, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_statement_is_stopped_by_its_timeout() {
    // The clock is not paused: the timer has to expire while the statement keeps the threads busy.
    let client = frontend(Some(Duration::from_millis(300)), 4).internal_client();
    let error = execute(&client, ENDLESS).await.expect_err("it never ends");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Timeout, "the statement took more than 0.3 s"));
    assert_eq!(execute(&client, "select 1").await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_statement_ends_and_the_next_one_runs() {
    let client = frontend(None, 4).internal_client();
    let answer = client.execute(ENDLESS).await.expect("an answer");
    client.cancel();
    let error = count_rows(answer).await.expect_err("it never ends");
    assert_eq!(error.kind, ErrorKind::Cancelled, "{error}");
    // Without a running statement, cancelling has no effect.
    client.cancel();
    assert_eq!(execute(&client, "select 1").await, Ok(1));
}

#[test]
fn a_join_without_rows_yields_to_other_statements_and_can_be_cancelled() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let (ended, end) = std::sync::mpsc::channel();
    runtime.spawn(async move {
        join_without_rows().await;
        // An error means that the wait below has timed out.
        _ = ended.send(());
    });
    // Not a timer of the runtime: if the joins block its threads, such a timer never expires.
    let end = end.recv_timeout(Duration::from_secs(60));
    runtime.shutdown_background();
    end.expect("it failed, or has not ended in a minute");
}

async fn join_without_rows() {
    let frontend = frontend(None, 8);
    let alive_tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = alive_tasks();
    // More statements than threads.
    let clients: Vec<Client> = (0..4).map(|_| frontend.internal_client()).collect();
    let mut answers = Vec::new();
    for client in &clients {
        answers.push(client.execute(ENDLESS_WITHOUT_ROWS).await.expect("an answer"));
    }
    // Real time, in which the joins get hold of the threads.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(execute(&frontend.internal_client(), "select 1").await, Ok(1));
    for (client, mut answer) in clients.iter().zip(answers) {
        assert!(answer.rows.next().now_or_never().is_none(), "the other statement waited for this one");
        client.cancel();
        let error = answer.rows.next().await.expect("an error").expect_err("it never ends");
        assert_eq!(error.kind, ErrorKind::Cancelled, "{error}");
    }
    // The tasks end on their own threads; the test above gives them a minute.
    while alive_tasks() > before {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
