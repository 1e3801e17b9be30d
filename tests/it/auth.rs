//! Authentication by `kubesql serve`: passwords, tokens, client certificates, TLS; with psql and tokio-postgres.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::serve::PgServer;
use super::support::{run, run_with};

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

    /// Adds a user with the command, and returns the path of the file.
    pub(crate) fn user(&self, name: &str, password: &str) -> String {
        let ran = run_with(&["user", "add", name, "--users", &self.text("users")], &format!("{password}\n"));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        self.text("users")
    }

    /// Creates a token with the command.
    pub(crate) fn token(&self, name: &str, more: &[&str]) -> String {
        let tokens = self.text("tokens");
        let args = [&["token", "create", name, "--tokens", &tokens], more].concat();
        let ran = run(&args);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.out.trim().to_owned()
    }

    /// Writes a certificate and its key, which only the owner can read.
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

    /// Writes the certificate of an authority, and certificates that it signs for localhost: `NAME.crt` and `NAME.key`,
    /// with the name as the common name.
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

/// What psql prints for one statement over a connection: rows or errors.
fn psql(served: &PgServer, connection: &str, password: Option<&str>, sql: &str) -> Result<String, String> {
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
    let ran = psql.output().expect("psql runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8").trim().to_owned();
    if ran.status.success() { Ok(text(ran.stdout)) } else { Err(text(ran.stderr)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_psql), ignore = "needs psql")]
async fn accepts_passwords_and_reloads_them() {
    let files = Files::new();
    let users = files.user("ada", "correct horse");
    let written = fs::read_to_string(&users).expect("a file");
    assert!(written.starts_with("ada:SCRAM-SHA-256$4096:") && !written.contains("horse"), "{written}");
    let log = files.text("audit");
    let said = files.path("stderr");
    let to = fs::File::create(&said).expect("a file");
    let served = PgServer::logging(&["--demo", "--users", &users, "--audit-log", &log], to);
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
        .query_one("select username, protocol, client_address from system.queries where state = 'running'", &[])
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
    // After a change of the file, the new password is accepted within seconds, and the old one is not.
    files.user("ada", "new");
    let began = Instant::now();
    while connect("ada", Some("new")).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(30), "the new password is not taken");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(connect("ada", Some("correct horse")).await.is_err());
    // An invalid file is ignored.
    fs::write(&users, "ada:new\n").expect("a file");
    let began = Instant::now();
    while !fs::read_to_string(&said).expect("a file").contains("verifier") {
        assert!(began.elapsed() < Duration::from_secs(30), "the invalid file is not reported");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
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

    // The same with psql.
    let answer = psql(&served, "user=ada", Some("new"), "select 7");
    assert_eq!(answer.as_deref(), Ok("7"));
    let wrong = psql(&served, "user=ada", Some("old"), "select 7").expect_err("refused");
    assert!(wrong.contains("FATAL:  password authentication failed for user \"ada\""), "{wrong}");
    assert!(psql(&served, "user=ada", None, "select 7").is_err());
    assert!(psql(&served, "user=ada", Some(""), "select 7").is_err());
}

#[test]
#[cfg_attr(not(has_psql), ignore = "needs psql")]
fn requires_tls_and_binds_passwords_to_it() {
    let files = Files::new();
    files.authority("ca", ["server"]);
    files.authority("other", []);
    let users = files.user("ada", "secret");
    let (certificate, key) = (files.text("server.crt"), files.text("server.key"));
    let tls = ["--users", &users, "--tls-cert", &certificate, "--tls-key", &key];
    let served = PgServer::start(&tls);
    let ask = |connection: &str| psql(&served, &format!("user=ada {connection}"), Some("secret"), "select 7");
    let root = format!("sslmode=verify-full sslrootcert={}", files.text("ca.crt"));
    let answer = ask(&root);
    assert_eq!(answer.as_deref(), Ok("7"));
    // The password is bound to this server's certificate.
    assert_eq!(ask(&format!("{root} channel_binding=require")).as_deref(), Ok("7"));
    assert_eq!(ask("sslmode=prefer").as_deref(), Ok("7"));
    let error = ask("sslmode=disable").expect_err("refused");
    assert!(error.contains("TLS is required"), "{error}");
    assert!(error.contains("sslmode=require"), "{error}");
    let error = ask(&format!("sslmode=verify-full sslrootcert={}", files.text("other.crt")));
    assert!(error.expect_err("an unknown authority").contains("certificate verify failed"));
    drop(served);

    let served = PgServer::start(&[&tls[..], &["--tls", "optional"]].concat());
    for mode in ["disable", "require"] {
        let answer = psql(&served, &format!("user=ada sslmode={mode}"), Some("secret"), "select 7");
        assert_eq!(answer.as_deref(), Ok("7"), "{mode}");
    }
}

