//! Selections that are pushed down to API servers change no answer.

use std::sync::Arc;

use kubesql_runtime::generated;
use kubesql_runtime::ingest::{FileOptions, FileSource, Kinds, OneShotOptions};
use kubesql_runtime::sql::{Engine, Session};
use serde_json::{Value, json};

use super::server::{Asked, Server, status};
use super::{rows, session};

/// Pods whose names, namespaces and labels are similar, absent, empty or unusual.
fn pods() -> Vec<Value> {
    let long = "l".repeat(63);
    let pod = |name: &str, namespace: &str, labels: Value, node: Value, phase: &str| {
        json!({"metadata": {"name": name, "namespace": namespace, "uid": format!("{namespace}/{name}"), "labels": labels},
            "spec": {"nodeName": node, "containers": [{"name": name, "image": "i"}, {"name": "sidecar", "image": "s"}]},
            "status": {"phase": phase}})
    };
    vec![
        pod("web", "shop", json!({"app": "web", "example.com/Tier": "front"}), json!("n1"), "Running"),
        pod("web", "test", json!({"app": "api"}), json!("n2"), "Running"),
        pod("api", "shop", json!({"app": ""}), Value::Null, "Pending"),
        pod("db", "shop", json!({"app": long, "a b": "c d"}), json!("n1"), "Running"),
        pod("shop", "web", json!({"App": "web"}), json!("web"), "Failed"),
        pod("a,b", "test", json!({"app": "a,b"}), json!("n,1"), "Running"),
        pod("o'hara", "test", json!({"app": "o'hara", "ключ": "значение"}), json!("n=1"), "Running"),
        pod("bare", "default", Value::Null, json!("n1"), ""),
        pod("back\\slash", "default", json!({"app": "with space"}), json!("n1"), "Running"),
    ]
}

fn nodes() -> Vec<Value> {
    ["n1", "n2", "web"].map(|name| json!({"metadata": {"name": name, "uid": name, "labels": {"app": name}}})).to_vec()
}

fn secrets() -> Vec<Value> {
    let secret =
        |name: &str, of: &str| json!({"metadata": {"name": name, "namespace": "shop", "uid": name}, "type": of});
    vec![secret("a", "Opaque"), secret("b", "kubernetes.io/tls")]
}

fn events() -> Vec<Value> {
    let event = |name: &str, reason: &str, of: &str| {
        json!({"metadata": {"name": name, "namespace": "shop", "uid": name}, "reason": reason, "type": "Normal",
            "involvedObject": {"kind": "Pod", "name": of, "namespace": "shop"}})
    };
    vec![event("e1", "Failed", "web"), event("e2", "Scheduled", "web"), event("e3", "Failed", "db")]
}

/// The same objects as a file of the same cluster. Nothing is pushed down to files.
fn in_a_file(folder: &tempfile::TempDir, cluster: &str) -> (String, std::path::PathBuf) {
    let all = [("Pod", pods()), ("Node", nodes()), ("Secret", secrets()), ("Event", events())];
    let items = all.into_iter().flat_map(|(kind, objects)| {
        objects.into_iter().map(move |mut object| {
            (object["apiVersion"], object["kind"]) = (json!("v1"), json!(kind));
            object
        })
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items.collect::<Vec<_>>()});
    let path = folder.path().join(cluster);
    std::fs::write(&path, list.to_string()).expect("written");
    (cluster.to_owned(), path)
}

fn server() -> Server {
    Server::start(&[("pods", pods()), ("nodes", nodes()), ("secrets", secrets()), ("events", events())])
}

