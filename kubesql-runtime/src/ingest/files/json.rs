//! Collects objects from JSON text in memory. A text has any number of documents: objects, lists in any form, or others.

use super::collector::{Collector, Identity, ListKind};
use super::scan::{past_blanks, skip};
use crate::flatten::{Malformed, Parser, SyntaxError};
use crate::ingest::diagnostics::Location;

/// After this many malformed documents, the rest of the text is skipped.
const MAX_MALFORMED: u32 = 100;

/// Collects the objects of all documents from byte `from` on. After a malformed document, continues with the next line that
/// looks like the start of a document.
pub(super) fn collect_documents(text: &str, from: usize, collector: &mut Collector<'_>, location: &mut Location) {
    let mut at = from;
    let mut malformed_documents = 0;
    loop {
        at = past_blanks(text, at);
        if at >= text.len() {
            return;
        }
        location.document += 1;
        location.item = 0;
        match collect_document(text, at, collector, location) {
            Ok(end) => at = end,
            Err(malformed) => {
                collector.warn_malformed(location, &describe(text, malformed));
                malformed_documents += 1;
                let Some(next) = next_line(text, at) else { return };
                if malformed_documents == MAX_MALFORMED {
                    collector.warn_malformed(location, "too many malformed documents; skipped the rest of the file");
                    return;
                }
                at = next;
            }
        }
    }
}

/// The message about malformed text.
fn describe(text: &str, malformed: Malformed) -> String {
    let Malformed { at, error } = malformed;
    let line = memchr::memchr_iter(b'\n', &text.as_bytes()[..at.min(text.len())]).count() + 1;
    let at_end = at + 1 >= text.trim_end().len();
    let truncated = if at_end || error.is_truncation() { "; the file may be truncated" } else { "" };
    format!("malformed JSON at byte {at}, line {line}: {error}{truncated}; everything before it was read")
}

/// The start of the next line that begins with a bracket, without a blank before it.
fn next_line(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'\n', bytes.get(from..)?)
        .map(|at| from + at + 1)
        .find(|at| matches!(bytes.get(*at), Some(b'{' | b'[')))
}

/// Collects the objects of the document at byte `from`, and returns its end.
pub(super) fn collect_document(
    text: &str,
    from: usize,
    collector: &mut Collector<'_>,
    location: &mut Location,
) -> Result<usize, Malformed> {
    match text.as_bytes().get(from) {
        Some(b'{') => {}
        Some(b'[') => {
            let end = collect_items(text, from, &ListKind::unspecified(), collector, location)?;
            collector.count_parsed();
            return Ok(end);
        }
        first => {
            let end = skip(text, from)?;
            if first != Some(&b'n') {
                collector.warn_malformed(location, "skipped a value that is not an object");
            }
            return Ok(end);
        }
    }
    collect_object(text, from, Envelope::read(text, from), collector, location)
}

/// Collects the objects of the document at byte `from`, which is a JSON object whose envelope was read already.
pub(super) fn collect_object(
    text: &str,
    from: usize,
    envelope: Envelope,
    collector: &mut Collector<'_>,
    location: &mut Location,
) -> Result<usize, Malformed> {
    if let Some(rows) = envelope.rows
        && envelope.kind == "Table"
        && envelope.error.is_none()
    {
        collector.count_parsed();
        collect_table(text, rows, collector, location)?;
        return envelope.end();
    }
    if envelope.is_list() {
        if let Some(items) = envelope.items {
            let list_kind = ListKind::from_list(collector.kinds(), &envelope.api_version, &envelope.kind);
            collect_items(text, items, &list_kind, collector, location)?;
        }
        location.item = 0;
        let end = envelope.end()?;
        collector.count_parsed();
        return Ok(end);
    }
    let end = envelope.end()?;
    if envelope.event {
        collector.count_parsed();
        collector.warn(location, "skipped a watch event");
        return Ok(end);
    }
    let Envelope { api_version, kind, prefix_end, .. } = envelope;
    let identity = Identity { api_version, kind, prefix_end, end: Some(end) };
    collector.add_identified(text, from, Some(identity), &ListKind::unspecified(), location)
}

/// Collects the items of the list at byte `from`, and returns its end.
fn collect_items(
    text: &str,
    from: usize,
    list_kind: &ListKind,
    collector: &mut Collector<'_>,
    location: &mut Location,
) -> Result<usize, Malformed> {
    let mut at = from + 1;
    while let ListToken::Item(item) = next_item(text, at, location.item == 0)? {
        location.item += 1;
        at = collector.add(text, item, list_kind, location)?;
    }
    Ok(past_blanks(text, at) + 1)
}

/// The next part of a list.
enum ListToken {
    /// An item that starts at this byte.
    Item(usize),
    /// The closing bracket.
    Close,
}

