//! Watched tables converge to the state of a server that fails in every way, and show only states that it had.

mod expected;
mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kubesql_runtime::ingest::clusters::{WatchOptions, WatchSource};
use kubesql_runtime::sql::{Engine, Session};
use kubesql_runtime::store::Source;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::scripted::{Discovery, Fault, Kind, Manners, Server};
use crate::sessions::{ask, live};
use reader::Answers;

/// Changes between two comparisons.
const ROUND: usize = 1667;

/// Failures of a whole server, one for each round.
const DISASTERS: usize = 5;

/// Tables have the state of the server within this time of its last change: after repeated failures, requests wait for up
/// to 30 seconds, and may then fail once more.
const CAUGHT_UP: Duration = Duration::from_secs(90);

/// The outcome of a seed.
struct Outcome {
    faults: BTreeMap<Fault, u64>,
    answers: Answers,
    operations: usize,
    comparisons: usize,
    slowest: Duration,
}

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// `KUBESQL_CONVERGE_OPERATIONS` and `KUBESQL_CONVERGE_SEEDS` make it longer: operations in total, and into how many
/// seeds they are divided.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_converge_to_the_state_of_the_server() {
    let seeds = number("KUBESQL_CONVERGE_SEEDS", 3);
    let operations = number("KUBESQL_CONVERGE_OPERATIONS", 15_000) / seeds;
    let first = number("KUBESQL_CONVERGE_FIRST_SEED", 0);
    let mut faults: BTreeMap<Fault, u64> = BTreeMap::new();
    let mut report = String::new();
    let begun = Instant::now();
    let mut seed = first;
    let missing = |faults: &BTreeMap<Fault, u64>| -> Vec<Fault> {
        Fault::ALL.into_iter().filter(|fault| !faults.contains_key(fault)).collect()
    };
    // Further seeds until every fault has happened. How many requests there are depends on the speed of the machine, so
    // what is still missing happens at its first opportunity.
    while seed < first + seeds || (!missing(&faults).is_empty() && seed < first + seeds + 6) {
        // A few at a time, since most of the time is spent waiting.
        let demanded = if seed == first { Vec::new() } else { missing(&faults) };
        let run = |seed| (seed, tokio::spawn(run(seed, operations, demanded.clone())));
        let running: Vec<_> = (seed..seed + 3).map(run).collect();
        seed += 3;
        for (seed, outcome) in running {
            let outcome = outcome.await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            let Outcome { answers, operations, comparisons, slowest, .. } = &outcome;
            let errors: u64 = answers.errors.values().sum();
            writeln!(
                report,
                "seed {seed}: {operations} operations, {comparisons} comparisons (slowest {slowest:?}), \
                 {} answers, {errors} errors of {} kinds",
                answers.good,
                answers.errors.len()
            )
            .expect("text");
            // With failing servers and other tests on the machine, single queries may wait long.
            assert!(answers.good > 3, "hardly any answers ({}): {:?}", answers.good, answers.errors);
            outcome.faults.into_iter().for_each(|(fault, count)| *faults.entry(fault).or_default() += count);
        }
        tell(&format!("{report}{:?}, {faults:?}\n", begun.elapsed()));
    }
    writeln!(report, "{:?}, {faults:?}", begun.elapsed()).expect("text");
    tell(&report);
    let missing = missing(&faults);
    assert!(missing.is_empty(), "these never happened: {missing:?}\n{report}");
}

/// Writes the progress to the file `KUBESQL_CONVERGE_REPORT`, if that is set.
fn tell(report: &str) {
    if let Ok(path) = std::env::var("KUBESQL_CONVERGE_REPORT") {
        std::fs::write(path, report).expect("written");
    }
}

