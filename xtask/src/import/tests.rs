//! Tests of imports from folders, from a server on loopback, and of real documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use kubesql_codegen::spec::{Input, import};
use serde_json::{Value, json};

use super::{Args, Fetched, changes, convert, default_output, previous, read_path, run};
use crate::Cli;

/// An OpenAPI 3.0 document with the kind `Box` of `group/v1`.
fn openapi(group: &str, prefix: &str, version: &str) -> Value {
    let gvk = json!({"group": group, "kind": "Box", "version": "v1"});
    let list = json!({"get": {"x-kubernetes-action": "list", "x-kubernetes-group-version-kind": gvk}});
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Tiny", "version": version},
        "paths": {format!("/apis/{group}/v1/boxes"): list},
        "components": {"schemas": {format!("{prefix}.v1.Box"): {
            "type": "object",
            "properties": {"size": {"type": "string"}},
            "x-kubernetes-group-version-kind": [gvk],
        }}},
    })
}

/// The same as a Swagger 2.0 document.
fn swagger(group: &str, prefix: &str, version: &str) -> Value {
    let mut document = openapi(group, prefix, version);
    document["definitions"] = document["components"]["schemas"].take();
    document["swagger"] = json!("2.0");
    document.as_object_mut().expect("an object").remove("openapi");
    document
}

/// The responses of a server: a status and a body for each path.
type Answers = BTreeMap<&'static str, (u16, String)>;

fn answers(answers: impl IntoIterator<Item = (&'static str, u16, Value)>) -> Answers {
    answers.into_iter().map(|(path, status, body)| (path, (status, body.to_string()))).collect()
}

/// A server on the loopback interface, which ends with the test.
struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                // A client that disconnects fails its own test.
                let _ = connection.and_then(|stream| answer(stream, &answers));
            }
        });
        Self { address, stop, thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread, which waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Responds to one request and closes the connection.
fn answer(stream: TcpStream, answers: &Answers) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let missing = (404, "404 page not found".to_owned());
    let (status, body) = answers.get(path).unwrap_or(&missing);
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    (&stream).write_all(head.as_bytes())?;
    (&stream).write_all(body.as_bytes())
}

fn args(source: &str, output: &Path) -> Args {
    let (source, output) = (vec![source.to_owned()], Some(output.to_owned()));
    Args { source, kubeconfig: None, context: None, release: None, output }
}

fn import_from(server: &Server) -> Result<String, String> {
    let output = tempfile::tempdir().expect("a temporary folder");
    run(&args(&server.url(), output.path())).map_err(|error| format!("{error:#}").replace(&server.url(), "URL"))?;
    Ok(fs::read_to_string(output.path().join("v1.40.json")).expect("the release's file"))
}

fn expected(groups: &[&str]) -> String {
    let documents: Vec<Input> = groups
        .iter()
        .map(|group| {
            let text = openapi(group, &format!("io.k8s.api.{group}"), "v1.40.0").to_string();
            Input { name: (*group).to_owned(), text }
        })
        .collect();
    import(&documents, None).expect("sound documents").document
}

#[test]
fn documents_are_fetched_from_servers() {
    let index = json!({"paths": {
        ".well-known/openid-configuration": {"serverRelativeURL": "/openapi/v3/.well-known"},
        "apis/toys": {"serverRelativeURL": "/openapi/v3/apis/toys"},
        "apis/toys/v1": {"serverRelativeURL": "/openapi/v3/apis/toys/v1?hash=1F"},
        "apis/games/v1": {},
        "apis/crates.example.com/v1": {"serverRelativeURL": "/openapi/v3/apis/crates.example.com/v1"},
        "apis/down.example.com/v1": {"serverRelativeURL": "/openapi/v3/apis/down.example.com/v1"},
    }});
    let server = Server::start(answers([
        ("/version", 200, json!({"gitVersion": "v1.40.3+tiny"})),
        ("/openapi/v3", 200, index),
        ("/openapi/v3/apis/toys/v1?hash=1F", 200, openapi("toys", "io.k8s.api.toys", "v1.40.3")),
        ("/openapi/v3/apis/games/v1", 200, openapi("games", "io.k8s.api.games", "unversioned")),
        ("/openapi/v3/apis/crates.example.com/v1", 200, openapi("crates.example.com", "com.example.crates", "v0.1.0")),
        ("/openapi/v3/apis/down.example.com/v1", 500, json!("no backend")),
    ]));
    assert_eq!(import_from(&server), Ok(expected(&["games", "toys"])));
}

