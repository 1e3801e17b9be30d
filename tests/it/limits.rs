//! Limits of `kubesql serve`: memory, rows, concurrency, time; and its shutdown.

use std::io::Read;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use tokio_postgres::error::SqlState;

use super::hostile_clients::{ask, connected};
use super::serve::{ENDLESS, PgServer};

/// Counts running statements except this one.
const RUNNING: &str = "select count(*) from system.queries where state = 'running' and sql not like '%system%'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_over_a_limit_fails_alone() {
    let served = PgServer::start(&["--max-rows", "1000", "--max-bytes", "64Ki", "--memory-per-statement", "8Mi"]);
    let (client, other) = (served.client().await, served.client().await);
    let join = "select count(*) from (select repeat(value::text, 20) as v from generate_series(1, 200000)) a \
        join (select repeat(value::text, 20) as v from generate_series(1, 200000)) b on a.v = b.v";
    for (sql, code, words, flag) in [
        (
            "select * from generate_series(1, 1001)",
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "the answer has more than 1000 rows",
            "--max-rows",
        ),
        (
            "select repeat('x', 1000) from generate_series(1, 100)",
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "the answer has more than 65536 bytes",
            "--max-bytes",
        ),
        (
            join,
            SqlState::OUT_OF_MEMORY,
            "statement exceeds the memory limit per statement: 8.0 MB",
            "--memory-per-statement",
        ),
    ] {
        let (failed, ran) = tokio::join!(client.query(sql, &[]), other.query("select count(*) from pods", &[]));
        let error = failed.expect_err(sql);
        let error = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error:?}"));
        assert_eq!((error.code(), error.message()), (&code, words));
        assert!(error.hint().expect("a hint").contains(flag), "{error:?}");
        assert_eq!(ran.expect("another statement").len(), 1);
    }
    assert_eq!(client.query("select * from generate_series(1, 1000)", &[]).await.expect("as many as may").len(), 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enforces_concurrency_limits_and_timeouts() {
    let served = PgServer::start(&[
        "--max-concurrent-statements",
        "2",
        "--max-queued-statements",
        "0",
        "--max-concurrent-per-user",
        "1",
    ]);
    let (client, other) = (served.client().await, served.client().await);
    client.batch_execute("set statement_timeout = '300ms'").await.expect("a setting");
    let error = client.query(ENDLESS, &[]).await.expect_err("its time is over");
    assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
    let error = error.as_db_error().expect("an error");
    assert_eq!(error.message(), "the statement took more than 0.3 s");
    assert_eq!(error.hint(), Some("raise the limit with SET statement_timeout"));
    client.batch_execute("reset statement_timeout").await.expect("a setting");
    // Both connections are of one user, who may run one statement; the queue has no places.
    let rows = client.query_raw("select value from generate_series(1, 1000000)", &[] as &[i32]).await.expect("rows");
    let mut rows = std::pin::pin!(rows);
    rows.try_next().await.expect("a row");
    let error = other.query("select 1", &[]).await.expect_err("there is no turn");
    assert_eq!(error.code(), Some(&SqlState::TOO_MANY_CONNECTIONS), "{error:?}");
    assert!(error.as_db_error().and_then(|error| error.hint()).expect("a hint").contains("--max-queued-statements"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_readers_time_out() {
    let served = PgServer::start(&["--max-concurrent-statements", "1", "--statement-timeout", "2"]);
    let other = served.client().await;
    let mut reader = connected(&served);
    ask(&mut reader, "select repeat('x', 1000) from generate_series(1, 10000000)");
    reader.read_exact(&mut [0; 1000]).expect("rows");
    // The reader stops reading while it holds the only permit; the other client gets it in time.
    let began = Instant::now();
    while other.query("select 1", &[]).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(60), "the turn is never given back");
    }
    // The reader gets an error when it reads on.
    let mut last = Vec::new();
    while !last.windows(5).any(|part| part == b"57014") {
        let mut more = vec![0; 1 << 16];
        let read = reader.read(&mut more).expect("more");
        assert!(read > 0, "the connection was closed without a word");
        last.drain(..last.len().saturating_sub(10));
        last.extend_from_slice(&more[..read]);
    }
}

#[cfg(unix)]
fn signal(served: &PgServer) {
    let killed = Command::new("kill").args(["-TERM", &served.process.id().to_string()]).status();
    assert!(killed.expect("kill runs").success());
}

#[cfg(unix)]
async fn ended(served: &mut PgServer, within: Duration) -> Option<i32> {
    let began = Instant::now();
    loop {
        if let Some(status) = served.process.try_wait().expect("a process") {
            return status.code();
        }
        assert!(began.elapsed() < within, "it does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drains_running_statements_on_shutdown() {
    let mut served = PgServer::start(&["--drain-timeout", "100"]);
    let (client, other) = (served.client().await, served.client().await);
    let long = "select count(*) from generate_series(1, 3000) a(value), generate_series(1, 3000) b(value) where a.value + b.value < 0";
    let running = tokio::spawn(async move { client.query_one(long, &[]).await.map(|row| row.get::<_, i64>(0)) });
    while other.query_one(RUNNING, &[]).await.expect("a count").get::<_, i64>(0) == 0 {
        assert!(!running.is_finished(), "it was too short to be seen");
    }
    signal(&served);
    let code = ended(&mut served, Duration::from_secs(100)).await;
    assert_eq!(code, Some(0));
    assert_eq!(running.await.expect("no panic").expect("its answer"), 0);
    let error = other.query("select 1", &[]).await.expect_err("it is gone");
    assert!(error.is_closed() || error.code() == Some(&SqlState::ADMIN_SHUTDOWN), "{error:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_stops_at_once() {
    let mut served = PgServer::start(&["--drain-timeout", "1000"]);
    let (client, other) = (served.client().await, served.client().await);
    let running = tokio::spawn(async move { client.query(ENDLESS, &[]).await.map(|_| ()) });
    while other.query_one(RUNNING, &[]).await.expect("a count").get::<_, i64>(0) == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    signal(&served);
    // The server has seen the signal when it accepts no more statements.
    let began = Instant::now();
    while other.query_one("select 1", &[]).await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(60), "the signal has no effect");
    }
    assert!(served.process.try_wait().expect("a process").is_none(), "it does not wait for the running statement");
    signal(&served);
    ended(&mut served, Duration::from_secs(30)).await;
    assert!(running.await.expect("no panic").is_err());
}
