//! The throughput of a loopback socket between two threads: an upper bound for all protocols.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result};

/// The total number of bytes.
const TOTAL: usize = 1 << 30;

/// The bytes of a write or read.
const CHUNK: usize = 1 << 20;

/// Measures the throughput in GB/s.
pub(super) fn gigabytes_per_second() -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let sender = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut to, chunk) = (TcpStream::connect(address)?, vec![7; CHUNK]);
        (0..TOTAL / CHUNK).try_for_each(|_| to.write_all(&chunk))
    });
    let (mut from, _) = listener.accept()?;
    let (mut chunk, mut read, started) = (vec![0; CHUNK], 0, Instant::now());
    while read < TOTAL {
        match from.read(&mut chunk)? {
            0 => break,
            more => read += more,
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    sender.join().ok().context("the sender")??;
    #[expect(clippy::cast_precision_loss, reason = "a figure for display")]
    Ok(read as f64 / 1e9 / seconds)
}
