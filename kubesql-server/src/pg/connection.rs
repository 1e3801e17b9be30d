//! A connection from its first byte to its last.

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
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::codec::{Framed, FramedParts};

use super::execute::PgStatement;
use super::frame_limit::{FrameLimiter, UNAUTHENTICATED_FRAME_LIMIT};
use super::negotiation::{Ended, Negotiated, negotiate};
use super::shared::Shared;
use super::startup::Startup;
use super::{error_response, extended, simple};
use crate::listen::{Accepted, HANDSHAKE_TIMEOUT, Stream};

/// How many bytes are buffered before they are sent.
const SEND_BUFFER: usize = 64 << 10;

/// How long the client may take to receive the last messages before the connection is closed.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a message group may take to be completed after the server has begun to shut down.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

type Connection = Framed<FrameLimiter<Stream>, PgWireMessageServerCodec<PgStatement>>;

/// Serves a client until its connection ends. Closing the connection cancels its statement.
pub(super) async fn serve(accepted: Accepted, shared: Arc<Shared>) {
    let Accepted { socket, address, slot, refusal_slot: _refusal_slot } = accepted;
    let socket = Arc::new(socket);
    let began = Instant::now();
    // Without a slot, the client only receives an error, and its request is not waited for as long.
    let limit = if slot.is_some() { HANDSHAKE_TIMEOUT } else { Duration::from_secs(1) };
    let negotiated = match timeout(limit, negotiate(Arc::clone(&socket), address, &shared)).await {
        Ok(Ok(negotiated)) => negotiated,
        Ok(Err(Ended::Malformed(stream))) => {
            let error = error_response::fatal(
                "08P01",
                "invalid startup message: expected version 3 of the PostgreSQL protocol",
            );
            _ = timeout(HANDSHAKE_TIMEOUT, refuse(stream, error)).await;
            return;
        }
        Ok(Err(Ended::Closed)) | Err(_) => return,
    };
    if slot.is_none() {
        let error = error_response::fatal("53300", "sorry, too many clients already");
        _ = timeout(HANDSHAKE_TIMEOUT, refuse(negotiated.stream, error)).await;
        return;
    }
    let frame_limit = Arc::new(AtomicUsize::new(UNAUTHENTICATED_FRAME_LIMIT));
    let startup = Arc::new(Startup::new(Arc::clone(&shared), negotiated.peer.clone(), Arc::clone(&frame_limit)));
    let mut connection = framed(negotiated, address, frame_limit);
    process_messages(&mut connection, &socket, &startup, &shared, began + HANDSHAKE_TIMEOUT).await;
    let (id, _) = connection.pid_and_secret_key();
    shared.cancel_keys.remove(id);
    _ = timeout(LINGER_TIMEOUT, close(connection)).await;
}

fn framed(negotiated: Negotiated, address: SocketAddr, frame_limit: Arc<AtomicUsize>) -> Connection {
    let Negotiated { stream, peer, first, remaining } = negotiated;
    let client = DefaultClient::new(address, peer.is_tls);
    let limiter = FrameLimiter::new(stream, remaining, frame_limit);
    let mut parts = FramedParts::new(limiter, PgWireMessageServerCodec::new(client));
    parts.read_buf = BytesMut::from(&first[..]);
    let mut connection = Framed::from_parts(parts);
    connection.set_backpressure_boundary(SEND_BUFFER);
    connection.set_state(PgWireConnectionState::AwaitingStartup);
    connection
}

/// Processes messages until the connection ends.
async fn process_messages(
    connection: &mut Connection,
    socket: &TcpStream,
    startup: &Arc<Startup>,
    shared: &Shared,
    authenticate_until: Instant,
) {
    let (simple, extended) = (Arc::new(simple::Simple), Arc::new(extended::Extended::default()));
    let noop = Arc::new(NoopHandler);
    // Whether no message group of the extended protocol is in progress.
    let mut is_idle = true;
    loop {
        let is_authenticated = startup.is_authenticated();
        let message = tokio::select! {
            biased;
            () = shutting_down(shared, is_idle) => {
                let error = error_response::fatal("57P01", "terminating connection due to administrator command");
                _ = send(connection, error).await;
                return;
            }
            () = sleep_until(authenticate_until), if !is_authenticated => return,
            // pgwire 0.41 panics at some messages that are too short: it decodes bodies without checking their length.
            message = AssertUnwindSafe(connection.next()).catch_unwind() => message,
        };
        let Ok(message) = message else {
            _ = send(connection, error_response::fatal("08P01", "malformed message")).await;
            return;
        };
        let message = match message {
            None | Some(Ok(PgWireFrontendMessage::Terminate(_))) => return,
            Some(Ok(message)) => message,
            Some(Err(PgWireError::IoError(error))) if error.kind() != io::ErrorKind::InvalidData => return,
            Some(Err(error)) => {
                _ = send(connection, error_response::fatal("08P01", &error.to_string())).await;
                return;
            }
        };
        let is_extended = message.is_extended_query();
        is_idle = !is_extended || matches!(message, PgWireFrontendMessage::Sync(_));
        let answered = tokio::select! {
            answered = process_message(
                message,
                connection,
                Arc::clone(startup),
                Arc::clone(&simple),
                Arc::clone(&extended),
                Arc::clone(&noop),
                Arc::clone(&noop),
            ) => answered,
            // The connection is not read while a statement runs, so that the socket has to be watched for its end.
            () = closed(socket) => return,
        };
        let Err(error) = answered else { continue };
        let mut error = ErrorInfo::from(error);
        // A connection ends if authentication fails.
        if !startup.is_authenticated() {
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

/// Completes when the server shuts down; a message group in progress is given a little longer.
async fn shutting_down(shared: &Shared, is_idle: bool) {
    shared.frontend.wait_closed().await;
    if !is_idle {
        sleep(SHUTDOWN_GRACE).await;
    }
}

async fn send(connection: &mut Connection, error: ErrorInfo) -> io::Result<()> {
    connection.send(PgWireBackendMessage::ErrorResponse(ErrorResponse::from(error))).await
}

/// Sends an error before the connection has started, and closes it.
async fn refuse(stream: Stream, error: ErrorInfo) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    PgWireBackendMessage::ErrorResponse(ErrorResponse::from(error)).encode(&mut bytes)?;
    let mut stream = stream;
    stream.write_all(&bytes).await?;
    linger(&mut stream).await
}

/// Closes a connection: shuts down its write side and reads until the client closes it too. A socket that is closed with
/// unread input would discard what was sent last.
async fn close(mut connection: Connection) -> io::Result<()> {
    connection.flush().await?;
    connection.get_mut().disable();
    linger(connection.get_mut()).await
}

async fn linger(stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin)) -> io::Result<()> {
    stream.shutdown().await?;
    let mut discarded = [0; 1024];
    while stream.read(&mut discarded).await? > 0 {}
    Ok(())
}

/// Completes when the client has closed its side.
async fn closed(socket: &TcpStream) {
    const INTERVAL: Duration = Duration::from_millis(200);
    while let Ok(ready) = socket.ready(Interest::READABLE).await {
        if ready.is_read_closed() {
            // A script may close its side after its last statement, which can still be answered.
            sleep(INTERVAL).await;
            return;
        }
        sleep(INTERVAL).await;
    }
}
