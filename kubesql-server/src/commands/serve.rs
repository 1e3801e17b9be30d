//! `kubesql serve`: follows clusters, and answers clients until it is told to end.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::task::JoinSet;

use super::query::say;
use super::{Signals, runtime};
use crate::args::{Listen, ServeArgs};
use crate::failure::Failure;
use crate::flight::Flight;
use crate::http::Http;
use crate::listen::Access;
use crate::pg::Pg;
use crate::query::Door;
use crate::reload;
use crate::sources::WatchConfig;
use crate::tls::Tls;

/// How long until a watch that failed is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// How often a kind that is to be watched is asked for, which keeps it.
const ASK: Duration = Duration::from_secs(60);

/// Serves until the process is told to end.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    if [args.pg, args.http, args.flight] == [Listen::Off; 3] {
        return Err(Failure::usage("no door is left to be opened", "leave out --pg off or --http off"));
    }
    let audit = args.access.audit()?;
    let doors = [("--pg", args.pg), ("--http", args.http), ("--flight", args.flight)];
    let doors: Vec<_> = doors.into_iter().filter_map(|(flag, at)| Some((flag, at.address()?))).collect();
    let access = Arc::new(args.access.open(&doors, audit.clone(), usize::from(args.limits.max_connections))?);
    let runtime = runtime()?;
    let idle = Duration::from_secs(args.watch_idle.max(1));
    let watching = WatchConfig { idle, memory: args.watch_memory, statement_memory: args.limits.memory()? };
    let opened = args.sources.open_watched(&runtime, &watching)?;
    let door = Door::audited(Arc::clone(&opened.engine), args.limits(), args.sources.partial, audit);
    for table in &args.watch {
        // What is misspelt is told before anybody connects.
        runtime.block_on(opened.engine.describe(table, false))?;
        door.awaits(table);
    }
    let result = runtime.block_on(serve(args, &door, &access));
    runtime.shutdown_background();
    result
}

async fn serve(args: &ServeArgs, door: &Arc<Door>, access: &Arc<Access>) -> Result<(), Failure> {
    let mut lines = Vec::new();
    let (mut doors, mut around) = (JoinSet::new(), JoinSet::new());
    if let Listen::At(wanted) = args.pg {
        const HINT: &str = "--pg takes another address, such as 127.0.0.1:0 for any free port, or off";
        let pg = Pg::bind(wanted, Arc::clone(door), Arc::clone(access)).await;
        let pg = pg.map_err(|error| taken(wanted, &error, HINT))?;
        let at = pg.address()?;
        lines.push(format!("PostgreSQL clients are answered on {at}; try: psql -h {} -p {}", at.ip(), at.port()));
        doors.spawn(pg.serve());
    }
    if let Listen::At(wanted) = args.http {
        const HINT: &str = "--http takes another address, such as 127.0.0.1:0 for any free port, or off";
        let http = Http::bind(wanted, Arc::clone(door), Arc::clone(access)).await;
        let http = http.map_err(|error| taken(wanted, &error, HINT))?;
        let at = http.address()?;
        let scheme = if access.tls.is_some() { "https://" } else { "" };
        lines.push(format!(
            "Presto, Trino and HTTP clients are answered on {at}; try: presto --server {scheme}{at} --catalog kubesql --schema kubesql"
        ));
        doors.spawn(http.serve());
    }
    if let Listen::At(wanted) = args.flight {
        const HINT: &str = "--flight takes another address, such as 127.0.0.1:0 for any free port, or off";
        let flight = Flight::bind(wanted, Arc::clone(door), Arc::clone(access)).await;
        let flight = flight.map_err(|error| taken(wanted, &error, HINT))?;
        let at = flight.address()?;
        let scheme = if access.tls.is_some() { "grpc+tls" } else { "grpc" };
        lines.push(format!("Arrow Flight SQL clients are answered on {at}; try: {scheme}://{at} with ADBC"));
        doors.spawn(flight.serve());
    }
    for table in &args.watch {
        around.spawn(keep(Arc::clone(door), table.clone()));
    }
    let mut files = access.auth.files();
    files.extend(access.tls.iter().map(Tls::files));
    around.spawn(reload::follow(files));
    // Before it is said that anything is served: a signal that comes then must find who waits for it.
    let mut signals = Signals::new()?;
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    drop(out);
    signals.next().await;
    around.shutdown().await;
    door.close();
    let drained = async {
        door.idle().await;
        while doors.join_next().await.is_some() {}
    };
    tokio::select! {
        () = drained => {}
        () = tokio::time::sleep(Duration::from_secs(args.limits.drain_timeout)) => {
            say(&format!("warning: statements still ran after {} s and were ended (--drain-timeout)", args.limits.drain_timeout));
        }
        () = signals.next() => say("warning: statements that still ran were ended"),
    }
    Ok(())
}

/// The failure of listening on an address.
fn taken(address: SocketAddr, error: &io::Error, hint: &'static str) -> Failure {
    Failure::usage(format!("{address} cannot be listened on: {error}"), hint)
}

/// Asks for a table again and again, so that its objects are watched.
async fn keep(door: Arc<Door>, table: String) {
    let client = door.client();
    let sql = format!("SELECT count(*) FROM {table}");
    loop {
        let asked = async {
            let mut answer = client.execute(&sql).await?;
            while answer.rows.next().await.transpose()?.is_some() {}
            Ok::<(), kubesql_runtime::sql::SqlError>(())
        };
        match asked.await {
            Ok(()) => {
                door.has(&table);
                tokio::time::sleep(ASK).await;
            }
            Err(error) => {
                say(&format!("warning: --watch {table}: {error}; trying again in {} s", AGAIN.as_secs()));
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
