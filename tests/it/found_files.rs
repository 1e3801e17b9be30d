//! Files as they are found, through the command line: archives, dumps, custom resources without definitions.

use std::fs;
use std::io::Write;

use serde_json::json;

use super::support::{root, rows, run, run_with};

const NODES: &str = "tests/fixtures/demo/nodes.json";

#[test]
fn hidden_columns_name_files_and_lines() {
    let found = rows(&[NODES], "select distinct source_file from nodes where source_line > 1");
    assert_eq!(found, [json!({ "source_file": NODES })]);
    let lines = rows(&[NODES], "select n.source_line from nodes n order by 1");
    let text = fs::read_to_string(root().join(NODES)).expect("nodes");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(lines.len(), value["items"].as_array().expect("items").len());
    let child = rows(&[NODES], "select count(source_line) as n, count(source_file) as m from node_conditions");
    assert_eq!(child[0]["n"], child[0]["m"]);
    assert_ne!(child[0]["n"], json!(0));
    for sql in ["select * from nodes limit 1", "select n.* from nodes n limit 1"] {
        let row = &rows(&[NODES], sql)[0];
        assert!(row.get("source_file").is_none() && row.get("source_line").is_none(), "{row}");
    }
}

#[test]
fn kinds_without_a_definition_are_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("app.yaml");
    let text = "apiVersion: shop.example/v1\nkind: Sale\nmetadata: {name: a, namespace: ns}\nspec: {price: 2, lines: [{sku: w}, {sku: z}]}\n---\n\
                apiVersion: shop.example/v1\nkind: Service\nmetadata: {name: custom}\n---\n\
                apiVersion: v1\nkind: Service\nmetadata: {name: core}\n";
    fs::write(&file, text).expect("written");
    let file = file.to_str().expect("UTF-8");
    assert_eq!(rows(&[file], "select name, price from sales"), [json!({"name": "a", "price": 2})]);
    assert_eq!(rows(&[file], "select count(*) as n from sale_lines where sku > 'x'"), [json!({"n": 1})]);
    assert_eq!(rows(&[file], "select name from services"), [json!({"name": "core"})]);
    assert_eq!(rows(&[file], r#"select name from "shop.example".services"#), [json!({"name": "custom"})]);
    let listed =
        rows(&[file], "select name, notes from system.tables where discovered and listed and path = '' order by name");
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(listed[0]["notes"].as_str().expect("a note").contains("no definition was given"));
}

#[test]
fn the_file_after_f_is_understood_by_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::File::create(&path).expect("a file").write_all(bytes).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let sql = write("a.sql", b"-- nodes\nselect count(*) as n from nodes");
    let yaml = write("a.txt", b"# pods\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n");
    let count = "select count(*) as n from pods";
    for (args, input, expected) in [
        (&["query", "-o", "csv", "-f", &yaml, count][..], "", "n\n1\n"),
        (&["-o", "csv", "-f", &yaml, count], "", "n\n1\n"),
        (&["query", "-o", "csv", "-f", &yaml], count, "n\n1\n"),
        (&["query", "-o", "csv", "-f", &sql, "--file", NODES], "", "n\n4\n"),
        (&["query", "-o", "csv", "-f", "-", count], "kind: Pod\napiVersion: v1\n", "n\n1\n"),
        (&["--file", NODES, "-o", "csv", "select 1 as n"], "", "n\n1\n"),
    ] {
        let ran = run_with(args, input);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), expected), "{args:?}\n{}", ran.err);
    }
    let both = run(&["query", "--file", NODES, "-f", &sql, "select 1"]);
    assert!(both.code == Some(2) && both.err.contains("both in a file and as an argument"), "{}", both.err);
    let objects = run_with(&["query", "--file", NODES], "{\"kind\":\"Pod\"}");
    assert!(
        objects.code == Some(2) && objects.err.contains("hint: ") && objects.err.contains("--file -"),
        "{}",
        objects.err
    );
    assert!(run(&["version"]).out.starts_with("kubesql "));
}

#[test]
fn the_ending_of_the_output_file_chooses_the_format() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, expected) in [
        ("a.csv", "n\n1\n"),
        ("a.CSV", "n\n1\n"),
        ("a.json", "[\n{\"n\":1}\n]\n"),
        ("a.jsonl", "{\"n\":1}\n"),
        ("a.yml", "- \"n\": 1\n"),
        ("a.txt", " n\n---\n 1\n(1 row)\n"),
    ] {
        let path = folder.path().join(name);
        let to = path.to_str().expect("UTF-8");
        assert_eq!(run(&["query", "--file", NODES, "--output-file", to, "select 1 as n"]).code, Some(0));
        assert_eq!(fs::read_to_string(&path).expect("written"), expected, "{name}");
    }
    let path = folder.path().join("b.csv");
    run(&["query", "--file", NODES, "-o", "ndjson", "--output-file", path.to_str().expect("UTF-8"), "select 1 as n"]);
    assert_eq!(fs::read_to_string(&path).expect("written"), "{\"n\":1}\n");
}