#[test]
fn servers_without_openapi_v3_are_supported() {
    let server = Server::start(answers([
        ("/version", 200, json!({"gitVersion": "v1.40.3"})),
        ("/openapi/v2", 200, swagger("toys", "io.k8s.api.toys", "unversioned")),
    ]));
    assert_eq!(import_from(&server), Ok(expected(&["toys"])));
}

#[test]
fn failed_requests_have_url_and_cause() {
    let version = || ("/version", 200, json!({"gitVersion": "v1.40.3"}));
    let index = || ("/openapi/v3", 200, json!({"paths": {"apis/toys/v1": {}}}));
    let status = |code: u16, message: &str| json!({"kind": "Status", "code": code, "message": message});
    let cases = [
        (vec![], "GET URL/version: 404 404 page not found"),
        (vec![("/version", 200, json!("v1")), ("/openapi/v3", 403, status(403, "no"))], "GET URL/openapi/v3: 403 no"),
        (vec![version(), ("/openapi/v3", 200, json!({}))], "URL/openapi/v3 is not an index of documents"),
        (
            vec![version(), ("/openapi/v3", 200, json!({"paths": {"version": {}}}))],
            "URL/openapi/v3 lists no documents of API groups",
        ),
        (vec![version(), index()], "GET URL/openapi/v3/apis/toys/v1: 404 404 page not found"),
        (
            vec![version(), index(), ("/openapi/v3/apis/toys/v1", 200, json!({}))],
            "URL/openapi/v3/apis/toys/v1: neither a Swagger 2.0 nor an OpenAPI 3.0 document",
        ),
    ];
    for (served, expected) in cases {
        let server = Server::start(answers(served));
        assert_eq!(import_from(&server), Err(expected.to_owned()));
    }
    let output = Path::new("never written");
    let error = run(&args("http://127.0.0.1:1", output)).expect_err("no server");
    let error = format!("{error:#}");
    assert!(error.starts_with("GET http://127.0.0.1:1/version: ") && error.contains("refused"), "{error}");
    let error = run(&args("https://example.com/swagger.json", output)).expect_err("a document");
    assert!(error.to_string().contains("is a document, not a server"), "{error}");
}

#[test]
fn servers_of_kubeconfigs_are_used() {
    let server = Server::start(answers([
        ("/version", 200, json!({"gitVersion": "v1.40.3"})),
        ("/openapi/v2", 200, swagger("toys", "io.k8s.api.toys", "v1.40.3")),
    ]));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("config");
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "tiny", "cluster": {"server": server.url()}}],
        "contexts": [{"name": "here", "context": {"cluster": "tiny", "user": "me"}}],
        "users": [{"name": "me", "user": {}}],
    });
    fs::write(&file, kubeconfig.to_string()).expect("written");
    let args = |context: &str| Args {
        source: Vec::new(),
        kubeconfig: Some(Some(file.clone())),
        context: Some(context.to_owned()),
        release: None,
        output: Some(folder.path().to_owned()),
    };
    run(&args("here")).expect("imported");
    assert_eq!(fs::read_to_string(folder.path().join("v1.40.json")).expect("written"), expected(&["toys"]));
    let error = format!("{:#}", run(&args("there")).expect_err("no such context"));
    assert!(error.contains("there"), "{error}");
}

#[test]
fn folders_are_read_recursively() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let documents = folder.path().join("v1.40").join("apis/toys");
    fs::create_dir_all(&documents).expect("made");
    fs::write(documents.join("v1.json"), openapi("toys", "io.k8s.api.toys", "unversioned").to_string())
        .expect("written");
    fs::write(documents.join("README.md"), "not a document").expect("written");
    let source = folder.path().join("v1.40");
    let imported = convert(&read_path(&source).expect("read"), None).expect("imported");
    assert_eq!(imported.document, expected(&["toys"]));
    let asked = convert(&read_path(&source).expect("read"), Some("v1.41")).expect("imported");
    assert_eq!(asked.release, "v1.41");
    let error = read_path(&folder.path().join("v1.39")).err().expect("no such folder");
    assert!(error.to_string().contains("v1.39"), "{error}");
}

#[test]
fn previous_file_is_of_the_same_or_an_older_release() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let found = |release: &str| previous(folder.path(), release).expect("readable").map(|file| file.name);
    for name in ["v1.9.json", "v1.40.json", "v1.42.json", "notes.json"] {
        fs::write(folder.path().join(name), "").expect("written");
    }
    assert_eq!(
        ["v1.8", "v1.39", "v1.40", "v1.41"].map(|release| found(release).unwrap_or_default()),
        ["", "v1.9.json", "v1.40.json", "v1.40.json"]
    );
    assert_eq!(previous(&folder.path().join("absent"), "v1.40").expect("nothing").map(|file| file.name), None);
}

