//! Splits a YAML stream into documents, so that a malformed document does not affect others.
//!
//! A line that starts with `---` always starts a document, since block scalars are indented. So does the line `NOTES:`,
//! after which `helm install --dry-run` prints text that is not YAML and is left out.

use std::borrow::Cow;

/// A document of a stream, or several documents that end with `...`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DocumentText<'t> {
    pub(super) text: Cow<'t, str>,
    /// The number of lines before it.
    pub(super) line: usize,
}

/// The documents of a stream. Documents with only comments are left out.
pub(super) fn split(text: &str) -> Vec<DocumentText<'_>> {
    let mut documents = Vec::new();
    let mut line = 0;
    let mut directives: Option<(String, usize)> = None;
    for piece in split_at_markers(text) {
        let lines = piece.lines().count();
        if is_notes(piece.as_bytes()) {
            line += lines;
            continue;
        }
        let content = piece.lines().any(|line| {
            let line = line.trim();
            !(line.is_empty() || line.starts_with('#') || line == "---" || line.starts_with('%'))
        });
        let directive = piece.lines().any(|line| line.starts_with('%'));
        if content {
            match directives.take() {
                None => documents.push(DocumentText { text: Cow::Borrowed(piece), line }),
                Some((before, line)) => documents.push(DocumentText { text: Cow::Owned(before + piece), line }),
            }
        } else if directive {
            directives = Some((piece.to_owned(), line));
        }
        line += lines;
    }
    documents
}

/// Splits text before each line that starts a document.
fn split_at_markers(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut cuts: Vec<usize> = memchr::memchr_iter(b'\n', bytes)
        .map(|at| at + 1)
        .filter(|at| is_marker(&bytes[*at..]) || is_notes(&bytes[*at..]))
        .collect();
    cuts.push(text.len());
    let mut from = 0;
    cuts.into_iter().map(move |cut| &text[std::mem::replace(&mut from, cut)..cut])
}

/// Whether text starts with a document marker.
fn is_marker(text: &[u8]) -> bool {
    text.starts_with(b"---") && matches!(text.get(3), None | Some(b' ' | b'\t' | b'\r' | b'\n'))
}

/// Whether text starts with the notes of a Helm release.
fn is_notes(text: &[u8]) -> bool {
    let end = |rest: &[u8]| rest.is_empty() || rest.starts_with(b"\n") || rest.starts_with(b"\r\n");
    text.strip_prefix(b"NOTES:").is_some_and(end)
}
