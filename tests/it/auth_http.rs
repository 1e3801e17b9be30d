//! Who is let in by the HTTP door of `kubesql serve`: names and passwords, tokens, certificates, TLS; with curl.

use std::process::{Command, Stdio};

use super::auth::Files;
use super::http::Serving;
use super::support::skipped;

/// What curl says: the status and the body; none, and said aloud, where there is no curl.
fn curl(serving: &Serving, scheme: &str, path: &str, args: &[&str]) -> Option<(String, String)> {
    let port = serving.address.rsplit_once(':').expect("a port").1;
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-m", "60", "-w", "\n%{http_code}", &format!("{scheme}://localhost:{port}{path}")]).args(args);
    match curl.stdin(Stdio::null()).output() {
        Ok(ran) => {
            let out = String::from_utf8(ran.stdout).expect("UTF-8");
            let (body, status) = out.rsplit_once('\n').expect("a status");
            Some((status.to_owned(), body.to_owned()))
        }
        Err(error) => {
            skipped(&format!("CURL WITH PASSWORDS AND TLS: CURL DOES NOT RUN: {error}"));
            None
        }
    }
}

const JSON: &str = "Content-Type: application/json";
const WHO: &str = "{\"sql\": \"select username, door from system.queries where state = 'running'\"}";

#[test]
fn requests_say_who_asks() {
    let files = Files::new();
    let users = files.user("ada", "secret");
    let token = files.token("ci", &["--expires", "1h"]);
    let tokens = files.text("tokens");
    let serving = Serving::demo(&["--users", &users, "--tokens", &tokens]);
    let ask = |more: &[&str]| curl(&serving, "http", "/api/v1/query", &[&["-H", JSON, "-d", WHO], more].concat());
    let bearer = format!("Authorization: Bearer {token}");
    let Some((status, body)) = ask(&["-u", "ada:secret"]) else { return };
    assert_eq!(status, "200", "{body}");
    assert!(body.contains("[\"ada\",\"http\"]"), "{body}");
    for (shown, who) in [(&["-H", &bearer][..], "ci"), (&["-u", &format!("token:{token}")], "ci")] {
        let (status, body) = ask(shown).expect("curl");
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
        let (status, body) = ask(wrong).expect("curl");
        assert_eq!(status, "401", "{wrong:?}: {body}");
        assert!(body.contains("\"hint\":\"send Authorization"), "{wrong:?}: {body}");
    }
    let begin = ["-d", "select 1", "-H", "X-Trino-User: ada"];
    assert_eq!(curl(&serving, "http", "/v1/statement", &begin).expect("curl").0, "401");
    let known = [&begin[..], &["-u", "ada:secret"]].concat();
    let (status, body) = curl(&serving, "http", "/v1/statement", &known).expect("curl");
    assert!(status == "200" && body.contains("nextUri"), "{status} {body}");
    for path in ["/api/v1/tables", "/api/v1/tables/pods", "/v1/status", "/v1/query/x", "/nowhere"] {
        assert_eq!(curl(&serving, "http", path, &[]).expect("curl").0, "401", "{path}");
    }
    assert_eq!(curl(&serving, "http", "/healthz", &[]).expect("curl"), ("200".to_owned(), "ok\n".to_owned()));
}

#[test]
fn tls_is_spoken_and_nothing_else() {
    let files = Files::new();
    files.authority("ca", ["server", "ada"]);
    files.authority("other", ["bob"]);
    let (certificate, key, ca) = (files.text("server.crt"), files.text("server.key"), files.text("ca.crt"));
    let serving = Serving::demo(&["--tls-cert", &certificate, "--tls-key", &key, "--client-ca", &ca]);
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
    let Some((status, body)) = ask("ada", "https", "/api/v1/query") else { return };
    assert!(status == "200" && body.contains("[\"ada\",\"http\"]"), "{status} {body}");
    // The next page is asked for over TLS as well.
    let (_, body) = ask("ada", "https", "/v1/statement").expect("curl");
    assert!(body.contains("\"nextUri\":\"https://localhost:"), "{body}");
    assert_eq!(ask("bob", "https", "/api/v1/query").expect("curl").0, "000");
    let (status, body) = ask("ada", "http", "/api/v1/query").expect("curl");
    assert_eq!((status.as_str(), body.as_str()), ("400", "this address takes TLS only: ask with https instead\n"));
}
