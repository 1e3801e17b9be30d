//! Large JSON files, a window at a time and in several parts at once: one list, or documents one after
//! another.
//!
//! A part begins where something that looks like the beginning of an element is found. Whether it is
//! one is known when the part before it has been read: that ends with the first element that is not
//! its own, which must be the very place. If it is not, the part is read again from the right one. So
//! a wrong guess costs time, and never a row.

use super::json::{self, past_blanks};
use super::paths::Input;
use super::slot::Output;
use super::take::{Claim, Taker, Task, skip};
use super::trouble::Spot;
use super::window::Window;
use crate::flatten::Parser;
use crate::store::SourceError;

/// How far from the end of a window, in windows, an object is first looked at to its end before it is
/// taken.
const MARGIN: usize = 16;

/// How large the pieces are that files are read in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Smaller files are read into memory as a whole.
    pub(super) large: u64,
    /// Bytes of a part: large enough that what repeats is stored once, small enough to keep all cores
    /// busy.
    pub(super) part: u64,
    /// Bytes of a window, unless an object is larger: what fits into the processor's cache.
    pub(super) window: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { large: 8 << 20, part: 64 << 20, window: 1 << 20 }
    }
}

/// How a large file can be read in parts.
pub(super) struct Plan {
    /// Whether the elements are items of a list, or documents.
    list: bool,
    /// What stands before the first item, as far as it matters: `[` or `{"items":[`.
    opening: &'static str,
    claim: Claim,
    /// The list may tell the kind of its items only after them.
    late: bool,
    /// Where the first element begins.
    first: u64,
    /// What stands at the beginning of an element, and how far in it the element begins.
    mark: Vec<u8>,
    ahead: usize,
    /// Bytes of a part.
    part: u64,
    /// How many parts there are.
    pub(super) parts: u64,
}

/// A part that was read.
pub(super) struct Part {
    /// Where its first element begins.
    start: u64,
    elements: u64,
    end: End,
    output: Output,
}

/// Where a part ends.
enum End {
    /// With this element, which is the next part's.
    Next(u64),
    /// With the list, whose closing bracket is here.
    Closed(u64),
    /// With the file.
    File,
    /// It cannot be read like this: the file must be read as a whole.
    Cannot,
}

impl Plan {
    /// How to read this file in parts, if that can be done.
    pub(super) fn new(task: &Task<'_>, input: &Input, workers: u64) -> Result<Option<Self>, SourceError> {
        if input.size() < task.sizes.large || input.yaml {
            return Ok(None);
        }
        let window = Window::open(input, 0, task.sizes.window)?;
        let Some(text) = window.text() else { return Ok(None) };
        let at = past_blanks(text, text.len() - text.trim_start_matches('\u{feff}').len());
        let Some(mut plan) = Self::shape(task, text, at) else { return Ok(None) };
        plan.part = (input.size() / (2 * workers)).clamp(task.sizes.part / 8, task.sizes.part);
        if !plan.mark.is_empty() {
            plan.parts = input.size().div_ceil(plan.part);
        }
        Ok(Some(plan))
    }

    /// What the file is, by its first window.
    fn shape(task: &Task<'_>, text: &str, at: usize) -> Option<Self> {
        let first = text.as_bytes().get(at)?;
        let (list, opening, claim, late, first) = match (first, skip(text, at)) {
            (b'{', Ok(end)) => {
                text.as_bytes().get(past_blanks(text, end)).filter(|byte| **byte == b'{')?;
                (false, "", Claim::nothing(), false, at)
            }
            (b'{', Err(_)) => {
                let head = Head::read(text, at)?;
                let claim = Claim::of_list(task.kinds, &head.api_version, &head.kind);
                let late = head.kind.is_empty() || head.api_version.is_empty();
                (true, "{\"items\":[", claim, late, past_blanks(text, head.items + 1))
            }
            (b'[', _) => (true, "[", Claim::nothing(), false, past_blanks(text, at + 1)),
            _ => return None,
        };
        text.as_bytes().get(first).filter(|byte| **byte == b'{')?;
        let (mark, ahead) = mark(text, first, list).unwrap_or_default();
        let first = u64::try_from(first).ok()?;
        Some(Self { list, opening, claim, late, first, mark, ahead, part: task.sizes.part, parts: 1 })
    }

