//! The formats of answers, and content negotiation.

use std::io;

use arrow::datatypes::SchemaRef;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};

use super::arrow_stream::ArrowStream;
use super::body_buffer::BodyBuffer;
use super::json_document::JsonDocument;
use super::problem::Problem;
use crate::output::{Sink, binary, csv, json};

/// The format of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One document with columns, rows and a summary.
    Json,
    /// One object per line.
    Ndjson,
    Csv,
    /// An Arrow IPC stream.
    Arrow,
    Parquet,
}

/// The media types that clients may ask for. The first one of a format is the `Content-Type` of its answers.
const TYPES: [(&str, Format); 8] = [
    ("application/json", Format::Json),
    ("application/x-ndjson", Format::Ndjson),
    ("application/jsonl", Format::Ndjson),
    ("application/ndjson", Format::Ndjson),
    ("text/csv", Format::Csv),
    ("application/vnd.apache.arrow.stream", Format::Arrow),
    ("application/vnd.apache.parquet", Format::Parquet),
    ("application/parquet", Format::Parquet),
];

impl Format {
    /// The format that the `Accept` header prefers; JSON without one.
    pub(super) fn negotiate(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut best: Option<(f32, Self)> = None;
        let mut is_specified = false;
        for accept in headers.get_all(ACCEPT) {
            for range in accept.to_str().unwrap_or_default().split(',') {
                let mut parts = range.split(';').map(str::trim);
                let name = parts.next().unwrap_or_default().to_ascii_lowercase();
                is_specified |= !name.is_empty();
                let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse);
                let (Some(format), Ok(weight)) = (Self::from_media_range(&name), weight) else { continue };
                if weight > 0.0 && best.is_none_or(|(other, _)| weight > other) {
                    best = Some((weight, format));
                }
            }
        }
        match best {
            Some((_, format)) => Ok(format),
            None if !is_specified => Ok(Self::Json),
            None => {
                let supported: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
                let problem = Problem::new(
                    StatusCode::NOT_ACCEPTABLE,
                    "not-acceptable",
                    "none of the accepted formats is supported",
                );
                Err(problem.hint(format!("supported formats: {}", supported.join(", "))))
            }
        }
    }

    fn from_media_range(range: &str) -> Option<Self> {
        match range {
            "*/*" | "application/*" => Some(Self::Json),
            "text/*" => Some(Self::Csv),
            name => TYPES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format),
        }
    }

    /// The value of `Content-Type`.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            other => TYPES.iter().find(|(_, format)| *format == other).map_or("application/json", |(name, _)| name),
        }
    }

    /// A writer of answers in this format.
    pub(super) fn sink(self, to: BodyBuffer, schema: &SchemaRef) -> io::Result<Box<dyn Sink + Send>> {
        Ok(match self {
            Self::Json => Box::new(JsonDocument::new(to, schema)?),
            Self::Ndjson => Box::new(json::Json::new(to, false)),
            Self::Csv => Box::new(csv::Csv::new(to, schema, true)?),
            Self::Arrow => Box::new(ArrowStream::new(to, schema)?),
            Self::Parquet => Box::new(binary::Parquet::new(to, schema)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negotiates_by_weight_and_order() {
        for (accept, expect) in [
            (None, Some(Format::Json)),
            (Some(""), Some(Format::Json)),
            (Some("*/*"), Some(Format::Json)),
            (Some("application/json"), Some(Format::Json)),
            (Some("text/csv, */*;q=0.1"), Some(Format::Csv)),
            (Some("text/csv;q=0.5, application/x-ndjson"), Some(Format::Ndjson)),
            (Some("text/html, application/xhtml+xml, */*;q=0.8"), Some(Format::Json)),
            (Some("Application/VND.apache.arrow.stream"), Some(Format::Arrow)),
            (Some("application/vnd.apache.parquet;q=1"), Some(Format::Parquet)),
            (Some("text/csv;q=0"), None),
            (Some("image/png"), None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(ACCEPT, accept.parse().expect("a value"));
            }
            assert_eq!(Format::negotiate(&headers).ok(), expect, "{accept:?}");
        }
    }
}
