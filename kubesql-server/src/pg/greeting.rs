//! What comes before a connection's first message: whether it goes on over TLS, or only wants to cancel something.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Shared;
use super::frames::STRANGER;
use crate::auth::Peer;
use crate::listen::{HELLO, Socket, Stream, first_byte, secured, unsecured};

/// The codes of what is asked for before anything is said.
const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const KERBEROS: u32 = 80_877_104;

/// The protocol over TLS, as it is called when TLS is spoken from the first byte on.
const PROTOCOL: &[u8] = b"postgresql";

/// A connection that has something to say.
pub(super) struct Greeted {
    pub(super) stream: Stream,
    pub(super) peer: Peer,
    /// The first bytes of its first message, which were read already.
    pub(super) first: [u8; 8],
    /// How many of that message are still to come.
    pub(super) rest: usize,
}

/// Why a connection goes no further.
pub(super) enum Done {
    /// It wanted no more, or is gone.
    Gone,
    /// It does not follow the protocol.
    Malformed(Stream),
}

impl From<io::Error> for Done {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Agrees on TLS, and reads the begin of the first message.
pub(super) async fn greet(socket: Arc<TcpStream>, from: SocketAddr, shared: &Shared) -> Result<Greeted, Done> {
    let plain = Socket(Arc::clone(&socket));
    let (mut stream, mut peer) = match &shared.access.tls {
        Some(tls) if first_byte(&socket).await? == HELLO => {
            let (stream, peer) = secured(tls, plain.clone(), from, &[PROTOCOL]).await?;
            // Otherwise what is meant for another protocol could be sent here (ALPACA).
            let agreed = matches!(&stream, Stream::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(PROTOCOL));
            if !agreed {
                return Err(Done::Gone);
            }
            (stream, peer)
        }
        _ => unsecured(plain.clone(), from),
    };
    let mut asked = (false, false);
    loop {
        let mut first = [0; 8];
        stream.read_exact(&mut first).await?;
        let [length, code] = [&first[..4], &first[4..]].map(number);
        match code {
            TLS if length == 8 && !peer.secure && !asked.0 => {
                asked.0 = true;
                match &shared.access.tls {
                    None => stream.write_all(b"N").await?,
                    Some(tls) => {
                        stream.write_all(b"S").await?;
                        // Nothing was read beyond the request: what came with it in plain text is no handshake.
                        (stream, peer) = secured(tls, plain.clone(), from, &[PROTOCOL]).await?;
                    }
                }
            }
            KERBEROS if length == 8 && !peer.secure && !asked.1 => {
                asked.1 = true;
                stream.write_all(b"N").await?;
            }
            CANCEL => {
                cancel(&mut stream, length, shared).await?;
                return Err(Done::Gone);
            }
            _ => {
                let rest = usize::try_from(length).ok().and_then(|length| length.checked_sub(8));
                return match rest.filter(|rest| *rest > 0 && *rest <= STRANGER && code >> 16 == 3) {
                    Some(rest) => Ok(Greeted { stream, peer, first, rest }),
                    None => Err(Done::Malformed(stream)),
                };
            }
        }
    }
}

/// Whoever cancels says nothing else, and is answered nothing: also without TLS, since clients do so.
async fn cancel(stream: &mut (impl AsyncRead + Unpin), length: u32, shared: &Shared) -> io::Result<()> {
    let mut id = [0; 4];
    // Keys have 4 to 256 bytes.
    let key = usize::try_from(length).ok().and_then(|length| length.checked_sub(12));
    let Some(key) = key.filter(|key| (4..=256).contains(key)) else { return Ok(()) };
    stream.read_exact(&mut id).await?;
    let mut key = vec![0; key];
    stream.read_exact(&mut key).await?;
    shared.clients.cancel(i32::from_be_bytes(id), &key);
    Ok(())
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