    /// Where a part ends, unless in the middle of an element.
    fn until(&self, number: u64) -> u64 {
        if number + 1 >= self.parts { u64::MAX } else { self.first + (number + 1) * self.part }
    }

    /// Reads the part of this number, if there is something like the beginning of an element in it.
    pub(super) fn read(&self, task: &Task<'_>, input: &Input, number: u64) -> Result<Option<Part>, SourceError> {
        match self.guess(task, input, number)? {
            Some(start) => self.read_from(task, input, start, self.until(number)).map(Some),
            None => Ok(None),
        }
    }

    fn guess(&self, task: &Task<'_>, input: &Input, number: u64) -> Result<Option<u64>, SourceError> {
        if number == 0 {
            return Ok(Some(self.first));
        }
        let ahead = u64::try_from(self.ahead).unwrap_or_default();
        let mut window = Window::open(input, self.first + number * self.part - ahead, task.sizes.window)?;
        while window.start < self.until(number) {
            if let Some(at) = memchr::memmem::find(window.bytes(), &self.mark) {
                return Ok(Some(window.start + u64::try_from(at).unwrap_or_default() + ahead));
            }
            if window.ended {
                break;
            }
            window.slide(window.bytes().len() + 1 - self.mark.len())?;
        }
        Ok(None)
    }

    /// Takes the elements that begin at `start` or later, and before `until`.
    fn read_from(&self, task: &Task<'_>, input: &Input, start: u64, until: u64) -> Result<Part, SourceError> {
        let mut taker = Taker::trusting(task, Some(&self.claim));
        let mut spot = Spot { file: input.name.clone(), document: u64::from(self.list), item: 0 };
        let mut window = Window::open(input, start, task.sizes.window)?;
        let mut elements = 0;
        let end = loop {
            let Some(text) = window.text() else { break End::Cannot };
            let (end, at) = self.elements(text, &window, until, &mut taker, &mut spot, &mut elements);
            match end {
                Some(end) => break end,
                None if window.ended => break End::Cannot,
                None => window.slide(at)?,
            }
        };
        let output = taker.finish();
        let end = if output.mistaken { End::Cannot } else { end };
        Ok(Part { start, elements, end, output })
    }

    /// Takes what elements there are in the window. Tells how the part ends, if it does, and what of
    /// the window is done with.
    fn elements(
        &self,
        text: &str,
        window: &Window<'_>,
        until: u64,
        taker: &mut Taker<'_>,
        spot: &mut Spot,
        elements: &mut u64,
    ) -> (Option<End>, usize) {
        let place = |at: usize| window.start + u64::try_from(at).unwrap_or_default();
        let mut at = 0;
        let mut longest = window.size / MARGIN;
        loop {
            // A window begins with the part's first element, and later with what follows the last one.
            let next = if *elements > 0 {
                match self.follow(text, at, window.ended) {
                    Follow::Element(next) => next,
                    Follow::Close(bracket) => return (Some(End::Closed(place(bracket))), at),
                    Follow::End => return (Some(End::File), at),
                    Follow::Unknown => return (None, at),
                    Follow::Wrong => return (Some(End::Cannot), at),
                }
            } else {
                at
            };
            if place(next) >= until {
                return (Some(End::Next(place(next))), next);
            }
            let near = !window.ended && text.len() - next < longest;
            // A document that is not known to be a single object may not be taken by halves.
            let single = self.list || taker.knows(text, next);
            let envelope =
                (!single && text.as_bytes().get(next) == Some(&b'{')).then(|| json::Envelope::read(text, next));
            let whole = match &envelope {
                Some(envelope) => envelope.is_whole(),
                None => (single && !near) || skip(text, next).is_ok(),
            };
            if !whole {
                return (None, at);
            }
            let number = *elements + 1;
            (spot.document, spot.item) = if self.list { (1, number) } else { (number, 0) };
            let taken = match envelope {
                Some(envelope) => json::object(text, next, envelope, taker, spot),
                None if single => taker.item(text, next, &self.claim, spot),
                None => json::document(text, next, taker, spot),
            };
            // Not all of it is in the window.
            let Ok(end) = taken else { return (None, at) };
            longest = longest.max((end - next).saturating_mul(4));
            *elements = number;
            at = end;
            if taker.is_lost() && self.late {
                return (Some(End::Cannot), at);
            }
        }
    }

