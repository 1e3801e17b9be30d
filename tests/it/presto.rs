//! The statement protocol of Presto and Trino: its HTTP messages, command lines, JDBC drivers and Python clients.

use std::process::Command;

use serde_json::{Value, json};

use super::clients::{java, python};
use super::http::{HttpServer, Reply};
use super::support::DEMO;

const USER: [(&str, &str); 1] = [("X-Presto-User", "somebody")];

fn over_files() -> HttpServer {
    HttpServer::start(&["--file", DEMO])
}

/// The answer to a statement: columns, rows, and the last page with its headers.
struct Answer {
    columns: Value,
    rows: Vec<Value>,
    last: Value,
    reply: Reply,
}

/// Runs a statement and reads all pages.
fn ask(served: &HttpServer, sql: &str, headers: &[(&str, &str)]) -> Answer {
    let mut reply = served.ask("POST", "/v1/statement", headers, sql);
    let (mut columns, mut rows) = (Value::Null, Vec::new());
    loop {
        assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
        let page = reply.json();
        if page["columns"].is_array() {
            columns = page["columns"].clone();
        }
        rows.extend(page["data"].as_array().into_iter().flatten().cloned());
        let Some(next) = page["nextUri"].as_str() else { return Answer { columns, rows, last: page, reply } };
        reply = served.ask("GET", path(served, next), headers, "");
    }
}

fn path<'a>(served: &HttpServer, uri: &'a str) -> &'a str {
    uri.strip_prefix(&format!("http://{}", served.address)).unwrap_or_else(|| panic!("{uri}"))
}

fn names(columns: &Value) -> Vec<&str> {
    columns.as_array().into_iter().flatten().filter_map(|column| column["name"].as_str()).collect()
}

#[test]
fn pages_have_columns_rows_and_a_next_uri() {
    let served = over_files();
    let begun = served.ask("POST", "/v1/statement", &USER, "select name from nodes order by 1;").json();
    for name in ["id", "infoUri", "nextUri", "stats"] {
        assert!(begun.get(name).is_some(), "{name}: {begun}");
    }
    assert_eq!((&begun["stats"]["state"], begun.get("error")), (&json!("QUEUED"), None));
    // Presto's command line stops without this field.
    assert!(begun["stats"]["rootStage"]["subStages"].is_array(), "{begun}");
    let answer = ask(&served, "select name, count(*), sum(1) from nodes group by name order by 1", &USER);
    assert_eq!(names(&answer.columns), ["name", "_col1", "_col2"]);
    assert_eq!(answer.rows[0], json!(["control-1", 1, 1]));
    assert_eq!(answer.last["stats"]["state"], "FINISHED");
    let info = answer.last["infoUri"].as_str().expect("a URI");
    assert_eq!(served.ask("GET", path(&served, info), &[], "").json()["state"], "FINISHED");
    let many = ask(&served, "select value, repeat('x', 50) from generate_series(1, 100000)", &USER);
    assert_eq!((many.rows.len(), &many.rows[99_999][0]), (100_000, &json!(100_000)));
    let none = ask(&served, "select name from nodes where false", &USER);
    assert_eq!((names(&none.columns), none.rows.len()), (vec!["name"], 0));
    let info = served.ask("GET", "/v1/info", &[], "").json();
    assert_eq!((&info["starting"], &info["coordinator"]), (&json!(false), &json!(true)));
}

#[test]
fn types_are_named_as_in_each_protocol() {
    let served = over_files();
    let sql = "select name, creationtimestamp, labels, \"allocatable.cpu\", \"allocatable.memory\", null as nothing, \
        array['a'] as list from nodes limit 1";
    let types = |headers: &[(&str, &str)]| {
        let columns = ask(&served, sql, headers).columns;
        let of = columns.as_array().expect("columns").iter();
        of.map(|column| column["type"].as_str().expect("a type").to_owned()).collect::<Vec<_>>()
    };
    let presto = [
        "varchar",
        "timestamp with time zone",
        "map(varchar,varchar)",
        "double",
        "bigint",
        "unknown",
        "array(varchar)",
    ];
    assert_eq!(types(&USER), presto);
    let trino = [("X-Trino-User", "me"), ("X-Trino-Client-Capabilities", "PATH,PARAMETRIC_DATETIME")];
    let precise = [
        "varchar",
        "timestamp(6) with time zone",
        "map(varchar, varchar)",
        "double",
        "bigint",
        "unknown",
        "array(varchar)",
    ];
    assert_eq!(types(&trino), precise);
    let answer = ask(&served, sql, &trino);
    let signature = json!({"rawType": "timestamp with time zone", "arguments": [{"kind": "LONG", "value": 6}]});
    assert_eq!(answer.columns[1]["typeSignature"], signature);
    assert!(answer.rows[0][1].as_str().expect("a time").ends_with(".000000 UTC"), "{:?}", answer.rows);
    let described = ask(&served, "describe pods", &trino);
    assert_eq!(names(&described.columns), ["Column", "Type", "Extra", "Comment"]);
    let row = json!(["creationtimestamp", "timestamp(6) with time zone", "", "metadata.creationTimestamp"]);
    assert!(described.rows.contains(&row));
    let change = ask(&served, "use core", &trino);
    assert_eq!(
        (change.reply.header("x-trino-set-schema"), change.reply.header("x-trino-set-catalog")),
        (Some("core"), Some("kubesql"))
    );
    let change = ask(&served, "use core", &USER);
    assert_eq!(change.reply.header("x-presto-set-schema"), Some("core"));
}

