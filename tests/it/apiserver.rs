//! A real Kubernetes API server for tests, built from `tests/apiserver`, and tests of that server.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::support::{build, root, target};

/// The time limit of a start. An idle machine needs seconds, but tests run in parallel.
const START: Duration = Duration::from_secs(180);

/// The time that a server has to stop before it is killed.
const STOP: Duration = Duration::from_secs(15);

/// A running API server; it stops when this is dropped, and when the test's process ends.
pub(crate) struct ApiServer {
    child: Child,
    /// `https://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// Contexts: `default`, which may do everything; `limited`, which may do nothing before it is bound to a role;
    /// `certificate`, which may do everything with a client certificate; and `expired`, whose certificate has expired.
    pub(crate) kubeconfig: PathBuf,
}

impl ApiServer {
    /// A server shared by the tests that only read, or that keep to namespaces of their own.
    pub(crate) fn shared() -> &'static ApiServer {
        static SHARED: OnceLock<ApiServer> = OnceLock::new();
        // Never dropped: it stops when its standard input closes as this process ends.
        SHARED.get_or_init(|| ApiServer::start(&[]))
    }

    /// A server for one test, with more options (`-help` lists them).
    pub(crate) fn start(options: &[&str]) -> ApiServer {
        let binary = binary();
        let mut child = Command::new(&binary)
            .arg("--until-stdin-closes")
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let (said, ready) = mpsc::channel();
        let out = child.stdout.take().expect("standard output");
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(out).read_line(&mut line);
            // The receiver is gone if the start took too long.
            let _ = said.send(read.map(|_| line));
        });
        let mut server = ApiServer { child, url: String::new(), kubeconfig: PathBuf::new() };
        let line = match ready.recv_timeout(START) {
            Ok(line) => line.expect("standard output"),
            Err(_) => panic!("the API server is not ready after {} s", START.as_secs()),
        };
        match line.trim_end().split_once(" is ready, kubeconfig: ") {
            Some((url, kubeconfig)) => (server.url, server.kubeconfig) = (url.to_owned(), kubeconfig.into()),
            None => panic!("the API server does not start: {}", server.ended()),
        }
        server
    }

    /// A client by one of the contexts.
    pub(crate) async fn client(&self, context: &str) -> Client {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).expect("the kubeconfig");
        let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("the context");
        Client::try_from(config).expect("a client")
    }

    /// Runs kubectl on the server, which has to succeed, and returns what it prints.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        let mut kubectl = Command::new("kubectl");
        kubectl.current_dir(root()).arg("--kubeconfig").arg(&self.kubeconfig).args(args).stdin(Stdio::null());
        let ran = kubectl.output().expect("kubectl runs");
        assert!(ran.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).expect("UTF-8")
    }

    /// Writes the objects of `tests/fixtures/live` to the server, then their statuses, which are kept in
    /// `status/<resource>/[<namespace>/]<name>.yaml`.
    pub(crate) fn apply_live(&self) {
        const LIVE: &str = "tests/fixtures/live";
        self.kubectl(&["apply", "--server-side", "--filename", LIVE]);
        let statuses = root().join(LIVE).join("status");
        for file in files(&statuses) {
            let place = file.strip_prefix(&statuses).expect("a file in the folder").with_extension("");
            let place: Vec<&str> = place.iter().map(|part| part.to_str().expect("UTF-8")).collect();
            let of = match place[..] {
                [resource, namespace, name] => vec!["--namespace", namespace, resource, name],
                [resource, name] => vec![resource, name],
                _ => panic!("{} is no place for a status", file.display()),
            };
            let patch = ["patch", "--subresource=status", "--type=merge", "--patch-file"];
            self.kubectl(&[&patch[..], &[file.to_str().expect("UTF-8")], &of].concat());
        }
    }

    /// Ends the server at once, as a crash does. Its data stay if it has a folder for them (`--data`).
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Waits for the end of a server that did not start, and returns what it printed.
    fn ended(&mut self) -> String {
        let mut said = Vec::new();
        let mut err = self.child.stderr.take().expect("standard error");
        std::io::Read::read_to_end(&mut err, &mut said).expect("standard error");
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let asked = Instant::now();
        while asked.elapsed() < STOP {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill(); // it may have ended just now
        let _ = self.child.wait();
    }
}

