//! `kubesql serve`: follows clusters, and answers clients until it is told to end.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::task::JoinSet;

use super::query::say;
use super::{ended, runtime};
use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::pg::Pg;
use crate::query::{Client, Door, Limits};
use crate::sources::Following;

/// How long until a watch that failed is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// How often a kind that is to be watched is asked for, which keeps it.
const ASK: Duration = Duration::from_secs(60);

/// Serves until the process is told to end.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    if !args.pg.ip().is_loopback() {
        return Err(Failure::usage(
            format!("--pg {}: whoever reaches that address could read everything, for there are no passwords", args.pg),
            "listen on 127.0.0.1, and let clients come through a tunnel (ssh -L, kubectl port-forward)",
        ));
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
    }
    let result = runtime.block_on(serve(args, &door));
    runtime.shutdown_background();
    result
}

async fn serve(args: &ServeArgs, door: &Arc<Door>) -> Result<(), Failure> {
    let pg = Pg::bind(args.pg, Arc::clone(door)).await.map_err(|error| {
        Failure::usage(
            format!("{} cannot be listened on: {error}", args.pg),
            "--pg takes another address, such as 127.0.0.1:0 for any free port",
        )
    })?;
    let address = pg.address()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(pg.serve());
    for table in &args.watch {
        tasks.spawn(keep(door.client(), table.clone()));
    }
    let mut out = io::stdout().lock();
    writeln!(out, "PostgreSQL clients are answered on {address}; try: psql -h {} -p {}", address.ip(), address.port())?;
    out.flush()?;
    drop(out);
    ended().await?;
    Ok(())
}

/// Asks for a table again and again, so that its objects are watched.
async fn keep(client: Client, table: String) {
    let sql = format!("SELECT count(*) FROM {table}");
    loop {
        let asked = async {
            let mut answer = client.execute(&sql).await?;
            while answer.rows.next().await.transpose()?.is_some() {}
            Ok::<(), kubesql_runtime::sql::SqlError>(())
        };
        match asked.await {
            Ok(()) => tokio::time::sleep(ASK).await,
            Err(error) => {
                say(&format!("warning: --watch {table}: {error}; trying again in {} s", AGAIN.as_secs()));
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
