//! Rows on the wire: batches of types that every client reads, in messages that none refuses.

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
use super::{failure, types};
use crate::output::plain::plain_rows;

/// About how many bytes a message has.
const WANTED: usize = 1 << 20;

/// At most so many, for clients refuse messages of more than four megabytes unless told otherwise; a single row of more
/// is sent all the same.
const MOST: usize = 3 << 20;

/// At most so many rows become one message.
const ROWS: usize = 8192;

/// Messages of a flight.
pub(super) type Messages = BoxStream<'static, Result<FlightData, Status>>;

/// The rows of an answer, encoded as they are taken, so that nothing is held that the client does not read. Warnings
/// come last, as the metadata of a batch without rows.
pub(super) fn of(answer: Answer, running: Running) -> Messages {
    let schema = types::sent_schema(&answer.schema);
    let running = Arc::new(running);
    let rows = Sending::new(answer.rows, &schema, Some(Arc::clone(&running)));
    let encoded = encoder(&schema).build(rows.stream()).map_err(Status::from);
    let last = stream::once(async move { warnings(&schema, &running.session.client.take_warnings()) });
    let last = last.filter_map(|last| futures::future::ready(last.transpose()));
    until_error(encoded.chain(last).boxed())
}

/// A batch of ours.
pub(super) fn of_batch(batch: RecordBatch) -> Messages {
    let schema = batch.schema();
    let rows = Sending::new(stream::iter([Ok(batch)]).boxed(), &schema, None);
    encoder(&schema).build(rows.stream()).map_err(Status::from).boxed()
}

fn encoder(schema: &SchemaRef) -> FlightDataEncoderBuilder {
    // Its own way to split knows the buffers that arrays share, and not how much of them is theirs.
    FlightDataEncoderBuilder::new().with_schema(Arc::clone(schema)).with_max_flight_data_size(usize::MAX)
}

fn until_error(messages: Messages) -> Messages {
    let ended = stream::unfold(Some(messages), |messages| async {
        let mut messages = messages?;
        let next = messages.next().await?;
        let rest = next.is_ok().then_some(messages);
        Some((next, rest))
    });
    ended.boxed()
}

/// The message of what was wrong with the data, if anything was.
fn warnings(schema: &SchemaRef, warnings: &[Warning]) -> Result<Option<FlightData>, Status> {
    if warnings.is_empty() {
        return Ok(None);
    }
    let of = |warning: &Warning| {
        let Warning { place, message, count } = warning;
        serde_json::json!({ "place": place, "message": message, "count": count })
    };
    let text = serde_json::json!({ "warnings": warnings.iter().map(of).collect::<Vec<_>>() }).to_string();
    let messages = batches_to_flight_data(schema, vec![RecordBatch::new_empty(Arc::clone(schema))]);
    let last = messages.map_err(failure::encoding)?.pop();
    Ok(last.map(|message| message.with_app_metadata(text)))
}

/// Rows on their way, in pieces that are as large as messages are to be, each made when it is taken.
struct Sending {
    rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
    /// What is sent now, and how many rows of it have been.
    batch: Option<RecordBatch>,
    at: usize,
    /// How many rows the next piece takes: few at first, until it shows how large they are.
    next: usize,
    schema: SchemaRef,
    running: Option<Arc<Running>>,
}

impl Sending {
    fn new(
        rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
        schema: &SchemaRef,
        running: Option<Arc<Running>>,
    ) -> Self {
        Self { rows, batch: None, at: 0, next: 256, schema: Arc::clone(schema), running }
    }

    fn stream(self) -> impl Stream<Item = Result<RecordBatch, FlightError>> + Send {
        stream::unfold(Some(self), |sending| async {
            let mut sending = sending?;
            match sending.piece().await.transpose()? {
                Ok(piece) => Some((Ok(piece), Some(sending))),
                Err(error) => Some((Err(FlightError::Tonic(Box::new(error))), None)),
            }
        })
    }

    async fn piece(&mut self) -> Result<Option<RecordBatch>, Status> {
        loop {
            if let Some(batch) = &self.batch
                && self.at < batch.num_rows()
            {
                let batch = batch.clone();
                return self.cut(&batch).map(Some).map_err(failure::encoding);
            }
            let rows = &mut self.rows;
            let next = async { rows.next().await.transpose() };
            let next = match &self.running {
                Some(running) => running.unless(next).await?,
                None => next.await.map_err(failure::of)?,
            };
            let Some(batch) = next else { return Ok(None) };
            (self.batch, self.at) = (Some(batch), 0);
        }
    }

    fn cut(&mut self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut rows = self.next.min(batch.num_rows() - self.at);
        loop {
            let piece = plain_rows(&batch.slice(self.at, rows), &self.schema)?;
            let bytes = piece.columns().iter().map(|column| size(column.as_ref())).sum::<usize>();
            if bytes > MOST && rows > 1 {
                rows = rows.div_ceil(2);
                continue;
            }
            // Not much more than before: larger rows may follow smaller ones.
            let of_one = (bytes / rows).max(1);
            self.next = (WANTED / of_one).clamp(1, ROWS).min(self.next.saturating_mul(32));
            self.at += rows;
            return Ok(piece);
        }
    }
}

/// About how many bytes an array takes on the wire, of buffers that it may share with others.
fn size(array: &dyn Array) -> usize {
    /// The bytes of lengths, and of what lies between the first and the last offset.
    fn listed(offsets: &[i32], values: &dyn Array) -> usize {
        let (first, last) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
        let (first, last) = (usize::try_from(first).unwrap_or(0), usize::try_from(last).unwrap_or(0));
        std::mem::size_of_val(offsets) + size(values.slice(first, last.saturating_sub(first)).as_ref())
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
                listed(array.as_list::<i32>().value_offsets(), array.as_list::<i32>().values().as_ref())
            }
            DataType::Map(..) => listed(array.as_map().value_offsets(), array.as_map().entries()),
            DataType::Struct(_) => array.as_struct().columns().iter().map(|column| size(column.as_ref())).sum(),
            DataType::Boolean => nulls,
            other => match other.primitive_width() {
                Some(width) => width * array.len(),
                None => array.to_data().get_slice_memory_size().unwrap_or(0),
            },
        }
}
