//! Who is let in by `kubesql serve`: passwords, tokens, client certificates, TLS; with psql and tokio-postgres.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::served::Served;
use super::support::{run, run_with, skipped};

/// A folder with the files of one test.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    /// Adds a user with the command, and gives the file.
    pub(crate) fn user(&self, name: &str, password: &str) -> String {
        let ran = run_with(&["user", "add", name, "--users", &self.text("users")], &format!("{password}\n"));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        self.text("users")
    }

    /// Makes a token with the command.
    pub(crate) fn token(&self, name: &str, more: &[&str]) -> String {
        let tokens = self.text("tokens");
        let args = [&["token", "create", name, "--tokens", &tokens], more].concat();
        let ran = run(&args);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.out.trim().to_owned()
    }

    /// Writes a certificate and its key for only its owner to read.
    fn pair(&self, name: &str, certificate: &str, key: &KeyPair) {
        fs::write(self.path(&format!("{name}.crt")), certificate).expect("a file");
        let path = self.path(&format!("{name}.key"));
        fs::write(&path, key.serialize_pem()).expect("a file");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
        }
    }

    /// An authority, and what it gives: `NAME.crt` and `NAME.key` of this common name, good for this machine.
    pub(crate) fn authority<'a>(&self, name: &str, people: impl IntoIterator<Item = &'a str>) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        self.pair(name, &certificate.pem(), &key);
        let issuer = Issuer::new(params, key);
        for person in people {
            let mut params =
                CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
            params.distinguished_name.push(DnType::CommonName, person);
            if person == "late" {
                params.not_after = date_time_ymd(2021, 1, 1);
            }
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &issuer).expect("a certificate");
            self.pair(person, &certificate.pem(), &key);
        }
    }
}

/// What psql says to one statement over a connection: rows or errors; none, and said aloud, where there is no psql.
fn psql(served: &Served, connection: &str, password: Option<&str>, sql: &str) -> Option<Result<String, String>> {
    let mut psql = Command::new("psql");
    psql.args([
        "-X",
        "-A",
        "-t",
        "-w",
        "-c",
        sql,
        &format!("host=127.0.0.1 dbname=kubesql port={} {connection}", served.port),
    ]);
    psql.env_remove("PGPASSWORD").env("HOME", "/nonexistent").stdin(Stdio::null());
    if let Some(password) = password {
        psql.env("PGPASSWORD", password);
    }
    match psql.output() {
        Ok(ran) => {
            let text = |bytes| String::from_utf8(bytes).expect("UTF-8").trim().to_owned();
            Some(if ran.status.success() { Ok(text(ran.stdout)) } else { Err(text(ran.stderr)) })
        }
        Err(error) => {
            skipped(&format!("PSQL WITH PASSWORDS AND TLS: PSQL DOES NOT RUN: {error}"));
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_let_in_who_has_them() {
    let files = Files::new();
    let users = files.user("ada", "correct horse");
    let written = fs::read_to_string(&users).expect("a file");
    assert!(written.starts_with("ada:SCRAM-SHA-256$4096:") && !written.contains("horse"), "{written}");
    let log = files.text("audit");
    let served = Served::start(&["--users", &users, "--audit-log", &log]);
    let connect = |user: &str, password: Option<&str>| {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(served.port.parse().expect("a port")).user(user).application_name("the-test");
        if let Some(password) = password {
            config.password(password);
        }
        async move { config.connect(NoTls).await }
    };
    let (client, connection) = connect("ada", Some("correct horse")).await.expect("let in");
    tokio::spawn(connection);
    let row = client
        .query_one("select username, door, client_address from system.queries where state = 'running'", &[])
        .await
        .expect("a row");
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("ada", "postgresql"));
    assert!(row.get::<_, &str>(2).starts_with("127.0.0.1:"));

    let mut messages = Vec::new();
    for (user, password) in [("ada", "Correct horse"), ("eve", "correct horse"), ("root", "x")] {
        let error = connect(user, Some(password)).await.err().expect("refused");
        assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD), "{error:?}");
        messages.push(error.as_db_error().expect("an error").message().replace(user, "USER"));
    }
    assert_eq!(messages, ["password authentication failed for user \"USER\""; 3]);
    assert!(connect("ada", None).await.is_err());
    // The file changes: within a second or two, the new password is right and the old one is not.
    files.user("ada", "new");
    let began = Instant::now();
    while connect("ada", Some("new")).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(30), "the new password is not taken");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(connect("ada", Some("correct horse")).await.is_err());
    // A file that is wrong is not taken.
    fs::write(&users, "ada:new\n").expect("a file");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(connect("ada", Some("new")).await.is_ok());

    let text = fs::read_to_string(&log).expect("a log");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let statement = &lines[0];
    assert_eq!(statement["user"], "ada", "{text}");
    assert_eq!((&statement["outcome"], &statement["rows"]), (&"finished".into(), &1.into()), "{text}");
    assert!(statement["sql"].as_str().expect("SQL").starts_with("select username"), "{text}");
    assert_eq!(statement["application"], "the-test", "{text}");
    assert!(lines.iter().any(|line| line["event"] == "refused" && line["user"] == "eve"), "{text}");
    assert!(!text.contains("horse"), "{text}");

    // Again with PostgreSQL's own client.
    let Some(answer) = psql(&served, "user=ada", Some("new"), "select 7") else { return };
    assert_eq!(answer.as_deref(), Ok("7"));
    let wrong = psql(&served, "user=ada", Some("old"), "select 7").expect("psql").expect_err("refused");
    assert!(wrong.contains("FATAL:  password authentication failed for user \"ada\""), "{wrong}");
    assert!(psql(&served, "user=ada", None, "select 7").expect("psql").is_err());
    assert!(psql(&served, "user=ada", Some(""), "select 7").expect("psql").is_err());
}