/// One server, and a number of operations.
async fn run(seed: usize, operations: usize, demanded: Vec<Fault>) -> Outcome {
    let seed = u64::try_from(seed).expect("small");
    let mut random = StdRng::seed_from_u64(seed);
    let discovery = [Discovery::Aggregated, Discovery::Legacy, Discovery::Heedless][turn_of(seed, 3)];
    let manners = Manners { seed, discovery, ..Manners::default() };
    let server = Arc::new(Server::start("east", manners));
    server.change(300);
    server.trouble().demand(&demanded);
    let options = WatchOptions { sync_timeout: Duration::from_secs(20), ..WatchOptions::default() };
    let (live, engine) = live(vec![server.context()], options);
    let stop = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn(reader::read(Arc::clone(&server), Arc::clone(&engine), Arc::clone(&stop)));
    let rounds = operations.div_ceil(ROUND);
    let (mut comparisons, mut slowest) = (0, Duration::ZERO);
    for round in 0..rounds {
        server.trouble().set_calm(false);
        let disaster = (turn_of(seed, DISASTERS) + round) % DISASTERS;
        let when = random.random_range(0..ROUND);
        let mut done = 0;
        while done < ROUND {
            let some = random.random_range(1..40).min(ROUND - done);
            server.change(some);
            if (done..done + some).contains(&when) {
                strike(&server, disaster, &mut random).await;
            }
            done += some;
            tokio::time::sleep(Duration::from_millis(random.random_range(0..8))).await;
        }
        // Sometimes nothing fails from now on.
        server.trouble().set_calm(random.random_bool(0.5));
        let took = caught_up(&server, &live, &engine, &format!("seed {seed}, round {round}")).await;
        slowest = slowest.max(took);
        comparisons += 1;
        if reading.is_finished() {
            break;
        }
    }
    server.trouble().set_calm(true);
    stop.store(true, Ordering::SeqCst);
    let answers = reading.await.unwrap_or_else(|error| panic!("seed {seed}: reader: {error}"));
    let faults = server.trouble().counts();
    Outcome { faults, answers, operations: rounds * ROUND, comparisons, slowest }
}

/// Takes one of the disasters, in turn.
fn turn_of(seed: u64, of: usize) -> usize {
    usize::try_from(seed).expect("small") % of
}

/// A failure of the whole server rather than of a connection.
async fn strike(server: &Server, disaster: usize, random: &mut StdRng) {
    match disaster {
        0 => server.restart(true),
        1 => server.restart(false),
        2 => {
            server.expire();
            server.change(20);
            tokio::time::sleep(Duration::from_millis(random.random_range(0..700))).await;
            server.write_kubeconfig();
        }
        3 => {
            server.kill();
            server.change(20);
            tokio::time::sleep(Duration::from_secs(1)).await;
            server.revive().await;
        }
        _ => server.hang_up(),
    }
}

/// Waits until all rows are as expected; returns how long that took.
async fn caught_up(server: &Server, live: &WatchSource, engine: &Arc<Engine>, place: &str) -> Duration {
    let begun = Instant::now();
    let session = engine.session();
    loop {
        let difference = match compare(server, &session).await {
            Ok(()) => return begun.elapsed(),
            Err(difference) => difference,
        };
        let status = || {
            let version = server.world().version;
            let calm = server.trouble().is_calm();
            format!("the server is at {version}, calm: {calm}; {:?}\n{}", live.status(), server.shared.last())
        };
        assert!(begun.elapsed() < CAUGHT_UP, "{place}: not caught up: {difference}\n{}", status());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Compares all tables with the server; returns the first difference.
async fn compare(server: &Server, session: &Session) -> Result<(), String> {
    let questions = expected::questions(&server.name, &server.world());
    for question in &questions {
        let mut rows = ask(session, question.sql).await.map_err(|error| error.message)?;
        rows.sort();
        if rows != question.rows {
            let [ours, theirs] = [&rows, &question.rows].map(|rows| rows.iter().cloned().collect::<BTreeSet<_>>());
            let [more, less] = [ours.difference(&theirs), theirs.difference(&ours)].map(|mut rows| rows.next());
            let counts = (rows.len(), question.rows.len());
            return Err(format!("{}: {counts:?} rows\n  not there: {more:?}\n  missing: {less:?}", question.sql));
        }
    }
    for (kind, sql) in expected::WHOLE {
        let rows = ask(session, sql).await.map_err(|error| error.message)?;
        let parsed = rows.iter().map(|row| serde_json::from_str::<Value>(&row[0]).expect("an object"));
        let mut ours: Vec<String> = parsed.map(|object| object.to_string()).collect();
        ours.sort();
        let mut theirs: Vec<String> = {
            let world = server.world();
            let of_kind = world.objects.iter().filter(|(key, _)| key.kind == kind);
            of_kind.map(|(_, stored)| stored.value.to_string()).collect()
        };
        theirs.sort();
        if ours != theirs {
            return Err(format!("{sql}: {} and {} objects", ours.len(), theirs.len()));
        }
        // Deleted rows do not count towards a limit.
        let half = theirs.len() / 2;
        let some = ask(session, &format!("select uid from {} limit {half}", kind.plural())).await;
        let some = some.map_err(|error| error.message)?;
        if some.len() != half {
            return Err(format!("{}: {} rows of a limit of {half}", Kind::plural(kind), some.len()));
        }
    }
    Ok(())
}