#[test]
fn changes_are_reported_by_kind_and_field() {
    let document = |change: &dyn Fn(&mut Value)| {
        let mut document: Value = serde_json::from_str(&expected(&["toys"])).expect("JSON");
        change(&mut document);
        document.to_string()
    };
    let before = document(&|_| ());
    assert_eq!(changes::between("v1.40.json", &before, &before).expect("sound"), ["unchanged from v1.40.json"]);
    let after = document(&|document| {
        document["paths"]["/apis/toys/v1/boxes"]["x-kubesql-namespaced"] = json!(true);
        let schemas = &mut document["components"]["schemas"];
        schemas["io.k8s.api.toys.v1.Box"]["properties"] = json!({"lid": {"type": "boolean"}});
        schemas["io.k8s.Lid"] = json!({});
    });
    assert_eq!(
        changes::between("v1.40.json", &before, &after).expect("sound"),
        [
            "against v1.40.json: kinds +0 -0 ~1, schemas +1 -0 ~1",
            "~ kind toys/v1 Box: namespaced true was false",
            "+ schema io.k8s.Lid",
            "~ schema io.k8s.api.toys.v1.Box: +lid -size",
        ]
    );
    let unreadable = changes::between("v1.40.json", "{", &after).expect("sound");
    assert!(unreadable[0].starts_with("could not read v1.40.json"), "{unreadable:?}");
}

#[test]
fn command_line_is_consistent() {
    use clap::{CommandFactory, Parser};
    Cli::command().debug_assert();
    let parses = |line: &str| Cli::try_parse_from(line.split(' ')).is_ok();
    for line in [
        "xtask import x.json",
        "xtask import x.yaml y.json",
        "xtask import --kubeconfig",
        "xtask import --kubeconfig a --context b --release v1.40",
    ] {
        assert!(parses(line), "{line}");
    }
    for line in ["xtask import", "xtask import x.json --kubeconfig", "xtask import --release v1.40"] {
        assert!(!parses(line), "{line}");
    }
}

/// Both formats of a real release have the same result, which is the committed file.
#[test]
#[ignore = "needs KUBESQL_SAMPLES; .ci/run runs it"]
fn samples_in_both_formats_have_the_same_result() {
    let samples = std::env::var_os("KUBESQL_SAMPLES").map(PathBuf::from).expect("KUBESQL_SAMPLES is set");
    let convert = |fetched: &Fetched| convert(fetched, None).expect("imported").document;
    for release in ["v1.31", "v1.32", "v1.33", "v1.34", "v1.35"] {
        let committed = fs::read_to_string(default_output().join(format!("{release}.json"))).expect("committed");
        let old = read_path(&samples.join("../openapi/v2").join(format!("{release}.swagger.json"))).expect("samples");
        assert!(convert(&old) == committed, "{release}: run `cargo xtask import` on the Swagger document again");
        let folder = samples.join("../openapi/v3").join(release);
        if folder.exists() {
            let new = read_path(&folder).expect("samples");
            assert!(convert(&new) == committed, "{release}: the formats differ");
            only_discovery_is_missing(&old, &new);
        }
    }
}

/// Checks that the formats only differ in discovery: in OpenAPI 3.0, discovery has separate documents, which are not read.
fn only_discovery_is_missing(old: &Fetched, new: &Fetched) {
    let names = |fetched: &Fetched, pointer: &str| {
        let mut names = BTreeSet::new();
        for document in &fetched.documents {
            let document: Value = serde_json::from_str(&document.text).expect("JSON");
            let object = document.pointer(pointer).and_then(Value::as_object);
            names.extend(object.expect("an object").keys().cloned());
        }
        names
    };
    let (before, after) = (names(old, "/paths"), names(new, "/paths"));
    assert!(after.is_subset(&before));
    for path in before.difference(&after) {
        let words: Vec<&str> = path.split('/').collect();
        let discovery = matches!(words[..], ["", "api" | "apis", ""] | ["", "apis", _, ""]);
        let other = ["/logs/", "/version/", "/openid/", "/.well-known/"].iter().any(|start| path.starts_with(start));
        assert!(discovery || other, "{path} is missing in OpenAPI 3.0");
    }
    let (before, after) = (names(old, "/definitions"), names(new, "/components/schemas"));
    let meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
    let discovery =
        ["APIGroup", "APIGroupList", "APIVersions", "GroupVersionForDiscovery", "ServerAddressByClientCIDR"]
            .map(|name| format!("{meta}.{name}"))
            .into_iter()
            .chain(["io.k8s.apimachinery.pkg.version.Info".to_owned()]);
    assert_eq!(before.difference(&after).cloned().collect::<BTreeSet<_>>(), discovery.collect());
    assert!(after.is_subset(&before));
}
