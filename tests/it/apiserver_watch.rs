//! Tables that follow a real API server: after each change they have the objects that the server lists.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubesql_runtime::generated;
use kubesql_runtime::ingest::clusters::{Context, WatchOptions};
use kubesql_runtime::schema::KindDef;
use kubesql_runtime::sql::{Engine, Session};
use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::oracle::python;
use crate::sessions::{ask, live};

/// The rows of a change are visible within this time, also while other tests run.
const SOON: Duration = Duration::from_secs(30);

/// Objects by namespace and name.
type Objects = BTreeMap<(String, String), Value>;

/// The server's list of a kind in a version; `None` if it does not serve it.
async fn listed(client: &kube::Client, kind: &KindDef, version: &str) -> Option<Objects> {
    let group = if kind.group.is_empty() { "api".to_owned() } else { format!("apis/{}", kind.group) };
    let request =
        http::Request::get(format!("/{group}/{version}/{}", kind.plural)).body(Vec::new()).expect("a request");
    let list: Value = match client.request(request).await {
        Ok(list) => list,
        Err(kube::Error::Api(status)) if status.code == 404 => return None,
        Err(error) => panic!("{}: {error}", kind.plural),
    };
    let api_version = list["apiVersion"].clone();
    let objects = list["items"].as_array().into_iter().flatten().map(|item| {
        let mut item = item.clone();
        item["apiVersion"] = api_version.clone();
        item["kind"] = json!(kind.kind);
        // Values of secrets are redacted.
        if kind.plural == "secrets"
            && let Some(data) = item["data"].as_object_mut()
        {
            data.values_mut().for_each(|value| *value = json!("<redacted>"));
        }
        named(item)
    });
    Some(objects.collect())
}

/// An object without the fields that are dropped when it is read, by its name.
fn named(mut object: Value) -> ((String, String), Value) {
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    metadata.remove("managedFields");
    let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    ((text("namespace"), text("name")), object)
}

/// The objects in the table of a kind.
async fn rows(session: &Session, kind: &KindDef) -> Objects {
    let schema = if kind.group.is_empty() { "core" } else { kind.group };
    let sql = format!("select object from \"{schema}\".{}", kind.plural);
    let rows = ask(session, &sql).await.unwrap_or_else(|error| panic!("{sql}: {}", error.message));
    let count = rows.len();
    let objects: Objects = rows.into_iter().map(|row| named(serde_json::from_str(&row[0]).expect("JSON"))).collect();
    assert_eq!(objects.len(), count, "{sql}: an object is there twice");
    objects
}

/// Waits until the tables of these kinds have the objects that the server lists; returns their number.
async fn same(session: &Session, client: &kube::Client, kinds: &[(&'static KindDef, &str)]) -> usize {
    let mut count = 0;
    for (kind, version) in kinds {
        let begun = Instant::now();
        loop {
            let (rows, listed) =
                (rows(session, kind).await, listed(client, kind, version).await.expect("still served"));
            if rows == listed {
                count += rows.len();
                break;
            }
            // Some kinds change by themselves between the two queries.
            if begun.elapsed() > SOON {
                let names = |of: &Objects| of.keys().cloned().collect::<Vec<_>>();
                assert_eq!(names(&rows), names(&listed), "{}", kind.plural);
                assert_eq!(rows, listed, "{}", kind.plural);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(all(has_apiserver, has_kubectl, has_python3)),
    ignore = "needs cargo xtask apiserver --build, kubectl and python3"
)]
async fn tables_follow_a_real_server() {
    let server = ApiServer::start(&[]);
    server.apply_live();
    let client = server.client("default").await;
    let kubeconfig = std::fs::read_to_string(&server.kubeconfig).expect("the kubeconfig");
    let engine: Arc<Engine> = live(vec![Context::from_text("real", &kubeconfig)], WatchOptions::default()).1;
    let session = engine.session();

    // Every kind that it serves is a table, read in the version that its table was generated from if that is served.
    let mut kinds = Vec::new();
    for &kind in generated::KINDS {
        for &version in kind.versions {
            if listed(&client, kind, version).await.is_some() {
                kinds.push((kind, version));
                break;
            }
        }
    }
    assert!(kinds.len() >= 50, "only {} kinds are served", kinds.len());
    let objects = same(&session, &client, &kinds).await;
    assert!(objects >= 100, "only {objects} objects are there");

    let first = ask(&session, "select namespace, name from pods order by 1, 2 limit 1").await.expect("a pod").remove(0);
    let [namespace, pod] = &first[..] else { panic!("two columns") };
    let kubectl = |args: &[&str]| {
        server.kubectl(&[&["--namespace", namespace.as_str()], args].concat());
    };
    let mut changed = kinds.clone();
    changed.retain(|(kind, _)| ["pods", "configmaps", "deployments"].contains(&kind.plural));

    kubectl(&["label", "pods", "--all", "stage=two", "--overwrite"]);
    same(&session, &client, &changed).await;
    let labelled = ask(&session, "select count(*) from pods where labels.stage = 'two'").await.expect("a count");
    assert_ne!(labelled[0][0], "0");

    let status = r#"{"status":{"phase":"Failed","reason":"Evicted"}}"#;
    kubectl(&["patch", "pod", pod, "--subresource=status", "--type=merge", "--patch", status]);
    same(&session, &client, &changed).await;
    let evicted = ask(&session, "select name from pods where phase = 'Failed' and reason = 'Evicted'").await;
    assert_eq!(evicted.expect("names"), vec![vec![pod.clone()]]);

    python_agrees(&server);
    kubectl(&["create", "configmap", "new", "--from-literal=a=b"]);
    same(&session, &client, &changed).await;
    kubectl(&["delete", "configmap", "new"]);
    kubectl(&["delete", "pods", "--all", "--now", "--wait=false"]);
    same(&session, &client, &changed).await;
    same(&session, &client, &kinds).await;
    python_agrees(&server);
}

/// `kubesql query` over the server answers as Python does over the output of kubectl.
fn python_agrees(server: &ApiServer) {
    const KINDS: &str = "pods,nodes,services,deployments,replicasets,statefulsets,daemonsets,cronjobs,ingresses,configmaps,\
                         secrets,persistentvolumeclaims,persistentvolumes,namespaces,serviceaccounts,roles,rolebindings,\
                         endpointslices,jobs,events";
    let objects = server.kubectl(&["get", KINDS, "--all-namespaces", "--output", "json"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("objects.json");
    std::fs::write(&file, objects).expect("written");
    python("questions.py", &["--kubeconfig".into(), server.kubeconfig.clone(), file]);
}
