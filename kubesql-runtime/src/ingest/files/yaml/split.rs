//! A YAML stream cut into its documents, so that one that is broken costs no other.
//!
//! A line that begins with `---` begins a document wherever it stands, even in a block of text, which
//! is always indented.

use std::borrow::Cow;

/// One document of a stream, or more where they end with `...`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'t> {
    pub(super) text: Cow<'t, str>,
    /// How many lines of the stream come before it.
    pub(super) line: usize,
}

/// The documents, but for those of which there is nothing but comments.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut line = 0;
    let mut directives: Option<(String, usize)> = None;
    for piece in pieces(text) {
        let lines = piece.lines().count();
        let content = piece.lines().any(|line| {
            let line = line.trim();
            !(line.is_empty() || line.starts_with('#') || line == "---" || line.starts_with('%'))
        });
        let directive = piece.lines().any(|line| line.starts_with('%'));
        if content {
            match directives.take() {
                None => parts.push(Part { text: Cow::Borrowed(piece), line }),
                Some((before, line)) => parts.push(Part { text: Cow::Owned(before + piece), line }),
            }
        } else if directive {
            directives = Some((piece.to_owned(), line));
        }
        line += lines;
    }
    parts
}

/// The text cut before each line that begins a document.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut cuts: Vec<usize> = memchr::memchr_iter(b'\n', bytes)
        .map(|at| at + 1)
        .filter(|at| bytes[*at..].starts_with(b"---"))
        .filter(|at| matches!(bytes.get(at + 3), None | Some(b' ' | b'\t' | b'\r' | b'\n')))
        .collect();
    cuts.push(text.len());
    let mut from = 0;
    cuts.into_iter().map(move |cut| &text[std::mem::replace(&mut from, cut)..cut])
}
