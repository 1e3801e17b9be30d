//! Several clusters in one query, some of which cannot answer.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kubesql_runtime::ingest::clusters::{Context, WatchOptions};
use kubesql_runtime::sql::{Engine, Session};
use kubesql_runtime::store::{ClusterState, Source, WatchState};

use crate::scripted::{Discovery, Kind, Manners, Server, lock};
use crate::sessions::{Rows, ask, live};

/// Changes to each server at the start, nearly all of which create an object.
const CHANGES: usize = 80;

/// The rows of a server are complete within this time of its return.
const BACK: Duration = Duration::from_secs(30);

fn server(name: &str, seed: u64, manners: impl FnOnce(&mut Manners)) -> Server {
    let mut all = Manners { seed, ..Manners::default() };
    manners(&mut all);
    let server = Server::start(name, all);
    server.change(CHANGES);
    server
}

fn three() -> [Server; 3] {
    [("east", 1), ("west", 2), ("north", 3)].map(|(name, seed)| server(name, seed, |_| {}))
}

fn contexts(servers: &[Server]) -> Vec<Context> {
    servers.iter().map(Server::context).collect()
}

/// The number of objects of a kind on each server, as rows of a query by cluster.
fn counts(servers: &[&Server], kind: Kind) -> Rows {
    let count = |server: &&Server| server.world().objects.keys().filter(|key| key.kind == kind).count();
    let mut rows: Rows = servers.iter().map(|server| vec![server.name.clone(), count(server).to_string()]).collect();
    rows.sort();
    rows
}

const BY_CLUSTER: &str = "select cluster, count(*) from pods group by cluster order by cluster";

async fn error(session: &Session, sql: &str) -> String {
    match ask(session, sql).await {
        Ok(rows) => panic!("{sql}: {rows:?}"),
        Err(error) => error.message,
    }
}

fn warnings(session: &Session) -> Vec<String> {
    session.take_warnings().into_iter().map(|warning| format!("{}: {}", warning.place, warning.message)).collect()
}

