//! YAML: a list of maps that has the same values in YAML 1.1 and 1.2.

use std::fmt::Write as _;
use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field};

use super::json::unique;
use super::value::{TextWriter, is_nested, is_number, json_options};
use super::{Done, Sink};

/// Writes rows as a list of maps.
pub(crate) struct Yaml<W> {
    to: W,
    rows: usize,
}

impl<W: Write> Yaml<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, rows: 0 }
    }
}

/// The YAML style of a column's values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Numbers and booleans.
    Bare,
    /// Flow style: JSON is YAML except for some characters that YAML wants escaped.
    Flow,
    /// Strings, quoted where needed.
    Text,
}

fn style(field: &Field) -> Style {
    match field.data_type() {
        data_type if is_nested(data_type) => Style::Flow,
        DataType::Boolean => Style::Bare,
        data_type if is_number(data_type) => Style::Bare,
        _ => Style::Text,
    }
}

/// Words that some parsers do not read as strings.
const RESERVED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Whether every parser reads the unquoted word as a string: it begins with a letter and cannot be an indicator, a
/// number or a date.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/'))
        && !RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Characters that YAML does not allow unescaped, or that parsers may take for line ends.
fn must_escape(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn push_text(to: &mut String, text: &str) {
    if is_plain(text) {
        to.push_str(text);
        return;
    }
    to.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => to.extend(['\\', c]),
            '\n' => to.push_str("\\n"),
            '\t' => to.push_str("\\t"),
            c if must_escape(c) => _ = write!(to, "\\u{:04x}", u32::from(c)),
            c => to.push(c),
        }
    }
    to.push('"');
}

/// Appends JSON with the characters escaped that only YAML wants escaped; they occur only in strings. Colons and commas
/// are followed by a space, which YAML 1.1 needs after plain numbers.
fn push_flow(to: &mut String, json: &str) {
    let (mut quoted, mut escaped) = (false, false);
    for c in json.chars() {
        match c {
            c if must_escape(c) => _ = write!(to, "\\u{:04x}", u32::from(c)),
            ':' | ',' if !quoted => to.extend([c, ' ']),
            c => to.push(c),
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
}

fn push_bare(to: &mut String, text: &str) {
    match text {
        "NaN" => to.push_str(".nan"),
        "inf" => to.push_str(".inf"),
        "-inf" => to.push_str("-.inf"),
        "true" | "false" => to.push_str(text),
        // In YAML 1.1 an exponent needs a point and a sign: 1e21 is a string there.
        text => match text.split_once('e') {
            Some((digits, exponent)) => {
                to.push_str(digits);
                to.push_str(if digits.contains('.') { "e" } else { ".0e" });
                to.push_str(if exponent.starts_with('-') { "" } else { "+" });
                to.push_str(exponent);
            }
            None => to.push_str(text),
        },
    }
}

impl<W: Write> Sink for Yaml<W> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let fields = unique(batch.schema_ref());
        let options = json_options();
        let mut columns = Vec::new();
        for (field, array) in fields.iter().zip(batch.columns()) {
            let mut key = String::new();
            push_text(&mut key, field.name());
            columns.push((key, style(field), TextWriter::new(field, array, &options)?));
        }
        let (mut text, mut out) = (String::new(), String::new());
        for row in 0..batch.num_rows() {
            out.clear();
            for (at, (key, style, column)) in columns.iter_mut().enumerate() {
                out.push_str(if at == 0 { "- " } else { "  " });
                out.push_str(key);
                out.push_str(": ");
                match (column.write(row, &mut text), style) {
                    (None, _) => out.push_str("null"),
                    (Some(text), Style::Bare) => push_bare(&mut out, text),
                    (Some(text), Style::Flow) => push_flow(&mut out, text),
                    (Some(text), Style::Text) => push_text(&mut out, text),
                }
                out.push('\n');
            }
            self.to.write_all(out.as_bytes())?;
        }
        self.rows += batch.num_rows();
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Done> {
        if self.rows == 0 {
            self.to.write_all(b"[]\n")?;
        }
        self.to.flush()?;
        Ok(Done::default())
    }
}
