//! Clients of Arrow Flight SQL: ADBC in Python, and the JDBC driver.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::clients::{java, python};
use super::support::{binary, root, run, run_with};

/// A running `kubesql serve`.
struct FlightServer {
    process: Child,
    address: String,
}

impl FlightServer {
    fn start(args: &[&str]) -> Self {
        let mut process = Command::new(binary())
            .current_dir(root())
            .args(["serve", "--pg", "off", "--http", "off", "--flight", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut lines = BufReader::new(process.stdout.take().expect("standard output")).lines();
        let line = lines
            .find_map(|line| line.expect("a line").strip_prefix("listening for Arrow Flight SQL ").map(str::to_owned));
        let line = line.expect("it says where it listens");
        let address = line.split_once(" on ").and_then(|(_, rest)| rest.split_once(';')).map(|(at, _)| at.to_owned());
        Self { process, address: address.unwrap_or_else(|| panic!("{line}")) }
    }
}

impl Drop for FlightServer {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// The output of a client, one `what: value` on each line.
struct Output(Vec<(String, String)>);

impl Output {
    fn by(mut client: Command) -> Self {
        let ran = client.stdin(Stdio::null()).output().expect("the client starts");
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{out}\n{err}");
        let pair = |line: &str| line.split_once(": ").map(|(what, value)| (what.to_owned(), value.to_owned()));
        Self(out.lines().filter_map(pair).collect())
    }

    fn all(&self, what: &str) -> Vec<&str> {
        self.0.iter().filter(|(output, _)| output == what).map(|(_, value)| value.as_str()).collect()
    }

    /// Checks that the output has all of these.
    fn has(&self, expect: &[(&str, &str)]) {
        let output: HashMap<&str, &str> = self.0.iter().map(|(what, value)| (what.as_str(), value.as_str())).collect();
        for (what, value) in expect {
            assert_eq!(output.get(what), Some(value), "{what}");
        }
    }
}

#[test]
#[cfg_attr(not(has_python_clients), ignore = "needs cargo xtask clients")]
fn answers_adbc() {
    let mut client = python("python");
    let served = FlightServer::start(&["--demo"]);
    client.arg("tests/clients/adbc.py").arg(format!("grpc://{}", served.address));
    let output = Output::by(client);
    output.has(&[
        ("one", "[(1,)]"),
        ("rows", "[('str', 'UTC', 'list'), ('str', 'UTC', 'list'), ('str', 'UTC', 'list')]"),
        ("parameters", "3"),
        ("question marks", "[('a?',)]"),
        ("null", "[(None,)]"),
        ("pandas", "['int64', True, True]"),
        ("many", "True"),
        ("large", "True"),
        ("empty", "['name']"),
        (
            "types",
            "['string', 'string', 'list<item: string>', 'map<string, string>', 'struct<a: int64>', 'null', \
             'month_day_nano_interval', 'date32[day]', 'decimal128(10, 2)', 'binary']",
        ),
        ("day", "2026-01-02"),
        ("setting", "[('on',)]"),
        ("option", "on"),
        ("reset", "[('off',)]"),
        ("schema option", "['apps', [('apps',)]]"),
        ("another session", "[('kubesql',)]"),
        ("table types", "['TABLE', 'VIEW']"),
        ("vendor", "kubesql"),
        (
            "table schema",
            "{'name': 'string', 'creationtimestamp': 'timestamp[us, tz=UTC]', 'labels': 'map<string, string>', \
             'generation': 'int64', 'hostnetwork': 'bool'}",
        ),
        ("unlisted", "True"),
        ("tables", "['kubesql', True]"),
        ("columns", "True"),
        ("planned only", "['name', 'labels']"),
        ("after errors", "[(7,)]"),
        ("cancelled", "CANCELLED"),
        ("gone", "True"),
        ("handshake", "[('on',)]"),
    ]);
    let begins = |what, expect: &[(&str, &str)]| {
        let errors = output.all(what);
        assert_eq!(errors.len(), expect.len(), "{errors:?}");
        for (error, (code, part)) in errors.iter().zip(expect) {
            assert!(error.starts_with(code) && error.contains(part), "{error}");
        }
    };
    begins("rows of parameters", &[("INVALID_ARGUMENT", "one row of parameters at a time")]);
    begins("unknown option", &[("INVALID_ARGUMENT", "invalid name")]);
    begins("no table", &[("NOT_FOUND", "")]);
    begins("ingest", &[("UNAUTHORIZED", "read-only")]);
    begins(
        "error",
        &[
            ("INVALID_ARGUMENT", "at or near \"selec\""),
            ("NOT_FOUND", "hint: did you mean pods?"),
            ("NOT_FOUND", "hint: did you mean name?"),
            ("UNAUTHORIZED", "clusters are read-only"),
            ("INVALID_ARGUMENT", "division by zero"),
        ],
    );
}

#[test]
#[cfg_attr(not(has_java_clients), ignore = "needs Java, and cargo xtask clients")]
fn answers_jdbc() {
    let mut client = java(&["flight-sql-jdbc-driver"]);
    let served = FlightServer::start(&["--demo"]);
    // Arrow accesses direct memory by reflection.
    client.env("JDK_JAVA_OPTIONS", "--add-opens=java.base/java.nio=ALL-UNNAMED -Duser.timezone=UTC");
    client.arg("tests/clients/FlightSql.java").arg(&served.address);
    let output = Output::by(client);
    output.has(&[
        ("product", "kubesql"),
        ("read only", "true"),
        ("quote", "\""),
        ("full joins", "true"),
        ("transactions", "false"),
        ("unions", "true"),
        ("string functions", "true"),
        ("forward only", "true"),
        ("catalogs", "[kubesql]"),
        ("schemas", "[apps]"),
        ("table types", "[TABLE, VIEW]"),
        ("tables", "[daemonsets, replicasets, statefulsets]"),
        ("views", "[clusters, functions, queries, tables, watches]"),
        ("unlisted", "[pod_volumes]"),
        ("nothing", "[]"),
        ("all tables", "true"),
        (
            "columns",
            "[name text 12, hostnetwork boolean 16, creationtimestamp timestamp with time zone 2014, \
             generation bigint -5, labels map 2000]",
        ),
        ("primary keys", "[]"),
        ("imported keys", "[]"),
        ("nodes", "2"),
        ("empty", "[]"),
        ("set", "false 0"),
        ("setting", "[on]"),
        ("reset", "[off]"),
        ("many rows", "true"),
        ("parameters", "3"),
        ("type of text", "VARCHAR ü"),
        ("type of nothing", "VARCHAR null"),
        ("type of yes", "BOOLEAN true"),
        ("type of small", "INTEGER 7"),
        ("type of big", "BIGINT 9007199254740993"),
        ("type of float", "DOUBLE 0.25"),
        ("type of plain", "TIMESTAMP 2026-01-02 03:04:05.678901"),
        ("type of zoned", "TIMESTAMP_WITH_TIMEZONE 2026-01-02T03:04:05.678901Z"),
        ("type of day", "DATE 2026-01-02"),
        ("type of texts", "ARRAY [a, null]"),
        ("type of span", "JAVA_OBJECT P1D PT0S"),
        ("type of money", "DECIMAL 1.50"),
        ("type of untyped", "NULL null"),
        ("type of labels", "JAVA_OBJECT map of true"),
        ("type of word", "VARCHAR x"),
        ("type of bytes", "VARBINARY 1 bytes"),
        ("type of parts", "JAVA_OBJECT map of true"),
        ("after errors", "[7]"),
        ("cancelled", "stopped"),
    ]);
    assert_eq!(output.all("prepared"), ["1", "2", "3"]);
    let columns = output.all("all columns");
    assert!(columns.iter().any(|tables| tables.contains("pods")), "{columns:?}");
    for (error, part) in output.all("error").iter().zip([
        "at or near \"selec\"",
        "did you mean pods?",
        "did you mean name?",
        "read-only",
        "INTERSECT ALL",
        "division by zero",
    ]) {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
#[cfg_attr(not(has_python_clients), ignore = "needs cargo xtask clients")]
fn authenticates_flight_clients() {
    let mut client = python("python");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (users, tokens) = (file("users"), file("tokens"));
    let added = run_with(&["user", "add", "ada", "--users", &users], "lovelace\n");
    assert_eq!(added.code, Some(0), "{}", added.err);
    let made = run(&["token", "create", "grace", "--tokens", &tokens]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let served = FlightServer::start(&["--demo", "--users", &users, "--tokens", &tokens]);
    let address = format!("grpc://{}", served.address);
    client.args(["tests/clients/adbc_access.py", &address, made.out.trim()]);
    let output = Output::by(client);
    output.has(&[("right", "[(7,)]"), ("token", "[(7,)]")]);
    for what in ["nobody", "wrong", "wrong token"] {
        let outcome = output.all(what).concat();
        assert!(outcome.starts_with("UNAUTHENTICATED"), "{what}: {outcome}");
    }
}

#[test]
fn refuses_open_network_addresses() {
    let ran = run(&["serve", "--demo", "--pg", "off", "--http", "off", "--flight", "0.0.0.0:0"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("--flight 0.0.0.0:0"), "{}", ran.err);
}