/// The next part of a list from byte `from`; `first` if no item was read yet.
fn next_item(text: &str, from: usize, first: bool) -> Result<ListToken, Malformed> {
    let at = past_blanks(text, from);
    match text.as_bytes().get(at) {
        Some(b']') => Ok(ListToken::Close),
        Some(b',') if !first => Ok(ListToken::Item(past_blanks(text, at + 1))),
        Some(_) if first => Ok(ListToken::Item(at)),
        Some(_) => Err(Malformed { at, error: SyntaxError::ExpectedCommaOrBracket }),
        None => Err(Malformed { at, error: SyntaxError::Unterminated }),
    }
}

/// Collects the objects in the rows of a table that a server printed.
fn collect_table(
    text: &str,
    from: usize,
    collector: &mut Collector<'_>,
    location: &mut Location,
) -> Result<(), Malformed> {
    let mut skipped = 0;
    let mut parser = Parser::at(text, from);
    let Some(mut rows) = parser.array()? else { return Ok(()) };
    let mut objects = Vec::new();
    while parser.element(&mut rows)? {
        let Some(mut fields) = parser.object()? else { continue };
        let mut object = None;
        while let Some(key) = parser.key(&mut fields)? {
            let found = key == "object";
            if parser.peek() == b'{' && found {
                object = Some(parser.position());
            }
            parser.skip()?;
        }
        objects.push(object);
    }
    for object in objects {
        location.item += 1;
        let kind = object.map(|at| Envelope::read(text, at).kind).unwrap_or_default();
        match object {
            Some(at) if !kind.is_empty() && kind != "PartialObjectMetadata" => {
                collector.add(text, at, &ListKind::unspecified(), location)?;
            }
            _ => skipped += 1,
        }
    }
    location.item = 0;
    if skipped > 0 {
        let message = "skipped rows of a printed table without objects; use `-o json` or `-o yaml`";
        collector.warn_times(location, message, skipped);
    }
    Ok(())
}

/// The fields of a JSON object that determine its form.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    pub(super) api_version: String,
    pub(super) kind: String,
    /// The start of the list of items.
    pub(super) items: Option<usize>,
    /// Whether `items` is `null`.
    items_null: bool,
    /// The start of the list of a table's rows.
    rows: Option<usize>,
    /// Whether it is a watch event: it has a `type` and an `object`, but no `kind`.
    event: bool,
    /// The position after both `apiVersion` and `kind`.
    prefix_end: Option<usize>,
    end: usize,
    /// The error, if it is malformed. The fields before it were read.
    error: Option<Malformed>,
}

impl Envelope {
    /// Reads the envelope of the object at byte `from`.
    pub(super) fn read(text: &str, from: usize) -> Self {
        let mut envelope = Self::default();
        if let Err(error) = envelope.read_fields(text, from) {
            envelope.error = Some(error);
        }
        envelope
    }

    fn read_fields(&mut self, text: &str, from: usize) -> Result<(), Malformed> {
        let mut parser = Parser::at(text, from);
        let (mut has_type, mut has_object) = (false, false);
        let Some(mut fields) = parser.object()? else {
            return Err(Malformed { at: from, error: SyntaxError::ExpectedObject });
        };
        while let Some(key) = parser.key(&mut fields)? {
            match key {
                "apiVersion" if self.api_version.is_empty() => {
                    self.api_version = parser.text()?.unwrap_or_default().to_owned();
                }
                "kind" if self.kind.is_empty() => self.kind = parser.text()?.unwrap_or_default().to_owned(),
                "items" | "rows" | "type" | "object" => {
                    let (items, rows) = (key == "items", key == "rows");
                    let (is_type, is_object) = (key == "type", key == "object");
                    let byte = parser.peek();
                    let at = parser.position();
                    self.items_null |= items && byte == b'n';
                    has_type |= is_type && byte == b'"';
                    has_object |= is_object && byte == b'{';
                    if byte == b'[' && items && self.items.is_none() {
                        self.items = Some(at);
                    }
                    if byte == b'[' && rows && self.rows.is_none() {
                        self.rows = Some(at);
                    }
                    parser.skip()?;
                }
                _ => parser.skip()?,
            }
            if self.prefix_end.is_none() && !self.api_version.is_empty() && !self.kind.is_empty() {
                self.prefix_end = Some(parser.position());
            }
        }
        self.event = has_type && has_object && self.kind.is_empty();
        self.end = parser.position();
        Ok(())
    }

    /// Whether it is a list of objects.
    pub(super) fn is_list(&self) -> bool {
        (self.items.is_some() || self.items_null) && (self.kind.is_empty() || self.kind.ends_with("List"))
    }

    /// Whether it is well-formed.
    pub(super) fn is_whole(&self) -> bool {
        self.error.is_none()
    }

    fn end(&self) -> Result<usize, Malformed> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.end),
        }
    }
}