    /// What follows an element.
    fn follow(&self, text: &str, at: usize, ended: bool) -> Follow {
        let next = past_blanks(text, at);
        match text.as_bytes().get(next) {
            None if ended && !self.list => Follow::End,
            None => Follow::Unknown,
            Some(b']') if self.list => Follow::Close(next),
            Some(b',') if self.list => {
                let next = past_blanks(text, next + 1);
                if next < text.len() { Follow::Element(next) } else { Follow::Unknown }
            }
            Some(_) if self.list => Follow::Wrong,
            Some(_) => Follow::Element(next),
        }
    }
}

enum Follow {
    Element(usize),
    Close(usize),
    End,
    /// The window ends too early.
    Unknown,
    /// Something that may not stand there.
    Wrong,
}

impl Plan {
    /// Puts the parts together: all that there is in the file, or none if it must be read as a whole.
    pub(super) fn join(
        &self,
        task: &Task<'_>,
        input: &Input,
        parts: Vec<Option<Part>>,
    ) -> Result<Option<Output>, SourceError> {
        let mut all = Output::default();
        let (mut next, mut elements) = (self.first, 0);
        for (part, number) in parts.into_iter().zip(0..) {
            let until = self.until(number);
            if next >= until {
                continue;
            }
            let part = match part {
                Some(part) if part.start == next => part,
                _ => self.read_from(task, input, next, until)?,
            };
            let (documents, items) = if self.list { (0, elements) } else { (elements, 0) };
            all.append(part.output, documents, items);
            elements += part.elements;
            match part.end {
                End::Next(at) => next = at,
                End::File => return Ok(Some(all)),
                End::Cannot => return Ok(None),
                End::Closed(bracket) => {
                    let Some(rest) = self.rest(task, input, bracket)? else { return Ok(None) };
                    all.read += 1;
                    all.append(rest, 0, 0);
                    return Ok(Some(all));
                }
            }
        }
        Ok(None)
    }

    /// Reads what comes after the items of the list, whose closing bracket is here.
    fn rest(&self, task: &Task<'_>, input: &Input, bracket: u64) -> Result<Option<Output>, SourceError> {
        let bytes = input.read(bracket)?;
        let Ok(rest) = std::str::from_utf8(&bytes) else { return Ok(None) };
        let text = format!("{}{rest}", self.opening);
        let Ok(end) = skip(&text, 0) else { return Ok(None) };
        if text.starts_with('{') && !json::Envelope::read(&text, 0).is_list() {
            return Ok(None);
        }
        let mut taker = Taker::new(task);
        let mut spot = Spot { file: input.name.clone(), document: 1, item: 0 };
        json::documents(&text, end, &mut taker, &mut spot);
        let output = taker.finish();
        // Places in the text are not places in the file: what cannot be read must be told right.
        Ok(output.broken.is_none().then_some(output))
    }
}

/// What a list says of itself before its items.
#[derive(Default)]
struct Head {
    api_version: String,
    kind: String,
    /// Where the bracket of the list of items is.
    items: usize,
}

impl Head {
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

/// What stands where an element follows another: from the end of the first to the name of the second's
/// first field; and how far in it the second begins.
fn mark(text: &str, first: usize, list: bool) -> Option<(Vec<u8>, usize)> {
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
