//! Looks at how long messages say that they are, before anybody makes room for them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of the longest message of somebody who has not come in yet.
pub(super) const STRANGER: usize = 10_000;

/// Bytes of the longest message of somebody who has.
pub(super) const KNOWN: usize = 16 << 20;

/// A stream whose messages are no longer than they may be.
pub(super) struct Frames<S> {
    stream: S,
    longest: Arc<AtomicUsize>,
    /// Bytes of the current message that are still to come.
    body: usize,
    /// What is known of the next one: its type and length.
    head: [u8; 5],
    known: usize,
}

impl<S> Frames<S> {
    /// Over a stream whose first message was read in part: so much of it is still to come.
    pub(super) fn new(stream: S, rest_of_first: usize, longest: Arc<AtomicUsize>) -> Self {
        Self { stream, longest, body: rest_of_first, head: [0; 5], known: 0 }
    }

    /// Lets everything through from now on: nobody listens any more.
    pub(super) fn ignore(&mut self) {
        self.body = usize::MAX;
    }

    fn look(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.body > 0 {
                let part = self.body.min(bytes.len());
                self.body -= part;
                bytes = &bytes[part..];
                continue;
            }
            self.head[self.known] = bytes[0];
            self.known += 1;
            bytes = &bytes[1..];
            if self.known == self.head.len() {
                self.known = 0;
                let [kind, length @ ..] = self.head;
                // The length counts itself.
                let body = usize::try_from(u32::from_be_bytes(length)).ok().and_then(|length| length.checked_sub(4));
                let longest = self.longest.load(Ordering::Relaxed);
                // What else strangers send is not even looked at: to show something, or to go, is all that they may.
                if longest == STRANGER && !matches!(kind, b'p' | b'X') {
                    let message = "the client was not let in, and asks for something";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
                self.body = body.filter(|body| *body <= longest).ok_or_else(|| {
                    let message =
                        format!("a message is longer than the {longest} bytes that it may have, or has no length");
                    io::Error::new(io::ErrorKind::InvalidData, message)
                })?;
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Frames<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, to))?;
        Poll::Ready(self.look(&to.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Frames<S> {
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

    fn looked(rest_of_first: usize, bytes: &[u8]) -> bool {
        let longest = || Arc::new(AtomicUsize::new(100));
        // However they are cut.
        let whole = Frames::new((), rest_of_first, longest()).look(bytes).is_ok();
        let mut frames = Frames::new((), rest_of_first, longest());
        let cut = bytes.chunks(1).all(|byte| frames.look(byte).is_ok());
        assert_eq!(whole, cut, "{bytes:?}");
        whole
    }

    #[test]
    fn strangers_may_only_answer() {
        let longest = Arc::new(AtomicUsize::new(STRANGER));
        let mut frames = Frames::new((), 1, Arc::clone(&longest));
        assert!(frames.look(b"\0p\0\0\0\x04").is_ok());
        for kind in *b"QPBEDHSCFdcf\0?" {
            assert!(Frames::new((), 0, Arc::clone(&longest)).look(&[kind, 0, 0, 0, 4]).is_err(), "{kind}");
        }
        longest.store(KNOWN, Ordering::Relaxed);
        assert!(frames.look(b"Q\0\0\0\x04").is_ok());
    }

    #[test]
    fn lengths_are_looked_at() {
        let message =
            |kind: u8, length: u32, body: usize| [&[kind], &length.to_be_bytes()[..], &vec![7; body]].concat();
        assert!(looked(0, b""));
        assert!(looked(3, b"abc"));
        assert!(looked(0, &message(b'Q', 4, 0)));
        assert!(looked(2, &[b"ab".to_vec(), message(b'Q', 104, 100), message(b'S', 4, 0)].concat()));
        assert!(!looked(0, &message(b'Q', 105, 0)));
        assert!(!looked(0, &message(b'Q', 3, 0)));
        assert!(!looked(0, &message(b'p', 0, 0)));
        assert!(!looked(0, &message(b'Q', u32::MAX, 0)));
        assert!(!looked(2, &[b"ab".to_vec(), message(b'Q', 14, 10), message(b'Q', 1 << 30, 0)].concat()));
    }
}
