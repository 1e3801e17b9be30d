//! Completion over two tables.

use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use kubesql_runtime::sql::{Answer, ErrorKind, SelectList, SqlError};
use kubesql_runtime::store::Warning;

use super::*;
use crate::commands::progress::Progress;
use crate::shell::backend::{Backend, Column};

/// A backend with two tables, whose objects have keys.
struct Two;

#[async_trait]
impl Backend for Two {
    async fn execute(&self, _: &str) -> Result<Answer, SqlError> {
        Err(SqlError::new(ErrorKind::Internal, "not used in this test"))
    }

    fn take_warnings(&self) -> Vec<Warning> {
        Vec::new()
    }

    async fn ask(&self, sql: &str) -> Result<Answer, SqlError> {
        use arrow::array::{ArrayRef, RecordBatch, StringArray};
        let rows: &[[&str; 4]] = if sql.contains("system.tables") {
            &[
                ["core", "pods", "Pod", "true"],
                ["core", "pod_volumes", "Pod", "true"],
                ["apps", "deployments", "Deployment", "true"],
                ["apps", "deployment_containers", "Deployment", "false"],
            ]
        } else if sql.contains("functions") {
            &[["count", "count(x)", "", ""], ["coalesce", "coalesce(a, b)", "", ""]]
        } else if sql == "show schemas" {
            &[["apps", "", "", ""], ["networking.k8s.io", "", "", ""]]
        } else {
            &[["kubesql.partial", "off", "", ""], ["search_path", "kubesql", "", ""]]
        };
        let column = |at: usize| {
            let texts = StringArray::from_iter_values(rows.iter().map(|row| row[at]));
            (["a", "b", "c", "d"][at], Arc::new(texts) as ArrayRef)
        };
        let batch = RecordBatch::try_from_iter((0..4).map(column)).expect("a batch");
        let schema = batch.schema();
        Ok(Answer {
            command: "SELECT",
            schema,
            select_list: SelectList::default(),
            rows: stream::once(async { Ok(batch) }).boxed(),
        })
    }

    async fn columns(&self, table: &str, data: bool) -> Result<Vec<Column>, SqlError> {
        let mut names = match table {
            "pods" => vec!["name", "namespace", "nodename", "labels", "order"],
            "deployments" | "apps.deployments" => vec!["name", "replicas"],
            _ => return Err(SqlError::new(ErrorKind::UnknownTable, "no such table")),
        };
        if data {
            names.extend(["labels.app", "labels.app.kubernetes.io/name", "requests.cpu"]);
        }
        let column = |name: &str| Column { name: name.to_owned(), sql_type: "text".to_owned(), path: String::new() };
        Ok(names.into_iter().map(column).collect())
    }

    fn progress(&self) -> Progress {
        Progress::default()
    }

    fn place(&self) -> String {
        "nowhere".to_owned()
    }
}

/// The suggestions when all names are loaded.
fn known(names: &mut NameCompleter, line: &str, pos: usize) -> CompletionResult {
    loop {
        let found = names.complete(line, pos);
        if !found.is_provisional() {
            return found;
        }
    }
}

/// The suggestions at the mark `|`.
fn suggestions(names: &mut NameCompleter, line: &str) -> Vec<String> {
    let pos = line.find('|').expect("a cursor");
    let found = known(names, &line.replace('|', ""), pos);
    found.suggestions().iter().map(|suggestion| suggestion.value.clone()).collect()
}

/// The line after its only suggestion is accepted.
fn accepted(names: &mut NameCompleter, line: &str) -> String {
    let pos = line.find('|').expect("a cursor");
    let mut text = line.replace('|', "");
    let found = known(names, &text, pos);
    let [only] = found.suggestions() else { panic!("{line}: {:?}", found.suggestions()) };
    let space = if only.append_whitespace { " " } else { "" };
    text.replace_range(only.span.start..only.span.end, &format!("{}{space}", only.value));
    text
}

fn names() -> NameCompleter {
    let catalog = Catalog::new(Arc::new(Two), tokio::runtime::Handle::current());
    let contexts = vec!["prod-1".to_owned(), "test".to_owned()];
    NameCompleter(Arc::new(RwLock::new(Knowledge { catalog, contexts, variables: vec!["n".to_owned()] })))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suggests_matching_names() {
    let mut names = names();
    let cases: &[(&str, &[&str])] = &[
        ("select * from pod|", &["pod_volumes", "pods"]),
        ("select * from |", &["pod_volumes", "pods", "deployments", "apps.", "\"networking.k8s.io\"."]),
        ("select * from volu|", &["pod_volumes"]),
        ("select * from apps.|", &["deployment_containers", "deployments"]),
        ("select n| from pods", &["name", "namespace", "nodename", "natural", "not", "null", "nulls"]),
        ("select \"lab| from pods", &["labels", "\"labels.app\"", "\"labels.app.kubernetes.io/name\""]),
        ("select cpu| from pods", &["\"requests.cpu\""]),
        (
            "select p.| from pods p, deployments d",
            &[
                "labels",
                "name",
                "namespace",
                "nodename",
                "\"order\"",
                "\"labels.app\"",
                "\"labels.app.kubernetes.io/name\"",
                "\"requests.cpu\"",
            ],
        ),
        ("select labels['app| from pods", &["app", "app.kubernetes.io/name"]),
        ("select COUN|", &["count("]),
        ("select * from pods WHE|", &["WHERE"]),
        ("select 'nam| from pods", &[]),
        ("set kub|", &["kubesql.partial"]),
        ("set kubesql.partial = |", &["on", "off"]),
        ("\\x |", &["on", "off", "auto"]),
        ("\\pset for|", &["format"]),
        ("\\pset format c|", &["csv"]),
        ("\\d depl|", &["deployments"]),
        ("\\d deployment_|", &["deployment_containers"]),
        ("\\d apps.deployments|", &[]),
        ("\\c p|", &["prod-1"]),
        ("\\tim|", &["\\timing"]),
    ];
    for (line, expect) in cases {
        assert_eq!(suggestions(&mut names, line), *expect, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepted_suggestions_replace_the_typed_name() {
    let mut names = names();
    for (line, expect) in [
        ("sele|", "select "),
        ("select * from deployments|", "select * from deployments "),
        ("select * from network|", "select * from \"networking.k8s.io\"."),
        ("select requests.c| from pods", "select \"requests.cpu\" from pods"),
        ("select p.\"requests.c| from pods p", "select p.\"requests.cpu\" from pods p"),
        ("select \"requests.c|\" from pods", "select \"requests.cpu\" from pods"),
        ("select nodena|me from pods", "select nodename from pods"),
        ("select * from pods wher| phase", "select * from pods where phase"),
        ("select t.na| from (select name from pods) t", "select t.name from (select name from pods) t"),
    ] {
        assert_eq!(accepted(&mut names, line), expect, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inserts_the_common_prefix() {
    let mut names = names();
    let line = "select \"labels.a";
    let found = known(&mut names, &format!("{line} from pods"), line.len());
    assert_eq!(found.partial().map(|partial| partial.insert.as_str()), Some("\"labels.app"));
}
