//! Real clients of PostgreSQL's protocol: psql's commands, psycopg, SQLAlchemy and pandas, pgcli, DuckDB, JDBC.

use std::process::Command;

use super::clients::{java, python};
use super::serve::PgServer;

/// Runs a program that succeeds only if everything is as it expects.
fn expect(mut command: Command, arguments: &[&str], served: &PgServer) {
    let ran = command.args(arguments).arg(&served.port).output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && out.contains("as expected"), "{arguments:?}\n{out}\n{err}");
}

#[test]
#[cfg_attr(not(has_python_clients), ignore = "needs cargo xtask clients")]
fn psycopg_reads_rows_and_errors() {
    expect(python("python"), &["tests/clients/pg_psycopg.py"], &PgServer::start(&[]));
}

#[test]
#[cfg_attr(not(has_python_clients), ignore = "needs cargo xtask clients")]
fn sqlalchemy_reflects_tables() {
    expect(python("python"), &["tests/clients/pg_sqlalchemy.py"], &PgServer::start(&[]));
}

#[test]
#[cfg_attr(not(has_python_clients), ignore = "needs cargo xtask clients")]
fn pgcli_completes_names() {
    expect(python("python"), &["tests/clients/pg_pgcli.py"], &PgServer::start(&[]));
}

#[test]
#[cfg_attr(not(has_python_clients), ignore = "needs cargo xtask clients")]
fn attaches_to_duckdb() {
    expect(python("python"), &["tests/clients/pg_duckdb.py"], &PgServer::start(&[]));
}

#[test]
#[cfg_attr(not(has_java_clients), ignore = "needs Java, and cargo xtask clients")]
fn jdbc_reads_metadata() {
    expect(java(&["postgresql-"]), &["tests/clients/PgJdbc.java"], &PgServer::start(&[]));
}

#[test]
#[cfg_attr(not(has_psql), ignore = "needs psql")]
fn psql_describes_tables() {
    let served = PgServer::start(&[]);
    // Commands, and lines of their answers.
    let commands: [(&str, &[&str]); 35] = [
        // Dynamic columns are known once the objects are loaded.
        ("select count(*) > 0 from pods", &["t"]),
        ("\\d", &["kubesql|pods|table|someone"]),
        ("\\dt pods", &["kubesql|pods|table|someone"]),
        ("\\dt core.pod_*", &["core|pod_conditions|table|someone"]),
        ("\\dt+ pods", &["kubesql|pods|table|someone|permanent|heap|"]),
        ("\\dv system.*", &["system|clusters|view|someone", "system|queries|view|someone"]),
        ("\\dn", &["apps|someone", "networking.k8s.io|someone", "kubesql|someone"]),
        ("\\dn+ core", &["core|someone"]),
        ("\\l", &["kubesql|someone|UTF8|C.UTF-8|C.UTF-8"]),
        ("\\du", &["someone"]),
        ("\\dg", &["someone"]),
        ("\\df quantity", &["kubesql|quantity|"]),
        ("\\df", &["kubesql|quantity|", "kubesql|selector_matches|"]),
        ("\\dfS array_to_string", &["pg_catalog|array_to_string|"]),
        ("\\da", &[]),
        ("\\di", &[]),
        ("\\ds", &[]),
        ("\\dm", &[]),
        ("\\dT", &[]),
        ("\\dTS int8", &["pg_catalog|bigint|"]),
        ("\\dx", &[]),
        ("\\dp pods", &["kubesql|pods|table|=r/someone"]),
        ("\\db", &["pg_default|someone"]),
        ("\\dD", &[]),
        ("\\dRp", &[]),
        ("\\dy", &[]),
        ("\\dconfig search_path", &["search_path|kubesql"]),
        (
            "\\d pods",
            &[
                "name|text|",
                "creationtimestamp|timestamp with time zone|",
                "labels|jsonb|",
                "labels.app.kubernetes.io/name|text|",
            ],
        ),
        ("\\d+ core.pods", &["nodename|text||||extended|||spec.nodeName", "dnsconfig.searches|text[]|"]),
        ("\\d system.queries", &["sql|text|", "rows|bigint|"]),
        ("\\d+ system.queries", &["sql|text|"]),
        ("\\d pg_class", &["oid|oid|", "relname|text|"]),
        ("\\d \"networking.k8s.io\".ingresses", &["ingressclassname|text|"]),
        ("\\conninfo", &["You are connected to database \"kubesql\" as user \"someone\""]),
        ("select relname from pg_class where oid = 'core.pods'::regclass", &["pods"]),
    ];
    for (command, expect) in commands {
        let (out, err) = served.psql(&["-d", "kubesql", "-c", command]);
        // "Did not find any" goes to stdout or stderr, depending on the release of psql.
        let nothing = format!("{out}{err}").starts_with("Did not find any ");
        assert!(err.is_empty() || nothing && expect.is_empty(), "{command}\n{out}{err}");
        for line in expect {
            assert!(out.lines().any(|found| found.starts_with(line)), "{command}: {line} is not in\n{out}");
        }
    }
    let (out, err) = served.psql(&["-d", "kubesql", "-c", "\\d nope"]);
    assert!(out.is_empty() && err.contains("Did not find any relation named \"nope\""), "{out}{err}");
}
