//! Benchmarks of the protocols, compared with the same statements in this process: latency, streaming, many clients, and
//! memory. Clients only count rows; processing values is not measured.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::report;

mod client;
mod flight;
mod http;
mod loopback;
mod pg;
mod postgres;
mod protocol;
mod server;

use client::Client;
use postgres::Postgres;
use protocol::Protocol;
use server::Server;

/// Protocols of `kubesql serve`, compared with the same statements in process
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pods of the cluster
    #[arg(long, default_value_t = 5_000)]
    pods: usize,
    /// Rows to stream
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// Number of streaming runs, of which the median is reported
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Number of point queries, of which the median is reported
    #[arg(long, default_value_t = 300)]
    points: usize,
    /// Number of concurrent clients
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// Parts to run
    #[arg(long, value_enum, value_delimiter = ',',
          default_values_t = [Part::Point, Part::Stream, Part::Clients, Part::Memory])]
    parts: Vec<Part>,
    /// Protocols to run
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Protocol::Flight, Protocol::Http, Protocol::Pg])]
    protocols: Vec<Protocol>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Overhead of a query of one row
    Point,
    /// Rows per second
    Stream,
    /// Many concurrent clients
    Clients,
    /// Memory of the server with a slow client
    Memory,
}

/// A query of one row.
const POINT: &str = "select name, podip from pods order by name limit 1";

/// Ten columns of pods: text, numbers, times and booleans.
const COLUMNS: &str = "name, namespace, uid, nodename, phase, podip, generation, creationtimestamp, \
                       automountserviceaccounttoken, restartpolicy";

/// How often the pods are scanned for all rows.
const TIMES: usize = 4;

/// A scan with ten columns, with [`TIMES`] rows for each pod.
fn scan_sql() -> String {
    vec![format!("select {COLUMNS} from pods"); TIMES].join(" union all ")
}

/// Many rows of ten columns from few pods.
fn cross_join_sql(rows: usize) -> String {
    format!("select {COLUMNS} from pods cross join generate_series(1, 1000) limit {rows}")
}

/// Runs the benchmark; false if a target was missed.
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

/// A client in this process, and a client of each protocol.
async fn connect_all(args: &Args, server: &Server) -> Result<Vec<(Protocol, Client)>> {
    let mut all = Vec::new();
    for protocol in [Protocol::Process].into_iter().chain(args.protocols.iter().copied()) {
        let client = Client::connect(protocol, server).await.with_context(|| format!("{protocol:?}"))?;
        all.push((protocol, client));
    }
    Ok(all)
}

