//! The same rows in a real PostgreSQL and in kubesql: statements that were written by hand, and generated ones, must
//! return the same rows, the same types and the same SQLSTATE.
//!
//! `KUBESQL_POSTGRES_STATEMENTS` and `KUBESQL_POSTGRES_SEED` run more generated statements, or others.
//! `KUBESQL_POSTGRES_REPORT` names a file for all differences.

mod answers;
mod generator;
mod objects;
mod postgres;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio_postgres::Client;

use crate::serve::PgServer;
use crate::support::root;
use answers::{Answer, ask, difference};
use generator::Generator;
use postgres::Postgres;

const SEED: u64 = 1;
const COUNT: usize = 3000;

/// Both servers with the same rows.
struct Both {
    // Dropped before the folder of the objects.
    _kubesql: PgServer,
    _postgres: Postgres,
    theirs: Client,
    ours: Client,
}

impl Both {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let objects = objects::make(&mut StdRng::seed_from_u64(SEED));
        let file = folder.path().join("objects.json");
        std::fs::write(&file, serde_json::json!({"kind": "List", "apiVersion": "v1", "items": objects}).to_string())
            .expect("the objects are written");
        let postgres = Postgres::start();
        let theirs = postgres.client().await;
        theirs.batch_execute("create table objects (o jsonb)").await.expect("a table");
        for object in objects {
            theirs.execute("insert into objects values ($1)", &[&object]).await.expect("a row");
        }
        theirs.batch_execute(include_str!("tables.sql")).await.expect("tables");
        let kubesql = PgServer::over(&["--file", &file.display().to_string()]);
        let ours = kubesql.client().await;
        // The files are read once for each statement.
        _ = folder.keep();
        Self { _kubesql: kubesql, _postgres: postgres, theirs, ours }
    }

    /// How the answers to a statement differ, if they do.
    async fn difference(&self, sql: &str) -> Option<String> {
        let (theirs, ours): (Answer, Answer) = (ask(&self.theirs, sql).await, ask(&self.ours, sql).await);
        let found = difference(sql, &theirs, &ours)?;
        Some(format!("{sql}\n  {found}\n  PostgreSQL: {}\n  kubesql:    {}", theirs.shown(), ours.shown()))
    }
}

/// A list of statements, one on each line.
///
/// `statements.txt` has those that both servers answer alike. `differences.txt` has those that kubesql answers
/// differently on purpose: each block has its reason, which is in docs/sql.md too. `faults.txt` has those that it should
/// answer as PostgreSQL does, and does not yet.
fn list(name: &str) -> String {
    let path = root().join("tests/it/postgres_oracle").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The statements of a list.
fn statements(list: &str) -> impl Iterator<Item = &str> {
    list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn report(name: &str, wrong: &[String], count: usize) {
    if let Some(path) = std::env::var_os("KUBESQL_POSTGRES_REPORT") {
        std::fs::write(path, wrong.join("\n\n")).expect("the report is written");
    }
    let first = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {count} {name} statements differ:\n\n{first}", wrong.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_postgres), ignore = "needs PostgreSQL 15")]
async fn written_statements_are_answered_as_by_postgresql() {
    let both = Both::start().await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for sql in statements(&list("statements.txt")) {
        count += 1;
        wrong.extend(both.difference(sql).await);
    }
    assert!(count >= 400, "only {count} statements");
    report("written", &wrong, count);
    // What works by now, or is no difference any more, belongs into the list of statements.
    let mut needless = Vec::new();
    for sql in statements(&list("faults.txt")).chain(statements(&list("differences.txt"))) {
        if both.difference(sql).await.is_none() {
            needless.push(sql.to_owned());
        }
    }
    assert!(needless.is_empty(), "answered as by PostgreSQL, move to statements.txt:\n{}", needless.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_postgres), ignore = "needs PostgreSQL 15")]
async fn generated_statements_are_answered_as_by_postgresql() {
    let number = |variable: &str| std::env::var(variable).ok().map(|text| text.parse::<u64>().expect("a whole number"));
    let seed = number("KUBESQL_POSTGRES_SEED").unwrap_or(SEED);
    let count = number("KUBESQL_POSTGRES_STATEMENTS").map_or(COUNT, |count| usize::try_from(count).expect("a count"));
    let both = Both::start().await;
    let mut generator = Generator::new(seed);
    let mut wrong = Vec::new();
    let mut refused = 0;
    for _ in 0..count {
        let sql = generator.statement();
        refused += usize::from(ask(&both.theirs, &sql).await.is_error());
        wrong.extend(both.difference(&sql).await);
    }
    assert!(refused * 4 < count, "PostgreSQL refuses {refused} of {count}");
    report("generated", &wrong, count);
}

/// Each reason for a difference is in the SQL reference.
#[test]
fn differences_are_documented() {
    let documented = std::fs::read_to_string(root().join("docs/sql.md")).expect("docs/sql.md");
    let documented = documented.split_whitespace().collect::<Vec<_>>().join(" ");
    let differences = list("differences.txt");
    let reasons: Vec<_> = differences.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    let reasons = reasons.into_iter().chain(answers::TYPES.iter().map(|(_, _, reason)| *reason));
    for reason in reasons {
        assert!(documented.contains(reason), "docs/sql.md does not say: {reason}");
    }
}
