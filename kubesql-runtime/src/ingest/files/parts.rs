//! Reads large JSON files in several parts at the same time, each through a sliding window. The elements of a file are the
//! items of one list, or documents.
//!
//! The start of a part is guessed: the first position that looks like the start of an element. The guess is verified when
//! the part before it was read, which ends at the actual start. If the guess was wrong, the part is read again. A wrong
//! guess costs time, but never loses a row.

use super::collector::{Collector, ListKind};
use super::context::ReadContext;
use super::envelope::Envelope;
use super::json;
use super::lines::line_breaks;
use super::paths::Input;
use super::scan::{past_blanks, skip};
use super::segment_builder::Output;
use super::window::Window;
use crate::flatten::Parser;
use crate::ingest::diagnostics::Location;
use crate::store::SourceError;

/// In the last 1/N of a window, an object is skipped to check that the window includes its end before it is read.
const MARGIN: usize = 16;

/// How to read a file in parts.
pub(super) struct Plan {
    /// Whether the elements are items of a list, or documents.
    list: bool,
    /// A prefix that is equivalent to the text before the first item: `[` or `{"items":[`.
    opening: &'static str,
    list_kind: ListKind,
    /// Whether the list may declare its kind after its items.
    late_kind: bool,
    /// The start of the first element, and the number of lines before it.
    first: u64,
    lines: u64,
    /// The text around the start of an element, and the position of the start in it.
    boundary: Vec<u8>,
    boundary_offset: usize,
    /// Bytes of a part.
    part: u64,
    /// The number of parts.
    pub(super) parts: u64,
}

/// The result of reading a part.
pub(super) struct Part {
    /// The start of its first element.
    start: u64,
    elements: u64,
    /// The number of line breaks in it.
    lines: u64,
    end: End,
    output: Output,
}

/// How a part ends.
enum End {
    /// At the start of the next part's first element.
    Next(u64),
    /// At the closing bracket of the list.
    Closed(u64),
    /// At the end of the file.
    File,
    /// The file cannot be read in parts, and must be read as a whole.
    Unsupported,
}

impl Plan {
    /// Plans how to read a file in parts; `None` if it is small or cannot be read in parts.
    pub(super) fn new(context: &ReadContext<'_>, input: &Input, workers: u64) -> Result<Option<Self>, SourceError> {
        if input.size() < context.sizes.large || input.yaml {
            return Ok(None);
        }
        let window = Window::open(input, 0, context.sizes.window)?;
        let Some(text) = window.text() else { return Ok(None) };
        let at = past_blanks(text, text.len() - text.trim_start_matches('\u{feff}').len());
        let Some(mut plan) = Self::detect(context, text, at) else { return Ok(None) };
        plan.part = (input.size() / (2 * workers)).clamp(context.sizes.part / 8, context.sizes.part);
        if !plan.boundary.is_empty() {
            plan.parts = input.size().div_ceil(plan.part);
        }
        Ok(Some(plan))
    }

    /// Detects the form of the file from its first window.
    fn detect(context: &ReadContext<'_>, text: &str, at: usize) -> Option<Self> {
        let first = text.as_bytes().get(at)?;
        let (list, opening, list_kind, late_kind, first) = match (first, skip(text, at)) {
            (b'{', Ok(end)) => {
                text.as_bytes().get(past_blanks(text, end)).filter(|byte| **byte == b'{')?;
                (false, "", ListKind::unspecified(), false, at)
            }
            (b'{', Err(_)) => {
                let head = ListHead::read(text, at)?;
                let list_kind = ListKind::from_list(context.kinds, &head.api_version, &head.kind);
                let late_kind = head.kind.is_empty() || head.api_version.is_empty();
                (true, "{\"items\":[", list_kind, late_kind, past_blanks(text, head.items + 1))
            }
            (b'[', _) => (true, "[", ListKind::unspecified(), false, past_blanks(text, at + 1)),
            _ => return None,
        };
        text.as_bytes().get(first).filter(|byte| **byte == b'{')?;
        let (boundary, boundary_offset) = find_boundary(text, first, list).unwrap_or_default();
        let lines = line_breaks(&text.as_bytes()[..first]);
        let first = u64::try_from(first).ok()?;
        Some(Self {
            list,
            opening,
            list_kind,
            late_kind,
            first,
            lines,
            boundary,
            boundary_offset,
            part: context.sizes.part,
            parts: 1,
        })
    }

    /// The end of a part's range. Its last element may extend beyond it.
    fn range_end(&self, number: u64) -> u64 {
        if number + 1 >= self.parts { u64::MAX } else { self.first + (number + 1) * self.part }
    }

