//! Ways to reach a cluster in kubeconfigs: client certificates, tokens, credential plugins, proxies.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::apiserver::ApiServer;
use super::demo_cluster::Cluster;
use super::support::{Ran, run};

const SQL: &str = "select count(*) > 0 as any from namespaces";

fn ask(kubeconfig: &Path, context: &str) -> Ran {
    let kubeconfig = kubeconfig.to_str().expect("UTF-8");
    run(&["query", "--kubeconfig", kubeconfig, "--context", context, "-o", "csv", SQL])
}

fn answered(ran: &Ran) {
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "any\ntrue\n"), "{}", ran.err);
}

#[test]
#[cfg_attr(not(has_apiserver), ignore = "needs cargo xtask apiserver --build")]
fn authenticates_with_client_certificates() {
    let server = ApiServer::shared();
    answered(&ask(&server.kubeconfig, "certificate"));
    let ran = ask(&server.kubeconfig, "expired");
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.starts_with("error: cluster expired: namespaces: the credentials were rejected"), "{}", ran.err);
    let ran = ask(&server.kubeconfig, "limited");
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("cluster limited: namespaces: ") && ran.err.contains("auth can-i list"), "{}", ran.err);
}

/// The value of a key that a kubeconfig has once.
fn value<'k>(kubeconfig: &'k str, key: &str) -> &'k str {
    let found = kubeconfig.lines().find_map(|line| line.trim().trim_start_matches("- ").strip_prefix(key));
    found.unwrap_or_else(|| panic!("no {key}")).trim().trim_matches('"')
}

#[test]
fn runs_credential_plugins() {
    let cluster = Cluster::start(&["--pods", "20", "--nodes", "2", "--events-per-second", "0"]);
    let kubeconfig = std::fs::read_to_string(cluster.kubeconfig()).expect("the kubeconfig");
    let folder = tempfile::tempdir().expect("a folder");
    let (credential, config) = (folder.path().join("credential"), folder.path().join("config"));
    let given = |token: &str| {
        let credential_of = serde_json::json!({
            "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token},
        });
        std::fs::write(&credential, credential_of.to_string()).expect("written");
    };
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: plugin\n\
         clusters: [{{name: c, cluster: {{server: \"http://{}\"}}}}]\n\
         contexts: [{{name: plugin, context: {{cluster: c, user: u}}}}]\n\
         users: [{{name: u, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: cat, \
         args: [\"{}\"], interactiveMode: Never}}}}}}]\n",
        cluster.address(),
        credential.display()
    );
    std::fs::write(&config, text).expect("written");
    given(value(&kubeconfig, "token:"));
    answered(&ask(&config, "plugin"));
    given("wrong");
    let ran = ask(&config, "plugin");
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("cluster plugin: namespaces: the credentials were rejected"), "{}", ran.err);
    std::fs::remove_file(&credential).expect("removed");
    let ran = ask(&config, "plugin");
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("cluster plugin: namespaces: could not obtain credentials"), "{}", ran.err);
}

/// A proxy that counts connections.
async fn proxy(listener: TcpListener, count: Arc<AtomicUsize>) {
    while let Ok((client, _)) = listener.accept().await {
        let count = Arc::clone(&count);
        tokio::spawn(async move {
            let mut client = BufReader::new(client);
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                if client.read_line(&mut request).await.expect("a line") == 0 {
                    return;
                }
            }
            let target = request.strip_prefix("CONNECT ").and_then(|rest| rest.split_whitespace().next());
            let mut server =
                TcpStream::connect(target.unwrap_or_else(|| panic!("{request}"))).await.expect("the server");
            client.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("written");
            count.fetch_add(1, Ordering::SeqCst);
            // Either side may close the connection.
            _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_apiserver), ignore = "needs cargo xtask apiserver --build")]
async fn connects_through_a_proxy() {
    let server = ApiServer::shared();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let count = Arc::new(AtomicUsize::new(0));
    tokio::spawn(proxy(listener, Arc::clone(&count)));
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config");
    let direct = std::fs::read_to_string(&server.kubeconfig).expect("the kubeconfig");
    let line = direct.lines().find(|line| line.contains("server: ")).expect("a server");
    let indent = &line[..line.len() - line.trim_start().len()];
    let through = direct.replace(line, &format!("{line}\n{indent}proxy-url: http://{address}"));
    std::fs::write(&config, through).expect("written");
    let ran = tokio::task::spawn_blocking(move || ask(&config, "default")).await.expect("no panic");
    answered(&ran);
    assert!(count.load(Ordering::SeqCst) > 0, "the proxy was not asked");
}
