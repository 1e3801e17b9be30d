//! A reader that queries all the time: every answer must be a state that the server had, and never an older one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kubesql_runtime::sql::{Engine, ErrorKind, Session};

use crate::scripted::{Kind, Server};
use crate::sessions::ask;

/// The answers so far.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) good: u64,
    pub(crate) errors: BTreeMap<String, u64>,
}

/// Pods with the sum over their containers, and containers that have no pod or that are of another state of their pod.
const FAMILIES: &str = "select count(*), coalesce(sum(k), 0), count(*) filter (where generation is null or k <> good) \
     from (select p.generation, count(c.index) as k, \
     count(*) filter (where c.image = concat('registry/', c.name, ':', p.generation)) as good \
     from containers c full join pods p on p.uid = c.uid group by p.uid, p.generation)";

/// Queries until it is stopped.
pub(crate) async fn read(server: Arc<Server>, engine: Arc<Engine>, stop: Arc<AtomicBool>) -> Answers {
    let session = engine.session();
    let mut answers = Answers::default();
    let mut seen: BTreeMap<Kind, u64> = BTreeMap::new();
    let mut turn = 0usize;
    while !stop.load(Ordering::SeqCst) {
        turn += 1;
        let result = match Kind::ALL.get(turn % 4) {
            Some(kind) => sums(&server, &session, *kind, seen.entry(*kind).or_default()).await,
            None => families(&session).await,
        };
        match result {
            Ok(()) => answers.good += 1,
            Err(error) => *answers.errors.entry(error).or_default() += 1,
        }
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
    answers
}

/// The objects of a kind are a state that the server had, and not an older one than was seen before.
async fn sums(server: &Server, session: &Session, kind: Kind, seen: &mut u64) -> Result<(), String> {
    let plural = kind.plural();
    let sql = format!("select count(*), coalesce(sum(generation), 0), count(distinct uid) from {plural}");
    let rows = rows(server, session, &sql).await?;
    let numbers: Vec<u64> = rows[0].iter().map(|text| text.parse().expect("a number")).collect();
    let [count, sum, uids] = numbers[..] else { panic!("three numbers: {rows:?}") };
    assert_eq!(count, uids, "{plural} twice");
    let count = usize::try_from(count).expect("not so many");
    let world = server.world();
    let when = world.when(kind, (count, sum), *seen);
    *seen = when.unwrap_or_else(|| {
        let ever = world.when(kind, (count, sum), 0);
        panic!("{plural} never were so: {count} with sum {sum}, after instant {seen}; ever: {ever:?}")
    });
    Ok(())
}

/// Containers agree with their pods.
async fn families(session: &Session) -> Result<(), String> {
    let rows = match ask(session, FAMILIES).await {
        Ok(rows) => rows,
        Err(error) => return Err(error.message),
    };
    assert_eq!(rows[0][2], "0", "containers that are not of their pods: {rows:?}");
    Ok(())
}

/// The rows of a statement; an error must name the cluster.
async fn rows(server: &Server, session: &Session, sql: &str) -> Result<Vec<Vec<String>>, String> {
    let error = match ask(session, sql).await {
        Ok(rows) => return Ok(rows),
        Err(error) => error,
    };
    let named = format!("cluster {}: ", server.name);
    assert!(error.kind == ErrorKind::Source && error.message.contains(&named), "{error:?}");
    Err(error.message)
}
