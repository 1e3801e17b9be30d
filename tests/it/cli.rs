//! The command line: sources, statements, formats, errors and exit codes.

use std::fs;

use serde_json::{Value, json};

use super::support::{DEMO, read_one_line, root, rows, run, run_with};

const NODES: &str = "tests/fixtures/demo/nodes.json";
const PODS: &str = "tests/fixtures/demo/pods.json";

#[test]
fn failures_have_exit_codes_and_hints() {
    for (args, code, expect) in [
        (&["query", "--file", NODES, "--no-such-flag", "select 1"][..], 2, &["--no-such-flag"][..]),
        (&["query", "--file", NODES, "-o", "xml", "select 1"], 2, &["xml", "json"]),
        (&["query", "--file", NODES, "-f", "no-such.sql"], 2, &["no-such.sql"]),
        (&["query", "--file", "-"], 2, &["standard input"]),
        (&["query", "--file", "no-such-file.yaml", "select * from pods"], 3, &["no-such-file.yaml"]),
        (&["query", "--file", NODES, "select * from deploymnets"], 1, &["deploymnets", "hint: ", "deployments"]),
        (&["query", "--file", NODES, "select nam from nodes"], 1, &["nam", "hint: ", "name"]),
        (&["query", "--file", NODES, "selec name from nodes"], 1, &["error: "]),
        (&["query", "--file", NODES, "drop table nodes"], 1, &["error: "]),
        (&["query", "--file", NODES, "copy nodes to '/tmp/kubesql-never'"], 1, &["error: "]),
        (&["describe", "--file", NODES, "nodez"], 1, &["nodez", "nodes"]),
    ] {
        let ran = run(args);
        assert_eq!(ran.code, Some(code), "{args:?}\n{}", ran.err);
        assert_eq!(ran.out, "", "{args:?}: an error is nothing that a program should read as an answer");
        for text in expect {
            assert!(ran.err.contains(text), "{args:?} mentions {text}:\n{}", ran.err);
        }
        assert!(!ran.err.contains("panicked") && !ran.err.contains("SqlError"), "{args:?}:\n{}", ran.err);
    }
}

#[test]
fn prints_usage_help_version_and_completions() {
    let alone = run(&[]);
    assert!((alone.out.clone() + &alone.err).contains("Usage: kubesql"), "{}", alone.err);
    for args in [&["--help"][..], &["query", "--help"], &["tables", "--help"], &["describe", "--help"]] {
        let ran = run(args);
        assert_eq!(ran.code, Some(0), "{args:?}");
        assert!(ran.out.contains("Usage: kubesql"), "{args:?}");
    }
    assert!(run(&["query", "--help"]).out.contains("Exit codes"));
    assert!(run(&["--version"]).out.starts_with("kubesql "));
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(&["completions", shell]);
        assert!(ran.code == Some(0) && ran.out.contains("kubesql"), "{shell}");
    }
}

#[test]
fn stops_at_the_first_failing_statement() {
    let sql = "select count(*) as n from nodes; select nam from nodes; select 2 as never";
    let ran = run(&["query", "--file", NODES, "-o", "ndjson", sql]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "{\"n\":4}\n"), "{}", ran.err);
    assert!(ran.err.contains('2') && ran.err.contains('3'), "says which of them:\n{}", ran.err);
    let two = run(&["query", "--file", NODES, "-o", "json", "select 1 as a; -- one;\nselect ';' as b;"]);
    let arrays: Vec<Value> =
        serde_json::Deserializer::from_str(&two.out).into_iter().map(|v| v.expect("JSON")).collect();
    assert_eq!(arrays, [json!([{"a": 1}]), json!([{"b": ";"}])]);
}

#[test]
fn reads_statements_and_objects_from_files_and_pipes() {
    let objects = fs::read_to_string(root().join(NODES)).expect("nodes");
    let expect = "{\"n\":4}\n";
    let sql = "select count(*) as n from nodes";
    let piped_objects = run_with(&["query", "--file", "-", "-o", "ndjson", sql], &objects);
    assert_eq!(piped_objects.out, expect, "{}", piped_objects.err);
    let piped_sql = run_with(&["query", "--file", NODES, "-o", "ndjson"], sql);
    assert_eq!(piped_sql.out, expect, "{}", piped_sql.err);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nodes.sql");
    fs::write(&file, sql).expect("a file");
    let from_file = run(&["query", "--file", NODES, "-o", "ndjson", "-f", file.to_str().expect("UTF-8")]);
    assert_eq!(from_file.out, expect, "{}", from_file.err);
}

