//! What a bare socket of this machine carries from one thread to another: no door can give more.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result};

/// Bytes that are sent.
const ALL: usize = 1 << 30;

/// Bytes that are sent, and read, at once.
const PIECE: usize = 1 << 20;

/// Sends a gigabyte that nobody looks at.
pub(super) fn gigabytes_a_second() -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let sender = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut to, piece) = (TcpStream::connect(address)?, vec![7; PIECE]);
        (0..ALL / PIECE).try_for_each(|_| to.write_all(&piece))
    });
    let (mut from, _) = listener.accept()?;
    let (mut piece, mut read, begun) = (vec![0; PIECE], 0, Instant::now());
    while read < ALL {
        match from.read(&mut piece)? {
            0 => break,
            more => read += more,
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    sender.join().ok().context("the sender")??;
    #[expect(clippy::cast_precision_loss, reason = "a figure to be shown")]
    Ok(read as f64 / 1e9 / seconds)
}