/// Conditions on pods, and the requests to the server.
const PODS: &[(&str, &str)] = &[
    ("namespace = 'shop'", "shop/pods"),
    ("'shop' = namespace", "shop/pods"),
    ("namespace in ('shop', 'test')", "shop/pods test/pods"),
    ("namespace in ('shop', 'test', 'web', 'none', 'default')", "default/pods none/pods shop/pods test/pods web/pods"),
    ("namespace = 'shop' and name = 'web'", "shop/pods field=metadata.name=web"),
    ("namespace = 'shop' or namespace = 'web'", "shop/pods web/pods"),
    ("namespace in ('shop', 'web') and namespace <> 'web'", "shop/pods web/pods"),
    ("namespace = 'none'", "none/pods"),
    ("namespace = ''", "pods"),
    ("namespace = 'Shop'", "pods"),
    ("namespace = 'sh/op'", "pods"),
    ("namespace = 'магазин'", "pods"),
    ("namespace <> 'shop'", "pods"),
    ("namespace not in ('shop', 'test')", "pods"),
    ("namespace ~ '^s'", "pods"),
    ("namespace like 's%'", "pods"),
    ("namespace = name", "pods"),
    ("namespace = \"labels.app\"", "pods"),
    ("lower(namespace) = 'shop'", "pods"),
    ("namespace = 'shop' or name = 'web'", "pods"),
    ("namespace is not null", "pods"),
    ("not (namespace = 'shop')", "pods"),
    ("(namespace = 'shop') is not true", "pods"),
    ("coalesce(namespace, 'shop') = 'shop'", "pods"),
    ("name = 'web'", "pods field=metadata.name=web"),
    ("name in ('web', 'db')", "pods"),
    ("name <> 'web'", "pods"),
    ("name not in ('web', 'db')", "pods"),
    ("name like 'w%'", "pods"),
    ("name ~ 'e'", "pods"),
    ("name = 'a,b'", "pods"),
    ("name = 'o''hara'", "pods"),
    ("name = 'back\\slash'", "pods"),
    ("name = ''", "pods"),
    ("name = 'x=y'", "pods"),
    ("name = 'имя'", "pods"),
    ("\"labels.app\" = 'web'", "pods label=app=web"),
    ("labels['app'] = 'web'", "pods label=app=web"),
    ("\"labels.App\" = 'web'", "pods label=App=web"),
    ("\"labels.app\" = ''", "pods label=app="),
    ("\"labels.app\" in ('web', 'api')", "pods label=app in (api,web)"),
    ("\"labels.app\" in ('web', 'api', 'x', 'y', 'z')", "pods label=app in (api,web,x,y,z)"),
    ("\"labels.app\" in ('web', '')", "pods"),
    ("\"labels.app\" in ('web', 'a,b')", "pods"),
    ("\"labels.app\" is not null", "pods label=app"),
    ("\"labels.example.com/Tier\" = 'front'", "pods label=example.com/Tier=front"),
    ("\"labels.app\" = 'web' and \"labels.example.com/Tier\" is not null", "pods label=app=web,example.com/Tier"),
    ("\"labels.app\" is null", "pods"),
    ("\"labels.app\" <> 'web'", "pods"),
    ("\"labels.app\" not in ('web')", "pods"),
    ("\"labels.app\" like 'w%'", "pods"),
    ("\"labels.app\" = 'with space'", "pods"),
    ("\"labels.app\" = 'o''hara'", "pods"),
    ("\"labels.app\" = '-web'", "pods"),
    ("\"labels.a b\" = 'c d'", "pods"),
    ("\"labels.ключ\" = 'значение'", "pods"),
    ("\"labels.app\" = 'значение'", "pods"),
    (
        "\"labels.app\" = 'lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll'",
        "pods label=app=lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll",
    ),
    ("\"labels.app\" = 'llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll'", "pods"),
    ("\"labels.app\" = \"labels.App\"", "pods"),
    ("\"labels.app\" = 'web' or \"labels.App\" = 'web'", "pods"),
    ("nodename = 'n1'", "pods field=spec.nodeName=n1"),
    ("nodename = 'n,1'", "pods"),
    ("nodename = 'n=1'", "pods"),
    ("nodename is null", "pods"),
    ("nodename <> 'n1'", "pods"),
    ("phase = 'Running' and nodename = 'n1'", "pods field=spec.nodeName=n1,status.phase=Running"),
    ("phase = ''", "pods"),
    ("uid = 'shop/web'", "pods"),
    ("case when namespace = 'shop' then name = 'web' else true end", "pods"),
];

/// Statements, and the requests to the server.
const STATEMENTS: &[(&str, &str)] = &[
    ("select pod, name from containers where namespace = 'shop'", "shop/pods"),
    ("select pod, name from containers where pod = 'web'", "pods field=metadata.name=web"),
    ("select pod, name from containers where name = 'web'", "pods"),
    ("select name from nodes where name = 'n1'", "nodes field=metadata.name=n1"),
    ("select name from nodes where \"labels.app\" = 'n1'", "nodes label=app=n1"),
    ("select name from secrets where type = 'Opaque'", "secrets field=type=Opaque"),
    ("select name from secrets where type = 'kubernetes.io/tls'", "secrets field=type=kubernetes.io/tls"),
    (
        "select name from core.events where reason = 'Failed' and \"involvedobject.name\" = 'web'",
        "events field=involvedObject.name=web,reason=Failed",
    ),
    ("select a.name from pods a, pods b where a.namespace = 'shop' and b.namespace = 'test'", "shop/pods test/pods"),
    ("select a.name from pods a, pods b where a.name = b.name and a.namespace = 'shop'", "pods"),
    ("select name from pods where namespace = 'shop' union all select name from pods", "pods"),
    (
        "select name from pods where namespace = 'shop' and \"labels.app\" = 'web' \
         union all select name from pods where namespace = 'test' and \"labels.app\" = 'web'",
        "shop/pods label=app=web test/pods label=app=web",
    ),
    ("select p.name, c.name from pods p join containers c on c.uid = p.uid where p.namespace = 'shop'", "pods"),
    (
        "select n.name, p.name from nodes n left join pods p on p.nodename = n.name and p.namespace = 'shop'",
        "nodes shop/pods",
    ),
    (
        "select n.name, p.name from nodes n left join pods p on p.nodename = n.name where p.namespace = 'shop'",
        "nodes shop/pods",
    ),
    ("select name from nodes where name in (select nodename from pods where namespace = 'shop')", "nodes shop/pods"),
    ("select count(*) from pods where namespace = 'shop' having count(*) > 2", "shop/pods"),
    ("select count(*) filter (where namespace = 'shop') from pods", "pods"),
    ("select count(*) from (select name from pods where namespace = 'shop' limit 2)", "shop/pods"),
    (
        "select count(*) from (select * from (select name, namespace from pods limit 9) where namespace = 'shop')",
        "pods",
    ),
];

