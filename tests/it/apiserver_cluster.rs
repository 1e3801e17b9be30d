//! A whole cluster: a real API server with the controllers and the scheduler of its release, and nodes that kwok plays.
//! Controllers do what no test thinks of: they change objects in bursts, and in any order.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubesql_runtime::ingest::clusters::{Context, WatchOptions};
use kubesql_runtime::sql::{Engine, Session};
use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::sessions::{ask, live};
use crate::support::root;

/// The controllers are done with a change within this time, also while other tests run.
const SOON: Duration = Duration::from_secs(120);

/// Objects by namespace and name.
type Objects = BTreeMap<(String, String), Value>;

/// Objects of a list, without what kubesql leaves out: managed fields, and the values of secrets.
fn objects(list: impl IntoIterator<Item = Value>) -> Objects {
    let named = |mut object: Value| {
        if object["kind"] == "Secret"
            && let Some(data) = object["data"].as_object_mut()
        {
            data.values_mut().for_each(|value| *value = json!("<redacted>"));
        }
        let metadata = object["metadata"].as_object_mut().expect("metadata");
        metadata.remove("managedFields");
        let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        ((text("namespace"), text("name")), object)
    };
    list.into_iter().map(named).collect()
}

struct World {
    server: ApiServer,
    session: Session,
}

impl World {
    /// Runs kubectl until it succeeds: a server needs a moment to serve a new kind, or to be back.
    fn kubectl(&self, args: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            let mut kubectl = Command::new("kubectl");
            kubectl.current_dir(root()).arg("--kubeconfig").arg(&self.server.kubeconfig).args(args);
            let ran = kubectl.stdin(Stdio::null()).output().expect("kubectl runs");
            if ran.status.success() {
                return String::from_utf8(ran.stdout).expect("UTF-8");
            }
            let err = String::from_utf8_lossy(&ran.stderr);
            assert!(begun.elapsed() < SOON, "kubectl {args:?}: {err}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Repeats a statement until it has this answer.
    async fn until(&self, sql: &str, expected: &str) {
        let begun = Instant::now();
        loop {
            let found = ask(&self.session, sql).await;
            if found.as_ref().is_ok_and(|rows| rows.len() == 1 && rows[0][0] == expected) {
                return;
            }
            assert!(begun.elapsed() < SOON, "{sql}: {found:?}, expected {expected}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// What `kubectl get` has of a resource.
    fn listed(&self, resource: &str) -> Objects {
        let text = self.kubectl(&["get", resource, "--all-namespaces", "--output", "json"]);
        let mut list: Value = serde_json::from_str(&text).expect("JSON");
        objects(list["items"].as_array_mut().expect("items").iter_mut().map(Value::take))
    }

    /// What the table of a resource has.
    async fn rows(&self, resource: &str) -> Objects {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, "core"));
        let sql = format!("select object from \"{group}\".\"{plural}\"");
        let rows = ask(&self.session, &sql).await.unwrap_or_else(|error| panic!("{sql}: {}", error.message));
        let count = rows.len();
        let found = objects(rows.into_iter().map(|row| serde_json::from_str(&row[0]).expect("JSON")));
        assert_eq!(found.len(), count, "{sql}: an object is there twice");
        found
    }

    /// Waits until every kind that can be listed has the objects that kubectl has. Returns the numbers of both.
    async fn same(&self) -> (usize, usize) {
        let resources = self.kubectl(&["api-resources", "--verbs=list", "--output=name"]);
        let (mut kinds, mut count) = (0, 0);
        for resource in resources.lines() {
            let begun = Instant::now();
            loop {
                let (listed, rows) = (self.listed(resource), self.rows(resource).await);
                if listed == rows {
                    (kinds, count) = (kinds + 1, count + rows.len());
                    break;
                }
                // Leases and events change by themselves.
                if begun.elapsed() > SOON {
                    let names = |of: &Objects| of.keys().cloned().collect::<Vec<_>>();
                    assert_eq!(names(&rows), names(&listed), "{resource}");
                    assert_eq!(rows, listed, "{resource}");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        (kinds, count)
    }
}

const PODS: &str = "select count(*) from pods where phase = 'Running' and namespace =";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(all(has_controllers, has_kubectl)),
    ignore = "needs cargo xtask apiserver --build --controllers, and kubectl"
)]
async fn tables_follow_a_cluster_at_work() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path().to_str().expect("UTF-8");
    let options = ["--controllers", "--data", folder, "--with", "runtime-config=api/all=true"];
    let server = ApiServer::start(&options);
    let text = std::fs::read_to_string(&server.kubeconfig).expect("the kubeconfig");
    let listen = server.url.trim_start_matches("https://").to_owned();
    let engine: Arc<Engine> = live(vec![Context::from_text("real", &text)], WatchOptions::default()).1;
    let mut world = World { server, session: engine.session() };
    world.until("select count(*) from nodes where ready.status = 'True'", "3").await;

    // Workloads: their pods run, are replaced in a rollout, and come and go with the number of replicas.
    for namespace in ["work", "gone"] {
        world.kubectl(&["create", "namespace", namespace]);
        world.kubectl(&["--namespace", namespace, "apply", "--server-side", "--filename", "tests/fixtures/cluster"]);
    }
    // Of the deployment, the daemon set on three nodes, and the stateful set.
    world.until(&format!("{PODS} 'work'"), "8").await;
    world.until(&format!("{PODS} 'gone'"), "8").await;
    world.until("select count(*) from jobs where namespace = 'work' and succeeded = 2", "1").await;
    world.kubectl(&["--namespace", "work", "set", "image", "deployment/web", "web=registry.example.com/web:2"]);
    world.kubectl(&["--namespace", "work", "scale", "statefulset/store", "--replicas=4"]);
    let updated = "select updatedreplicas from deployments where namespace = 'work' and name = 'web' \
                   and updatedreplicas = readyreplicas and replicas = readyreplicas";
    world.until(updated, "3").await;
    world.until(&format!("{PODS} 'work'"), "10").await;
    world.until("select count(*) from containers where namespace = 'work' and image like '%/web:2'", "3").await;

    // Custom resources, of two groups with one plural.
    world.kubectl(&["create", "namespace", "shop"]);
    world.kubectl(&["apply", "--server-side", "--filename", "tests/fixtures/custom/definitions.yaml"]);
    world.kubectl(&["apply", "--server-side", "--filename", "tests/fixtures/custom/objects.yaml"]);
    world.until("select count(*) from \"shop.example\".widgets", "2").await;

    // A deleted namespace takes all its objects with it.
    world.kubectl(&["delete", "namespace", "gone", "--wait=false"]);
    world.until("select count(*) from namespaces where name = 'gone'", "0").await;
    world.until("select count(*) from pods where namespace = 'gone'", "0").await;

    // A crash of everything in the middle of a rollout.
    world.kubectl(&["--namespace", "work", "scale", "deployment/web", "--replicas=9"]);
    world.kubectl(&["--namespace", "work", "set", "image", "deployment/web", "web=registry.example.com/web:3"]);
    world.server.kill();
    world.server = ApiServer::start(&[&options[..], &["--listen", &listen]].concat());
    world
        .until("select count(*) from containers where namespace = 'work' and image like '%/web:3' and ready", "9")
        .await;
    world.until("select count(*) from containers where namespace = 'work' and image like '%/web:2'", "0").await;
    world.until(&format!("{PODS} 'work'"), "16").await;

    let (kinds, objects) = world.same().await;
    assert!(kinds >= 60 && objects >= 300, "{kinds} kinds, {objects} objects");
}