    /// Reads a part; `None` if no position in it looks like the start of an element.
    pub(super) fn read(
        &self,
        context: &ReadContext<'_>,
        input: &Input,
        number: u64,
    ) -> Result<Option<Part>, SourceError> {
        match self.guess_start(context, input, number)? {
            Some(start) => self.read_from(context, input, start, self.range_end(number)).map(Some),
            None => Ok(None),
        }
    }

    fn guess_start(&self, context: &ReadContext<'_>, input: &Input, number: u64) -> Result<Option<u64>, SourceError> {
        if number == 0 {
            return Ok(Some(self.first));
        }
        let offset = u64::try_from(self.boundary_offset).unwrap_or_default();
        let mut window = Window::open(input, self.first + number * self.part - offset, context.sizes.window)?;
        while window.start < self.range_end(number) {
            if let Some(at) = memchr::memmem::find(window.bytes(), &self.boundary) {
                return Ok(Some(window.start + u64::try_from(at).unwrap_or_default() + offset));
            }
            if window.ended {
                break;
            }
            window.slide(window.bytes().len() + 1 - self.boundary.len())?;
        }
        Ok(None)
    }

    /// Collects the elements that start at `start` or later, and before `until`.
    fn read_from(&self, context: &ReadContext<'_>, input: &Input, start: u64, until: u64) -> Result<Part, SourceError> {
        let mut collector = Collector::with_list_kind(context, Some(&self.list_kind));
        let mut location = Location { file: input.name.clone(), document: u64::from(self.list), item: 0 };
        let mut window = Window::open(input, start, context.sizes.window)?;
        let (mut elements, mut lines) = (0, 0);
        let end = loop {
            let Some(text) = window.text() else { break End::Unsupported };
            collector.lines.start(lines);
            let (end, at) = self.collect_window(text, &window, until, &mut collector, &mut location, &mut elements);
            lines += line_breaks(&text.as_bytes()[..at]);
            match end {
                Some(end) => break end,
                None if window.ended => break End::Unsupported,
                None => window.slide(at)?,
            }
        };
        let output = collector.finish();
        let end = if output.wrong_kind { End::Unsupported } else { end };
        Ok(Part { start, elements, lines, end, output })
    }

    /// Collects the elements in the window. Returns how the part ends, if it does, and the position up to which the window
    /// was processed.
    fn collect_window(
        &self,
        text: &str,
        window: &Window<'_>,
        until: u64,
        collector: &mut Collector<'_>,
        location: &mut Location,
        elements: &mut u64,
    ) -> (Option<End>, usize) {
        let position = |at: usize| window.start + u64::try_from(at).unwrap_or_default();
        let mut at = 0;
        let mut longest = window.size / MARGIN;
        loop {
            // The first window starts with the part's first element, a later one with the text after the last element.
            let next = if *elements > 0 {
                match self.next_element(text, at, window.ended) {
                    Next::Element(next) => next,
                    Next::Close(bracket) => return (Some(End::Closed(position(bracket))), bracket),
                    Next::End => return (Some(End::File), at),
                    Next::Unknown => return (None, at),
                    Next::Malformed => return (Some(End::Unsupported), at),
                }
            } else {
                at
            };
            if position(next) >= until {
                return (Some(End::Next(position(next))), next);
            }
            let near = !window.ended && text.len() - next < longest;
            // Unless a document is known to be a single object, it must be in the window completely.
            let single = self.list || collector.knows_kind(text, next);
            let envelope = (!single && text.as_bytes().get(next) == Some(&b'{')).then(|| Envelope::read(text, next));
            let whole = match &envelope {
                Some(envelope) => envelope.is_whole(),
                None => (single && !near) || skip(text, next).is_ok(),
            };
            if !whole {
                return (None, at);
            }
            let number = *elements + 1;
            (location.document, location.item) = if self.list { (1, number) } else { (number, 0) };
            let end = match envelope {
                Some(envelope) => json::collect_object(text, next, envelope, collector, location),
                None if single => collector.add(text, next, &self.list_kind, location),
                None => json::collect_document(text, next, collector, location),
            };
            // The window does not include all of it.
            let Ok(end) = end else { return (None, at) };
            longest = longest.max((end - next).saturating_mul(4));
            *elements = number;
            at = end;
            if collector.has_unspecified() && self.late_kind {
                return (Some(End::Unsupported), at);
            }
        }
    }

