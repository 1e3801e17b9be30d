//! Many kinds of custom resources: what they cost who does not ask for them, and who does.

use std::time::Instant;

use anyhow::Result;

use super::median;
use super::sync::{Told, engine, rows};

/// Milliseconds of statements against a cluster that nobody has asked before.
pub(super) async fn customs(kubeconfig: &str) -> Result<Told> {
    let begun = Instant::now();
    let session = engine(kubeconfig)?.session();
    rows(&session, "select count(*) from nodes").await?;
    let first = begun.elapsed().as_secs_f64() * 1e3;
    let begun = Instant::now();
    rows(&session, "select count(*) from widgets").await?;
    let custom = begun.elapsed().as_secs_f64() * 1e3;
    let begun = Instant::now();
    let tables = rows(&session, "show tables").await?;
    let learnt = begun.elapsed().as_secs_f64() * 1e3;
    let mut told =
        vec![("first", first), ("custom", custom), ("learnt", learnt), ("tables", f64::from(u32::try_from(tables)?))];
    for (name, sql) in [
        ("listed", "show tables"),
        ("query", "select count(*) from nodes where name like '%1'"),
        ("custom query", "select count(*) from widgets where name like '%1'"),
    ] {
        let mut times = Vec::new();
        for _ in 0..30 {
            let begun = Instant::now();
            rows(&session, sql).await?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        told.push((name, median(times)));
    }
    Ok(told)
}
