//! Authentication over HTTP: passwords, tokens, client certificates, TLS; with curl.

use std::process::{Command, Stdio};

use super::auth::Files;
use super::http::HttpServer;

/// The status and the body of an answer to curl.
fn curl(serving: &HttpServer, scheme: &str, path: &str, args: &[&str]) -> (String, String) {
    let port = serving.address.rsplit_once(':').expect("a port").1;
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-m", "60", "-w", "\n%{http_code}", &format!("{scheme}://localhost:{port}{path}")]).args(args);
    let ran = curl.stdin(Stdio::null()).output().expect("curl runs");
    let out = String::from_utf8(ran.stdout).expect("UTF-8");
    let (body, status) = out.rsplit_once('\n').expect("a status");
    (status.to_owned(), body.to_owned())
}

const JSON: &str = "Content-Type: application/json";
const WHO: &str = "{\"sql\": \"select username, protocol from system.queries where state = 'running'\"}";

#[test]
#[cfg_attr(not(has_curl), ignore = "needs curl")]
fn authenticates_each_request() {
    let files = Files::new();
    let users = files.user("ada", "secret");
    let token = files.token("ci", &["--expires", "1h"]);
    let tokens = files.text("tokens");
    let serving = HttpServer::demo(&["--users", &users, "--tokens", &tokens]);
    let ask = |more: &[&str]| curl(&serving, "http", "/api/v1/query", &[&["-H", JSON, "-d", WHO], more].concat());
    let bearer = format!("Authorization: Bearer {token}");
    let (status, body) = ask(&["-u", "ada:secret"]);
    assert_eq!(status, "200", "{body}");
    assert!(body.contains("[\"ada\",\"http\"]"), "{body}");
    for (shown, who) in [(&["-H", &bearer][..], "ci"), (&["-u", &format!("token:{token}")], "ci")] {
        let (status, body) = ask(shown);
        assert!(status == "200" && body.contains(&format!("[\"{who}\",\"http\"]")), "{status} {body}");
    }
    for wrong in [
        &[][..],
        &["-u", "ada:Secret"],
        &["-u", "ada:"],
        &["-u", "eve:secret"],
        &["-H", "Authorization: Bearer x"],
        &["-H", "Authorization: Basic x"],
        &["-H", "X-Trino-User: ada"],
    ] {
        let (status, body) = ask(wrong);
        assert_eq!(status, "401", "{wrong:?}: {body}");
        assert!(body.contains("\"hint\":\"send Authorization"), "{wrong:?}: {body}");
    }
    let begin = ["-d", "select 1", "-H", "X-Trino-User: ada"];
    assert_eq!(curl(&serving, "http", "/v1/statement", &begin).0, "401");
    let known = [&begin[..], &["-u", "ada:secret"]].concat();
    let (status, body) = curl(&serving, "http", "/v1/statement", &known);
    assert!(status == "200" && body.contains("nextUri"), "{status} {body}");
    for path in ["/api/v1/tables", "/api/v1/tables/pods", "/v1/status", "/v1/query/x", "/nowhere"] {
        assert_eq!(curl(&serving, "http", path, &[]).0, "401", "{path}");
    }
    assert_eq!(curl(&serving, "http", "/healthz", &[]), ("200".to_owned(), "ok\n".to_owned()));
}

#[test]
#[cfg_attr(not(has_curl), ignore = "needs curl")]
fn rejects_plain_http_with_tls() {
    let files = Files::new();
    files.authority("ca", ["server", "ada"]);
    files.authority("other", ["bob"]);
    let (certificate, key, ca) = (files.text("server.crt"), files.text("server.key"), files.text("ca.crt"));
    let serving = HttpServer::demo(&["--tls-cert", &certificate, "--tls-key", &key, "--client-ca", &ca]);
    let ask = |who: &str, scheme: &str, path: &str| {
        let (crt, key) = (files.text(&format!("{who}.crt")), files.text(&format!("{who}.key")));
        let shown = ["--cacert", &ca, "--cert", &crt, "--key", &key];
        let more = if path == "/v1/statement" {
            &["-d", "select 1", "-H", "X-Trino-User: x"][..]
        } else {
            &["-H", JSON, "-d", WHO]
        };
        curl(&serving, scheme, path, &[&shown[..], more].concat())
    };
    let (status, body) = ask("ada", "https", "/api/v1/query");
    assert!(status == "200" && body.contains("[\"ada\",\"http\"]"), "{status} {body}");
    // The URI of the next page has TLS as well.
    let (_, body) = ask("ada", "https", "/v1/statement");
    assert!(body.contains("\"nextUri\":\"https://localhost:"), "{body}");
    assert_eq!(ask("bob", "https", "/api/v1/query").0, "000");
    let (status, body) = ask("ada", "http", "/api/v1/query");
    assert_eq!((status.as_str(), body.as_str()), ("400", "this address requires TLS: use an https URL\n"));
}
