//! Encodes rows into messages whose types and sizes all clients accept.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::utils::batches_to_flight_data;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use kubesql_runtime::sql::{Answer, SqlError};
use kubesql_runtime::store::Warning;
use tonic::Status;

use super::statements::Running;
use super::{status, types};
use crate::output::plain::plain_rows;

/// The target size of a message in bytes.
const TARGET_BYTES: usize = 1 << 20;

/// The maximum size of a message in bytes, unless a single row is larger. By default, clients of gRPC reject messages of
/// more than 4 MiB.
const MAX_BYTES: usize = 3 << 20;

/// The maximum number of rows of a message.
const MAX_ROWS: usize = 8192;

/// The messages of an answer.
pub(super) type Messages = BoxStream<'static, Result<FlightData, Status>>;

/// The messages of an answer. Rows are encoded as they are sent, so that rows that the client has not read yet are not
/// buffered. Warnings follow as the metadata of an empty batch.
pub(super) fn encode_answer(answer: Answer, running: Running) -> Messages {
    let schema = types::sent_schema(&answer.schema);
    let running = Arc::new(running);
    let rows = RowSplitter::new(answer.rows, &schema, Some(Arc::clone(&running)));
    let encoded = encoder(&schema).build(rows.into_stream()).map_err(Status::from);
    let last = stream::once(async move { warning_message(&schema, &running.session.client.take_warnings()) });
    let last = last.filter_map(|last| futures::future::ready(last.transpose()));
    end_after_error(encoded.chain(last).boxed())
}

/// The messages of a single batch.
pub(super) fn encode_batch(batch: RecordBatch) -> Messages {
    let schema = batch.schema();
    let rows = RowSplitter::new(stream::iter([Ok(batch)]).boxed(), &schema, None);
    encoder(&schema).build(rows.into_stream()).map_err(Status::from).boxed()
}

fn encoder(schema: &SchemaRef) -> FlightDataEncoderBuilder {
    // Its own splitting is disabled: it counts whole buffers, even if they are shared with other batches.
    // https://github.com/apache/arrow-rs/issues/9388 (seen in arrow-flight 59)
    FlightDataEncoderBuilder::new().with_schema(Arc::clone(schema)).with_max_flight_data_size(usize::MAX)
}

/// Ends the stream after the first error.
fn end_after_error(messages: Messages) -> Messages {
    let ended = stream::unfold(Some(messages), |messages| async {
        let mut messages = messages?;
        let next = messages.next().await?;
        let rest = next.is_ok().then_some(messages);
        Some((next, rest))
    });
    ended.boxed()
}

/// The message with the warnings; `None` without any.
fn warning_message(schema: &SchemaRef, warnings: &[Warning]) -> Result<Option<FlightData>, Status> {
    if warnings.is_empty() {
        return Ok(None);
    }
    let document = |warning: &Warning| {
        let Warning { place, message, count } = warning;
        serde_json::json!({ "place": place, "message": message, "count": count })
    };
    let text = serde_json::json!({ "warnings": warnings.iter().map(document).collect::<Vec<_>>() }).to_string();
    let messages = batches_to_flight_data(schema, vec![RecordBatch::new_empty(Arc::clone(schema))]);
    let last = messages.map_err(status::encoding_failed)?.pop();
    Ok(last.map(|message| message.with_app_metadata(text)))
}

/// Splits the rows of an answer into pieces of the size of a message, when they are polled.
struct RowSplitter {
    rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
    /// The current batch, and how many of its rows were taken.
    batch: Option<RecordBatch>,
    at: usize,
    /// The number of rows of the next piece, adapted to the size of rows.
    piece_rows: usize,
    schema: SchemaRef,
    running: Option<Arc<Running>>,
}

impl RowSplitter {
    fn new(
        rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
        schema: &SchemaRef,
        running: Option<Arc<Running>>,
    ) -> Self {
        Self { rows, batch: None, at: 0, piece_rows: 256, schema: Arc::clone(schema), running }
    }

    fn into_stream(self) -> impl Stream<Item = Result<RecordBatch, FlightError>> + Send {
        stream::unfold(Some(self), |splitter| async {
            let mut splitter = splitter?;
            match splitter.next_piece().await.transpose()? {
                Ok(piece) => Some((Ok(piece), Some(splitter))),
                Err(error) => Some((Err(FlightError::Tonic(Box::new(error))), None)),
            }
        })
    }

    async fn next_piece(&mut self) -> Result<Option<RecordBatch>, Status> {
        loop {
            if let Some(batch) = &self.batch
                && self.at < batch.num_rows()
            {
                let batch = batch.clone();
                return self.take_piece(&batch).map(Some).map_err(status::encoding_failed);
            }
            let rows = &mut self.rows;
            let next = async { rows.next().await.transpose() };
            let next = match &self.running {
                Some(running) => running.guard(next).await?,
                None => next.await.map_err(status::from_sql)?,
            };
            let Some(batch) = next else { return Ok(None) };
            (self.batch, self.at) = (Some(batch), 0);
        }
    }

    fn take_piece(&mut self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut rows = self.piece_rows.min(batch.num_rows() - self.at);
        loop {
            let piece = plain_rows(&batch.slice(self.at, rows), &self.schema)?;
            let bytes = piece.columns().iter().map(|column| encoded_bytes(column.as_ref())).sum::<usize>();
            if bytes > MAX_BYTES && rows > 1 {
                rows = rows.div_ceil(2);
                continue;
            }
            // It grows in steps, since larger rows may follow smaller ones.
            let row_bytes = (bytes / rows).max(1);
            self.piece_rows = (TARGET_BYTES / row_bytes).clamp(1, MAX_ROWS).min(self.piece_rows.saturating_mul(32));
            self.at += rows;
            return Ok(piece);
        }
    }
}

/// The approximate size of an array in a message, without what else is in the buffers that it shares.
fn encoded_bytes(array: &dyn Array) -> usize {
    /// The bytes of the offsets, and of the values between the first and the last offset.
    fn list_bytes(offsets: &[i32], values: &dyn Array) -> usize {
        let (first, last) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
        let (first, last) = (usize::try_from(first).unwrap_or(0), usize::try_from(last).unwrap_or(0));
        std::mem::size_of_val(offsets) + encoded_bytes(values.slice(first, last.saturating_sub(first)).as_ref())
    }
    let nulls = array.len() / 8;
    nulls
        + match array.data_type() {
            DataType::Utf8 => {
                let offsets = array.as_string::<i32>().value_offsets();
                let text = offsets.last().copied().unwrap_or(0) - offsets.first().copied().unwrap_or(0);
                std::mem::size_of_val(offsets) + usize::try_from(text).unwrap_or(0)
            }
            DataType::List(_) => {
                list_bytes(array.as_list::<i32>().value_offsets(), array.as_list::<i32>().values().as_ref())
            }
            DataType::Map(..) => list_bytes(array.as_map().value_offsets(), array.as_map().entries()),
            DataType::Struct(_) => {
                array.as_struct().columns().iter().map(|column| encoded_bytes(column.as_ref())).sum()
            }
            DataType::Boolean => nulls,
            other => match other.primitive_width() {
                Some(width) => width * array.len(),
                None => array.to_data().get_slice_memory_size().unwrap_or(0),
            },
        }
}
