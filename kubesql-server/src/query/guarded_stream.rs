//! The rows of an answer under the limits of the server: timeout, cancellation, size of the answer.

use std::sync::Arc;
use std::task::Poll;

use arrow::array::RecordBatch;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use kubesql_runtime::sql::{Answer, ErrorKind, SqlError};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::admission::Permit;
use super::audit_record::AuditRecord;
use super::cancellation::Cancellation;
use super::limits::Limits;
use super::value_bytes;

/// What a running statement holds.
struct Resources {
    rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
    _permit: Permit,
}

/// Rows that end with an error when the statement is cancelled, times out, or exceeds a limit.
pub(super) struct GuardedStream {
    /// `None` once the statement has ended. The watchdog takes it when the statement has to end, so that the memory
    /// and the permit are released even if the client has stopped reading and nothing polls the rows.
    resources: Arc<Mutex<Option<Resources>>>,
    _watchdog: JoinSet<()>,
    cancellation: Cancellation,
    record: AuditRecord,
    max_rows: Option<u64>,
    max_bytes: Option<u64>,
    bytes: u64,
}

impl GuardedStream {
    /// The same answer, guarded.
    pub(super) fn wrap(
        answer: Answer,
        permit: Permit,
        cancellation: Cancellation,
        mut record: AuditRecord,
        limits: &Limits,
    ) -> Answer {
        let Answer { command, schema, select_list, rows } = answer;
        if command != "SELECT" && schema.fields().is_empty() {
            // Protocols do not read the rows of such a command, as there are none.
            record.finish();
        }
        let resources = Arc::new(Mutex::new(Some(Resources { rows, _permit: permit })));
        let mut watchdog = JoinSet::new();
        let (watched, mut watched_cancellation) = (Arc::clone(&resources), cancellation.clone());
        watchdog.spawn(async move {
            watched_cancellation.requested().await;
            drop(watched.lock().take());
        });
        let (max_rows, max_bytes) = (limits.rows, limits.bytes);
        let guarded = Self { resources, _watchdog: watchdog, cancellation, record, max_rows, max_bytes, bytes: 0 };
        let rows = stream::unfold(Some(guarded), |guarded| async {
            let mut guarded = guarded?;
            match guarded.next().await {
                Some(Ok(batch)) => Some((Ok(batch), Some(guarded))),
                Some(Err(error)) => {
                    // Before the client learns of the error, so that its next statement finds the permit free.
                    guarded.release();
                    guarded.record.fail(&error);
                    Some((Err(error), None))
                }
                None => {
                    guarded.release();
                    guarded.record.finish();
                    None
                }
            }
        });
        // Fused, because protocols may poll again after the end.
        Answer { command, schema, select_list, rows: rows.fuse().boxed() }
    }

    /// Releases memory and permit at once, without waiting for the watchdog.
    fn release(&self) {
        let resources = self.resources.lock().take();
        drop(resources);
    }

    async fn next(&mut self) -> Option<Result<RecordBatch, SqlError>> {
        let resources = Arc::clone(&self.resources);
        let next = std::future::poll_fn(move |context| match &mut *resources.lock() {
            Some(resources) => resources.rows.poll_next_unpin(context),
            // The watchdog has taken them. `cancellation`, polled beside this, reports the reason.
            None => Poll::Pending,
        });
        let batch = self.cancellation.guard(async { next.await.transpose() }).await.transpose()?;
        Some(batch.and_then(|batch| self.check_size(batch)))
    }

    /// Fails if the answer exceeds the limits with this batch.
    fn check_size(&mut self, batch: RecordBatch) -> Result<RecordBatch, SqlError> {
        self.record.rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        if let Some(max) = self.max_rows.filter(|max| self.record.rows > *max) {
            let message = format!("the answer has more than {max} rows");
            let hint = "select fewer rows with WHERE or LIMIT, or raise the limit with kubesql serve --max-rows";
            return Err(SqlError::new(ErrorKind::TooLarge, message).hint(hint));
        }
        if let Some(max) = self.max_bytes {
            self.bytes = self.bytes.saturating_add(value_bytes::of_batch(&batch));
            if self.bytes > max {
                let message = format!("the answer has more than {max} bytes");
                let hint = "select fewer rows or columns, or raise the limit with kubesql serve --max-bytes";
                return Err(SqlError::new(ErrorKind::TooLarge, message).hint(hint));
            }
        }
        Ok(batch)
    }
}

impl Drop for GuardedStream {
    fn drop(&mut self) {
        self.release();
    }
}