async fn point(args: &Args, server: &Server) -> Result<bool> {
    let mut clients = connect_all(args, server).await?;
    let mut times = vec![Vec::new(); clients.len()];
    for round in 0..args.points + 20 {
        for ((protocol, client), times) in clients.iter_mut().zip(&mut times) {
            let started = Instant::now();
            ensure!(client.rows(POINT, None).await? == 1, "{protocol:?}: not one row");
            // The first rounds warm up.
            if round >= 20 {
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    report(&format!("query of one row in process: {:.2} ms (median of {})", medians[0], args.points));
    let mut passed = true;
    for ((protocol, _), median) in clients.iter().zip(&medians).skip(1) {
        passed &= at_most(&format!("{protocol:?}: overhead of a query of one row, ms"), median - medians[0], 0.5);
    }
    Ok(passed)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for display")]
async fn stream(args: &Args) -> Result<bool> {
    let server = Server::start(args.rows / TIMES)?;
    let mut clients = connect_all(args, &server).await?;
    let sql = scan_sql();
    // The first query waits for the cluster.
    let rows = clients[0].1.rows(&sql, None).await?;
    ensure!(rows * 100 >= args.rows * 99, "{rows} rows, not {}", args.rows);
    let postgres = match args.protocols.contains(&Protocol::Pg) {
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
        for ((protocol, client), rates) in clients.iter_mut().zip(&mut rates) {
            let started = Instant::now();
            ensure!(client.rows(&sql, None).await? == rows, "{protocol:?}: not all rows");
            rates.push(millions(rows) / started.elapsed().as_secs_f64());
        }
        if let Some(client) = &mut local {
            let started = Instant::now();
            ensure!(client.rows(postgres::SQL, None).await? == rows, "PostgreSQL: not all rows");
            local_rates.push(millions(rows) / started.elapsed().as_secs_f64());
        }
        carried.push(loopback::gigabytes_per_second()?);
    }
    let rates: Vec<f64> = rates.into_iter().map(median).collect();
    report(&format!("{rows} rows of 10 columns: million rows/s, medians of {} runs", args.runs));
    for ((protocol, client), rate) in clients.iter().zip(&rates) {
        let of_row = client.bytes().map(|bytes| bytes as f64 / (args.runs * rows) as f64);
        let of_row = of_row.map_or_else(String::new, |bytes| format!(", {bytes:.0} bytes each"));
        report(&format!("{:<58} {rate:>9.2}{of_row}", format!("{protocol:?}")));
    }
    report(&format!("{:<58} {:>9.2}", "loopback socket, GB/s", median(carried)));
    let mut passed = true;
    for ((protocol, _), rate) in clients.iter().zip(&rates) {
        passed &= match protocol {
            Protocol::Flight | Protocol::Http => {
                at_least(&format!("{protocol:?}: ratio to the rate in process"), rate / rates[0], 0.6)
            }
            Protocol::Pg if !local_rates.is_empty() => {
                let local = median(local_rates.clone());
                report(&format!("{:<58} {local:>9.2}", "local PostgreSQL"));
                at_least("Pg: ratio to the rate of a local PostgreSQL", rate / local, 1.0)
            }
            _ => true,
        };
    }
    Ok(passed)
}

async fn clients(args: &Args, server: &Server) -> Result<bool> {
    let mut passed = true;
    for &protocol in &args.protocols {
        let started = Instant::now();
        let ask = |_| async move {
            let mut client = Client::connect(protocol, server).await?;
            for _ in 0..10 {
                ensure!(client.rows(POINT, None).await? == 1, "not one row");
            }
            Ok(())
        };
        let outcomes = futures::future::join_all((0..args.clients).map(ask)).await;
        let failed: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
        if let Some(error) = failed.first() {
            report(&format!("{protocol:?}: {error:#}"));
        }
        let seconds = started.elapsed().as_secs_f64();
        report(&format!("{protocol:?}: {} clients with 10 queries each in {seconds:.2} s", args.clients));
        passed &= at_most(&format!("{protocol:?}: failed clients"), millions(failed.len()) * 1e6, 0.0);
    }
    Ok(passed)
}

async fn memory(args: &Args, server: &Server) -> Result<bool> {
    let sql = cross_join_sql(args.rows);
    let mut passed = true;
    for &protocol in &args.protocols {
        let mut client = Client::connect(protocol, server).await?;
        // Once at full speed, so that memory kept by the allocator does not count.
        client.rows(&sql, None).await?;
        let before = server.megabytes()?;
        let mut slow = Client::connect(protocol, server).await?;
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
        passed &= at_most(&format!("{protocol:?}: additional MB with a slow client"), most - before, 64.0);
    }
    Ok(passed)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for display")]
fn millions(rows: usize) -> f64 {
    rows as f64 / 1e6
}

fn at_most(what: &str, figure: f64, limit: f64) -> bool {
    check(what, figure, "<=", limit, figure <= limit)
}

fn at_least(what: &str, figure: f64, limit: f64) -> bool {
    check(what, figure, ">=", limit, figure >= limit)
}

fn check(what: &str, figure: f64, sign: &str, limit: f64, passed: bool) -> bool {
    report(&format!("{what:<58} {figure:>9.2} {sign} {limit:<7} {}", if passed { "PASS" } else { "MISS" }));
    passed
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
