//! The reasons for which a statement ends early: its timeout has expired, or its client has cancelled it.

use std::time::Duration;

use kubesql_runtime::sql::{ErrorKind, SqlError};
use tokio::sync::watch;
use tokio::time::Instant;

/// The deadline of a statement, and the cancel requests of its client.
#[derive(Clone)]
pub(super) struct Cancellation {
    deadline: Option<Deadline>,
    cancel: watch::Receiver<()>,
}

#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    timeout: Duration,
    /// Whether the timeout is the client's `statement_timeout` and not the server's.
    is_of_client: bool,
}

impl Cancellation {
    /// For a statement that begins now. The shorter of both timeouts applies.
    pub(super) fn new(server: Option<Duration>, client: Option<Duration>, cancel: watch::Receiver<()>) -> Self {
        let client = client.filter(|client| server.is_none_or(|server| *client < server));
        let deadline = client.or(server).and_then(|timeout| {
            // A timeout that exceeds the range of the clock is no limit.
            let at = Instant::now().checked_add(timeout)?;
            Some(Deadline { at, timeout, is_of_client: client.is_some() })
        });
        Self { deadline, cancel }
    }

    /// Completes with an error when the statement has to end.
    pub(super) async fn requested(&mut self) -> SqlError {
        let Self { deadline, cancel } = self;
        let expired = async {
            match *deadline {
                Some(deadline) => {
                    tokio::time::sleep_until(deadline.at).await;
                    deadline
                }
                None => std::future::pending().await,
            }
        };
        let cancelled = async {
            match cancel.changed().await {
                Ok(()) => {}
                // The client is gone, so that no cancel request can follow.
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = cancelled => SqlError::new(ErrorKind::Cancelled, "the statement was cancelled"),
            deadline = expired => deadline.error(),
        }
    }

    /// The output of a future, or an error if the statement has to end before.
    pub(super) async fn guard<T>(&mut self, future: impl Future<Output = Result<T, SqlError>>) -> Result<T, SqlError> {
        tokio::select! {
            biased;
            error = self.requested() => Err(error),
            output = future => output,
        }
    }
}

impl Deadline {
    fn error(self) -> SqlError {
        let message = format!("the statement took more than {} s", self.timeout.as_secs_f64());
        let hint = if self.is_of_client {
            "raise the limit with SET statement_timeout"
        } else {
            "raise the limit with kubesql serve --statement-timeout"
        };
        SqlError::new(ErrorKind::Timeout, message).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_shorter_timeout_applies() {
        for (server, client, expect, hint) in [
            (Some(SECOND), None, SECOND, "kubesql serve --statement-timeout"),
            (Some(SECOND), Some(2 * SECOND), SECOND, "kubesql serve --statement-timeout"),
            (Some(2 * SECOND), Some(SECOND), SECOND, "SET statement_timeout"),
            (None, Some(3 * SECOND), 3 * SECOND, "SET statement_timeout"),
        ] {
            let (_sender, receiver) = watch::channel(());
            let began = Instant::now();
            let error = Cancellation::new(server, client, receiver).requested().await;
            assert_eq!(began.elapsed(), expect, "{server:?} {client:?}");
            assert_eq!(error.message, format!("the statement took more than {} s", expect.as_secs()));
            assert!(error.hint.is_some_and(|text| text.contains(hint)), "{server:?} {client:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_ends_a_statement_without_a_timeout() {
        let (sender, receiver) = watch::channel(());
        let mut cancellation = Cancellation::new(None, None, receiver.clone());
        let pending = tokio::time::timeout(1000 * SECOND, cancellation.requested()).await;
        assert!(pending.is_err());
        sender.send_replace(());
        assert_eq!(cancellation.requested().await.kind, ErrorKind::Cancelled);
        // A statement that began after the request is not affected.
        let mut next = Cancellation::new(None, None, sender.subscribe());
        assert_eq!(next.guard(std::future::ready(Ok(1))).await, Ok(1));
        // A client that is gone does not cancel.
        drop(sender);
        let pending = tokio::time::timeout(1000 * SECOND, next.requested()).await;
        assert!(pending.is_err());
    }
}