#[test]
fn each_source_is_a_cluster() {
    let clusters = "select cluster, count(*) as n from nodes group by cluster order by cluster";
    let blue = format!("blue={NODES}");
    let green = format!("green={NODES}");
    let both = rows(&[&blue, &green], clusters);
    assert_eq!(both, [json!({"cluster": "blue", "n": 4}), json!({"cluster": "green", "n": 4})]);
    let ran = run(&["query", "-o", "ndjson", "--cluster-name", "red", "--file", NODES, "--file", &blue, clusters]);
    assert_eq!(ran.out, "{\"cluster\":\"blue\",\"n\":4}\n{\"cluster\":\"red\",\"n\":4}\n", "{}", ran.err);
    // Both clusters have the same uids.
    let pruned = rows(&[&blue, &green], "select distinct cluster from nodes where cluster <> 'blue'");
    assert_eq!(pruned, [json!({"cluster": "green"})]);
}

#[test]
fn all_formats_have_the_same_rows() {
    let sql = "select name, unschedulable, \"allocatable.cpu\" as cpu, creationtimestamp, labels, \"allocatable.pods\" as pods \
               from nodes order by name limit 2";
    let print = |format: &str| {
        let ran = run(&["query", "--file", NODES, "-o", format, sql]);
        assert_eq!(ran.code, Some(0), "{format}: {}", ran.err);
        ran.out
    };
    let array: Vec<Value> = serde_json::from_str(&print("json")).expect("JSON");
    assert_eq!(array.len(), 2);
    assert_eq!(array[0]["name"], "control-1");
    assert_eq!(array[0]["cpu"], json!(3.92));
    assert_eq!(array[0]["pods"], json!(110));
    assert_eq!(array[0]["creationtimestamp"], "2026-01-12T08:00:00Z");
    assert_eq!(array[0]["labels"]["kubernetes.io/os"], "linux");
    assert_eq!(array[0]["unschedulable"], Value::Null);
    let lines: Vec<Value> =
        print("ndjson").lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    assert_eq!(lines, array);
    let csv = print("csv");
    let mut csv_lines = csv.lines();
    assert_eq!(csv_lines.next(), Some("name,unschedulable,cpu,creationtimestamp,labels,pods"));
    assert!(csv_lines.next().is_some_and(|line| line.starts_with("control-1,,3.92,2026-01-12T08:00:00Z,\"{\"\"")));
    let yaml = print("yaml");
    for line in ["name: control-1", "unschedulable: null", "cpu: 3.92", "linux"] {
        assert!(yaml.contains(line), "{line}:\n{yaml}");
    }
    let table = print("table");
    assert!(table.ends_with("(2 rows)\n"), "{table}");
    for (format, expect) in [("json", "[]"), ("ndjson", ""), ("csv", "name"), ("yaml", "[]")] {
        let ran = run(&["query", "--file", NODES, "-o", format, "select name from nodes where false"]);
        let last = ran.out.trim_end().trim_start_matches("---\n").replace("[\n]", "[]");
        assert_eq!((ran.code, last.as_str()), (Some(0), expect), "{format}: {}", ran.err);
    }
}