/// Repeats a statement until the answer or the error fulfils a condition.
async fn until(session: &Session, sql: &str, good: impl Fn(&Result<Rows, String>) -> bool) {
    let begun = Instant::now();
    loop {
        let result = ask(session, sql).await.map_err(|error| error.message);
        if good(&result) {
            return;
        }
        assert!(begun.elapsed() < BACK, "{sql}: {result:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovers_when_a_cluster_comes_back() {
    let servers = three();
    let (live, engine) = live(contexts(&servers), WatchOptions::default());
    let [east, west, north] = &servers;
    let session = engine.session();
    let all = counts(&[east, west, north], Kind::Pods);
    assert_eq!(ask(&session, BY_CLUSTER).await.expect("an answer"), all);

    west.kill();
    // Either the rows of all three as they were, or an error that names the missing cluster; never the rows of two.
    until(&session, BY_CLUSTER, |result| match result {
        Ok(rows) => {
            assert_eq!(*rows, all);
            false
        }
        Err(message) => {
            assert!(message.starts_with("cluster west: pods: ") && message.contains("refused"), "{message}");
            true
        }
    })
    .await;
    // Once the failure is known, a statement does not wait for the cluster.
    tokio::time::timeout(WatchOptions::default().sync_timeout, error(&session, BY_CLUSTER))
        .await
        .expect("an error at once");
    let status = live.status();
    let failing = status.watches.iter().find(|watch| watch.state == WatchState::Failing).expect("it fails");
    assert!(*failing.cluster == *"west" && failing.error.is_some(), "{failing:?}");

    let partial = engine.session();
    ask(&partial, "set kubesql.partial = on").await.expect("a setting");
    assert_eq!(ask(&partial, BY_CLUSTER).await.expect("the others"), counts(&[east, north], Kind::Pods));
    let said = warnings(&partial);
    assert!(said.len() == 1 && said[0].starts_with("missing: cluster west: pods: "), "{said:?}");
    // Queries of other clusters are not affected.
    let others = "select cluster, count(*) from pods where cluster in ('east', 'north') group by cluster order by 1";
    assert_eq!(ask(&session, others).await.expect("the others"), counts(&[east, north], Kind::Pods));

    west.change(30);
    west.revive().await;
    let all = counts(&[east, west, north], Kind::Pods);
    until(&session, BY_CLUSTER, |result| result.as_ref().is_ok_and(|rows| *rows == all)).await;
    warnings(&partial);
    until(&partial, BY_CLUSTER, |result| result.as_ref().is_ok_and(|rows| *rows == all)).await;
    assert_eq!(warnings(&partial), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn follows_the_namespaces_that_an_account_may_list() {
    let allowed = ["shop", "ops"];
    let server = server("east", 4, |manners| manners.allowed = Some(BTreeSet::from(allowed)));
    let (live, engine) = live(vec![server.context()], WatchOptions::default());
    let session = engine.session();
    let sql = "select namespace, count(*) from pods group by namespace order by namespace";
    let expected = || -> Rows {
        let count = |namespace: &str| {
            let world = server.world();
            let pods = world.objects.keys().filter(|key| key.kind == Kind::Pods && key.namespace == namespace);
            pods.count().to_string()
        };
        ["ops", "shop"].map(|namespace| vec![namespace.to_owned(), count(namespace)]).to_vec()
    };
    assert_eq!(ask(&session, sql).await.expect("two namespaces"), expected());
    let said = warnings(&session);
    let limited = "cluster east: pods: the account may list only these namespaces: shop, ops";
    assert!(said.iter().any(|said| said == limited), "{said:?}");
    let namespaces: Vec<Option<String>> = live.status().watches.into_iter().map(|watch| watch.namespace).collect();
    assert_eq!(namespaces, [Some("shop".to_owned()), Some("ops".to_owned())]);
    server.change(100);
    let expected = expected();
    until(&session, sql, |result| result.as_ref().is_ok_and(|rows| *rows == expected)).await;
    // Kinds without a namespace cannot be listed by namespace.
    let message = error(&session, "select name from nodes").await;
    assert!(message.starts_with("cluster east: nodes: nodes is forbidden"), "{message}");
    // Rows of a namespace disappear when its permission is revoked, and appear when another one is granted.
    for (allowed, expected) in [("shop", &expected[1..]), ("ops", &expected[..1])] {
        lock(&server.shared.manners).allowed = Some(BTreeSet::from([allowed]));
        server.hang_up();
        until(&session, sql, |result| result.as_ref().is_ok_and(|rows| rows == expected)).await;
    }
}

/// If every watch ends at once, changes cannot be followed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_a_server_that_ends_watches_at_once() {
    let server = server("east", 11, |_| {});
    let session = live(vec![server.context()], WatchOptions::default()).1.session();
    let expected = counts(&[&server], Kind::Pods);
    assert_eq!(ask(&session, BY_CLUSTER).await.expect("an answer"), expected);
    lock(&server.shared.manners).ends_watches = true;
    server.hang_up();
    let said = "cluster east: pods: the server closes watches immediately";
    until(&session, BY_CLUSTER, |result| result.as_ref().is_err_and(|message| message == said)).await;
    lock(&server.shared.manners).ends_watches = false;
    server.change(50);
    let expected = counts(&[&server], Kind::Pods);
    until(&session, BY_CLUSTER, |result| result.as_ref().is_ok_and(|rows| *rows == expected)).await;
}

/// A server that accepts connections and never answers delays others only once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_out_on_a_server_that_never_answers() {
    let east = server("east", 12, |_| {});
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mute = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: \"{url}\"}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c}}}}]\n"
    );
    let session = live(vec![east.context(), Context::from_text("mute", &mute)], WatchOptions::default()).1.session();
    session.set_partial(true);
    assert_eq!(ask(&session, BY_CLUSTER).await.expect("that of one"), counts(&[&east], Kind::Pods));
    let said = warnings(&session);
    assert_eq!(said, ["missing: cluster mute: pods: no response within 15 s"]);
    // Once the failure is known, a statement does not wait for the cluster.
    let again = tokio::time::timeout(WatchOptions::default().sync_timeout, ask(&session, BY_CLUSTER)).await;
    assert_eq!(again.expect("an answer at once").expect("that of one"), counts(&[&east], Kind::Pods));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_kinds_that_no_server_has() {
    let lacks = |manners: &mut Manners| manners.lacks = Some(Kind::ConfigMaps);
    let old =
        |manners: &mut Manners| (manners.lacks, manners.discovery) = (Some(Kind::ConfigMaps), Discovery::Heedless);
    let servers = [server("east", 5, lacks), server("west", 6, old), server("north", 7, |_| {})];
    let sql = "select cluster, count(*) from configmaps group by cluster";
    let (_, engine) = live(contexts(&servers), WatchOptions::default());
    assert_eq!(ask(&engine.session(), sql).await.expect("one has them"), counts(&[&servers[2]], Kind::ConfigMaps));
    let (_, engine) = live(contexts(&servers[..2]), WatchOptions::default());
    let message = error(&engine.session(), sql).await;
    let said = "cluster east: configmaps: the server has no configmaps; \
        cluster west: configmaps: the server has no configmaps";
    assert_eq!(message, said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_following_more_kinds_at_the_memory_limit() {
    let server = server("east", 8, |_| {});
    let options = WatchOptions { memory: Some(1 << 10), ..WatchOptions::default() };
    let (_, engine) = live(vec![server.context()], options);
    let session = engine.session();
    assert_eq!(ask(&session, BY_CLUSTER).await.expect("the first"), counts(&[&server], Kind::Pods));
    let message = error(&session, "select name from nodes").await;
    assert!(message.starts_with("cluster east: nodes: not watched: objects take"), "{message}");
    // Kinds that are followed already stay.
    assert_eq!(ask(&session, BY_CLUSTER).await.expect("the first"), counts(&[&server], Kind::Pods));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_watching_idle_kinds() {
    let server = server("east", 9, |_| {});
    let options = WatchOptions { idle: Duration::from_millis(400), ..WatchOptions::default() };
    let (live, engine) = live(vec![server.context()], options);
    let session = engine.session();
    for _ in 0..3 {
        let rows = ask(&session, BY_CLUSTER).await.expect("an answer");
        assert_eq!(rows, counts(&[&server], Kind::Pods));
        let begun = Instant::now();
        while !live.status().watches.is_empty() {
            assert!(begun.elapsed() < BACK, "{:?}", live.status());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let asked = server.shared.requests.load(Ordering::SeqCst);
        server.change(30);
        // No signal says that no request comes. Too short a time may hide a failure, and never causes one.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(server.shared.requests.load(Ordering::SeqCst), asked, "it is left alone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connects_only_to_queried_clusters() {
    let server = server("east", 10, |_| {});
    let text = |address: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\n\
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
        )
    };
    // Some refuse connections, some never answer.
    let silent: Vec<TcpListener> = (0..20).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let mut all: Vec<Context> = silent
        .iter()
        .map(|listener| listener.local_addr().expect("an address").to_string())
        .chain(std::iter::repeat_n("127.0.0.1:1".to_owned(), 29))
        .enumerate()
        .map(|(number, address)| Context::from_text(&format!("gone-{number}"), &text(&address)))
        .collect();
    all.insert(25, server.context());
    let (live, engine) = live(all, WatchOptions::default());
    let session = engine.session();
    let sql = "select cluster, count(*) from pods where cluster = 'east' group by cluster";
    assert_eq!(ask(&session, sql).await.expect("one"), counts(&[&server], Kind::Pods));
    let idle = live.status().clusters.iter().filter(|cluster| cluster.state == ClusterState::Idle).count();
    assert_eq!(idle, 49);
    assert_refused(&engine).await;
}

/// A server that refuses connections is reported beside those that answer.
async fn assert_refused(engine: &Arc<Engine>) {
    let sql = "select count(*) from pods where cluster in ('east', 'gone-40')";
    let message = error(&engine.session(), sql).await;
    assert!(message.starts_with("cluster gone-40: pods: could not connect to the server: "), "{message}");
}
