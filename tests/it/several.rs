//! Several clusters in one query, and what becomes of it when some of them cannot answer.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kubesql_runtime::ingest::clusters::{Context, LiveOptions};
use kubesql_runtime::sql::{Engine, Session};
use kubesql_runtime::store::{ClusterState, Source, WatchState};

use crate::scripted::{Discovery, Kind, Manners, Server, lock};
use crate::sessions::{Rows, ask, live};

/// Objects to a server, nearly.
const CHANGES: usize = 80;

/// Within this time of coming back, a server's rows are back.
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

/// How many objects of a kind each server has, as a query by cluster gives it.
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

/// Asks until an answer or a failure is as it should be; how long it took.
async fn until(session: &Session, sql: &str, good: impl Fn(&Result<Rows, String>) -> bool) -> Duration {
    let begun = Instant::now();
    loop {
        let result = ask(session, sql).await.map_err(|error| error.message);
        if good(&result) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < BACK, "{sql}: {result:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_goes_and_comes_back() {
    let servers = three();
    let (live, engine) = live(contexts(&servers), LiveOptions::default());
    let [east, west, north] = &servers;
    let session = engine.session();
    let all = counts(&[east, west, north], Kind::Pods);
    assert_eq!(ask(&session, BY_CLUSTER).await.expect("an answer"), all);

    west.kill();
    // The rows of all, as they were, or a failure that says who is missing: never the rows of two.
    let took = until(&session, BY_CLUSTER, |result| match result {
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
    assert!(took < Duration::from_secs(10), "{took:?}");
    let again = Instant::now();
    error(&session, BY_CLUSTER).await;
    assert!(again.elapsed() < Duration::from_secs(5), "told sooner once it is known: {:?}", again.elapsed());
    let status = live.status();
    let failing = status.watches.iter().find(|watch| watch.state == WatchState::Failing).expect("it fails");
    assert!(*failing.cluster == *"west" && failing.error.is_some(), "{failing:?}");

    let partial = engine.session();
    ask(&partial, "set kubesql.partial = on").await.expect("a setting");
    assert_eq!(ask(&partial, BY_CLUSTER).await.expect("the others"), counts(&[east, north], Kind::Pods));
    let said = warnings(&partial);
    assert!(said.len() == 1 && said[0].starts_with("missing: cluster west: pods: "), "{said:?}");
    // Who does not ask for it does not miss it.
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
async fn an_account_of_two_namespaces() {
    let allowed = ["shop", "ops"];
    let server = server("east", 4, |manners| manners.allowed = Some(BTreeSet::from(allowed)));
    let (live, engine) = live(vec![server.context()], LiveOptions::default());
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
    let told = "cluster east: pods: the account may list only these namespaces: shop, ops";
    assert!(said.iter().any(|said| said == told), "{said:?}");
    let namespaces: Vec<Option<String>> = live.status().watches.into_iter().map(|watch| watch.namespace).collect();
    assert_eq!(namespaces, [Some("shop".to_owned()), Some("ops".to_owned())]);
    server.change(100);
    let expected = expected();
    until(&session, sql, |result| result.as_ref().is_ok_and(|rows| *rows == expected)).await;
    // What has no namespace cannot be had in some of them.
    let message = error(&session, "select name from nodes").await;
    assert!(message.starts_with("cluster east: nodes: nodes is forbidden"), "{message}");
    // What is taken from it is missing in the answer; what is given instead is found when that is noticed.
    for (allowed, expected) in [("shop", &expected[1..]), ("ops", &expected[..1])] {
        lock(&server.shared.manners).allowed = Some(BTreeSet::from([allowed]));
        server.hang_up();
        until(&session, sql, |result| result.as_ref().is_ok_and(|rows| rows == expected)).await;
    }
}

/// Nobody can say that changes are followed when every watch ends at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_watches_at_once() {
    let server = server("east", 11, |_| {});
    let session = live(vec![server.context()], LiveOptions::default()).1.session();
    let expected = counts(&[&server], Kind::Pods);
    assert_eq!(ask(&session, BY_CLUSTER).await.expect("an answer"), expected);
    lock(&server.shared.manners).ends_watches = true;
    server.hang_up();
    let said = "cluster east: pods: the server ends watches as soon as they begin";
    until(&session, BY_CLUSTER, |result| result.as_ref().is_err_and(|message| message == said)).await;
    lock(&server.shared.manners).ends_watches = false;
    server.change(50);
    let expected = counts(&[&server], Kind::Pods);
    until(&session, BY_CLUSTER, |result| result.as_ref().is_ok_and(|rows| *rows == expected)).await;
}

/// One that takes connections and says nothing costs the others a moment, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_answers() {
    let east = server("east", 12, |_| {});
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mute = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: \"{url}\"}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c}}}}]\n"
    );
    let session = live(vec![east.context(), Context::of_text("mute", &mute)], LiveOptions::default()).1.session();
    session.set_partial(true);
    let begun = Instant::now();
    assert_eq!(ask(&session, BY_CLUSTER).await.expect("that of one"), counts(&[&east], Kind::Pods));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let said = warnings(&session);
    assert_eq!(said, ["missing: cluster mute: pods: no answer for 15 s"]);
    let again = Instant::now();
    assert_eq!(ask(&session, BY_CLUSTER).await.expect("that of one"), counts(&[&east], Kind::Pods));
    assert!(again.elapsed() < Duration::from_secs(5), "it is known by now: {:?}", again.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_that_servers_lack() {
    let lacks = |manners: &mut Manners| manners.lacks = Some(Kind::ConfigMaps);
    let old =
        |manners: &mut Manners| (manners.lacks, manners.discovery) = (Some(Kind::ConfigMaps), Discovery::Heedless);
    let servers = [server("east", 5, lacks), server("west", 6, old), server("north", 7, |_| {})];
    let sql = "select cluster, count(*) from configmaps group by cluster";
    let (_, engine) = live(contexts(&servers), LiveOptions::default());
    assert_eq!(ask(&engine.session(), sql).await.expect("one has them"), counts(&[&servers[2]], Kind::ConfigMaps));
    let (_, engine) = live(contexts(&servers[..2]), LiveOptions::default());
    let message = error(&engine.session(), sql).await;
    let said = "cluster east: configmaps: the server has no configmaps; \
        cluster west: configmaps: the server has no configmaps";
    assert_eq!(message, said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_is_used_up() {
    let server = server("east", 8, |_| {});
    let options = LiveOptions { memory: Some(1 << 10), ..LiveOptions::default() };
    let (_, engine) = live(vec![server.context()], options);
    let session = engine.session();
    assert_eq!(ask(&session, BY_CLUSTER).await.expect("the first"), counts(&[&server], Kind::Pods));
    let message = error(&session, "select name from nodes").await;
    assert!(message.starts_with("cluster east: nodes: not followed: objects take"), "{message}");
    // What is there stays there.
    assert_eq!(ask(&session, BY_CLUSTER).await.expect("the first"), counts(&[&server], Kind::Pods));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_asks_for_is_dropped() {
    let server = server("east", 9, |_| {});
    let options = LiveOptions { idle: Duration::from_millis(400), ..LiveOptions::default() };
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
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(server.shared.requests.load(Ordering::SeqCst), asked, "it is left alone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_that_nobody_asks_for_cost_nothing() {
    let server = server("east", 10, |_| {});
    let text = |address: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\n\
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
        )
    };
    // Some refuse, some never say a word.
    let silent: Vec<TcpListener> = (0..20).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let mut all: Vec<Context> = silent
        .iter()
        .map(|listener| listener.local_addr().expect("an address").to_string())
        .chain(std::iter::repeat_n("127.0.0.1:1".to_owned(), 29))
        .enumerate()
        .map(|(number, address)| Context::of_text(&format!("gone-{number}"), &text(&address)))
        .collect();
    all.insert(25, server.context());
    let (live, engine) = live(all, LiveOptions::default());
    let session = engine.session();
    let begun = Instant::now();
    let sql = "select cluster, count(*) from pods where cluster = 'east' group by cluster";
    assert_eq!(ask(&session, sql).await.expect("one"), counts(&[&server], Kind::Pods));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let idle = live.status().clusters.iter().filter(|cluster| cluster.state == ClusterState::Idle).count();
    assert_eq!(idle, 49);
    assert_refused(&engine).await;
}

/// One that refuses is told as such, beside those that answer.
async fn assert_refused(engine: &Arc<Engine>) {
    let sql = "select count(*) from pods where cluster in ('east', 'gone-40')";
    let message = error(&engine.session(), sql).await;
    assert!(message.starts_with("cluster gone-40: pods: the server cannot be reached: "), "{message}");
}
