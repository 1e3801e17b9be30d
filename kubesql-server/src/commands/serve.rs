//! `kubesql serve`: follows clusters and serves clients until the process receives a signal.

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
use crate::query::Frontend;
use crate::reload;
use crate::sources::WatchConfig;
use crate::tls::Tls;

/// The delay before a failed query of a `--watch` table is repeated.
const RETRY_DELAY: Duration = Duration::from_secs(30);

/// How often the tables of `--watch` are queried, which keeps their kinds watched.
const WATCH_INTERVAL: Duration = Duration::from_secs(60);

/// Serves until the process receives SIGINT or SIGTERM.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    if [args.pg, args.http, args.flight] == [Listen::Off; 3] {
        return Err(Failure::usage("all listeners are disabled", "omit --pg off or --http off"));
    }
    let audit = args.access.audit()?;
    let listeners = [("--pg", args.pg), ("--http", args.http), ("--flight", args.flight)];
    let listeners: Vec<_> = listeners.into_iter().filter_map(|(flag, at)| Some((flag, at.address()?))).collect();
    let access = Arc::new(args.access.open(&listeners, audit.clone(), usize::from(args.limits.max_connections))?);
    let runtime = runtime()?;
    let idle = Duration::from_secs(args.watch_idle.max(1));
    let watching = WatchConfig { idle, memory: args.watch_memory, statement_memory: args.limits.memory()? };
    let opened = args.sources.open_watched(&runtime, &watching)?;
    let frontend = Frontend::new(Arc::clone(&opened.engine), args.limits(), args.sources.partial, audit);
    for table in &args.watch {
        // Misspelt names are reported before clients connect.
        runtime.block_on(opened.engine.describe(table, false))?;
        frontend.expect_table(table);
    }
    let result = runtime.block_on(serve(args, &frontend, &access));
    runtime.shutdown_background();
    result
}

async fn serve(args: &ServeArgs, frontend: &Arc<Frontend>, access: &Arc<Access>) -> Result<(), Failure> {
    let mut lines = Vec::new();
    let (mut servers, mut background) = (JoinSet::new(), JoinSet::new());
    if let Listen::At(requested) = args.pg {
        const HINT: &str = "--pg takes another address, such as 127.0.0.1:0 for any free port, or off";
        let pg = Pg::bind(requested, Arc::clone(frontend), Arc::clone(access)).await;
        let pg = pg.map_err(|error| bind_failed(requested, &error, HINT))?;
        let bound = pg.address()?;
        lines.push(format!(
            "listening for PostgreSQL clients on {bound}; try: psql -h {} -p {}",
            bound.ip(),
            bound.port()
        ));
        servers.spawn(pg.serve());
    }
    if let Listen::At(requested) = args.http {
        const HINT: &str = "--http takes another address, such as 127.0.0.1:0 for any free port, or off";
        let http = Http::bind(requested, Arc::clone(frontend), Arc::clone(access)).await;
        let http = http.map_err(|error| bind_failed(requested, &error, HINT))?;
        let bound = http.address()?;
        let scheme = if access.tls.is_some() { "https://" } else { "" };
        lines.push(format!(
            "listening for Presto, Trino and HTTP clients on {bound}; try: presto --server {scheme}{bound} --catalog kubesql --schema kubesql"
        ));
        servers.spawn(http.serve());
    }
    if let Listen::At(requested) = args.flight {
        const HINT: &str = "--flight takes another address, such as 127.0.0.1:0 for any free port, or off";
        let flight = Flight::bind(requested, Arc::clone(frontend), Arc::clone(access)).await;
        let flight = flight.map_err(|error| bind_failed(requested, &error, HINT))?;
        let bound = flight.address()?;
        let scheme = if access.tls.is_some() { "grpc+tls" } else { "grpc" };
        lines.push(format!("listening for Arrow Flight SQL clients on {bound}; try: {scheme}://{bound} with ADBC"));
        servers.spawn(flight.serve());
    }
    for table in &args.watch {
        background.spawn(keep_watched(Arc::clone(frontend), table.clone()));
    }
    let mut reloadable = access.auth.reloadable();
    reloadable.extend(access.tls.iter().map(Tls::reloadable));
    background.spawn(reload::follow(reloadable));
    // Before the addresses are printed, since a signal may follow at once.
    let mut signals = Signals::new()?;
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    drop(out);
    signals.next().await;
    background.shutdown().await;
    frontend.close();
    let drained = async {
        frontend.wait_idle().await;
        while servers.join_next().await.is_some() {}
    };
    tokio::select! {
        () = drained => {}
        () = tokio::time::sleep(Duration::from_secs(args.limits.drain_timeout)) => {
            say(&format!("warning: statements were cancelled after {} s (--drain-timeout)", args.limits.drain_timeout));
        }
        () = signals.next() => say("warning: running statements were cancelled"),
    }
    Ok(())
}

/// The error of an address that could not be bound.
fn bind_failed(address: SocketAddr, error: &io::Error, hint: &'static str) -> Failure {
    Failure::usage(format!("could not listen on {address}: {error}"), hint)
}

/// Queries a table repeatedly, so that its kind is watched.
async fn keep_watched(frontend: Arc<Frontend>, table: String) {
    let client = frontend.internal_client();
    let sql = format!("SELECT count(*) FROM {table}");
    loop {
        let query = async {
            let mut answer = client.execute(&sql).await?;
            while answer.rows.next().await.transpose()?.is_some() {}
            Ok::<(), kubesql_runtime::sql::SqlError>(())
        };
        match query.await {
            Ok(()) => {
                frontend.table_is_ready(&table);
                tokio::time::sleep(WATCH_INTERVAL).await;
            }
            Err(error) => {
                say(&format!("warning: --watch {table}: {error}; retrying in {} s", RETRY_DELAY.as_secs()));
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}
