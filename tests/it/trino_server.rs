//! kubesql as a catalog of a Trino server, by its connector for PostgreSQL.

use super::clients::trino_server;
use super::demo_cluster::Cluster;
use super::served::Served;

#[test]
fn a_trino_server_answers_as_kubesql_does() {
    let Some(mut server) = trino_server() else { return };
    // So many that there are more containers than the connector fetches at once.
    let cluster = Cluster::start(&["--pods", "800", "--nodes", "4", "--events-per-second", "0"]);
    let served = Served::over(&["--kubeconfig", &cluster.kubeconfig().display().to_string()]);
    let folder = tempfile::tempdir().expect("a folder");
    // What runs for so short a time is not worth compiling well.
    server.args(["-Xmx512m", "-XX:TieredStopAtLevel=1", "tests/clients/TrinoServer.java"]);
    let ran = server.arg(folder.path()).arg(&served.port).output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    // Its log is long, and what went wrong stands near the end.
    let log: Vec<&str> = err.lines().skip(err.lines().count().saturating_sub(60)).collect();
    assert!(ran.status.success() && out.contains("as expected"), "{out}\n{}", log.join("\n"));
}