/// The binary that `cargo xtask apiserver --build` makes.
fn binary() -> PathBuf {
    let path = match std::env::var_os("KUBESQL_APISERVER").filter(|path| !path.is_empty()) {
        Some(path) => path.into(),
        None => target().0.join("apiserver").join(format!("kubesql-apiserver{}", std::env::consts::EXE_SUFFIX)),
    };
    assert!(path.is_file(), "{} is missing: run `cargo xtask apiserver --build`", path.display());
    path
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The status and the body of a GET by one of the contexts.
async fn get(server: &ApiServer, context: &str, path: &str) -> (u16, String) {
    let request = http::Request::get(path).body(Vec::new()).expect("a request");
    match server.client(context).await.request_text(request).await {
        Ok(body) => (200, body),
        Err(kube::Error::Api(status)) => (status.code, status.message.clone()),
        Err(error) => panic!("GET {path} as {context}: {error:?}"),
    }
}

/// The names of all namespaces, as context `default` sees them.
async fn namespaces(server: &ApiServer) -> Vec<String> {
    let (status, body) = get(server, "default", "/api/v1/namespaces").await;
    assert_eq!(status, 200, "{body}");
    let list: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let items = list["items"].as_array().expect("items");
    items.iter().map(|item| item["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
}

const FIRST_NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

#[tokio::test]
#[cfg_attr(not(has_apiserver), ignore = "needs cargo xtask apiserver --build")]
async fn starts_with_its_users() {
    let server = ApiServer::shared();
    // Other tests may have created namespaces.
    let found = namespaces(server).await;
    assert!(FIRST_NAMESPACES.iter().all(|name| found.iter().any(|it| it == name)), "{found:?}");
    let (status, version) = get(server, "certificate", "/version").await;
    assert!(status == 200 && version.contains("\"gitVersion\": \"v1.37."), "{version}");

    let refused = |(status, message): (u16, String), expect: u16, says: &str| {
        assert!(status == expect && message.contains(says), "{status} {message}");
    };
    let list = "/api/v1/namespaces";
    assert_eq!(get(server, "certificate", list).await.0, 200);
    refused(get(server, "limited", list).await, 403, "User \"test-limited\" cannot list resource \"namespaces\"");
    refused(get(server, "expired", list).await, 401, "Unauthorized");
    // The user is authenticated: it may read what all users may read.
    assert_eq!(get(server, "limited", "/apis").await.0, 200);
}

#[test]
#[cfg_attr(not(all(has_apiserver, has_kubectl)), ignore = "needs cargo xtask apiserver --build, and kubectl")]
fn serves_kubectl() {
    let server = ApiServer::shared();
    let names = server.kubectl(&["get", "namespaces", "--output", "name"]);
    assert!(names.lines().any(|name| name == "namespace/kube-system"), "{names}");
}

/// The server validates the fixtures.
#[test]
#[cfg_attr(not(all(has_apiserver, has_kubectl)), ignore = "needs cargo xtask apiserver --build, and kubectl")]
fn accepts_the_live_fixtures() {
    let server = ApiServer::shared();
    server.apply_live();
    let pods = ["get", "pods", "--namespace", "live-shop", "--output"];
    let fields = "custom-columns=N:.metadata.name,P:.status.phase,R:.status.containerStatuses[*].restartCount";
    let pods = server.kubectl(&[&pods[..], &[fields, "--no-headers"]].concat());
    let pods: Vec<Vec<&str>> = pods.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(pods, [["wants-too-much", "Pending", "<none>"], ["web-1", "Running", "0"], ["web-2", "Running", "7"]]);
}

/// Tests with servers that are killed and restarted rely on this.
#[tokio::test]
#[cfg_attr(not(has_apiserver), ignore = "needs cargo xtask apiserver --build")]
async fn restarts_with_the_same_data_and_port() {
    let data = tempfile::tempdir().expect("a folder");
    let data = data.path().to_str().expect("UTF-8");
    let server = ApiServer::start(&["--data", data]);
    let namespace = br#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kept"}}"#.to_vec();
    let post = http::Request::post("/api/v1/namespaces").header("content-type", "application/json");
    let made = server.client("default").await.request_text(post.body(namespace).expect("a request")).await;
    assert!(made.is_ok(), "{made:?}");
    let (url, kubeconfig) = (server.url.clone(), std::fs::read_to_string(&server.kubeconfig));
    server.kill();

    let listen = url.trim_start_matches("https://");
    let server = ApiServer::start(&["--data", data, "--listen", listen]);
    assert_eq!(server.url, url);
    let same = std::fs::read_to_string(&server.kubeconfig).expect("it") == kubeconfig.expect("the kubeconfig");
    assert!(same, "the kubeconfig of before is of no use any more");
    assert!(namespaces(&server).await.contains(&"kept".to_owned()));
}

/// The committed document is made from the Swagger file in the Kubernetes sources. A server with all APIs enabled must
/// give the same document; by default it serves fewer versions.
#[test]
#[cfg_attr(not(has_apiserver), ignore = "needs cargo xtask apiserver --build")]
fn imports_as_the_committed_document() {
    let all = ["--with", "runtime-config=api/all=true", "--with", "feature-gates=AllAlpha=true,AllBeta=true"];
    let server = ApiServer::start(&all);
    let output = tempfile::tempdir().expect("a folder");
    let args = ["import", "--kubeconfig"].map(OsStr::new).into_iter();
    let args = args.chain([server.kubeconfig.as_os_str(), OsStr::new("--output"), output.path().as_os_str()]);
    let ran = Command::new(build("xtask")).args(args).stdin(Stdio::null()).output().expect("the import runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let read =
        |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let imported = read(&output.path().join("v1.37.json"));
    let committed = read(&root().join("schemas/kubernetes/v1.37.json"));
    if let Some(line) = imported.lines().zip(committed.lines()).position(|(a, b)| a != b) {
        let around = |text: &str| text.lines().skip(line.saturating_sub(8)).take(12).collect::<Vec<_>>().join("\n");
        panic!("from line {}:\n{}\n\ncommitted:\n{}", line + 1, around(&imported), around(&committed));
    }
    assert!(imported == committed, "{} bytes, committed {}", imported.len(), committed.len());
}
