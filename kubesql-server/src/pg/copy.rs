//! `COPY ... TO STDOUT` in the formats text, CSV and binary.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures::{Sink, SinkExt, StreamExt};
use kubesql_runtime::sql::{Answer, Copy, CopyFormat};
use pgwire::api::portal::Format;
use pgwire::api::results::{CopyEncoder, FieldInfo, Tag};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyData, CopyDone, CopyOutResponse};

use super::encode::EncodedColumn;
use super::{encode, error_response};

/// The header of the binary format: the signature, no flags, and no extension.
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

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
    let lines = LineFormat::new(copy, &fields)?;
    let mut encoder = CopyEncoder::new_binary(Arc::clone(&fields));
    let code = i16::from(binary);
    let width =
        i16::try_from(fields.len()).map_err(|_| error_response::with_sqlstate("54011", "too many columns for COPY"))?;
    let begin = CopyOutResponse::new(i8::from(binary), width, vec![code; fields.len()]);
    connection.feed(PgWireBackendMessage::CopyOutResponse(begin)).await?;
    if copy.header {
        let names = fields.iter().map(|field| Some(field.name().to_owned()));
        connection.feed(copy_data(lines.line(names, false).into_bytes().into())).await?;
    }
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(error_response::from_sql)?;
        let columns = encode::columns(&batch)?;
        for row in 0..batch.num_rows() {
            let sent = if binary {
                for (column, field) in columns.iter().zip(fields.iter()) {
                    column.encode(&mut encoder, row, field)?;
                }
                PgWireBackendMessage::CopyData(encoder.take_copy())
            } else {
                copy_data(
                    lines.line(columns.iter().map(|column: &EncodedColumn| column.text(row)), true).into_bytes().into(),
                )
            };
            connection.feed(sent).await?;
            count += 1;
        }
    }
    if binary {
        // The encoder writes the header with the first row.
        let mut last = BytesMut::new();
        if count == 0 {
            last.put_slice(BINARY_HEADER);
        }
        last.put_slice(&CopyEncoder::finish_copy_binary().data);
        connection.feed(copy_data(last.freeze())).await?;
    }
    connection.feed(PgWireBackendMessage::CopyDone(CopyDone::new())).await?;
    let tag = Tag::new("COPY").with_rows(count);
    connection.feed(PgWireBackendMessage::CommandComplete(tag.into())).await?;
    Ok(())
}

fn copy_data(bytes: Bytes) -> PgWireBackendMessage {
    PgWireBackendMessage::CopyData(CopyData::new(bytes))
}

/// The format of lines in text and CSV.
struct LineFormat<'a> {
    csv: bool,
    delimiter: &'a str,
    null: &'a str,
    quote: &'a str,
    escape: &'a str,
    /// For each column, whether all its values are quoted (`FORCE_QUOTE`).
    force_quote: Vec<bool>,
}

impl<'a> LineFormat<'a> {
    fn new(copy: &'a Copy, fields: &[FieldInfo]) -> PgWireResult<Self> {
        let csv = copy.format == CopyFormat::Csv;
        let quote = copy.quote.as_deref().unwrap_or("\"");
        let mut force_quote = vec![copy.force_quote.iter().any(|name| name == "*"); fields.len()];
        for name in copy.force_quote.iter().filter(|name| *name != "*").map(|name| name.trim_matches('"')) {
            let missing = || error_response::with_sqlstate("42703", format!("column \"{name}\" does not exist"));
            let at = fields.iter().position(|field| field.name() == name).ok_or_else(missing)?;
            force_quote[at] = true;
        }
        Ok(Self {
            csv,
            delimiter: copy.delimiter.as_deref().unwrap_or(if csv { "," } else { "\t" }),
            null: copy.null.as_deref().unwrap_or(if csv { "" } else { "\\N" }),
            quote,
            escape: copy.escape.as_deref().unwrap_or(quote),
            force_quote,
        })
    }

    /// A line of values. `FORCE_QUOTE` does not apply to the header.
    fn line(&self, values: impl Iterator<Item = Option<String>>, is_data: bool) -> String {
        let mut line = String::new();
        for (at, value) in values.enumerate() {
            if at > 0 {
                line.push_str(self.delimiter);
            }
            match value {
                None => line.push_str(self.null),
                Some(value) if self.csv => self.push_csv(&value, is_data && self.force_quote[at], &mut line),
                Some(value) => self.push_text(&value, &mut line),
            }
        }
        line.push('\n');
        line
    }

    /// Quotes a value if it could be mistaken for NULL, the end of the data, or several values.
    fn push_csv(&self, value: &str, is_forced: bool, line: &mut String) {
        let is_end_marker = self.force_quote.len() == 1 && value == "\\.";
        let has_special = [self.delimiter, self.quote, "\n", "\r"].iter().any(|special| value.contains(special));
        if !(is_forced || is_end_marker || has_special || value == self.null) {
            return line.push_str(value);
        }
        line.push_str(self.quote);
        for c in value.chars() {
            if self.quote.contains(c) || self.escape.contains(c) {
                line.push_str(self.escape);
            }
            line.push(c);
        }
        line.push_str(self.quote);
    }

    /// Escapes control characters, backslashes and delimiters.
    fn push_text(&self, value: &str, line: &mut String) {
        for c in value.chars() {
            match c {
                '\\' => line.push_str("\\\\"),
                '\n' => line.push_str("\\n"),
                '\r' => line.push_str("\\r"),
                '\t' => line.push_str("\\t"),
                '\u{8}' => line.push_str("\\b"),
                '\u{b}' => line.push_str("\\v"),
                '\u{c}' => line.push_str("\\f"),
                c => {
                    if self.delimiter.contains(c) {
                        line.push('\\');
                    }
                    line.push(c);
                }
            }
        }
    }
}
