//! The requests that precede the first message of a connection: TLS, GSSAPI encryption, and cancelling.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::frame_limit::UNAUTHENTICATED_FRAME_LIMIT;
use super::shared::Shared;
use crate::auth::Peer;
use crate::listen::{SharedSocket, Stream, TLS_HANDSHAKE, accept_plain, accept_tls, peek_first_byte};

/// The codes of the requests.
const CANCEL_REQUEST: u32 = 80_877_102;
const TLS_REQUEST: u32 = 80_877_103;
const GSSAPI_REQUEST: u32 = 80_877_104;

/// The application protocol of clients that begin with TLS (`sslnegotiation=direct`).
const ALPN: &[u8] = b"postgresql";

/// A connection whose first message is the startup message.
pub(super) struct Negotiated {
    pub(super) stream: Stream,
    pub(super) peer: Peer,
    /// The first bytes of the startup message: its length and the protocol's version.
    pub(super) first: [u8; 8],
    /// How many bytes of the startup message follow.
    pub(super) remaining: usize,
}

/// A connection that does not continue.
pub(super) enum Ended {
    /// It was closed, or it was a cancel request.
    Closed,
    /// It violates the protocol.
    Malformed(Stream),
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// Answers requests up to the startup message, of which the first bytes are read.
pub(super) async fn negotiate(
    socket: Arc<TcpStream>,
    address: SocketAddr,
    shared: &Shared,
) -> Result<Negotiated, Ended> {
    let plain = SharedSocket(Arc::clone(&socket));
    let (mut stream, mut peer) = match &shared.access.tls {
        Some(tls) if peek_first_byte(&socket).await? == TLS_HANDSHAKE => {
            let (stream, peer) = accept_tls(tls, plain.clone(), address, &[ALPN]).await?;
            // Without, requests to a server of another protocol could be redirected here (ALPACA attack).
            let is_agreed = matches!(&stream, Stream::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(ALPN));
            if !is_agreed {
                return Err(Ended::Closed);
            }
            (stream, peer)
        }
        _ => accept_plain(plain.clone(), address),
    };
    let (mut requested_tls, mut requested_gssapi) = (false, false);
    loop {
        let mut first = [0; 8];
        stream.read_exact(&mut first).await?;
        let [length, code] = [&first[..4], &first[4..]].map(number);
        match code {
            TLS_REQUEST if length == 8 && !peer.is_tls && !requested_tls => {
                requested_tls = true;
                match &shared.access.tls {
                    None => stream.write_all(b"N").await?,
                    Some(tls) => {
                        stream.write_all(b"S").await?;
                        // Nothing beyond the request was read. If plain text was injected after it, the handshake fails.
                        (stream, peer) = accept_tls(tls, plain.clone(), address, &[ALPN]).await?;
                    }
                }
            }
            GSSAPI_REQUEST if length == 8 && !peer.is_tls && !requested_gssapi => {
                requested_gssapi = true;
                stream.write_all(b"N").await?;
            }
            CANCEL_REQUEST => {
                cancel(&mut stream, length, shared).await?;
                return Err(Ended::Closed);
            }
            _ => {
                let remaining = usize::try_from(length).ok().and_then(|length| length.checked_sub(8));
                let is_version_3 = code >> 16 == 3;
                let valid = remaining.filter(|bytes| (1..=UNAUTHENTICATED_FRAME_LIMIT).contains(bytes) && is_version_3);
                return match valid {
                    Some(remaining) => Ok(Negotiated { stream, peer, first, remaining }),
                    None => Err(Ended::Malformed(stream)),
                };
            }
        }
    }
}

/// Processes a cancel request. It is accepted without TLS, since clients send it that way, and gets no response.
async fn cancel(stream: &mut (impl AsyncRead + Unpin), length: u32, shared: &Shared) -> io::Result<()> {
    let mut id = [0; 4];
    // Keys have 4 to 256 bytes.
    let key_length = usize::try_from(length).ok().and_then(|length| length.checked_sub(12));
    let Some(key_length) = key_length.filter(|length| (4..=256).contains(length)) else { return Ok(()) };
    stream.read_exact(&mut id).await?;
    let mut key = vec![0; key_length];
    stream.read_exact(&mut key).await?;
    shared.cancel_keys.cancel(i32::from_be_bytes(id), &key);
    Ok(())
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
