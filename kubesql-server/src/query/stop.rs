//! Why a statement has to end early: its time is over, or its client has cancelled it.

use std::time::Duration;

use kubesql_runtime::sql::{ErrorKind, SqlError};
use tokio::sync::watch;
use tokio::time::Instant;

/// Why a statement may have to end early.
#[derive(Clone)]
pub(super) struct Stop {
    deadline: Option<Deadline>,
    cancelled: watch::Receiver<()>,
}

#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    after: Duration,
    /// Whether the client wants it so, and not the server.
    of_client: bool,
}

impl Stop {
    /// For a statement that begins now, with the time that the server and the client give it.
    pub(super) fn new(server: Option<Duration>, client: Option<Duration>, cancelled: watch::Receiver<()>) -> Self {
        let of_client = client.filter(|client| server.is_none_or(|server| *client < server));
        let after = of_client.or(server);
        let deadline = after.and_then(|after| {
            // What lies beyond all time is no limit.
            let at = Instant::now().checked_add(after)?;
            Some(Deadline { at, after, of_client: of_client.is_some() })
        });
        Self { deadline, cancelled }
    }

    /// Waits until the statement has to end, and says why.
    pub(super) async fn due(&mut self) -> SqlError {
        let Self { deadline, cancelled } = self;
        let late = async {
            match *deadline {
                Some(deadline) => {
                    tokio::time::sleep_until(deadline.at).await;
                    deadline
                }
                None => std::future::pending().await,
            }
        };
        let never = async {
            match cancelled.changed().await {
                Ok(()) => {}
                // Nobody can cancel it any more.
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = never => SqlError::new(ErrorKind::Cancelled, "the statement was cancelled"),
            deadline = late => {
                let message = format!("the statement took more than {} s", deadline.after.as_secs_f64());
                let hint = if deadline.of_client {
                    "SET statement_timeout allows more"
                } else {
                    "kubesql serve --statement-timeout allows more"
                };
                SqlError::new(ErrorKind::Timeout, message).hint(hint)
            }
        }
    }

    /// The outcome of the work, unless it has to end before.
    pub(super) async fn unless<T>(&mut self, work: impl Future<Output = Result<T, SqlError>>) -> Result<T, SqlError> {
        tokio::select! {
            biased;
            error = self.due() => Err(error),
            outcome = work => outcome,
        }
    }
}
