//! One connection from its first byte to its last.

use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bytes::BytesMut;
use futures::{FutureExt, SinkExt, StreamExt};
use pgwire::api::{ClientInfo, DefaultClient, NoopHandler, PgWireConnectionState};
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::response::ErrorResponse;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use pgwire::tokio::server::{PgWireMessageServerCodec, process_error, process_message};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::codec::{Framed, FramedParts};

use super::execute::Planned;
use super::frames::{Frames, STRANGER};
use super::greeting::{Done, Greeted, greet};
use super::startup::Startup;
use super::{Shared, extended, failure, simple};
use crate::listen::{Accepted, PATIENCE, Stream};

/// Bytes that are sent at once, where there are so many.
const AT_ONCE: usize = 64 << 10;

type Connection = Framed<Frames<Stream>, PgWireMessageServerCodec<Planned>>;

/// Serves one client, until it or its connection ends; whatever it has running ends with it.
pub(super) async fn serve(accepted: Accepted, shared: Arc<Shared>) {
    let Accepted { socket, from, slot, refusal: _refusal } = accepted;
    let socket = Arc::new(socket);
    let begun = tokio::time::Instant::now();
    // Those for whom there is no place are told so, if they ask at once.
    let patience = if slot.is_some() { PATIENCE } else { Duration::from_secs(1) };
    let greeted = match timeout(patience, greet(Arc::clone(&socket), from, &shared)).await {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(Done::Malformed(stream))) => {
            let error = failure::fatal("08P01", "this is not how PostgreSQL's protocol (version 3) begins");
            _ = timeout(PATIENCE, refuse(stream, error)).await;
            return;
        }
        Ok(Err(Done::Gone)) | Err(_) => return,
    };
    if slot.is_none() {
        let error = failure::fatal("53300", "too many clients are connected: try again in a moment");
        _ = timeout(PATIENCE, refuse(greeted.stream, error)).await;
        return;
    }
    let longest = Arc::new(AtomicUsize::new(STRANGER));
    let startup = Arc::new(Startup::new(Arc::clone(&shared), greeted.peer.clone(), Arc::clone(&longest)));
    let mut connection = framed(greeted, from, longest);
    converse(&mut connection, &socket, &startup, &shared, begun + PATIENCE).await;
    let (id, _) = connection.pid_and_secret_key();
    shared.clients.forget(id);
    _ = timeout(Duration::from_secs(2), farewell(connection)).await;
}

fn framed(greeted: Greeted, from: SocketAddr, longest: Arc<AtomicUsize>) -> Connection {
    let Greeted { stream, peer, first, rest } = greeted;
    let client = DefaultClient::new(from, peer.secure);
    let frames = Frames::new(stream, rest, longest);
    let mut parts = FramedParts::new(frames, PgWireMessageServerCodec::new(client));
    parts.read_buf = BytesMut::from(&first[..]);
    let mut connection = Framed::from_parts(parts);
    connection.set_backpressure_boundary(AT_ONCE);
    connection.set_state(PgWireConnectionState::AwaitingStartup);
    connection
}

/// Answers message after message.
async fn converse(
    connection: &mut Connection,
    socket: &TcpStream,
    startup: &Arc<Startup>,
    shared: &Shared,
    known_until: tokio::time::Instant,
) {
    let (simple, extended) = (Arc::new(simple::Simple), Arc::new(extended::Extended::default()));
    let nothing = Arc::new(NoopHandler);
    // Between statements, and not between the messages of one.
    let mut rests = true;
    loop {
        let known = startup.is_known();
        let message = tokio::select! {
            biased;
            () = going_away(shared, rests) => {
                let error = failure::fatal("57P01", "the server is shutting down: connect again in a moment");
                _ = send(connection, error).await;
                return;
            }
            () = sleep_until(known_until), if !known => return,
            // What decodes messages panics at some that are too short.
            message = AssertUnwindSafe(connection.next()).catch_unwind() => message,
        };
        let Ok(message) = message else {
            _ = send(connection, failure::fatal("08P01", "a message cannot be read")).await;
            return;
        };
        let message = match message {
            None | Some(Ok(PgWireFrontendMessage::Terminate(_))) => return,
            Some(Ok(message)) => message,
            Some(Err(PgWireError::IoError(error))) if error.kind() != io::ErrorKind::InvalidData => return,
            Some(Err(error)) => {
                _ = send(connection, failure::fatal("08P01", &error.to_string())).await;
                return;
            }
        };
        let is_extended = message.is_extended_query();
        rests = !is_extended || matches!(message, PgWireFrontendMessage::Sync(_));
        let answered = tokio::select! {
            answered = process_message(
                message,
                connection,
                Arc::clone(startup),
                Arc::clone(&simple),
                Arc::clone(&extended),
                Arc::clone(&nothing),
                Arc::clone(&nothing),
            ) => answered,
            // While a statement runs nobody reads, so that somebody else has to see that the client is gone.
            () = closed(socket) => return,
        };
        let Err(error) = answered else { continue };
        let mut error = ErrorInfo::from(error);
        // Nothing goes on with somebody who is not let in.
        if !startup.is_known() {
            "FATAL".clone_into(&mut error.severity);
        }
        if error.is_fatal() {
            _ = send(connection, error).await;
            return;
        }
        if process_error(connection, PgWireError::UserError(Box::new(error)), is_extended).await.is_err() {
            return;
        }
    }
}

/// Waits until the server goes away, and a moment longer for the rest of what a client has begun to say.
async fn going_away(shared: &Shared, rests: bool) {
    shared.door.closed().await;
    if !rests {
        sleep(Duration::from_secs(2)).await;
    }
}

async fn send(connection: &mut Connection, error: ErrorInfo) -> io::Result<()> {
    connection.send(PgWireBackendMessage::ErrorResponse(ErrorResponse::from(error))).await
}

/// Tells somebody with whom there is no connection yet.
async fn refuse(stream: Stream, error: ErrorInfo) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    PgWireBackendMessage::ErrorResponse(ErrorResponse::from(error)).encode(&mut bytes)?;
    let mut stream = stream;
    stream.write_all(&bytes).await?;
    linger(&mut stream).await
}

/// Ends what is said, and waits until the client does: a socket that is closed with something unread takes what was
/// said last with it.
async fn farewell(mut connection: Connection) -> io::Result<()> {
    connection.flush().await?;
    connection.get_mut().ignore();
    linger(connection.get_mut()).await
}

async fn linger(stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin)) -> io::Result<()> {
    stream.shutdown().await?;
    let mut left = [0; 1024];
    while stream.read(&mut left).await? > 0 {}
    Ok(())
}

/// Waits until the client has closed its side.
async fn closed(socket: &TcpStream) {
    const EVERY: Duration = Duration::from_millis(200);
    while let Ok(ready) = socket.ready(Interest::READABLE).await {
        if ready.is_read_closed() {
            // What it sent before may still be served, such as a last statement of a script.
            sleep(EVERY).await;
            return;
        }
        sleep(EVERY).await;
    }
}