#[test]
#[cfg_attr(not(has_psql), ignore = "needs psql")]
fn accepts_client_certificates() {
    let files = Files::new();
    files.authority("ca", ["server", "ada", "late"]);
    files.authority("other", ["bob"]);
    let (certificate, key, ca) = (files.text("server.crt"), files.text("server.key"), files.text("ca.crt"));
    let with_ca = ["--tls-cert", &certificate, "--tls-key", &key, "--client-ca", &ca];
    let served = PgServer::start(&with_ca);
    let ask = |served: &PgServer, user: &str, shows: &str, password: Option<&str>| {
        let shown =
            format!("sslcert={} sslkey={}", files.text(&format!("{shows}.crt")), files.text(&format!("{shows}.key")));
        let connection = format!("user={user} sslmode=verify-full sslrootcert={ca} {shown}");
        psql(served, &connection, password, "select username from system.queries where state = 'running'")
    };
    let answer = ask(&served, "ada", "ada", None);
    assert_eq!(answer.as_deref(), Ok("ada"));
    let error = ask(&served, "root", "ada", None).expect_err("somebody else");
    assert!(
        error.contains("certificate authentication failed for user \"root\": the certificate is for \"ada\""),
        "{error}"
    );
    // Signed by another authority, expired, and none.
    for shows in ["bob", "late", "nobody"] {
        assert!(ask(&served, shows, shows, None).is_err(), "{shows}");
    }
    drop(served);
    // With --users, clients without a certificate can use a password.
    let users = files.user("bob", "secret");
    let served = PgServer::start(&[&with_ca[..], &["--users", &users]].concat());
    assert_eq!(ask(&served, "ada", "ada", None).as_deref(), Ok("ada"));
    assert_eq!(ask(&served, "bob", "nobody", Some("secret")).as_deref(), Ok("bob"));
    assert!(ask(&served, "bob", "nobody", Some("wrong")).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejects_expired_and_revoked_tokens() {
    let files = Files::new();
    let good = files.token("ci", &["--expires", "1d"]);
    let over = files.token("bot", &["--expires", "1h"]);
    let tokens = files.text("tokens");
    let text = fs::read_to_string(&tokens).expect("a file");
    assert!(!text.contains(&good), "{text}");
    let ends: Vec<&str> = text.lines().filter(|line| line.starts_with("bot:")).collect();
    let end = ends[0].splitn(3, ':').nth(2).expect("an expiry");
    fs::write(&tokens, text.replace(end, "2026-01-01T00:00:00Z")).expect("a file");
    let served = PgServer::start(&["--tokens", &tokens]);
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
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), "removed token \"ci\"\n"));
    let began = Instant::now();
    while connect("token", good.clone()).await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(30), "the token still lets in");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[test]
fn refuses_to_start_with_unsafe_settings() {
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
    let with = |listeners: [&'static str; 2], more: &[&str]| {
        let args: Vec<String> =
            ["serve", "--demo"].iter().chain(&listeners).chain(more).map(|&arg| arg.to_owned()).collect();
        args
    };
    for (args, expect) in [
        (with(everywhere, &[]), "everybody on the network could read all data"),
        (with(everywhere, &["--users", &users]), "passwords and answers would cross the network in plain text"),
        (
            with(everywhere, &["--users", &users, "--tls-cert", &crt, "--tls-key", &key, "--tls", "optional"]),
            "passwords and answers would cross the network in plain text",
        ),
        (with(everywhere, &["--tls-cert", &crt, "--tls-key", &key]), "everybody on the network could read all data"),
        (with(here, &["--tls-cert", &crt, "--tls-key", &ada_key]), "does not match the certificate in"),
        (with(here, &["--tls-cert", &late_crt, "--tls-key", &late_key]), "the certificate expired on"),
        (with(here, &["--tls-cert", &nowhere, "--tls-key", &key]), "could not read certificates in PEM from"),
        (with(here, &["--tls-cert", &crt, "--tls-key", &plain]), "could not read a private key in PEM from"),
        (with(here, &["--tls-cert", &crt]), "--tls-key"),
        (with(here, &["--client-ca", &ca]), "--tls-cert"),
        (with(here, &["--tls", "optional"]), "--tls optional requires a certificate"),
        (with(here, &["--users", &plain]), "invalid SCRAM-SHA-256 verifier"),
        (with(here, &["--users", &nowhere]), "could not read"),
        (with(here, &["--tokens", &plain]), "invalid SHA-256"),
        (with(here, &["--audit-log", &format!("{nowhere}/x")]), "could not open the audit log"),
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