#[test]
fn tls_is_required_and_bound_to_the_certificate() {
    let files = Files::new();
    files.authority("ca", ["server"]);
    files.authority("other", []);
    let users = files.user("ada", "secret");
    let (certificate, key) = (files.text("server.crt"), files.text("server.key"));
    let tls = ["--users", &users, "--tls-cert", &certificate, "--tls-key", &key];
    let served = Served::start(&tls);
    let ask = |connection: &str| psql(&served, &format!("user=ada {connection}"), Some("secret"), "select 7");
    let root = format!("sslmode=verify-full sslrootcert={}", files.text("ca.crt"));
    let Some(answer) = ask(&root) else { return };
    assert_eq!(answer.as_deref(), Ok("7"));
    // The password is shown to this server and to none that passes it on.
    assert_eq!(ask(&format!("{root} channel_binding=require")).expect("psql").as_deref(), Ok("7"));
    assert_eq!(ask("sslmode=prefer").expect("psql").as_deref(), Ok("7"));
    let error = ask("sslmode=disable").expect("psql").expect_err("refused");
    assert!(error.contains("connections without TLS are refused here"), "{error}");
    assert!(error.contains("sslmode=require"), "{error}");
    let error = ask(&format!("sslmode=verify-full sslrootcert={}", files.text("other.crt")));
    assert!(error.expect("psql").expect_err("an unknown authority").contains("certificate verify failed"));
    drop(served);

    let served = Served::start(&[&tls[..], &["--tls", "optional"]].concat());
    for mode in ["disable", "require"] {
        let answer = psql(&served, &format!("user=ada sslmode={mode}"), Some("secret"), "select 7");
        assert_eq!(answer.expect("psql").as_deref(), Ok("7"), "{mode}");
    }
}

#[test]
fn certificates_let_in_who_they_name() {
    let files = Files::new();
    files.authority("ca", ["server", "ada", "late"]);
    files.authority("other", ["bob"]);
    let (certificate, key, ca) = (files.text("server.crt"), files.text("server.key"), files.text("ca.crt"));
    let with_ca = ["--tls-cert", &certificate, "--tls-key", &key, "--client-ca", &ca];
    let served = Served::start(&with_ca);
    let ask = |served: &Served, user: &str, shows: &str, password: Option<&str>| {
        let shown =
            format!("sslcert={} sslkey={}", files.text(&format!("{shows}.crt")), files.text(&format!("{shows}.key")));
        let connection = format!("user={user} sslmode=verify-full sslrootcert={ca} {shown}");
        psql(served, &connection, password, "select username from system.queries where state = 'running'")
    };
    let Some(answer) = ask(&served, "ada", "ada", None) else { return };
    assert_eq!(answer.as_deref(), Ok("ada"));
    let error = ask(&served, "root", "ada", None).expect("psql").expect_err("somebody else");
    assert!(error.contains("the client's certificate is that of \"ada\", and not of \"root\""), "{error}");
    // Another authority's, one that has expired, and none.
    for shows in ["bob", "late", "nobody"] {
        assert!(ask(&served, shows, shows, None).expect("psql").is_err(), "{shows}");
    }
    drop(served);
    // With passwords beside, who has no certificate can show one.
    let users = files.user("bob", "secret");
    let served = Served::start(&[&with_ca[..], &["--users", &users]].concat());
    assert_eq!(ask(&served, "ada", "ada", None).expect("psql").as_deref(), Ok("ada"));
    assert_eq!(ask(&served, "bob", "nobody", Some("secret")).expect("psql").as_deref(), Ok("bob"));
    assert!(ask(&served, "bob", "nobody", Some("wrong")).expect("psql").is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_let_in_until_they_end() {
    let files = Files::new();
    let good = files.token("ci", &["--expires", "1d"]);
    let over = files.token("bot", &["--expires", "1h"]);
    let tokens = files.text("tokens");
    let text = fs::read_to_string(&tokens).expect("a file");
    assert!(!text.contains(&good), "{text}");
    let ends: Vec<&str> = text.lines().filter(|line| line.starts_with("bot:")).collect();
    let end = ends[0].splitn(3, ':').nth(2).expect("an expiry");
    fs::write(&tokens, text.replace(end, "2026-01-01T00:00:00Z")).expect("a file");
    let served = Served::start(&["--tokens", &tokens]);
    let connect = |user: &'static str, password: String| {
        let config = format!("host=127.0.0.1 port={} user={user} password={password}", served.port);
        async move { tokio_postgres::connect(&config, NoTls).await }
    };
    let (client, connection) = connect("token", good.clone()).await.expect("let in");
    tokio::spawn(connection);
    let row = client.query_one("select username from system.queries where state = 'running'", &[]).await;
    assert_eq!(row.expect("a row").get::<_, &str>(0), "ci");
    for wrong in [over, format!("{good}x"), "x".to_owned()] {
        let error = connect("token", wrong).await.err().expect("refused");
        assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD));
    }
    let error = connect("ci", good.clone()).await.err().expect("there are no passwords");
    assert!(error.as_db_error().and_then(|error| error.hint()).expect("a hint").contains("token"), "{error:?}");
    let ran = run(&["token", "revoke", "ci", "--tokens", &tokens]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), "ci was removed\n"));
    let began = Instant::now();
    while connect("token", good.clone()).await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(30), "the token still lets in");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[test]