fn asked(server: &Server) -> String {
    let mut asked: Vec<String> = server.asked().iter().map(Asked::selection).collect();
    asked.sort();
    asked.join(" ")
}

fn over_files(folder: &tempfile::TempDir, clusters: &[&str]) -> Session {
    let paths = clusters.iter().map(|cluster| in_a_file(folder, cluster));
    let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
    let files = FileSource::new(paths, kinds, FileOptions::default()).expect("files");
    Engine::new(generated::KINDS, Arc::new(files)).expect("an engine").session()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushdown_changes_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, unpushed) = (server(), over_files(&folder, &["c"]));
    let pushed = session(&[("c", &server)], OneShotOptions::default());
    let pods = PODS.iter().map(|(condition, expect)| {
        (format!("select namespace, name, labels, nodename, phase from pods where {condition}"), *expect)
    });
    let statements = STATEMENTS.iter().map(|(sql, expect)| ((*sql).to_owned(), *expect));
    let mut wrong = Vec::new();
    for (sql, expect) in pods.chain(statements) {
        let expected = rows(&unpushed, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let found = rows(&pushed, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(found, expected, "{sql}");
        let asked = asked(&server);
        if asked != expect {
            wrong.push(format!("{sql}\n  asked    {asked}\n  expected {expect}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asks_only_the_selected_clusters() {
    let folder = tempfile::tempdir().expect("a folder");
    let (east, west) = (server(), server());
    let unpushed = over_files(&folder, &["east", "west"]);
    let pushed = session(&[("east", &east), ("west", &west)], OneShotOptions::default());
    for (condition, expect) in [
        ("cluster = 'east'", [true, false]),
        ("cluster in ('east')", [true, false]),
        ("cluster in ('west', 'none')", [false, true]),
        ("cluster in ('west', 'none', 'a', 'b', 'c')", [false, true]),
        ("cluster = 'none'", [false, false]),
        ("cluster <> 'east'", [true, true]),
        ("cluster not in ('east')", [true, true]),
        ("cluster like 'e%'", [true, true]),
        ("cluster ~ 'w'", [true, true]),
        ("cluster = name", [true, true]),
        ("cluster = 'east' or name = 'web'", [true, true]),
        ("cluster = 'we''st'", [false, false]),
    ] {
        let sql = format!("select cluster, namespace, name from pods where {condition}");
        let found = rows(&pushed, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(found, rows(&unpushed, &sql).await.expect("rows"), "{sql}");
        assert_eq!([&east, &west].map(|server| !server.asked().is_empty()), expect, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_everything_where_selectors_are_refused() {
    let refuse = |asked: &Asked| {
        let selects = !asked.parameter("fieldSelector").is_empty() || !asked.parameter("labelSelector").is_empty();
        selects.then(|| status(400, "BadRequest", "field label not supported"))
    };
    let server = Server::moody(&[("pods", pods())], refuse);
    let session = session(&[("c", &server)], OneShotOptions::default());
    let sql = "select namespace from pods where name = 'web' and namespace in ('shop', 'web')";
    assert_eq!(rows(&session, sql).await.expect("rows"), ["shop"]);
    let last = server.asked().pop().expect("requests");
    assert!(last.namespace.is_some() && !last.query.contains_key("fieldSelector"), "{last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_shows_the_selection() {
    let server = server();
    let session = session(&[("c", &server)], OneShotOptions::default());
    let sql = "explain select name from pods where namespace = 'shop' and \"labels.app\" in ('a', 'b')";
    let plan = rows(&session, sql).await.expect("a plan").join("\n");
    assert!(plan.contains("selection=[namespaces=shop labels=app in (a,b)]"), "{plan}");
    assert!(server.asked().is_empty());
}
