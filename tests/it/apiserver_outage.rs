//! A real API server that is killed under load and restarted, one of several releases, and credentials that expire and
//! are renewed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kubesql_runtime::ingest::clusters::{Context, WatchOptions};
use kubesql_runtime::sql::{Engine, Session};
use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::demo_cluster::Cluster;
use crate::sessions::{Rows, ask, live};

/// The rows are complete within this time of a restart, also while other tests run.
const BACK: Duration = Duration::from_secs(90);

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn followed(contexts: Vec<Context>) -> Arc<Engine> {
    live(contexts, WatchOptions { sync_timeout: Duration::from_secs(20), ..WatchOptions::default() }).1
}

/// Repeats a statement until `good` accepts the answer or the error; `good` sees all of them.
async fn until(session: &Session, sql: &str, good: impl Fn(&Result<Rows, String>) -> bool) {
    let begun = Instant::now();
    loop {
        let result = ask(session, sql).await.map_err(|error| error.message);
        if good(&result) {
            return;
        }
        assert!(begun.elapsed() < BACK, "{sql}: {result:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn request(client: &kube::Client, method: &str, path: &str, body: Option<Value>) -> Result<Value, kube::Error> {
    let body = body.map(|body| serde_json::to_vec(&body).expect("JSON")).unwrap_or_default();
    let request = http::Request::builder().method(method).uri(path).header("content-type", "application/json");
    client.request(request.body(body).expect("a request")).await
}

/// The names of the objects that the server lists at a path.
async fn names(client: &kube::Client, path: &str) -> Vec<String> {
    let list = request(client, "GET", path, None).await.unwrap_or_else(|error| panic!("{path}: {error}"));
    let items = list["items"].as_array().expect("items");
    let mut names: Vec<String> =
        items.iter().map(|item| item["metadata"]["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

/// Creates config maps, and deletes every third of them, until it is stopped. Requests fail while the server is down.
async fn churn(client: kube::Client, count: Arc<AtomicUsize>, stop: Arc<AtomicBool>) -> usize {
    let path = "/api/v1/namespaces/default/configmaps";
    let mut made = 0;
    while !stop.load(Ordering::Relaxed) {
        count.store(made, Ordering::Relaxed);
        let name = format!("load-{made}");
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"n": made.to_string()}});
        match request(&client, "POST", path, Some(body)).await {
            Ok(_) => made += 1,
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
        if made % 3 == 2 {
            let gone = format!("{path}/load-{}", made - 2);
            // If the server is down, this one stays.
            _ = request(&client, "DELETE", &gone, None).await;
        }
    }
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_apiserver), ignore = "needs cargo xtask apiserver --build")]
async fn recovers_when_a_server_is_killed_under_load() {
    let data = tempfile::tempdir().expect("a folder");
    let data = data.path().to_str().expect("UTF-8");
    let server = ApiServer::start(&["--data", data]);
    let engine = followed(vec![Context::from_text("real", &text(&server.kubeconfig))]);
    let session = engine.session();
    let client = server.client("default").await;
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load = tokio::spawn(churn(client.clone(), Arc::clone(&count), Arc::clone(&stop)));

    // Each object once. There is always one, since the first is never deleted.
    let sql = "select name, count(*) from configmaps where namespace = 'default' and name like 'load-%' group by name";
    let whole = |rows: &Rows| {
        assert!(rows.iter().all(|row| row[1] == "1"), "{rows:?}");
        rows.len()
    };
    until(&session, sql, |result| result.as_ref().is_ok_and(|rows| whole(rows) > 20)).await;

    let url = server.url.clone();
    server.kill();
    until(&session, sql, |result| match result {
        Ok(rows) => whole(rows) == 0,
        Err(message) => {
            assert!(message.starts_with("cluster real: configmaps: "), "{message}");
            true
        }
    })
    .await;
    let partial = engine.session();
    partial.set_partial(true);
    assert_eq!(ask(&partial, sql).await.expect("what there is"), Rows::new());
    let said = partial.take_warnings();
    assert!(said.iter().any(|warning| warning.place.contains("real") || warning.message.contains("real")), "{said:?}");

    let listen = url.trim_start_matches("https://");
    let server = ApiServer::start(&["--data", data, "--listen", listen]);
    until(&session, sql, |result| result.as_ref().is_ok_and(|rows| whole(rows) > 0)).await;
    // The load goes on after the restart.
    let (begun, before) = (Instant::now(), count.load(Ordering::Relaxed));
    while count.load(Ordering::Relaxed) < before + 20 {
        assert!(begun.elapsed() < BACK, "nothing is created after the restart");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let made = load.await.expect("no panic");
    let client = server.client("default").await;
    let there = names(&client, "/api/v1/namespaces/default/configmaps").await;
    assert!(made > 40 && there.len() > 20, "{made} were made, {} are there", there.len());
    let all = "select name from configmaps where namespace = 'default' order by name";
    let there: Rows = there.into_iter().map(|name| vec![name]).collect();
    until(&session, all, |result| result.as_ref().is_ok_and(|rows| *rows == there)).await;
}

/// A kubeconfig of an account whose token is in a file.
fn kubeconfig_of(server: &ApiServer, token: &Path) -> String {
    let url = &server.url;
    let kubeconfig = text(&server.kubeconfig);
    let authority = kubeconfig
        .lines()
        .find_map(|line| line.trim().strip_prefix("certificate-authority-data: "))
        .unwrap_or_else(|| panic!("no authority in the kubeconfig"));
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: account\n\
         clusters: [{{name: c, cluster: {{server: \"{url}\", certificate-authority-data: {authority}}}}}]\n\
         users: [{{name: u, user: {{tokenFile: \"{}\"}}}}]\n\
         contexts: [{{name: account, context: {{cluster: c, user: u}}}}]\n",
        token.display()
    )
}

async fn account(client: &kube::Client, token: &Path) {
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}});
    request(client, "POST", accounts, Some(account)).await.expect("an account");
    let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let given = request(client, "POST", &format!("{accounts}/reader/token"), Some(asked)).await.expect("a token");
    std::fs::write(token, given["status"]["token"].as_str().expect("a token")).expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_apiserver), ignore = "needs cargo xtask apiserver --build")]
async fn recovers_when_expired_credentials_are_renewed() {
    let data = tempfile::tempdir().expect("a folder");
    let data = data.path().to_str().expect("UTF-8");
    let server = ApiServer::start(&["--data", data]);
    let client = server.client("default").await;
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    account(&client, &token).await;
    let may = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "default"}],
    });
    request(&client, "POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", Some(may)).await.expect("bound");

    let engine = followed(vec![Context::from_text("real", &kubeconfig_of(&server, &token))]);
    let session = engine.session();
    let sql = "select name from namespaces where name = 'default'";
    let there = vec![vec!["default".to_owned()]];
    until(&session, sql, |result| result.as_ref().is_ok_and(|rows| *rows == there)).await;

    // Deleting the account revokes the token; the watch ends with the server.
    request(&client, "DELETE", "/api/v1/namespaces/default/serviceaccounts/reader", None).await.expect("deleted");
    let url = server.url.clone();
    server.kill();
    let listen = url.trim_start_matches("https://");
    let server = ApiServer::start(&["--data", data, "--listen", listen]);
    until(&session, sql, |result| match result {
        Ok(rows) => {
            assert_eq!(*rows, there);
            false
        }
        Err(message) => {
            assert!(message.starts_with("cluster real: namespaces: "), "{message}");
            message.contains("Unauthorized")
        }
    })
    .await;

    account(&server.client("default").await, &token).await;
    until(&session, sql, |result| result.as_ref().is_ok_and(|rows| *rows == there)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_apiserver), ignore = "needs cargo xtask apiserver --build")]