fn what_would_be_open_by_mistake_does_not_start() {
    let files = Files::new();
    files.authority("ca", ["server", "ada", "late"]);
    let users = files.user("ada", "secret");
    let text = |name: &str| files.text(name);
    fs::write(files.path("plain"), "ada:secret\n").expect("a file");
    let (crt, key, ada_key, late_crt, late_key, ca, plain, nowhere) = (
        text("server.crt"),
        text("server.key"),
        text("ada.key"),
        text("late.crt"),
        text("late.key"),
        text("ca.crt"),
        text("plain"),
        text("nowhere"),
    );
    let everywhere = ["--pg", "0.0.0.0:0"];
    let here = ["--pg", "127.0.0.1:0"];
    let with = |doors: [&'static str; 2], more: &[&str]| {
        let args: Vec<String> =
            ["serve", "--demo"].iter().chain(&doors).chain(more).map(|&arg| arg.to_owned()).collect();
        args
    };
    for (args, expect) in [
        (with(everywhere, &[]), "whoever reaches that address could read everything"),
        (with(everywhere, &["--users", &users]), "passwords and answers could be read on the way there"),
        (
            with(everywhere, &["--users", &users, "--tls-cert", &crt, "--tls-key", &key, "--tls", "optional"]),
            "passwords and answers could be read on the way there",
        ),
        (
            with(everywhere, &["--tls-cert", &crt, "--tls-key", &key]),
            "whoever reaches that address could read everything",
        ),
        (with(here, &["--tls-cert", &crt, "--tls-key", &ada_key]), "is not that of the certificate in"),
        (with(here, &["--tls-cert", &late_crt, "--tls-key", &late_key]), "the certificate has expired"),
        (
            with(here, &["--tls-cert", &nowhere, "--tls-key", &key]),
            "nowhere has no certificates in PEM that can be read",
        ),
        (with(here, &["--tls-cert", &crt, "--tls-key", &plain]), "plain has no private key in PEM"),
        (with(here, &["--tls-cert", &crt]), "--tls-key"),
        (with(here, &["--client-ca", &ca]), "--tls-cert"),
        (with(here, &["--tls", "optional"]), "there is no TLS"),
        (with(here, &["--users", &plain]), "is no SCRAM-SHA-256 verifier"),
        (with(here, &["--users", &nowhere]), "nowhere cannot be read"),
        (with(here, &["--tokens", &plain]), "is no SHA-256"),
        (with(here, &["--audit-log", &format!("{nowhere}/x")]), "cannot be written"),
    ] {
        let ran = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(expect), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
    assert_eq!(run_with(&["user", "add", "ada", "--users", &users], "\n").code, Some(2), "an empty password");
    assert_eq!(run_with(&["user", "add", "a:b", "--users", &users], "secret\n").code, Some(2));
    assert_eq!(run(&["user", "remove", "eve", "--users", &users]).code, Some(2));
    let printed = run_with(&["user", "add", "ada"], "secret\n");
    assert!(printed.out.starts_with("ada:SCRAM-SHA-256$"), "{}", printed.out);
    assert!(Path::new(&users).exists());
}