#[test]
fn writes_arrow_and_parquet() {
    let folder = tempfile::tempdir().expect("a folder");
    for format in ["arrow", "parquet"] {
        let path = folder.path().join(format);
        let to = path.to_str().expect("UTF-8");
        let ran = run(&["query", "--file", DEMO, "-o", format, "--output-file", to, "select * from pods"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{format}: {}", ran.err);
        let bytes = fs::read(&path).expect("the file");
        if format == "arrow" {
            let reader = arrow::ipc::reader::StreamReader::try_new(bytes.as_slice(), None).expect("a stream");
            let rows: usize = reader.map(|batch| batch.expect("a batch").num_rows()).sum();
            assert_eq!(rows, 18);
        } else {
            assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
        }
    }
}

#[test]
fn table_format_omits_empty_columns_with_a_note() {
    let ran = run(&["query", "--file", NODES, "select * from nodes"]);
    assert!(ran.out.contains("kubeletversion") && !ran.out.contains("deletiontimestamp"), "{}", ran.out);
    assert!(ran.err.contains("--all-columns"), "{}", ran.err);
    let all = run(&["query", "--file", NODES, "--all-columns", "select * from nodes"]);
    assert!(all.out.contains("deletiontimestamp") && all.err.is_empty(), "{}", all.err);
    let named = run(&["query", "--file", NODES, "select name, deletiontimestamp from nodes"]);
    assert!(named.out.contains("deletiontimestamp") && named.err.is_empty(), "{}", named.err);
    // JSON has the same columns whatever the data.
    assert!(run(&["query", "--file", NODES, "-o", "json", "select * from nodes"]).out.contains("deletiontimestamp"));
}

#[test]
fn redacts_secrets_by_default() {
    let query = |more: &[&str]| {
        let mut args = vec!["query", "--file", DEMO, "-o", "json"];
        args.extend(more);
        args.push("select name, \"data.key\", data, object from secrets");
        run(&args).out
    };
    let hidden = query(&[]);
    assert!(hidden.contains("redacted") && !hidden.contains("bm90IGEgcmVhbCBrZXk="), "{hidden}");
    assert_eq!(query(&["--show-secrets"]).matches("bm90IGEgcmVhbCBrZXk=").count(), 3);
}

#[test]
fn warns_of_malformed_objects() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mixed.yaml");
    let mut text = "apiVersion: v1\nkind: Pod\nmetadata: {name: good}\nspec: {priority: 7}\n---\n\
                    apiVersion: v1\nkind: Pod\nmetadata: {name: odd}\nspec: {priority: seven}\n"
        .to_owned();
    for number in 0..12 {
        text.push_str(&format!("---\napiVersion: example.com/v1\nkind: Unknown{number}\nmetadata: {{name: x}}\n"));
    }
    fs::write(&path, text).expect("a file");
    let path = path.to_str().expect("UTF-8");
    let sql = "select name, priority from pods order by name";
    let ran = run(&["query", "--file", path, "-o", "json", sql]);
    let found: Vec<Value> = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(found, [json!({"name": "good", "priority": 7}), json!({"name": "odd", "priority": null})]);
    assert!(
        ran.err.contains("warning: ") && ran.err.contains(" more warnings;"),
        "only some warnings are printed:\n{}",
        ran.err
    );
    let all = run(&["query", "--file", path, "--all-warnings", "-o", "json", sql]);
    assert!(all.err.lines().count() > ran.err.lines().count() && !all.err.contains(" more warnings;"), "{}", all.err);
    for what in ["priority", "Unknown0", "Unknown11"] {
        assert!(all.err.contains(what), "{what}:\n{}", all.err);
    }
}

#[test]
fn ignores_a_closed_pipe() {
    let sql = "select a.object from pods a, pods b, pods c";
    for format in ["ndjson", "csv", "json"] {
        let (code, err) = read_one_line(&["query", "--file", PODS, "-o", format, sql]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{format}");
    }
}

#[test]
fn lists_tables_columns_and_plans() {
    let tables = run(&["tables", "--file", NODES, "-o", "json", "pod*"]);
    let tables: Vec<Value> = serde_json::from_str(&tables.out).expect("JSON");
    let text = Value::Array(tables).to_string();
    assert!(
        text.contains("\"pods\"") && text.contains("\"poddisruptionbudgets\"") && !text.contains("\"nodes\""),
        "{text}"
    );
    let listed = run(&["tables", "--file", NODES, "-o", "csv", "--no-headers"]).out.lines().count();
    let all = run(&["tables", "--file", NODES, "--all", "-o", "csv", "--no-headers"]).out.lines().count();
    assert!(listed > 60 && all > 2 * listed, "{listed} of {all}");
    let fixed = run(&["describe", "--file", NODES, "pods", "-o", "csv"]).out;
    assert!(fixed.contains("spec.nodeName") && !fixed.contains("labels.app"), "{fixed}");
    let with_keys = run(&["describe", "--file", DEMO, "pods", "-o", "csv"]).out;
    assert!(with_keys.contains("labels.appid") && with_keys.contains("podscheduled.status"), "{with_keys}");
    let plan = run(&["explain", "--file", NODES, "select name from pods where phase = 'Pending'"]);
    assert!(plan.code == Some(0) && plan.out.contains("phase"), "{}{}", plan.out, plan.err);
    let analyzed = run(&["explain", "--file", DEMO, "--analyze", "select count(*) from pods"]);
    assert!(analyzed.code == Some(0) && analyzed.out.contains("rows"), "{}{}", analyzed.out, analyzed.err);
}
