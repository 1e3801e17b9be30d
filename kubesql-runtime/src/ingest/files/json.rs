//! Collects objects from JSON text in memory. A text has any number of documents: objects, lists in any form, or others.

use super::collector::{Collector, Identity, ListKind};
use super::envelope::{Envelope, ListToken, next_item};
use super::scan::{past_blanks, skip};
use crate::flatten::{Malformed, Parser};
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
        if let Some(end) = log_end(text, at) {
            at = end;
            continue;
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

/// The end of the log that starts at byte `from`: `kubectl cluster-info dump` writes logs between the objects.
fn log_end(text: &str, from: usize) -> Option<usize> {
    const START: &str = "==== START logs for container ";
    const END: &str = "\n==== END logs for container ";
    let rest = text.as_bytes()[from..].strip_prefix(START.as_bytes())?;
    let Some(end) = memchr::memmem::find(rest, END.as_bytes()) else { return Some(text.len()) };
    let after = from + START.len() + end + END.len();
    let line = memchr::memchr(b'\n', &text.as_bytes()[after..]);
    Some(line.map_or(text.len(), |line| after + line + 1))
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
        if let Some(items) = envelope.objects() {
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
