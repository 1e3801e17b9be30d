//! What the door does to statements that have to end early.

use kubesql_runtime::generated;
use kubesql_runtime::ingest::{Files, Kinds, Options};

use futures::StreamExt;

use super::*;

/// 10^18 pairs, none of which a condition on one of them or a hash can leave out.
const ENDLESS: &str = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b, \
    generate_series(1, 1000000) c where a.value + b.value < c.value";

fn door(timeout: Option<Duration>, at_once: usize) -> Arc<Door> {
    let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::rows);
    let files = Files::new(Vec::new(), kinds, Options { show_secrets: false }).expect("no files");
    Door::new(
        Engine::new(generated::KINDS, Arc::new(files)).expect("an engine"),
        Limits { timeout, at_once, ..Limits::default() },
        false,
    )
}

async fn outcome(client: &Client, sql: &str) -> Result<usize, SqlError> {
    let mut answer = client.execute(sql).await?;
    let mut rows = 0;
    while let Some(batch) = answer.rows.next().await {
        rows += batch?.num_rows();
    }
    Ok(rows)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_too_long_is_stopped() {
    let client = door(Some(Duration::from_millis(300)), 4).client();
    let error = outcome(&client, ENDLESS).await.expect_err("it has no end");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Timeout, "the statement took more than 0.3 s"));
    assert_eq!(outcome(&client, "select 1").await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_statement_ends_and_the_next_one_runs() {
    let client = Arc::new(door(None, 4).client());
    let asked = Arc::clone(&client);
    let running = tokio::spawn(async move { outcome(&asked, ENDLESS).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    client.cancel();
    let error = running.await.expect("no panic").expect_err("it has no end");
    assert_eq!(error.kind, ErrorKind::Cancelled, "{error}");
    // To cancel what does not run is nothing.
    client.cancel();
    assert_eq!(outcome(&client, "select 1").await, Ok(1));
}

/// 10^12 pairs, none of which fits: there is never a row at which to pause.
const IN_VAIN: &str = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b \
    where a.value + b.value < 0";

#[test]
fn what_looks_for_rows_in_vain_is_stopped_and_holds_up_nobody() {
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let (ended, end) = std::sync::mpsc::channel();
    threads.spawn(async move {
        in_vain().await;
        // Whoever waits has gone only where this came too late.
        _ = ended.send(());
    });
    // Where it holds up everybody, no timer of theirs would tell.
    let end = end.recv_timeout(Duration::from_secs(60));
    threads.shutdown_background();
    end.expect("it failed, or has not ended in a minute");
}

async fn in_vain() {
    let door = door(Some(Duration::from_secs(5)), 8);
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    // More than there are threads.
    let ask = |client: Client| tokio::spawn(async move { outcome(&client, IN_VAIN).await });
    let running: Vec<_> = (0..4).map(|_| ask(door.client())).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(outcome(&door.client(), "select 1").await, Ok(1));
    assert!(running.iter().all(|running| !running.is_finished()), "the others waited for them");
    for running in running {
        let error = running.await.expect("no panic").expect_err("it has no end");
        assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    }
    for _ in 0..100 {
        if tasks() <= before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("they still run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_turn_waits_for_it() {
    let door = door(Some(Duration::from_secs(60)), 1);
    let first = door.client().execute("select * from generate_series(1, 3)").await.expect("an answer");
    let second = door.client();
    let waiting = tokio::spawn(async move { outcome(&second, "select 1").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished(), "two run at once");
    drop(first);
    assert_eq!(waiting.await.expect("no panic"), Ok(1));
}
