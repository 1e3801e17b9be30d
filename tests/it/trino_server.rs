//! kubesql as a catalog of a Trino server, through its PostgreSQL connector.

use super::clients::trino_server;
use super::demo_cluster::Cluster;
use super::serve::PgServer;

#[test]
#[cfg_attr(not(has_trino_server), ignore = "needs Java, and cargo xtask clients")]
fn trino_server_answers_as_kubesql() {
    let mut server = trino_server();
    // More containers than the connector fetches at once.
    let cluster = Cluster::start(&["--pods", "800", "--nodes", "4", "--events-per-second", "0"]);
    let served = PgServer::over(&["--kubeconfig", &cluster.kubeconfig().display().to_string()]);
    let folder = tempfile::tempdir().expect("a folder");
    // The server runs too briefly for optimised code to pay off.
    server.args(["-Xmx512m", "-XX:TieredStopAtLevel=1", "tests/clients/TrinoServer.java"]);
    let ran = server.arg(folder.path()).arg(&served.port).output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    // The log is long; errors are near its end.
    let log: Vec<&str> = err.lines().skip(err.lines().count().saturating_sub(60)).collect();
    assert!(ran.status.success() && out.contains("as expected"), "{out}\n{}", log.join("\n"));
}
