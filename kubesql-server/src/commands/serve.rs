//! `kubesql serve`: follows clusters, and answers clients until it is told to end.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::task::JoinSet;

use super::query::say;
use super::{ended, runtime};
use crate::args::{Listen, ServeArgs};
use crate::failure::Failure;
use crate::http::Http;
use crate::pg::Pg;
use crate::query::{Door, Limits};
use crate::sources::Following;

/// How long until a watch that failed is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// How often a kind that is to be watched is asked for, which keeps it.
const ASK: Duration = Duration::from_secs(60);

/// Serves until the process is told to end.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    only_here("--pg", args.pg)?;
    only_here("--http", args.http)?;
    if (args.pg, args.http) == (Listen::Off, Listen::Off) {
        return Err(Failure::usage("no door is left to be opened", "leave out --pg off or --http off"));
    }
    let runtime = runtime()?;
    let idle = Duration::from_secs(args.watch_idle.max(1));
    let opened = args.sources.open_live(&runtime, &Following { idle, memory: args.memory })?;
    let timeout = (args.statement_timeout > 0).then(|| Duration::from_secs(args.statement_timeout));
    let limits = Limits { timeout, at_once: usize::from(args.statements) };
    let door = Door::new(Arc::clone(&opened.engine), limits, args.sources.partial);
    for table in &args.watch {
        // What is misspelt is told before anybody connects.
        runtime.block_on(opened.engine.describe(table, false))?;
        door.awaits(table);
    }
    let result = runtime.block_on(serve(args, &door));
    runtime.shutdown_background();
    result
}

/// Fails for an address that others than this machine reach.
fn only_here(flag: &str, listen: Listen) -> Result<(), Failure> {
    match listen {
        Listen::At(address) if !address.ip().is_loopback() => Err(Failure::usage(
            format!("{flag} {address}: whoever reaches that address could read everything, for there are no passwords"),
            "listen on 127.0.0.1, and let clients come through a tunnel (ssh -L, kubectl port-forward)",
        )),
        _ => Ok(()),
    }
}

async fn serve(args: &ServeArgs, door: &Arc<Door>) -> Result<(), Failure> {
    let mut lines = Vec::new();
    let mut tasks = JoinSet::new();
    if let Listen::At(wanted) = args.pg {
        const HINT: &str = "--pg takes another address, such as 127.0.0.1:0 for any free port, or off";
        let pg = Pg::bind(wanted, Arc::clone(door)).await.map_err(|error| taken(wanted, &error, HINT))?;
        let at = pg.address()?;
        lines.push(format!("PostgreSQL clients are answered on {at}; try: psql -h {} -p {}", at.ip(), at.port()));
        tasks.spawn(pg.serve());
    }
    if let Listen::At(wanted) = args.http {
        const HINT: &str = "--http takes another address, such as 127.0.0.1:0 for any free port, or off";
        let http = Http::bind(wanted, Arc::clone(door)).await.map_err(|error| taken(wanted, &error, HINT))?;
        let at = http.address()?;
        lines.push(format!(
            "Presto, Trino and HTTP clients are answered on {at}; try: presto --server {at} --catalog kubesql --schema kubesql"
        ));
        tasks.spawn(http.serve());
    }
    for table in &args.watch {
        tasks.spawn(keep(Arc::clone(door), table.clone()));
    }
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    drop(out);
    ended().await?;
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
