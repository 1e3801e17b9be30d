//! Doors: each beside the same statements in this process, in one run: overhead, streaming, many at once, memory.
//! Clients take what they are given and count it, here as there: what they would do with the values is not the door's.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::say;

mod client;
mod flight;
mod http;
mod loopback;
mod pg;
mod postgres;
mod server;

use client::{Client, Door};
use postgres::Postgres;
use server::Server;

/// Doors of `kubesql serve`: each beside the same statements in process.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pods of the cluster.
    #[arg(long, default_value_t = 5_000)]
    pods: usize,
    /// Rows that are streamed.
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// How often rows are streamed; the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Point queries of which the median counts.
    #[arg(long, default_value_t = 300)]
    points: usize,
    /// Clients at once.
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',',
          default_values_t = [Part::Point, Part::Stream, Part::Clients, Part::Memory])]
    parts: Vec<Part>,
    /// Only these doors.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Door::Flight, Door::Http, Door::Pg])]
    doors: Vec<Door>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// What a door adds to a query of one row.
    Point,
    /// Rows a second.
    Stream,
    /// Many clients at once.
    Clients,
    /// The server's memory while somebody reads slowly.
    Memory,
}

/// A query of one row.
const POINT: &str = "select name, podip from pods order by name limit 1";

/// Ten columns of pods: text, numbers, times and truths.
const COLUMNS: &str = "name, namespace, uid, nodename, phase, podip, generation, creationtimestamp, \
                       automountserviceaccounttoken, restartpolicy";

/// How often the pods are read for all rows.
const TIMES: usize = 4;

/// Rows of ten columns, read from a quarter as many pods.
fn scanned() -> String {
    vec![format!("select {COLUMNS} from pods"); TIMES].join(" union all ")
}

/// Rows of ten columns, of few pods.
fn many(rows: usize) -> String {
    format!("select {COLUMNS} from pods cross join generate_series(1, 1000) limit {rows}")
}

/// Runs it; false where a target was missed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = Server::start(args.pods)?;
    runtime.block_on(async {
        let mut passed = true;
        for part in &args.parts {
            passed &= match part {
                Part::Point => point(args, &server).await?,
                Part::Stream => stream(args).await?,
                Part::Clients => clients(args, &server).await?,
                Part::Memory => memory(args, &server).await?,
            };
        }
        Ok(passed)
    })
}

/// One client in this process, and one of each door.
async fn all(args: &Args, server: &Server) -> Result<Vec<(Door, Client)>> {
    let mut all = Vec::new();
    for door in [Door::Process].into_iter().chain(args.doors.iter().copied()) {
        let client = Client::of(door, server).await.with_context(|| format!("{door:?}"))?;
        all.push((door, client));
    }
    Ok(all)
}

