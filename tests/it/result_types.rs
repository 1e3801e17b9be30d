//! Calls of all functions: every type of a result is sent by every protocol and in every format.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use serde_json::json;
use tokio_postgres::NoTls;
use tonic::transport::Endpoint;

use super::http::HttpServer;
use super::support::{DEMO, binary, root};

/// Arguments that most functions accept one of.
const ARGUMENTS: [&str; 38] = [
    "",
    "p.name",
    "1",
    "1.5",
    "p.labels",
    "p.object",
    "array['a', 'b']",
    "array[1, 2]",
    "p.creationtimestamp",
    "date '2020-01-01'",
    "interval '1 day'",
    "true",
    "null",
    "1.5::numeric(10, 2)",
    "'{\"a\": 1}'",
    "'[1, \"a\"]'",
    "p.name, 'a'",
    "1, 2",
    "p.labels, 'app'",
    "p.object, 'metadata'",
    "p.object, '$.metadata'",
    "p.object, array['metadata', 'name']",
    "p.object, array['metadata'], '1'",
    "array['a'], 'a'",
    "array[1, 2], 1",
    "array['a', 'b'], array['c', 'd']",
    "array[array[1], array[2]]",
    "'year', p.creationtimestamp",
    "p.creationtimestamp, '%Y'",
    "'day', 1, p.creationtimestamp",
    "'day', p.creationtimestamp, p.creationtimestamp",
    "interval '1 day', p.creationtimestamp, p.creationtimestamp",
    "p.name, 'a', 'b'",
    "p.name, 1, 2",
    "p.name, 1",
    "p.name, 'sha256'",
    "array[1.5, 2], array[2, 3.5]",
    "p.name, 'Utf8'",
];

/// How many of the arguments of a function are tried that it accepts.
const ACCEPTED: usize = 6;

/// Functions of DataFusion that fail with an internal error for some arguments.
const INTERNAL_ERRORS: &[&str] = &["array_avg"];

fn statement(name: &str, kind: &str, arguments: &str) -> String {
    let over = if kind == "window" { " over ()" } else { "" };
    format!("select \"{name}\"({arguments}){over} as x from (select *, object from pods order by name limit 1) p")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_of_a_result_can_be_sent() {
    const ANY: &str = "127.0.0.1:0";
    let mut process = Command::new(binary())
        .current_dir(root())
        .args(["serve", "--file", DEMO, "--pg", ANY, "--http", ANY, "--flight", ANY])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let lines = BufReader::new(process.stdout.take().expect("standard output")).lines();
    let addresses: Vec<String> = lines
        .take(3)
        .map(|line| {
            let line = line.expect("a line");
            let address = line.split_once(" clients on ").and_then(|(_, rest)| rest.split_once(';'));
            address.unwrap_or_else(|| panic!("{line}")).0.to_owned()
        })
        .collect();
    let [pg, http, flight] = addresses.try_into().expect("three addresses");
    // It is stopped with the process.
    let served = HttpServer { process, address: http };

    let functions = served.rows("select name, kind from system.functions order by name, kind");
    let mut calls: BTreeMap<String, String> = BTreeMap::new();
    let (mut never, mut broken) = (Vec::new(), BTreeMap::new());
    for function in functions.as_array().expect("rows") {
        let (name, kind) = (function[0].as_str().expect("a name"), function[1].as_str().expect("a kind"));
        let mut accepted = 0;
        for arguments in ARGUMENTS {
            let sql = statement(name, kind, arguments);
            let typed = format!("select arrow_typeof(x) || ' ' || pg_typeof(x) from ({sql}) t");
            let reply = served.query(&json!({"sql": typed}), &[]);
            let reply_of_call = served.query(&json!({"sql": sql}), &[]);
            if reply.status == 500 || reply_of_call.status == 500 {
                broken
                    .entry(name.to_owned())
                    .or_insert_with(|| format!("{sql}: {}{}", reply.text(), reply_of_call.text()));
            }
            if reply.status != 200 || reply_of_call.status != 200 {
                continue;
            }
            let column = reply_of_call.json()["columns"][0]["type"].as_str().unwrap_or_default().to_owned();
            let arrow = reply.json()["rows"][0][0].as_str().unwrap_or_default().to_owned();
            calls.entry(format!("{arrow} {column}")).or_insert(sql);
            accepted += 1;
            if accepted == ACCEPTED {
                break;
            }
        }
        if accepted == 0 {
            never.push(name.to_owned());
        }
    }
    let names: Vec<&str> = broken.keys().map(String::as_str).collect();
    assert_eq!(names, INTERNAL_ERRORS, "internal errors: {broken:#?}");
    // More than the two kinds of calls that need other arguments would make the test pointless.
    assert!(never.len() < 60, "no arguments are accepted by {never:?}");
    assert!(calls.len() > 25, "{calls:?}");

    let (client, connection) =
        tokio_postgres::connect(&format!("postgresql://me@{pg}/kubesql"), NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let channel = Endpoint::new(format!("http://{flight}")).expect("an address").connect().await.expect("a channel");
    let mut flight = FlightSqlServiceClient::new(channel);
    for (data_type, sql) in &calls {
        for media in [
            "application/json",
            "application/x-ndjson",
            "text/csv",
            "application/vnd.apache.arrow.stream",
            "application/vnd.apache.parquet",
        ] {
            let reply = served.query(&json!({"sql": sql}), &[("Accept", media)]);
            assert!(reply.status == 200 && reply.is_whole, "{media} of {data_type}: {sql}: {}", reply.text());
        }
        for user in ["X-Presto-User", "X-Trino-User"] {
            let mut reply = served.ask("POST", "/v1/statement", &[(user, "me")], sql);
            loop {
                let page = reply.json();
                assert!(page.get("error").is_none(), "{user} of {data_type}: {sql}: {page}");
                let Some(next) = page["nextUri"].as_str() else { break };
                let path = next.strip_prefix(&format!("http://{}", served.address)).expect("a path");
                reply = served.ask("GET", path, &[(user, "me")], "");
            }
        }
        let rows = client.simple_query(sql).await;
        assert!(rows.is_ok(), "text of {data_type}: {sql}: {rows:?}");
        let rows = client.query(sql.as_str(), &[]).await;
        assert!(rows.is_ok(), "binary of {data_type}: {sql}: {rows:?}");
        let info =
            flight.execute(sql.clone(), None).await.unwrap_or_else(|error| panic!("{data_type}: {sql}: {error}"));
        let ticket = info.endpoint.into_iter().next().and_then(|endpoint| endpoint.ticket).expect("a ticket");
        let stream = flight.do_get(ticket).await.unwrap_or_else(|error| panic!("{data_type}: {sql}: {error}"));
        let batches: Result<Vec<_>, _> = stream.try_collect().await;
        assert!(batches.is_ok(), "Flight SQL of {data_type}: {sql}: {batches:?}");
    }
}
