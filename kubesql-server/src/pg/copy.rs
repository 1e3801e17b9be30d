//! `COPY ... TO STDOUT`: rows as a stream of bytes, as text, CSV or PostgreSQL's own.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures::{Sink, SinkExt, StreamExt};
use kubesql_runtime::sql::{Answer, Copy, CopyFormat};
use pgwire::api::portal::Format;
use pgwire::api::results::{CopyEncoder, FieldInfo, Tag};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyData, CopyDone, CopyOutResponse};

use super::encode::Column;
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
    let lines = Lines::new(copy, &fields)?;
    let mut encoder = CopyEncoder::new_binary(Arc::clone(&fields));
    let code = i16::from(binary);
    let width = i16::try_from(fields.len()).map_err(|_| failure::coded("54011", "too many columns to be copied"))?;
    let begin = CopyOutResponse::new(i8::from(binary), width, vec![code; fields.len()]);
    connection.feed(PgWireBackendMessage::CopyOutResponse(begin)).await?;
    if copy.header {
        let names = fields.iter().map(|field| Some(field.name().to_owned()));
        connection.feed(data(lines.line(names, false).into_bytes().into())).await?;
    }
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(failure::of)?;
        let columns = encode::columns(&batch)?;
        for row in 0..batch.num_rows() {
            let sent = if binary {
                for (column, field) in columns.iter().zip(fields.iter()) {
                    column.encode(&mut encoder, row, field)?;
                }
                PgWireBackendMessage::CopyData(encoder.take_copy())
            } else {
                data(lines.line(columns.iter().map(|column: &Column| column.text(row)), true).into_bytes().into())
            };
            connection.feed(sent).await?;
            count += 1;
        }
    }
    if binary {
        // What begins the file comes with what follows it, as PostgreSQL's clients have it.
        let mut last = BytesMut::new();
        if count == 0 {
            last.put_slice(SIGNATURE);
        }
        last.put_slice(&CopyEncoder::finish_copy_binary().data);
        connection.feed(data(last.freeze())).await?;
    }
    connection.feed(PgWireBackendMessage::CopyDone(CopyDone::new())).await?;
    let tag = Tag::new("COPY").with_rows(count);
    connection.feed(PgWireBackendMessage::CommandComplete(tag.into())).await?;
    Ok(())
}

fn data(bytes: Bytes) -> PgWireBackendMessage {
    PgWireBackendMessage::CopyData(CopyData::new(bytes))
}

/// How lines are written.
struct Lines<'a> {
    csv: bool,
    delimiter: &'a str,
    null: &'a str,
    quote: &'a str,
    escape: &'a str,
    /// Whether a column is quoted whatever is in it.
    forced: Vec<bool>,
}

impl<'a> Lines<'a> {
    fn new(copy: &'a Copy, fields: &[FieldInfo]) -> PgWireResult<Self> {
        let csv = copy.format == CopyFormat::Csv;
        let quote = copy.quote.as_deref().unwrap_or("\"");
        let mut forced = vec![copy.force_quote.iter().any(|name| name == "*"); fields.len()];
        for name in copy.force_quote.iter().filter(|name| *name != "*").map(|name| name.trim_matches('"')) {
            let missing = || failure::coded("42703", format!("column \"{name}\" does not exist"));
            let at = fields.iter().position(|field| field.name() == name).ok_or_else(missing)?;
            forced[at] = true;
        }
        Ok(Self {
            csv,
            delimiter: copy.delimiter.as_deref().unwrap_or(if csv { "," } else { "\t" }),
            null: copy.null.as_deref().unwrap_or(if csv { "" } else { "\\N" }),
            quote,
            escape: copy.escape.as_deref().unwrap_or(quote),
            forced,
        })
    }

    /// A line of values, or of names where nothing is forced.
    fn line(&self, values: impl Iterator<Item = Option<String>>, forces: bool) -> String {
        let mut line = String::new();
        for (at, value) in values.enumerate() {
            if at > 0 {
                line.push_str(self.delimiter);
            }
            match value {
                None => line.push_str(self.null),
                Some(value) if self.csv => self.quoted(&value, forces && self.forced[at], &mut line),
                Some(value) => self.escaped(&value, &mut line),
            }
        }
        line.push('\n');
        line
    }

    /// In quotes where it would be taken for something else: NULL, the end of the data, two values.
    fn quoted(&self, value: &str, forced: bool, line: &mut String) {
        let ends = self.forced.len() == 1 && value == "\\.";
        let special = [self.delimiter, self.quote, "\n", "\r"].iter().any(|special| value.contains(special));
        if !(forced || ends || special || value == self.null) {
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

    fn escaped(&self, value: &str, line: &mut String) {
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
