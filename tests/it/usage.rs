//! Details of the command line: invalid options, and where output goes.

use std::fs;

use super::support::{DEMO, root, run, run_with};

const NETWORK: &str = "tests/fixtures/demo/network.yaml";

#[test]
fn rejects_invalid_options_with_a_hint() {
    let cases: &[(&[&str], i32, &str)] = &[
        (&["query", "--file", NETWORK, NETWORK], 2, "is a file, not a statement"),
        (&["query", "--file", NETWORK, ""], 2, "no statement given"),
        (&["query", "--file", NETWORK, " ; -- nothing"], 2, "no statement given"),
        (&["tables", "--file", NETWORK, "no-such-table"], 1, "no table matches"),
        (&["query", "--file", NETWORK, "-o", "csv", "--output-file", "/nowhere/x", "select 1"], 2, "/nowhere/x"),
    ];
    for (args, code, error) in cases {
        let ran = run(args);
        assert_eq!((ran.code, ran.out.as_str()), (Some(*code), ""), "{args:?}\n{}", ran.err);
        let has_form = ran.err.starts_with("error: ") && ran.err.contains("\nhint: ");
        assert!(has_form && ran.err.contains(error), "{args:?}\n{}", ran.err);
    }
}

#[test]
fn rejects_empty_standard_input() {
    let services = fs::read_to_string(root().join(NETWORK)).expect("services");
    let count = "select count(*) as n from services where cluster = 'live'";
    let named = run_with(&["query", "--file", "live=-", "-o", "csv", count], &services);
    assert_eq!((named.code, named.out.as_str()), (Some(0), "n\n4\n"), "{}", named.err);
    let statements = run_with(&["query", "--file", NETWORK, "-o", "csv", "-f", "-"], "select 1 as n");
    assert_eq!((statements.code, statements.out.as_str()), (Some(0), "n\n1\n"), "{}", statements.err);
    let empty = run_with(&["query", "--file", "-", "select name from services"], "");
    assert_eq!((empty.code, empty.out.as_str()), (Some(3), ""), "{}", empty.err);
}

#[test]
fn a_failing_statement_leaves_the_output_file_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kept.parquet");
    let to = path.to_str().expect("UTF-8");
    let query = |sql| run(&["query", "--file", NETWORK, "-o", "parquet", "--output-file", to, sql]).code;
    assert_eq!(query("select nothing from services"), Some(1));
    assert!(!path.exists());
    assert_eq!(query("select name from services"), Some(0));
    let before = fs::read(&path).expect("the file");
    assert_eq!(query("select nothing from services"), Some(1));
    assert_eq!(fs::read(&path).expect("the file"), before);
}

#[test]
fn separates_or_rejects_several_answers() {
    let two = "select 1 as a; select 2 as b";
    for (format, expect) in [
        ("csv", "a\n1\n\nb\n2\n"),
        ("ndjson", "{\"a\":1}\n{\"b\":2}\n"),
        ("yaml", "- a: 1\n---\n- b: 2\n"),
        ("json", "[\n{\"a\":1}\n]\n[\n{\"b\":2}\n]\n"),
    ] {
        let ran = run(&["query", "--file", NETWORK, "-o", format, two]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), expect), "{format}: {}", ran.err);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.arrow");
    let to = path.to_str().expect("UTF-8");
    let ran = run(&["query", "--file", NETWORK, "-o", "arrow", "--output-file", to, two]);
    assert!(ran.code == Some(2) && ran.err.contains("one statement"), "{}", ran.err);
}

#[test]
fn table_layout_follows_options() {
    let name = "select name from services where name = 'web'";
    let records = run(&["query", "--file", NETWORK, "-x", "on", name]).out;
    assert_eq!(records, "-[ RECORD 1 ]\nname | web\n");
    assert_eq!(run(&["query", "--file", NETWORK, "--no-headers", name]).out, " web\n");
    // Without a terminal, a table is as wide as its rows.
    let wide = run(&["query", "--file", DEMO, "select * from pods limit 1"]).out;
    assert!(wide.ends_with("(1 row)\n") && wide.lines().next().is_some_and(|line| line.len() > 500), "{wide}");
}
