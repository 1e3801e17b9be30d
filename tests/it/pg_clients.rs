//! Real clients of PostgreSQL's protocol: psql's commands, psycopg, SQLAlchemy and pandas, pgcli, DuckDB, JDBC.

use std::process::Command;

use super::clients::{java, python};
use super::served::Served;

/// Runs a program that ends well only where all is as it expects.
fn expect(command: Option<Command>, arguments: &[&str], served: &Served) {
    let Some(mut command) = command else { return };
    let ran = command.args(arguments).arg(&served.port).output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && out.contains("as expected"), "{arguments:?}\n{out}\n{err}");
}

#[test]
fn psycopg_finds_what_it_expects() {
    expect(python("python"), &["tests/clients/pg_psycopg.py"], &Served::start(&[]));
}

#[test]
fn sqlalchemy_reflects_tables() {
    expect(python("python"), &["tests/clients/pg_sqlalchemy.py"], &Served::start(&[]));
}

#[test]
fn pgcli_completes_names() {
    expect(python("python"), &["tests/clients/pg_pgcli.py"], &Served::start(&[]));
}

#[test]
fn duckdb_attaches_it() {
    expect(python("python"), &["tests/clients/pg_duckdb.py"], &Served::start(&[]));
}

#[test]
fn jdbc_knows_what_is_there() {
    expect(java(&["postgresql-"]), &["tests/clients/PgJdbc.java"], &Served::start(&[]));
}

#[test]
fn psql_describes_what_is_there() {
    let served = Served::start(&[]);
    // Command, and what has to be in its answer.
    let commands: [(&str, &[&str]); 35] = [
        // Columns that only the data has are known once it is there.
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
        let Some((out, err)) = served.psql(&["-d", "kubesql", "-c", command]) else { return };
        // Where there is none of a sort, psql says so, on one or the other by its release.
        let nothing = format!("{out}{err}").starts_with("Did not find any ");
        assert!(err.is_empty() || nothing && expect.is_empty(), "{command}\n{out}{err}");
        for line in expect {
            assert!(out.lines().any(|found| found.starts_with(line)), "{command}: {line} is not in\n{out}");
        }
    }
    let (out, err) = served.psql(&["-d", "kubesql", "-c", "\\d nope"]).expect("psql");
    assert!(out.is_empty() && err.contains("Did not find any relation named \"nope\""), "{out}{err}");
}
