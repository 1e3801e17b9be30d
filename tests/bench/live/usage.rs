//! The CPU time and memory of this process.

use anyhow::{Context, Result};

/// The CPU time of this process in seconds.
pub(super) fn cpu() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).context("ticks");
    // The unit is 1/100 s on Linux.
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// The memory of this process in MB: `VmRSS` (current) or `VmHWM` (peak).
pub(super) fn megabytes(of: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(of)).context("no such line")?;
    let kilobytes = line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<f64>()?;
    Ok(kilobytes / 1024.0)
}