#[test]
fn shows_catalogs_schemas_tables_and_functions() {
    let served = over_files();
    for (sql, columns, row) in [
        ("show catalogs", &["Catalog"][..], json!(["kubesql"])),
        ("show schemas from kubesql", &["Schema"], json!(["networking.k8s.io"])),
        ("show schemas like 'app_'", &["Schema"], json!(["apps"])),
        ("show tables", &["Table"], json!(["pods"])),
        ("show tables from kubesql.core like 'container\\_%' escape '\\'", &["Table"], json!(["container_env"])),
        (
            "show columns from core.pods",
            &["Column", "Type", "Extra", "Comment"],
            json!(["phase", "varchar", "", "status.phase"]),
        ),
        (
            "show session like 'search%'",
            &["Name", "Value", "Default", "Type", "Description"],
            json!(["search_path", "kubesql", "", "varchar", ""]),
        ),
        (
            "select table_name from information_schema.tables where table_schema = 'core'",
            &["table_name"],
            json!(["pods"]),
        ),
        ("select * from system.jdbc.catalogs", &["table_cat"], json!(["kubesql"])),
        ("explain (type logical) select 1", &["plan_type", "plan"], Value::Null),
    ] {
        let answer = ask(&served, sql, &USER);
        assert_eq!(names(&answer.columns), columns, "{sql}: {}", answer.last);
        assert!(row.is_null() || answer.rows.contains(&row), "{sql}: {:?}", answer.rows);
    }
    let functions = ask(&served, "show functions", &USER);
    assert!(functions.rows.iter().any(|row| row[0] == "date_diff"));
    assert!(!ask(&served, "show schemas", &USER).rows.contains(&json!(["system.jdbc"])));
}

#[test]
fn sessions_are_kept_by_clients() {
    let served = over_files();
    let set = ask(&served, "set session kubesql.partial = 'on'", &USER);
    assert_eq!(
        (&set.last["updateType"], set.reply.header("x-presto-set-session")),
        (&json!("SET SESSION"), Some("kubesql.partial=on"))
    );
    let with = |name: &'static str, value: &'static str| [USER[0], (name, value)];
    let shown = |headers: &[(&str, &str)]| ask(&served, "show session like 'kubesql%'", headers).rows[0][1].clone();
    assert_eq!(shown(&with("X-Presto-Session", "kubesql.partial=on")), "on");
    assert_eq!(shown(&USER), "off");
    let reset = ask(&served, "reset session kubesql.partial", &USER);
    assert_eq!(reset.reply.header("x-presto-clear-session"), Some("kubesql.partial"));
    let answer = ask(&served, "select count(*) from deployments", &with("X-Presto-Schema", "apps"));
    assert_eq!(answer.rows.len(), 1);
    let prepared = ask(&served, "prepare s from select name from nodes where name > ? order by 1 limit ?", &USER);
    let text = "s=select%20name%20from%20nodes%20where%20name%20%3E%20%3F%20order%20by%201%20limit%20%3F";
    assert_eq!(prepared.reply.header("x-presto-added-prepare"), Some(text));
    let headers = with("X-Presto-Prepared-Statement", text);
    assert_eq!(ask(&served, "execute s using 'worker-a', 1", &headers).rows, [json!(["worker-b"])]);
    let inputs = ask(&served, "describe input s", &headers).rows;
    assert_eq!(inputs, [json!([0, "varchar"]), json!([1, "bigint"])]);
    assert_eq!(ask(&served, "describe output s", &headers).rows[0][0], "name");
    let gone = ask(&served, "deallocate prepare s", &headers);
    assert_eq!(gone.reply.header("x-presto-deallocated-prepare"), Some("s"));
    let immediate = ask(&served, "execute immediate 'select ?, ''x''' using 7", &USER);
    assert_eq!(immediate.rows, [json!([7, "x"])]);
    let begun = ask(&served, "start transaction", &USER);
    assert!(begun.reply.header("x-presto-started-transaction-id").is_some());
    assert_eq!(ask(&served, "rollback", &USER).reply.header("x-presto-clear-transaction-id"), Some("true"));
}