async fn point(args: &Args, server: &Server) -> Result<bool> {
    let mut clients = all(args, server).await?;
    let mut times = vec![Vec::new(); clients.len()];
    for round in 0..args.points + 20 {
        for ((door, client), times) in clients.iter_mut().zip(&mut times) {
            let begun = Instant::now();
            ensure!(client.rows(POINT, None).await? == 1, "{door:?}: not one row");
            // The first ones find nothing ready.
            if round >= 20 {
                times.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    say(&format!("a query of one row in process: {:.2} ms (median of {})", medians[0], args.points));
    let mut passed = true;
    for ((door, _), median) in clients.iter().zip(&medians).skip(1) {
        passed &= at_most(&format!("{door:?}: ms more for a query of one row"), median - medians[0], 0.5);
    }
    Ok(passed)
}

#[expect(clippy::cast_precision_loss, reason = "a figure to be shown")]
async fn stream(args: &Args) -> Result<bool> {
    let server = Server::start(args.rows / TIMES)?;
    let mut clients = all(args, &server).await?;
    let sql = scanned();
    // The first one waits for the cluster.
    let rows = clients[0].1.rows(&sql, None).await?;
    ensure!(rows * 100 >= args.rows * 99, "{rows} rows, not {}", args.rows);
    let postgres = match args.doors.contains(&Door::Pg) {
        true => Postgres::start(&mut clients[0].1, &sql).await?,
        false => None,
    };
    let mut local = match &postgres {
        Some(postgres) => Some(Client::Pg(Box::new(postgres.connect().await?))),
        None => None,
    };
    let mut rates = vec![Vec::new(); clients.len()];
    let (mut local_rates, mut carried) = (Vec::new(), Vec::new());
    for _ in 0..args.runs {
        for ((door, client), rates) in clients.iter_mut().zip(&mut rates) {
            let begun = Instant::now();
            ensure!(client.rows(&sql, None).await? == rows, "{door:?}: not all rows");
            rates.push(millions(rows) / begun.elapsed().as_secs_f64());
        }
        if let Some(client) = &mut local {
            let begun = Instant::now();
            ensure!(client.rows(postgres::SQL, None).await? == rows, "PostgreSQL: not all rows");
            local_rates.push(millions(rows) / begun.elapsed().as_secs_f64());
        }
        carried.push(loopback::gigabytes_a_second()?);
    }
    let rates: Vec<f64> = rates.into_iter().map(median).collect();
    say(&format!("{rows} rows of 10 columns: million rows a second, medians of {} runs", args.runs));
    for ((door, client), rate) in clients.iter().zip(&rates) {
        let of_row = client.bytes().map(|bytes| bytes as f64 / (args.runs * rows) as f64);
        let of_row = of_row.map_or_else(String::new, |bytes| format!(", {bytes:.0} bytes each"));
        say(&format!("{:<58} {rate:>9.2}{of_row}", format!("{door:?}")));
    }
    say(&format!("{:<58} {:>9.2}", "what a bare socket carries, GB/s", median(carried)));
    let mut passed = true;
    for ((door, _), rate) in clients.iter().zip(&rates) {
        passed &= match door {
            Door::Flight | Door::Http => at_least(&format!("{door:?}: of the rate in process"), rate / rates[0], 0.6),
            Door::Pg if !local_rates.is_empty() => {
                let local = median(local_rates.clone());
                say(&format!("{:<58} {local:>9.2}", "a local PostgreSQL"));
                at_least("Pg: of the rate of a local PostgreSQL", rate / local, 1.0)
            }
            _ => true,
        };
    }
    Ok(passed)
}

async fn clients(args: &Args, server: &Server) -> Result<bool> {
    let mut passed = true;
    for &door in &args.doors {
        let begun = Instant::now();
        let ask = |_| async move {
            let mut client = Client::of(door, server).await?;
            for _ in 0..10 {
                ensure!(client.rows(POINT, None).await? == 1, "not one row");
            }
            Ok(())
        };
        let outcomes = futures::future::join_all((0..args.clients).map(ask)).await;
        let failed: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
        if let Some(error) = failed.first() {
            say(&format!("{door:?}: {error:#}"));
        }
        let seconds = begun.elapsed().as_secs_f64();
        say(&format!("{door:?}: {} clients with 10 queries each in {seconds:.2} s", args.clients));
        passed &= at_most(&format!("{door:?}: clients that failed"), millions(failed.len()) * 1e6, 0.0);
    }
    Ok(passed)
}

async fn memory(args: &Args, server: &Server) -> Result<bool> {
    let sql = many(args.rows);
    let mut passed = true;
    for &door in &args.doors {
        let mut client = Client::of(door, server).await?;
        // Once at full speed: what the allocator keeps is no growth.
        client.rows(&sql, None).await?;
        let before = server.megabytes()?;
        let mut slow = Client::of(door, server).await?;
        let mut most: f64 = before;
        let reading = slow.rows(&sql, Some(Duration::from_millis(20)));
        let mut reading = std::pin::pin!(reading);
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            tokio::select! {
                rows = &mut reading => {
                    rows?;
                    break;
                }
                () = tokio::time::sleep(Duration::from_millis(100)) => most = most.max(server.megabytes()?),
            }
        }
        passed &= at_most(&format!("{door:?}: MB more while somebody reads slowly"), most - before, 64.0);
    }
    Ok(passed)
}

#[expect(clippy::cast_precision_loss, reason = "a figure to be shown")]
fn millions(rows: usize) -> f64 {
    rows as f64 / 1e6
}

fn at_most(what: &str, figure: f64, limit: f64) -> bool {
    told(what, figure, "<=", limit, figure <= limit)
}

fn at_least(what: &str, figure: f64, limit: f64) -> bool {
    told(what, figure, ">=", limit, figure >= limit)
}

fn told(what: &str, figure: f64, sign: &str, limit: f64, passed: bool) -> bool {
    say(&format!("{what:<58} {figure:>9.2} {sign} {limit:<7} {}", if passed { "PASS" } else { "MISS" }));
    passed
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