    /// The part of the text after an element.
    fn next_element(&self, text: &str, at: usize, ended: bool) -> Next {
        let next = past_blanks(text, at);
        match text.as_bytes().get(next) {
            None if ended && !self.list => Next::End,
            None => Next::Unknown,
            Some(b']') if self.list => Next::Close(next),
            Some(b',') if self.list => {
                let next = past_blanks(text, next + 1);
                if next < text.len() { Next::Element(next) } else { Next::Unknown }
            }
            Some(_) if self.list => Next::Malformed,
            Some(_) => Next::Element(next),
        }
    }
}

enum Next {
    Element(usize),
    Close(usize),
    End,
    /// The window ends before it.
    Unknown,
    /// Malformed text.
    Malformed,
}

impl Plan {
    /// Joins the parts; `None` if the file must be read as a whole.
    pub(super) fn join(
        &self,
        context: &ReadContext<'_>,
        input: &Input,
        parts: Vec<Option<Part>>,
    ) -> Result<Option<Output>, SourceError> {
        let mut all = Output::default();
        let (mut next, mut elements, mut lines) = (self.first, 0, self.lines);
        for (part, number) in parts.into_iter().zip(0..) {
            let until = self.range_end(number);
            if next >= until {
                continue;
            }
            let mut part = match part {
                Some(part) if part.start == next => part,
                _ => self.read_from(context, input, next, until)?,
            };
            let (documents, items) = if self.list { (0, elements) } else { (elements, 0) };
            part.output.shift_lines(lines);
            all.append(part.output, documents, items);
            elements += part.elements;
            lines += part.lines;
            match part.end {
                End::Next(at) => next = at,
                End::File => return Ok(Some(all)),
                End::Unsupported => return Ok(None),
                End::Closed(bracket) => {
                    let Some(rest) = self.read_rest(context, input, bracket, lines)? else { return Ok(None) };
                    all.parsed += 1;
                    all.append(rest, 0, 0);
                    return Ok(Some(all));
                }
            }
        }
        Ok(None)
    }

    /// Reads the text after the items of the list, from its closing bracket on.
    fn read_rest(
        &self,
        context: &ReadContext<'_>,
        input: &Input,
        bracket: u64,
        lines: u64,
    ) -> Result<Option<Output>, SourceError> {
        let bytes = input.read(bracket)?;
        let Ok(rest) = std::str::from_utf8(&bytes) else { return Ok(None) };
        let text = format!("{}{rest}", self.opening);
        let Ok(end) = skip(&text, 0) else { return Ok(None) };
        if text.starts_with('{') {
            let envelope = Envelope::read(&text, 0);
            let declares_kind = !envelope.kind.is_empty() || !envelope.api_version.is_empty();
            if !envelope.is_list() || envelope.repeated || (declares_kind && !self.late_kind) {
                return Ok(None);
            }
        }
        let mut collector = Collector::new(context);
        collector.lines.start(lines);
        let mut location = Location { file: input.name.clone(), document: 1, item: 0 };
        json::collect_documents(&text, end, &mut collector, &mut location);
        let output = collector.finish();
        // Positions in this text differ from positions in the file. If there is an error, the whole file is read again.
        Ok(output.first_error.is_none().then_some(output))
    }
}

/// The fields of a list before its items.
#[derive(Default)]
struct ListHead {
    api_version: String,
    kind: String,
    /// The start of the list of items.
    items: usize,
}

impl ListHead {
    fn read(text: &str, at: usize) -> Option<Self> {
        let mut head = Self::default();
        let mut parser = Parser::at(text, at);
        let mut fields = parser.object().ok()??;
        loop {
            let key = parser.key(&mut fields).ok()??;
            let into = match key {
                "apiVersion" => &mut head.api_version,
                "kind" => &mut head.kind,
                "items" => {
                    if parser.peek() != b'[' {
                        return None;
                    }
                    head.items = parser.position();
                    break;
                }
                _ => {
                    parser.skip().ok()?;
                    continue;
                }
            };
            *into = parser.text().ok()?.unwrap_or_default().to_owned();
        }
        (head.kind.is_empty() || head.kind.ends_with("List")).then_some(head)
    }
}

/// The text around the start of the second element, from the end of the first element to the first key of the second, and
/// the position of the start in it.
fn find_boundary(text: &str, first: usize, list: bool) -> Option<(Vec<u8>, usize)> {
    let end = skip(text, first).ok()?;
    let mut second = past_blanks(text, end);
    if list {
        text.as_bytes().get(second).filter(|byte| **byte == b',')?;
        second = past_blanks(text, second + 1);
    }
    text.as_bytes().get(second).filter(|byte| **byte == b'{')?;
    let name = past_blanks(text, second + 1);
    let name_end = skip(text, name).ok()?;
    Some((text.as_bytes()[end - 1..name_end].to_vec(), second - (end - 1)))
}