#[test]
fn errors_have_codes_names_and_types() {
    let served = HttpServer::start(&["--file", DEMO, "--statement-timeout", "1"]);
    let endless = "select count(*) from generate_series(1, 1000000) a(value), generate_series(1, 1000000) b(value), \
        generate_series(1, 1000000) c(value) where a.value + b.value < c.value";
    for (sql, name, code, of) in [
        ("selec 1", "SYNTAX_ERROR", 1, "USER_ERROR"),
        ("select * from podz", "TABLE_NOT_FOUND", 46, "USER_ERROR"),
        ("select * from nowhere.pods", "SCHEMA_NOT_FOUND", 45, "USER_ERROR"),
        ("use nowhere", "SCHEMA_NOT_FOUND", 45, "USER_ERROR"),
        ("use other.core", "CATALOG_NOT_FOUND", 44, "USER_ERROR"),
        ("select nam from pods", "COLUMN_NOT_FOUND", 47, "USER_ERROR"),
        ("drop table pods", "READ_ONLY_VIOLATION", 20, "USER_ERROR"),
        ("set session nothing = 1", "INVALID_SESSION_PROPERTY", 14, "USER_ERROR"),
        ("execute nothing", "NOT_FOUND", 5, "USER_ERROR"),
        ("execute immediate 'select ?'", "INVALID_PARAMETER_USAGE", 33, "USER_ERROR"),
        ("select 1 / 0", "DIVISION_BY_ZERO", 8, "USER_ERROR"),
        (endless, "EXCEEDED_TIME_LIMIT", 131_075, "INSUFFICIENT_RESOURCES"),
    ] {
        let answer = ask(&served, sql, &USER);
        let error = &answer.last["error"];
        assert_eq!(
            (&error["errorName"], &error["errorCode"], &error["errorType"]),
            (&json!(name), &json!(code), &json!(of)),
            "{sql}: {error}"
        );
        assert_eq!((answer.last["stats"]["state"].as_str(), answer.rows.len()), (Some("FAILED"), 0), "{sql}");
    }
    let error = ask(&served, "select\n ) from pods", &USER).last["error"].clone();
    assert_eq!(error["errorLocation"]["lineNumber"], 2, "{error}");
    // A late failure is reported after any number of rows.
    let late = ask(&served, "select 1 / (200000 - value) from generate_series(1, 200000)", &USER);
    assert_eq!(late.last["error"]["errorName"], "DIVISION_BY_ZERO");
}

#[test]
fn rejects_malformed_requests() {
    let served = over_files();
    let begun = served.ask("POST", "/v1/statement", &USER, "select 1").json();
    let next = path(&served, begun["nextUri"].as_str().expect("a URI")).to_owned();
    let (place, _) = next.rsplit_once('/').expect("a number");
    for (method, path, headers, body, status) in [
        ("POST", "/v1/statement", &[][..], "select 1", 400),
        ("POST", "/v1/statement", &USER[..], "", 400),
        ("GET", "/v1/statement", &USER, "", 405),
        ("PUT", "/v1/statement", &USER, "select 1", 405),
        ("GET", "/v1/statement/executing/x/y/0", &USER, "", 404),
        ("GET", "/v1/statement/executing/x/y/-1", &USER, "", 400),
        ("GET", &format!("{place}/7"), &USER, "", 410),
        ("GET", &format!("{place}/18446744073709551615"), &USER, "", 410),
        ("DELETE", "/v1/statement/executing/x/y/0", &USER, "", 204),
        ("GET", "/v1/query/nothing", &USER, "", 404),
    ] {
        let reply = served.ask(method, path, headers, body);
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
    }
    // Malformed headers.
    for value in ["=", ",,,", "a=%ZZ", "a=b=c", "%"] {
        for name in ["X-Presto-Session", "X-Presto-Prepared-Statement", "X-Presto-Schema", "X-Presto-Catalog"] {
            let reply = served.ask("POST", "/v1/statement", &[USER[0], (name, value)], "select 1");
            assert_eq!(reply.status, 200, "{name}: {value}");
        }
    }
    assert_eq!(ask(&served, "select 1", &USER).rows, [json!([1])]);
}

