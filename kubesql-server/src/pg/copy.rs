//! `COPY ... TO STDOUT`: rows as a stream of bytes, as text, CSV or PostgreSQL's own.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use bytes::{BufMut, Bytes, BytesMut};
use futures::{Sink, SinkExt, StreamExt};
use kubesql_runtime::sql::{Answer, Copy, CopyFormat};
use pgwire::api::portal::Format;
use pgwire::api::results::{CopyCsvOptions, CopyEncoder, CopyTextOptions, FieldInfo, Tag};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyData, CopyDone, CopyOutResponse};

use super::{encode, failure};

/// What a file of PostgreSQL's own format begins with: its signature, no flags, and no extension of the header.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Sends the rows of an answer, and the command's tag.
pub(super) async fn send<C>(connection: &mut C, answer: Answer, copy: &Copy) -> PgWireResult<()>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    let Answer { schema, mut rows, .. } = answer;
    let binary = copy.format == CopyFormat::Binary;
    let format = if binary { Format::UnifiedBinary } else { Format::UnifiedText };
    let fields = Arc::new(encode::fields(&schema, &format));
    let mut usual = encoder(copy, &fields, &[])?;
    let code = i16::from(binary);
    let width = i16::try_from(fields.len()).map_err(|_| failure::coded("54011", "too many columns to be copied"))?;
    let begin = CopyOutResponse::new(i8::from(binary), width, vec![code; fields.len()]);
    connection.feed(PgWireBackendMessage::CopyOutResponse(begin)).await?;
    if copy.header {
        connection.feed(data(header(copy, &fields))).await?;
    }
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(failure::of)?;
        let columns = encode::columns(&batch)?;
        let texts = if copy.format == CopyFormat::Csv { texts(&batch)? } else { Vec::new() };
        for row in 0..batch.num_rows() {
            // Only in quotes can an empty text be told from NULL, which pgwire leaves out by itself.
            let is_empty = |(_, text): &&(usize, StringArray)| text.is_valid(row) && text.value(row).is_empty();
            let empty: Vec<usize> = texts.iter().filter(is_empty).map(|(column, _)| *column).collect();
            let mut quoting = if empty.is_empty() { None } else { Some(encoder(copy, &fields, &empty)?) };
            let encoder = quoting.as_mut().unwrap_or(&mut usual);
            for (column, field) in columns.iter().zip(fields.iter()) {
                column.encode(encoder, row, field)?;
            }
            connection.feed(PgWireBackendMessage::CopyData(encoder.take_copy())).await?;
            count += 1;
        }
    }
    if binary {
        let end = CopyEncoder::finish_copy_binary();
        // Where there is no row, PostgreSQL sends both in one, and clients take what comes first for both.
        let end = if count == 0 { CopyData::new([SIGNATURE, &end.data].concat().into()) } else { end };
        connection.feed(PgWireBackendMessage::CopyData(end)).await?;
    }
    connection.feed(PgWireBackendMessage::CopyDone(CopyDone::new())).await?;
    let tag = Tag::new("COPY").with_rows(count);
    connection.feed(PgWireBackendMessage::CommandComplete(tag.into())).await?;
    Ok(())
}

fn data(bytes: Bytes) -> PgWireBackendMessage {
    PgWireBackendMessage::CopyData(CopyData::new(bytes))
}

/// The columns of text, with their places.
fn texts(batch: &RecordBatch) -> PgWireResult<Vec<(usize, StringArray)>> {
    let mut texts = Vec::new();
    for (at, column) in batch.columns().iter().enumerate() {
        let of = match column.data_type() {
            DataType::Dictionary(_, values) => &**values,
            other => other,
        };
        if matches!(of, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
            let text = cast(column, &DataType::Utf8).map_err(|error| PgWireError::ApiError(Box::new(error)))?;
            texts.push((at, text.as_string::<i32>().clone()));
        }
    }
    Ok(texts)
}

/// Writes rows; those of CSV have these columns in quotes, too.
fn encoder(copy: &Copy, fields: &Arc<Vec<FieldInfo>>, quoted: &[usize]) -> PgWireResult<CopyEncoder> {
    let or = |given: &Option<String>, default: &str| given.as_deref().unwrap_or(default).into();
    Ok(match copy.format {
        CopyFormat::Binary => CopyEncoder::new_binary(Arc::clone(fields)),
        CopyFormat::Text => {
            let options = CopyTextOptions { delimiter: or(&copy.delimiter, "\t"), null_string: or(&copy.null, "\\N") };
            CopyEncoder::new_text(Arc::clone(fields), options)
        }
        CopyFormat::Csv => {
            let quote = copy.quote.as_deref().unwrap_or("\"");
            let mut force_quote = quoted.to_vec();
            for name in &copy.force_quote {
                if name == "*" {
                    force_quote.extend(0..fields.len());
                    continue;
                }
                let name = name.trim_matches('"');
                let missing = || failure::coded("42703", format!("column \"{name}\" does not exist"));
                force_quote.push(fields.iter().position(|field| field.name() == name).ok_or_else(missing)?);
            }
            let options = CopyCsvOptions {
                delimiter: or(&copy.delimiter, ","),
                quote: quote.into(),
                escape: or(&copy.escape, quote),
                null_string: or(&copy.null, ""),
                force_quote,
            };
            CopyEncoder::new_csv(Arc::clone(fields), options)
        }
    })
}

/// The line with the columns' names.
fn header(copy: &Copy, fields: &[FieldInfo]) -> Bytes {
    let csv = copy.format == CopyFormat::Csv;
    let delimiter = copy.delimiter.as_deref().unwrap_or(if csv { "," } else { "\t" });
    let quote = copy.quote.as_deref().unwrap_or("\"");
    let escape = copy.escape.as_deref().unwrap_or(quote);
    let name = |field: &FieldInfo| {
        let name = field.name();
        if csv && [delimiter, quote, "\n", "\r"].iter().any(|special| name.contains(special)) {
            return format!("{quote}{}{quote}", name.replace(quote, &format!("{escape}{quote}")));
        }
        if csv { name.to_owned() } else { name.replace('\\', "\\\\").replace(delimiter, &format!("\\{delimiter}")) }
    };
    let mut line = BytesMut::new();
    line.put_slice(fields.iter().map(name).collect::<Vec<_>>().join(delimiter).as_bytes());
    line.put_u8(b'\n');
    line.freeze()
}
