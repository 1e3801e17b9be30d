//! Measurements with many kinds of custom resources.

use std::time::Instant;

use anyhow::Result;

use super::median;
use super::sync::{Figures, engine, rows};

/// Latencies of statements with a new connection, in ms.
pub(super) async fn customs(kubeconfig: &str) -> Result<Figures> {
    let started = Instant::now();
    let session = engine(kubeconfig)?.session();
    rows(&session, "select count(*) from nodes").await?;
    let first = started.elapsed().as_secs_f64() * 1e3;
    let started = Instant::now();
    rows(&session, "select count(*) from widgets").await?;
    let custom = started.elapsed().as_secs_f64() * 1e3;
    let started = Instant::now();
    let tables = rows(&session, "show tables").await?;
    let discovered = started.elapsed().as_secs_f64() * 1e3;
    let mut figures = vec![
        ("first", first),
        ("custom", custom),
        ("discovered", discovered),
        ("tables", f64::from(u32::try_from(tables)?)),
    ];
    for (name, sql) in [
        ("listed", "show tables"),
        ("query", "select count(*) from nodes where name like '%1'"),
        ("custom query", "select count(*) from widgets where name like '%1'"),
    ] {
        let mut times = Vec::new();
        for _ in 0..30 {
            let started = Instant::now();
            rows(&session, sql).await?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        figures.push((name, median(times)));
    }
    Ok(figures)
}