#[test]
fn serves_many_clients_at_once() {
    let served = over_files();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..100)
            .map(|number| {
                let served = &served;
                scope.spawn(move || ask(served, &format!("select count(*) + {number} from nodes"), &USER).rows)
            })
            .collect();
        for (number, client) in clients.into_iter().enumerate() {
            assert_eq!(client.join().expect("no panic"), [json!([number + 4])]);
        }
    });
}

/// The queries of the first users, unchanged.
const FIRST: &str = "\
select nodename, count(*) as pod_count from pods group by nodename;
select pods.namespace,pods.name,sum(\"requests.cpu\") as \"requests.cpu\" ,sum(\"limits.cpu\") as \"limits.cpu\" from pods,containers where pods.uid = containers.uid group by pods.namespace,pods.name;
select nodes.name, nodes.\"allocatable.cpu\" - podnodecpu.\"requests.cpu\" from nodes, (select pods.nodename,sum(\"requests.cpu\") as \"requests.cpu\" from pods,containers where pods.uid = containers.uid group by pods.nodename) as podnodecpu where nodes.name = podnodecpu.nodename;
select name, namespace,creationTimestamp from pods where creationTimestamp > date('2020-05-12') order by creationTimestamp desc;
select namespace,name,phase from pods where phase = 'Pending' and \"labels.appid\" = 'springboot';
select count(*) from pods where phase = 'Pending' and \"labels.appid\" = 'springboot';
select name from pods where \"ready.status\" = 'True';
show tables;
describe pods;";

/// The output of a command line.
fn printed(client: &mut Command, served: &HttpServer, sql: &str) -> (String, String) {
    client.args(["--server", &served.address, "--catalog", "kubesql", "--schema", "kubesql"]);
    let ran = client.args(["--output-format", "CSV_HEADER", "--execute", sql]).output().expect("java runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(ran.stdout), text(ran.stderr))
}

/// A command line with the queries of the first users, and with statements of its protocol.
fn command_line(jar: &str, class: &str) {
    let mut client = java(&[jar]);
    let served = over_files();
    let (out, err) = printed(client.arg(class), &served, FIRST);
    let lines: Vec<&str> = out.lines().collect();
    for line in [
        "\"nodename\",\"pod_count\"",
        "\"worker-a\",\"6\"",
        "\"shop\",\"prometheus-0\",\"1.0\",\"\"",
        "\"name\",\"_col1\"",
        "\"shop\",\"web-6f9c7d5b8-zz7td\",\"Pending\"",
        "\"_col0\"",
        "\"Table\"",
        "\"containers\"",
        "\"Column\",\"Type\",\"Extra\",\"Comment\"",
        "\"nodename\",\"varchar\",\"\",\"spec.nodeName\"",
        "\"labels.appid\",\"varchar\",\"\",\"metadata.labels[appid]\"",
    ] {
        let found =
            lines.contains(&line) || line.contains("prometheus-0") && out.contains("\"prometheus-0\",\"1.0\",\"\"");
        assert!(found, "{jar}: {line} in {out}{err}");
    }
    let time = lines.iter().find(|line| line.starts_with("\"payments-85b4f5c9d-mm8wq\",\"shop\",\""));
    assert!(time.is_some_and(|line| line.contains("2026-11-02 09:41:12.000") && line.ends_with(" UTC\"")), "{time:?}");
    let mut client = java(&[jar]);
    let sql = "use core; show tables like 'container_env'; set session kubesql.partial = 'on'; \
        show session like 'kubesql%'; select nam from pods";
    let (out, err) = printed(client.arg(class), &served, sql);
    assert!(out.contains("\"container_env\"") && out.contains("\"kubesql.partial\",\"on\""), "{jar}: {out}{err}");
    assert!(err.contains("failed: line 1:8: column \"nam\" does not exist"), "{jar}: {err}");
}

#[test]
#[cfg_attr(not(has_java_clients), ignore = "needs Java, and cargo xtask clients")]
fn runs_the_presto_command_line() {
    command_line("presto-cli", "com.facebook.presto.cli.Presto");
}

#[test]
#[cfg_attr(not(has_java_clients), ignore = "needs Java, and cargo xtask clients")]
fn runs_the_trino_command_line() {
    command_line("trino-cli", "io.trino.cli.Trino");
}

/// The output of a test program that uses a driver.
fn said(client: &mut Command) -> String {
    let ran = client.output().expect("it runs");
    let out = String::from_utf8(ran.stdout).expect("UTF-8");
    assert!(ran.status.success(), "{out}{}", String::from_utf8_lossy(&ran.stderr));
    out
}

fn jdbc(jar: &str, protocol: &str) -> String {
    let mut client = java(&[jar]);
    let served = over_files();
    let url = format!("jdbc:{protocol}://{}/kubesql/kubesql", served.address);
    let out = said(client.args(["tests/clients/PrestoJdbc.java", &url]));
    for line in [
        "catalogs: [kubesql]",
        "schemas: [apps]",
        "tables: [pod_tolerations, pod_topologyspreadconstraints]",
        "views: [clusters, functions, queries, tables, watches]",
        "labels: true",
        "all columns: true",
        "types: true",
        "table types: [TABLE, VIEW]",
        "procedures: []",
        "name: control-1",
        "created: 2026-01-12T08:00:00Z",
        "cpu: 3.92",
        "memory: 7685849088",
        "unschedulable: null",
        "port: 10250",
        "labels class: true",
        "array: [a, null]",
        "date: 2020-05-12",
        "count: 4",
        "prepared: 14 it's ? 42 -0.5 true null\nprepared: 14 it's ? 42 -0.5 true null",
        "prepared columns: 6",
        "limited: 3",
        "is a query: false",
        "session: [on]",
        "schema: core",
        "tables there: [container_env]",
        "session: [off]",
        "error: 46 Query failed (#): line 1:15: table \"podz\" does not exist (did you mean pods?)",
        "error: 1 Query failed (#): line 1:1: syntax error at or near \"selec\" (expected an SQL statement)",
        "error: 8 Query failed (#): division by zero",
        "error: 20 Query failed (#): DELETE: clusters are read-only",
        "sum: 45000150000",
        "cancelled: true",
    ] {
        assert!(
            out.contains(&format!("{line}\n")) || line.starts_with("error: 20") && out.contains(line),
            "{jar}: {line} in\n{out}"
        );
    }
    assert!(out.contains("columns: [namespace varchar 12, name varchar 12, "), "{out}");
    out
}

#[test]
#[cfg_attr(not(has_java_clients), ignore = "needs Java, and cargo xtask clients")]
fn runs_the_presto_jdbc_driver() {
    let out = jdbc("presto-jdbc", "presto");
    assert!(out.to_lowercase().contains("creationtimestamp timestamp with time zone, "), "{out}");
}

#[test]
#[cfg_attr(not(has_java_clients), ignore = "needs Java, and cargo xtask clients")]
fn runs_the_trino_jdbc_driver() {
    let out = jdbc("trino-jdbc", "trino");
    assert!(out.contains("creationtimestamp timestamp(6) with time zone, "), "{out}");
    assert!(out.contains("parameters: 1 bigint\n"), "{out}");
}

fn python_client(module: &str) -> String {
    let mut client = python("python");
    let served = over_files();
    let (host, port) = served.address.split_once(':').expect("a port");
    let out = said(client.args(["tests/clients/presto_dbapi.py", module, host, port]));
    for line in [
        "tables: ['pod_tolerations', 'pod_topologyspreadconstraint_matchexpressions', 'pod_topologyspreadconstraints']",
        "row: control-1 2026-01-12 08:00:00 3.92 7685849088 kubernetes.io/arch [1, None] True None 0.5",
        "many: 20000100000",
        "error: TABLE_NOT_FOUND USER_ERROR line 1:15: table \"podz\" does not exist (did you mean pods?)",
        "session: ['kubesql.partial', 'on']",
        "transaction: 4",
    ] {
        assert!(out.lines().any(|said| said == line), "{module}: {line} in\n{out}");
    }
    out
}

#[test]
#[cfg_attr(not(has_python_clients), ignore = "needs cargo xtask clients")]
fn runs_the_presto_python_client() {
    python_client("prestodb");
}

#[test]
#[cfg_attr(not(has_python_clients), ignore = "needs cargo xtask clients")]
fn runs_the_trino_python_client() {
    let out = python_client("trino");
    assert!(out.contains("parameters: [[3, 1, \"it's\", True, None]]\n"), "{out}");
}
