//! Limits the length of messages, before memory is allocated for them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The maximum length in bytes of a message before authentication.
pub(super) const UNAUTHENTICATED_FRAME_LIMIT: usize = 10_000;

/// The maximum length in bytes of a message after authentication.
pub(super) const FRAME_LIMIT: usize = 16 << 20;

/// A stream that fails when a message exceeds the limit.
pub(super) struct FrameLimiter<S> {
    stream: S,
    limit: Arc<AtomicUsize>,
    /// How many bytes of the current message are still to come.
    remaining: usize,
    /// The type and the length of the next message.
    head: [u8; 5],
    /// How many bytes of `head` were read.
    head_bytes: usize,
}

impl<S> FrameLimiter<S> {
    /// `remaining` is the number of bytes of the current message that were not read from the stream yet.
    pub(super) fn new(stream: S, remaining: usize, limit: Arc<AtomicUsize>) -> Self {
        Self { stream, limit, remaining, head: [0; 5], head_bytes: 0 }
    }

    /// Removes the limit, for input that is read to be discarded.
    pub(super) fn disable(&mut self) {
        self.remaining = usize::MAX;
    }

    fn check(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.remaining > 0 {
                let part = self.remaining.min(bytes.len());
                self.remaining -= part;
                bytes = &bytes[part..];
                continue;
            }
            self.head[self.head_bytes] = bytes[0];
            self.head_bytes += 1;
            bytes = &bytes[1..];
            if self.head_bytes == self.head.len() {
                self.head_bytes = 0;
                let [kind, length @ ..] = self.head;
                // The length includes itself.
                let body = usize::try_from(u32::from_be_bytes(length)).ok().and_then(|length| length.checked_sub(4));
                let limit = self.limit.load(Ordering::Relaxed);
                // Before authentication, only passwords and terminations are accepted. Others are not even decoded.
                if limit == UNAUTHENTICATED_FRAME_LIMIT && !matches!(kind, b'p' | b'X') {
                    let message = "unexpected message before authentication";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
                self.remaining = body.filter(|body| *body <= limit).ok_or_else(|| {
                    let message = format!("invalid message length: the limit is {limit} bytes");
                    io::Error::new(io::ErrorKind::InvalidData, message)
                })?;
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameLimiter<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, to))?;
        Poll::Ready(self.check(&to.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FrameLimiter<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(remaining: usize, bytes: &[u8]) -> bool {
        let limit = || Arc::new(AtomicUsize::new(100));
        // The result does not depend on how the bytes are split.
        let whole = FrameLimiter::new((), remaining, limit()).check(bytes).is_ok();
        let mut limiter = FrameLimiter::new((), remaining, limit());
        let cut = bytes.chunks(1).all(|byte| limiter.check(byte).is_ok());
        assert_eq!(whole, cut, "{bytes:?}");
        whole
    }

    #[test]
    fn only_passwords_are_accepted_before_authentication() {
        let limit = Arc::new(AtomicUsize::new(UNAUTHENTICATED_FRAME_LIMIT));
        let mut limiter = FrameLimiter::new((), 1, Arc::clone(&limit));
        assert!(limiter.check(b"\0p\0\0\0\x04").is_ok());
        for kind in *b"QPBEDHSCFdcf\0?" {
            assert!(FrameLimiter::new((), 0, Arc::clone(&limit)).check(&[kind, 0, 0, 0, 4]).is_err(), "{kind}");
        }
        limit.store(FRAME_LIMIT, Ordering::Relaxed);
        assert!(limiter.check(b"Q\0\0\0\x04").is_ok());
    }

    #[test]
    fn lengths_are_limited() {
        let message =
            |kind: u8, length: u32, body: usize| [&[kind], &length.to_be_bytes()[..], &vec![7; body]].concat();
        assert!(is_accepted(0, b""));
        assert!(is_accepted(3, b"abc"));
        assert!(is_accepted(0, &message(b'Q', 4, 0)));
        assert!(is_accepted(2, &[b"ab".to_vec(), message(b'Q', 104, 100), message(b'S', 4, 0)].concat()));
        assert!(!is_accepted(0, &message(b'Q', 105, 0)));
        assert!(!is_accepted(0, &message(b'Q', 3, 0)));
        assert!(!is_accepted(0, &message(b'p', 0, 0)));
        assert!(!is_accepted(0, &message(b'Q', u32::MAX, 0)));
        assert!(!is_accepted(2, &[b"ab".to_vec(), message(b'Q', 14, 10), message(b'Q', 1 << 30, 0)].concat()));
    }
}
