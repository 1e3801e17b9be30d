//! `kubesql serve` over a demo cluster, with tokio-postgres and psql.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use futures::TryStreamExt;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::support::{binary, root, run};

/// A running `kubesql serve`.
pub(crate) struct PgServer {
    pub(crate) process: Child,
    pub(crate) port: String,
}

impl PgServer {
    /// Starts one over the demo cluster.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::over(&[&["--demo"], args].concat())
    }

    /// Starts one with these arguments.
    pub(crate) fn over(args: &[&str]) -> Self {
        Self::logging(args, Stdio::inherit())
    }

    /// Starts one with these arguments, and with this standard error.
    pub(crate) fn logging(args: &[&str], log: impl Into<Stdio>) -> Self {
        let mut process = Command::new(binary())
            .current_dir(root())
            .args(["serve", "--pg", "127.0.0.1:0", "--http", "off"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the command starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("standard output")).read_line(&mut line).expect("a line");
        let port = line.trim().rsplit_once("-p ").map(|(_, port)| port.to_owned());
        Self { process, port: port.unwrap_or_else(|| panic!("{line}")) }
    }

    pub(crate) async fn client(&self) -> Client {
        self.connected().await.0
    }

    /// A client, and the task of its connection, which closes with the task.
    async fn connected(&self) -> (Client, JoinHandle<Result<(), tokio_postgres::Error>>) {
        let config = format!("host=127.0.0.1 port={} user=someone application_name=the-test", self.port);
        let (client, connection) = tokio_postgres::connect(&config, NoTls).await.expect("a connection");
        (client, tokio::spawn(connection))
    }

    /// What psql prints, unaligned.
    pub(crate) fn psql(&self, args: &[&str]) -> (String, String) {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-A", "-t", "-h", "127.0.0.1", "-U", "someone", "-p", &self.port]).args(args);
        let ran = psql.stdin(Stdio::null()).output().expect("psql runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (text(ran.stdout), text(ran.stderr))
    }
}

impl Drop for PgServer {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// A statement that runs longer than any test.
pub(crate) const ENDLESS: &str =
    "select count(*) from pods a, pods b, pods c, pods d where a.name > b.name and b.name > c.name and c.name > d.name";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_have_postgresql_types() {
    let served = PgServer::start(&[]);
    let client = served.client().await;
    let sql = "select p.name, p.creationtimestamp, p.labels, c.\"requests.cpu\", p.hostnetwork, c.command, p.generation \
               from pods p join containers c using (uid) \
               where p.labels['team'] is not null and c.\"requests.cpu\" >= $1 and p.name > $2 order by p.name limit $3";
    let statement = client.prepare(sql).await.expect("a statement");
    let types: Vec<&str> = statement.columns().iter().map(|column| column.type_().name()).collect();
    assert_eq!(types, ["text", "timestamptz", "jsonb", "float8", "bool", "jsonb", "int8"]);
    let params: Vec<&str> = statement.params().iter().map(tokio_postgres::types::Type::name).collect();
    assert_eq!(params, ["float8", "text", "int8"]);
    let rows = client.query(&statement, &[&0.2, &"b", &3_i64]).await.expect("rows");
    assert_eq!(rows.len(), 3);
    for row in &rows {
        assert!(row.get::<_, &str>(0) > "b");
        assert!(row.get::<_, SystemTime>(1) < SystemTime::now());
        assert!(row.get::<_, serde_json::Value>(2)["team"].is_string());
        assert!(row.get::<_, f64>(3) >= 0.2);
        assert_eq!(row.get::<_, Option<bool>>(4), None);
        assert_eq!(row.get::<_, Option<i64>>(6), Some(1));
    }
    // The same statement with other values, and with NULL.
    assert_eq!(client.query(&statement, &[&1e9, &"", &3_i64]).await.expect("no rows").len(), 0);
    let null = client.query(&statement, &[&None::<f64>, &"", &3_i64]).await;
    assert_eq!(null.expect("nothing is at least NULL").len(), 0);

    let sql =
        "select $1::int + 1, array['a', null], $2::timestamptz, null, cast($3 as boolean), make_array(make_array(1))";
    let time = SystemTime::UNIX_EPOCH + Duration::from_micros(1_767_323_045_678_901);
    let row = client.query_one(sql, &[&41, &time, &true]).await.expect("a row");
    assert_eq!(row.get::<_, i64>(0), 42);
    assert_eq!(row.get::<_, Vec<Option<&str>>>(1), [Some("a"), None]);
    assert_eq!(row.get::<_, SystemTime>(2), time);
    assert_eq!(row.get::<_, Option<&str>>(3), None);
    assert!(row.get::<_, bool>(4));
    assert_eq!(row.get::<_, serde_json::Value>(5), serde_json::json!([[1]]));
    let log = client.query_one("select session from system.queries where state = 'running'", &[]).await;
    assert_eq!(log.expect("this one").get::<_, &str>(0), "the-test");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn portals_fetch_rows_in_parts() {
    let served = PgServer::start(&[]);
    let mut client = served.client().await;
    let all = client.query("select name, namespace from pods", &[]).await.expect("rows").len();
    let transaction = client.transaction().await.expect("a transaction");
    let portal = transaction.bind("select namespace, name from pods", &[]).await.expect("a portal");
    let mut seen = 0;
    loop {
        let rows = transaction.query_portal(&portal, 700).await.expect("rows");
        seen += rows.len();
        if rows.is_empty() {
            break;
        }
        assert!(rows.len() <= 700);
    }
    // The number of pods changes meanwhile.
    assert!(seen.abs_diff(all) < 200, "{seen} of {all}");
    transaction.commit().await.expect("committed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_have_sqlstates() {
    let served = PgServer::start(&["--statement-timeout", "1"]);
    let client = served.client().await;
    for (sql, code) in [
        ("selec 1", SqlState::SYNTAX_ERROR),
        ("select * from podz", SqlState::UNDEFINED_TABLE),
        ("select nam from pods", SqlState::UNDEFINED_COLUMN),
        ("delete from pods", SqlState::READ_ONLY_SQL_TRANSACTION),
        ("select 1 intersect all select 1", SqlState::FEATURE_NOT_SUPPORTED),
        ("select 1 / 0", SqlState::DIVISION_BY_ZERO),
        (ENDLESS, SqlState::QUERY_CANCELED),
    ] {
        let error = client.query(sql, &[]).await.expect_err(sql);
        assert_eq!(error.code(), Some(&code), "{sql}: {error:?}");
        let error = client.simple_query(sql).await.expect_err(sql);
        assert_eq!(error.code(), Some(&code), "{sql}: {error:?}");
        // The connection can still be used.
        assert_eq!(client.query_one("select 7", &[]).await.expect("an answer").get::<_, i64>(0), 7);
    }
    let error = client.query("select * from podz", &[]).await.expect_err("there are none");
    let hint = error.as_db_error().and_then(|error| error.hint()).unwrap_or_default();
    assert!(hint.contains("pods"), "{hint}");
    let wrong = client.query("select name from pods where creationtimestamp > $1::text::timestamptz", &[&"soon"]).await;
    assert!(wrong.is_err());
    // Statements before the failing one are answered, those after it are not run.
    let messages = client.simple_query_raw("select 1; select nope; select 2").await.expect("a stream");
    let mut messages = std::pin::pin!(messages);
    let mut rows = 0;
    let error = loop {
        match messages.try_next().await {
            Ok(Some(message)) => rows += usize::from(matches!(message, SimpleQueryMessage::Row(_))),
            Ok(None) => panic!("nothing failed"),
            Err(error) => break error,
        }
    };
    assert_eq!((rows, error.code()), (1, Some(&SqlState::UNDEFINED_COLUMN)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancels_statements_on_request_or_disconnect() {
    let served = PgServer::start(&[]);
    let other = served.client().await;
    let running = "select count(*) from system.queries where state = 'running' and sql like '%from pods a%' and sql not like '%system%'";
    for cancel in [true, false] {
        let (client, connection) = served.connected().await;
        let token = client.cancel_token();
        let task = tokio::spawn(async move { client.simple_query(ENDLESS).await.map(|_| ()) });
        while other.query_one(running, &[]).await.expect("a count").get::<_, i64>(0) == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if cancel {
            token.cancel_query(NoTls).await.expect("the request is sent");
            let error = task.await.expect("no panic").expect_err("cancelled");
            assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED), "{error:?}");
        } else {
            connection.abort();
        }
        let gone = async {
            while other.query_one(running, &[]).await.expect("a count").get::<_, i64>(0) > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone).await.expect("it ends with its client");
    }
}

#[test]
#[cfg_attr(not(has_psql), ignore = "needs psql")]
fn answers_psql() {
    let served = PgServer::start(&["--watch", "nodes"]);
    let (out, err) = served.psql(&["-c", "select count(*) > 0 from pods", "-c", "select 1; select nope; select 2"]);
    assert_eq!(out, "t\n1\n", "{err}");
    let mark = format!("LINE 1: select 1; select nope; select 2\n{:25}^\nHINT: ", "");
    assert!(err.starts_with(&format!("ERROR:  column \"nope\" does not exist\n{mark}")), "{err}");
    let (out, err) = served.psql(&["-c", "set kubesql.partial = on; show kubesql.partial; begin; commit"]);
    assert_eq!(out, "SET\non\nBEGIN\nCOMMIT\n", "{err}");
    let (out, err) = served.psql(&["-c", "select state from system.watches where resource = 'nodes'"]);
    assert!(["synced\n", "listing\n"].contains(&out.as_str()), "{out}{err}");
    let (out, _) = served.psql(&["-c", "drop table pods"]);
    assert_eq!(out, "");
}

#[test]
fn refuses_open_network_addresses() {
    let ran = run(&["serve", "--demo", "--pg", "0.0.0.0:0"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("everybody on the network could read all data"), "{}", ran.err);
    let ran = run(&["serve", "--demo", "--pg", "127.0.0.1:0", "--watch", "podz"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("pods"), "{}", ran.err);
}
