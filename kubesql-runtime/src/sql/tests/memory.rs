//! Memory limits of statements, and settings of sessions.

use super::*;
use crate::sql::{ErrorKind, Memory, Principal};

fn engine(memory: &Memory) -> std::sync::Arc<Engine> {
    Engine::with_memory(crate::generated::KINDS, world::usual().source(), memory).expect("an engine")
}

/// Groups in random order, all of which are held in memory or spilled.
const GROUPS: &str = "select count(*) from (select v, repeat(v::text, 5) as t, count(*) as n \
    from (select value * 7919 % 300007 as v from generate_series(1, 300000)) group by 1, 2 having count(*) > 1)";

/// A hash join, which cannot spill.
const JOIN: &str = "select count(*) from (select value, repeat(value::text, 20) as v from generate_series(1, 200000)) a \
    join (select value, repeat(value::text, 20) as v from generate_series(1, 200000)) b on a.v = b.v";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statement_over_its_limit_fails() {
    let engine = engine(&Memory { one: Some(8 << 20), ..Memory::default() });
    let session = engine.session();
    let error = answer(&session, JOIN).await.expect_err("exceeds the limit");
    assert_eq!(error.kind, ErrorKind::Memory, "{error}");
    assert_eq!(error.message, "statement exceeds the memory limit per statement: 8.0 MB");
    assert!(error.hint.expect("a hint").contains("--memory-per-statement"));
    check_in(&session, "select count(*) from pods", &["4"]).await;
    wait_until_released(&engine).await;
    let unlimited = super::session();
    check_in(&unlimited, JOIN, &["200000"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_total_memory() {
    let engine = engine(&Memory { all: Some(8 << 20), ..Memory::default() });
    let error = answer(&engine.session(), JOIN).await.expect_err("exceeds the limit");
    assert_eq!(error.kind, ErrorKind::Memory, "{error}");
    assert!(error.hint.expect("a hint").contains("--memory-total"));
    wait_until_released(&engine).await;
}

/// Waits until all memory is released. The tasks of a statement end shortly after the statement.
async fn wait_until_released(engine: &Engine) {
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while engine.memories.used() > 0 {
        assert!(tokio::time::Instant::now() < until, "{} bytes were not released", engine.memories.used());
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spills_to_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let spill = Some(folder.path().to_owned());
    let limited = engine(&Memory { one: Some(12 << 20), spill: spill.clone(), ..Memory::default() });
    check_in(&limited.session(), GROUPS, &["0"]).await;
    let full = engine(&Memory { one: Some(12 << 20), spill, spill_bytes: Some(1 << 10), ..Memory::default() });
    let error = answer(&full.session(), GROUPS).await.expect_err("the spill limit is too low");
    assert_eq!(error.kind, ErrorKind::Memory, "{error}");
    assert!(error.hint.expect("a hint").contains("--spill-limit"), "{}", error.message);
}

#[tokio::test]
async fn query_log_contains_principal() {
    let principal =
        Principal { user: Some("ada".to_owned()), protocol: "postgresql", address: Some("10.0.0.1:7".to_owned()) };
    let session = engine(&Memory::default()).session().with_principal(principal);
    let sql = "select username, protocol, client_address from system.queries";
    check_in(&session, sql, &["ada|postgresql|10.0.0.1:7"]).await;
}

#[tokio::test]
async fn sets_statement_timeout() {
    let session = session();
    assert_eq!(session.statement_timeout(), None);
    for (set, shown, limit) in [
        ("set statement_timeout = 2500", "2500ms", Some(2500)),
        ("set statement_timeout to '90s'", "90s", Some(90_000)),
        ("set statement_timeout = 0", "0", None),
        ("reset statement_timeout", "0", None),
    ] {
        answer(&session, set).await.expect(set);
        check_in(&session, "show statement_timeout", &[shown]).await;
        assert_eq!(session.statement_timeout(), limit.map(std::time::Duration::from_millis), "{set}");
    }
    let error = answer(&session, "set statement_timeout = 'soon'").await.expect_err("invalid duration");
    assert_eq!(error.kind, ErrorKind::Invalid);
}
