//! Rows on their way to a client: they end when their time is over, and when there are more than an answer may have.

use std::sync::Arc;
use std::task::Poll;

use arrow::array::RecordBatch;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use kubesql_runtime::sql::{Answer, ErrorKind, SqlError};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::Limits;
use super::note::Note;
use super::size;
use super::stop::Stop;
use super::turns::Turn;

/// What a statement holds while it runs.
struct Held {
    rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
    _turn: Turn,
}

/// Rows that end when their statement is stopped.
pub(super) struct Watched {
    /// None once it has to end: also where the client does not read, so that nobody asks for the next row, memory and
    /// turn are given back.
    held: Arc<Mutex<Option<Held>>>,
    _watcher: JoinSet<()>,
    stop: Stop,
    note: Note,
    most_rows: Option<u64>,
    most_bytes: Option<u64>,
    bytes: u64,
}

impl Watched {
    /// The same answer, watched.
    pub(super) fn over(answer: Answer, turn: Turn, stop: Stop, mut note: Note, limits: &Limits) -> Answer {
        let Answer { command, schema, rows } = answer;
        if command != "SELECT" && schema.fields().is_empty() {
            // There are no rows that anybody would read to their end.
            note.finished();
        }
        let held = Arc::new(Mutex::new(Some(Held { rows, _turn: turn })));
        let mut watcher = JoinSet::new();
        let (watched, mut due) = (Arc::clone(&held), stop.clone());
        watcher.spawn(async move {
            due.due().await;
            drop(watched.lock().take());
        });
        let (most_rows, most_bytes) = (limits.rows, limits.bytes);
        let rows = Self { held, _watcher: watcher, stop, note, most_rows, most_bytes, bytes: 0 };
        let rows = stream::unfold(Some(rows), |watched| async {
            let mut watched = watched?;
            match watched.next().await {
                Some(Ok(batch)) => Some((Ok(batch), Some(watched))),
                Some(Err(error)) => {
                    // Before anybody hears of it, so that nothing goes on where it failed.
                    watched.release();
                    watched.note.failed(&error);
                    Some((Err(error), None))
                }
                None => {
                    watched.release();
                    watched.note.finished();
                    None
                }
            }
        });
        // Fused: who looks again behind the end finds the end again.
        Answer { command, schema, rows: rows.fuse().boxed() }
    }

    /// Gives memory and turn back now, and not when the watcher has noticed.
    fn release(&self) {
        let held = self.held.lock().take();
        drop(held);
    }

    async fn next(&mut self) -> Option<Result<RecordBatch, SqlError>> {
        let held = Arc::clone(&self.held);
        let next = std::future::poll_fn(move |context| match &mut *held.lock() {
            Some(held) => held.rows.poll_next_unpin(context),
            // It has to end: whoever waits for this sees so, too.
            None => Poll::Pending,
        });
        let batch = self.stop.unless(async { next.await.transpose() }).await.transpose()?;
        Some(batch.and_then(|batch| self.counted(batch)))
    }

    fn counted(&mut self, batch: RecordBatch) -> Result<RecordBatch, SqlError> {
        self.note.rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        if let Some(most) = self.most_rows.filter(|most| self.note.rows > *most) {
            let message = format!("the answer has more than {most} rows");
            let hint = "ask for fewer with WHERE or LIMIT; kubesql serve --max-rows allows more";
            return Err(SqlError::new(ErrorKind::TooLarge, message).hint(hint));
        }
        if let Some(most) = self.most_bytes {
            self.bytes = self.bytes.saturating_add(size::of(&batch));
            if self.bytes > most {
                let message = format!("the answer has more than {most} bytes");
                let hint = "ask for fewer rows or columns; kubesql serve --max-bytes allows more";
                return Err(SqlError::new(ErrorKind::TooLarge, message).hint(hint));
            }
        }
        Ok(batch)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.release();
    }
}
