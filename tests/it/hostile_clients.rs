//! Hostile clients of `kubesql serve`: no leaks, no hangs, no access.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::http::HttpServer;
use super::serve::{ENDLESS, PgServer};
use super::support::run_with;

/// The time limit of anything on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(served: &PgServer) -> TcpStream {
    let stream = TcpStream::connect(format!("127.0.0.1:{}", served.port)).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Everything that the server sends until it closes the connection. Panics if it hangs.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
            panic!("the server neither answers nor goes: it said {said:?}")
        }
        _ => said,
    }
}

fn startup(user: &str) -> Vec<u8> {
    let body = [&196_608_u32.to_be_bytes()[..], b"user\0", user.as_bytes(), b"\0\0"].concat();
    let length = u32::try_from(body.len() + 4).expect("short");
    [&length.to_be_bytes()[..], &body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

/// An authenticated connection, and the messages of its start.
fn begun(served: &PgServer) -> (TcpStream, Vec<u8>) {
    let mut stream = connect(served);
    stream.write_all(&startup("someone")).expect("sent");
    let mut said = Vec::new();
    while !said.ends_with(b"Z\0\0\0\x05I") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a byte");
        said.push(byte[0]);
    }
    (stream, said)
}

/// An authenticated connection.
pub(crate) fn connected(served: &PgServer) -> TcpStream {
    begun(served).0
}

/// Sends a statement without reading the answer.
pub(crate) fn ask(stream: &mut TcpStream, sql: &str) {
    stream.write_all(&message(b'Q', format!("{sql}\0").as_bytes())).expect("sent");
}

/// The number of open files and sockets of the server.
fn open_files(served: &PgServer) -> Option<usize> {
    std::fs::read_dir(format!("/proc/{}/fd", served.process.id())).ok().map(Iterator::count)
}

/// The memory of the server in kilobytes.
fn memory(served: &PgServer) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.process.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Waits until the server has no more open files than before, except connections to clusters.
fn settled(served: &PgServer, before: Option<usize>) {
    let began = Instant::now();
    while open_files(served) > before.map(|before| before + 4) {
        assert!(began.elapsed() < PATIENCE, "{before:?} were open, and now {:?}", open_files(served));
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_malformed_messages() {
    let served = PgServer::start(&[]);
    let client = served.client().await;
    client.query("select count(*) from pods", &[]).await.expect("an answer");
    let before = open_files(&served);
    let hello = startup("someone");
    let mut cases: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        vec![0; 64],
        vec![0xff; 64],
        [&100_000_000_u32.to_be_bytes()[..], &196_608_u32.to_be_bytes()].concat(),
        [&8_u32.to_be_bytes()[..], &196_608_u32.to_be_bytes()].concat(),
        [&16_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), &[1; 8]].concat(),
        [&9_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), &[1]].concat(),
        [&hello[..], &message(b'Q', b"select 1\0")].concat(),
    ];
    // A valid start, cut at any byte.
    let whole = [hello, message(b'Q', b"select 1\0")].concat();
    cases.extend((0..whole.len()).step_by(3).map(|end| whole[..end].to_vec()));
    // Random bytes, the same in each run.
    let mut state = 7_u64;
    for length in 0..40 {
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        cases.push((0..length * 8).map(next).collect());
    }
    for case in &cases {
        let mut stream = connect(&served);
        // The server may close the connection early.
        _ = stream.write_all(case);
        _ = stream.shutdown(Shutdown::Write);
        rest(&mut stream);
    }
    // From authenticated clients.
    for wrong in [
        message(b'?', b"what"),
        vec![b'Q', 0, 0, 0, 0],
        vec![b'Q', 0xff, 0xff, 0xff, 0xff],
        vec![b'Q', 0x3f, 0xff, 0xff, 0xff],
        message(b'Q', b""),
        message(b'B', &[0xff; 40]),
        message(b'P', b"no end"),
        message(b'P', b""),
        message(b'E', b""),
        message(b'D', b""),
        message(b'C', b"x"),
        [message(b'd', b"copy"), message(b'p', b"password\0")].concat(),
    ] {
        let mut stream = connected(&served);
        stream.write_all(&wrong).expect("sent");
        _ = stream.shutdown(Shutdown::Write);
        rest(&mut stream);
    }
    assert_eq!(client.query_one("select 7", &[]).await.expect("an answer").get::<_, i64>(0), 7);
    settled(&served, before);
    let mut stream = connect(&served);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    let said = String::from_utf8_lossy(&rest(&mut stream)).into_owned();
    assert!(said.contains("FATAL") && said.contains("08P01"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_ten_thousand_connections() {
    let served = PgServer::start(&["--max-connections", "50"]);
    let client = served.client().await;
    let before = open_files(&served);
    let hello = startup("someone");
    for round in 0..200 {
        let streams: Vec<TcpStream> = (0..50).map(|_| connect(&served)).collect();
        for (number, mut stream) in streams.into_iter().enumerate() {
            // Some send nothing, some half of the message, some all of it; none waits for an answer.
            _ = stream.write_all(&hello[..number * round % (hello.len() + 1)]);
        }
    }
    settled(&served, before);
    assert_eq!(client.query_one("select 7", &[]).await.expect("an answer").get::<_, i64>(0), 7);
    // Further connections are refused with an error.
    let mut held = Vec::new();
    for _ in 0..49 {
        held.push(served.client().await);
    }
    let config = format!("host=127.0.0.1 port={} user=someone", served.port);
    let error = tokio_postgres::connect(&config, NoTls).await.err().expect("there is no place");
    assert_eq!(error.code(), Some(&SqlState::TOO_MANY_CONNECTIONS), "{error:?}");
    drop(held);
    let began = Instant::now();
    while tokio_postgres::connect(&config, NoTls).await.is_err() {
        assert!(began.elapsed() < PATIENCE, "places are not given back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn slow_readers_hold_no_memory() {
    let served = PgServer::start(&[]);
    let mut reader = connected(&served);
    ask(&mut reader, "select value, repeat(value::text, 50) from generate_series(1, 1000000)");
    let (mut most, mut first) = (0, None);
    for _ in 0..60 {
        let mut some = vec![0; 100_000];
        reader.read_exact(&mut some).expect("rows");
        std::thread::sleep(Duration::from_millis(20));
        let now = memory(&served).unwrap_or_default();
        first.get_or_insert(now);
        most = most.max(now);
    }
    let first = first.expect("measured");
    // The whole answer has 350 MB.
    assert!(most < first + 60_000, "from {first} to {most} kB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancels_only_with_the_right_key() {
    let served = PgServer::start(&[]);
    let other = served.client().await;
    let (mut victim, said) = begun(&served);
    let at = said.windows(5).position(|part| part == b"K\0\0\0\x0c").expect("a number and a key") + 5;
    let (id, key) = (said[at..at + 4].to_vec(), said[at + 4..at + 8].to_vec());
    ask(&mut victim, ENDLESS);
    let running = "select count(*) from system.queries where state = 'running' and sql not like '%system%'";
    while other.query_one(running, &[]).await.expect("a count").get::<_, i64>(0) == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let cancel = |id: &[u8], key: &[u8]| {
        let mut stream = connect(&served);
        stream.write_all(&[&16_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), id, key].concat()).expect("sent");
        assert_eq!(rest(&mut stream), b"", "who cancels is answered nothing");
    };
    for number in 0..500_u32 {
        let mut wrong = key.clone();
        wrong[usize::try_from(number % 4).expect("small")] ^= u8::try_from(number % 255 + 1).expect("a byte");
        cancel(&id, &wrong);
    }
    assert_eq!(other.query_one(running, &[]).await.expect("a count").get::<_, i64>(0), 1, "it was cancelled");
    cancel(&id, &key);
    let mut head = [0; 5];
    victim.read_exact(&mut head).expect("an answer");
    // The columns may have been sent before.
    if head[0] == b'T' {
        let length = usize::try_from(u32::from_be_bytes(head[1..].try_into().expect("four"))).expect("short");
        victim.read_exact(&mut vec![0; length - 4]).expect("columns");
        victim.read_exact(&mut head).expect("an answer");
    }
    assert_eq!(head[0], b'E');
    while other.query_one(running, &[]).await.expect("a count").get::<_, i64>(0) > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn authentication_cannot_be_bypassed() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = folder.path().join("users").to_str().expect("UTF-8").to_owned();
    assert_eq!(run_with(&["user", "add", "ada", "--users", &users], "secret\n").code, Some(0));
    let served = PgServer::start(&["--users", &users]);
    let query = message(b'Q', b"select 'inside'\0");
    let initial = |mechanism: &str, text: &str| {
        let length = u32::try_from(text.len()).expect("short").to_be_bytes();
        message(b'p', &[mechanism.as_bytes(), b"\0", &length, text.as_bytes()].concat())
    };
    let first = initial("SCRAM-SHA-256", "n,,n=,r=abc");
    let parse =
        [message(b'P', b"\0select 'inside'\0\0\0"), message(b'B', &[0; 8]), message(b'E', &[0; 5]), message(b'S', b"")];
    let cases: Vec<Vec<u8>> = vec![
        query.clone(),
        parse.concat(),
        [message(b'p', b"secret\0"), query.clone()].concat(),
        [message(b'p', b""), query.clone()].concat(),
        [message(b'p', b"SCRAM-SHA-256\0\xff\xff\xff\xff"), query.clone()].concat(),
        [message(b'p', b"SCRAM-SHA-256\0\x7f\xff\xff\xffn,,"), query.clone()].concat(),
        [initial("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=abc"), query.clone()].concat(),
        [initial("PLAIN", "\0ada\0secret"), query.clone()].concat(),
        [initial("SCRAM-SHA-256", "n,a=root,n=,r=abc"), query.clone()].concat(),
        [first.clone(), query.clone()].concat(),
        [first.clone(), first.clone(), query.clone()].concat(),
        [first.clone(), message(b'p', b"c=biws,r=abc,p="), query.clone()].concat(),
        [first.clone(), message(b'p', b"c=biws,r=abc,p=AAAA"), query.clone(), query.clone()].concat(),
        [startup("ada"), query.clone()].concat(),
        [message(b'Q', &vec![b' '; 20_000]), query.clone()].concat(),
    ];
    for case in &cases {
        let mut stream = connect(&served);
        stream.write_all(&startup("ada")).expect("sent");
        _ = stream.write_all(case);
        // The client keeps the connection open: the server has to close it.
        let said = rest(&mut stream);
        assert!(!said.windows(6).any(|part| part == b"inside"), "{case:?}");
        assert!(said.windows(5).any(|part| part == b"FATAL"), "{case:?}: {}", String::from_utf8_lossy(&said));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delays_password_guessing_per_user() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = folder.path().join("users").to_str().expect("UTF-8").to_owned();
    for (name, password) in [("ada", "secret"), ("bob", "other")] {
        assert_eq!(run_with(&["user", "add", name, "--users", &users], &format!("{password}\n")).code, Some(0));
    }
    let served = PgServer::start(&["--users", &users]);
    let connect = |user: &str, password: &str| {
        let config = format!("host=127.0.0.1 port={} user={user} password={password}", served.port);
        async move { tokio_postgres::connect(&config, NoTls).await.is_ok() }
    };
    let began = Instant::now();
    for guess in ["a", "b", "c", "d"] {
        assert!(!connect("ada", guess).await);
    }
    // Delays of 0.1, 0.2, 0.4 and 0.8 s.
    assert!(began.elapsed() > Duration::from_millis(1500), "{:?}", began.elapsed());
    // Attempts in parallel wait for each other.
    let began = Instant::now();
    let guesses = futures::future::join_all((0..3).map(|_| connect("ada", "x"))).await;
    assert_eq!(guesses, [false; 3]);
    assert!(began.elapsed() > Duration::from_millis(1600), "{:?}", began.elapsed());
    assert!(connect("bob", "other").await);
    assert!(connect("ada", "secret").await, "who knows it waits, and gets in");
}

#[test]
fn ignores_plain_text_sent_before_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
    std::fs::write(path("crt"), params.self_signed(&key).expect("a certificate").pem()).expect("a file");
    std::fs::write(path("key"), key.serialize_pem()).expect("a file");
    let served = PgServer::start(&["--tls-cert", &path("crt"), "--tls-key", &path("key")]);
    let ask = [8_u32.to_be_bytes(), 80_877_103_u32.to_be_bytes()].concat();
    let rest_of = |bytes: &[u8]| {
        let mut stream = connect(&served);
        stream.write_all(bytes).expect("sent");
        rest(&mut stream)
    };
    // Plain text after the TLS request: no handshake, and no answer except an alert.
    let said = rest_of(&[&ask[..], &startup("someone"), &message(b'Q', b"select 'inside'\0")].concat());
    assert_eq!(said[0], b'S');
    assert!(said.len() < 20 && !said.contains(&b'Z'), "{said:?}");
    // Plain text without a TLS request: rejected with a hint.
    let said = String::from_utf8_lossy(&rest_of(&startup("someone"))).into_owned();
    assert!(said.contains("28000") && said.contains("sslmode=require"), "{said}");
    // Two TLS requests in plain text.
    let said = rest_of(&[&ask[..], &ask[..]].concat());
    assert_eq!(said[0], b'S');
}

#[test]
fn closes_connections_without_a_complete_request() {
    let served = HttpServer::start(&["--file", super::support::DEMO]);
    let head = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    // Nothing, half a head, and an idle connection after an answer.
    let mut silent: Vec<TcpStream> = ["", head, &format!("{head}\r\n")]
        .into_iter()
        .map(|said| {
            let mut stream = TcpStream::connect(&served.address).expect("a connection");
            stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            stream.write_all(said.as_bytes()).expect("sent");
            stream
        })
        .collect();
    let said: Vec<String> =
        silent.iter_mut().map(|stream| String::from_utf8_lossy(&rest(stream)).into_owned()).collect();
    assert!(said[2].starts_with("HTTP/1.1 200"), "{said:?}");
}