async fn queries_clusters_of_three_releases() {
    let server = ApiServer::shared();
    let old = Cluster::start(&[
        "--release",
        "1.31",
        "--pods",
        "60",
        "--nodes",
        "3",
        "--events-per-second",
        "0",
        "--crds",
        "3",
    ]);
    let new = ["--release", "1.33", "--pods", "90", "--nodes", "5", "--events-per-second", "0", "--listen"];
    let newer = Cluster::start(&[&new[..], &["127.0.0.1:0"]].concat());
    let contexts = vec![
        Context::from_text("real", &text(&server.kubeconfig)),
        Context::from_text("old", &text(&old.kubeconfig())),
        Context::from_text("newer", &text(&newer.kubeconfig())),
    ];
    let engine = followed(contexts);
    let session = engine.session();
    let sql = "select cluster, count(*) from nodes where cluster <> 'real' group by cluster order by cluster";
    let both = vec![vec!["newer".to_owned(), "5".to_owned()], vec!["old".to_owned(), "3".to_owned()]];
    assert_eq!(ask(&session, sql).await.expect("an answer"), both);
    let versions = "select name, version from system.clusters order by name";
    let versions = ask(&session, versions).await.expect("versions");
    let versions: Vec<&str> = versions.iter().map(|row| row[1].split('.').nth(1).unwrap_or_default()).collect();
    assert_eq!(versions, ["33", "31", "37"]);
    // A kind that all of them serve has rows of all; one that only some serve has rows of those.
    let spaces = "select cluster, count(*) > 3 from namespaces group by cluster order by cluster";
    let all = ["newer", "old", "real"].map(|cluster| vec![cluster.to_owned(), "true".to_owned()]);
    assert_eq!(ask(&session, spaces).await.expect("an answer"), all);
    let only = "select count(*) from servicecidrs where cluster = 'old'";
    assert_eq!(ask(&session, only).await.expect("none there"), vec![vec!["0".to_owned()]]);

    let listen = newer.address();
    drop(newer);
    until(&session, sql, |result| match result {
        Ok(rows) => {
            assert_eq!(*rows, both);
            false
        }
        Err(message) => {
            assert!(message.starts_with("cluster newer: nodes: "), "{message}");
            true
        }
    })
    .await;
    let partial = engine.session();
    partial.set_partial(true);
    assert_eq!(ask(&partial, sql).await.expect("the other"), both[1..]);
    assert!(!partial.take_warnings().is_empty());
    let newer = Cluster::start(&[&new[..], &[&listen]].concat());
    until(&session, sql, |result| result.as_ref().is_ok_and(|rows| *rows == both)).await;
    drop(newer);
}
