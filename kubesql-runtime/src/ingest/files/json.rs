//! JSON text that is in memory as a whole: documents one after another, each an object, a list of
//! objects in any of its shapes, or something else.

use super::take::{Claim, Identity, Taker, skip};
use super::trouble::Spot;
use crate::flatten::{Malformed, Parser};

/// After how many documents that cannot be read the rest is given up.
const GIVE_UP: u32 = 100;

/// Takes all documents of the text from this byte on. Where one cannot be read, the next line that
/// begins a document is gone on with.
pub(super) fn documents(text: &str, from: usize, taker: &mut Taker<'_>, spot: &mut Spot) {
    let mut at = from;
    let mut broken = 0;
    loop {
        at = past_blanks(text, at);
        if at >= text.len() {
            return;
        }
        spot.document += 1;
        spot.item = 0;
        match document(text, at, taker, spot) {
            Ok(end) => at = end,
            Err(malformed) => {
                taker.broken(spot, &sentence(text, malformed));
                broken += 1;
                let Some(next) = next_line(text, at) else { return };
                if broken == GIVE_UP {
                    taker.broken(spot, "too many documents that cannot be read: all that follow were left out");
                    return;
                }
                at = next;
            }
        }
    }
}

/// The sentence about text that cannot be read.
fn sentence(text: &str, malformed: Malformed) -> String {
    let Malformed { at, what } = malformed;
    let line = memchr::memchr_iter(b'\n', &text.as_bytes()[..at.min(text.len())]).count() + 1;
    broken_at(at, line, what, at + 1 >= text.trim_end().len())
}

/// The sentence about a place that cannot be read.
pub(super) fn broken_at(at: impl std::fmt::Display, line: usize, what: &str, at_end: bool) -> String {
    let cut = if at_end || what.ends_with("without an end") { "; the file seems to be cut off" } else { "" };
    format!("malformed JSON at byte {at}, line {line}: {what}{cut}; what came before was read")
}

/// The next line that begins as a document does: with a bracket, without a blank before it.
fn next_line(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'\n', bytes.get(from..)?)
        .map(|at| from + at + 1)
        .find(|at| matches!(bytes.get(*at), Some(b'{' | b'[')))
}

pub(super) fn past_blanks(text: &str, from: usize) -> usize {
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count()
}

/// Takes the document at this byte, and returns where it ends.
pub(super) fn document(text: &str, from: usize, taker: &mut Taker<'_>, spot: &mut Spot) -> Result<usize, Malformed> {
    match text.as_bytes().get(from) {
        Some(b'{') => {}
        Some(b'[') => {
            let end = list(text, from, &Claim::nothing(), taker, spot)?;
            taker.read();
            return Ok(end);
        }
        first => {
            let end = skip(text, from)?;
            if first != Some(&b'n') {
                taker.broken(spot, "holds no Kubernetes object but a single value, left out");
            }
            return Ok(end);
        }
    }
    object(text, from, Envelope::read(text, from), taker, spot)
}

/// Takes the document at this byte, which is an object and was looked at before.
pub(super) fn object(
    text: &str,
    from: usize,
    envelope: Envelope,
    taker: &mut Taker<'_>,
    spot: &mut Spot,
) -> Result<usize, Malformed> {
    if let Some(rows) = envelope.rows
        && envelope.kind == "Table"
        && envelope.error.is_none()
    {
        taker.read();
        table(text, rows, taker, spot)?;
        return envelope.end();
    }
    if envelope.is_list() {
        if let Some(items) = envelope.items {
            let claim = Claim::of_list(taker.kinds(), &envelope.api_version, &envelope.kind);
            list(text, items, &claim, taker, spot)?;
        }
        spot.item = 0;
        let end = envelope.end()?;
        taker.read();
        return Ok(end);
    }
    let end = envelope.end()?;
    if envelope.event {
        taker.read();
        taker.tell(spot, "an event of a watch, left out: it tells of a change, not of what there is");
        return Ok(end);
    }
    let Envelope { api_version, kind, told, .. } = envelope;
    let identity = Identity { api_version, kind, told, end: Some(end) };
    taker.identified(text, from, Some(identity), &Claim::nothing(), spot)
}

/// Takes the items of the list at this byte.
fn list(text: &str, from: usize, claim: &Claim, taker: &mut Taker<'_>, spot: &mut Spot) -> Result<usize, Malformed> {
    let mut at = from + 1;
    while let Step::Item(item) = step(text, at, spot.item == 0)? {
        spot.item += 1;
        at = taker.item(text, item, claim, spot)?;
    }
    Ok(past_blanks(text, at) + 1)
}

/// What comes next in a list.
pub(super) enum Step {
    /// An item, at this byte.
    Item(usize),
    /// The closing bracket.
    Close,
}

/// What comes in a list at this byte: its first item, or what follows one.
pub(super) fn step(text: &str, from: usize, first: bool) -> Result<Step, Malformed> {
    let at = past_blanks(text, from);
    match text.as_bytes().get(at) {
        Some(b']') => Ok(Step::Close),
        Some(b',') if !first => Ok(Step::Item(past_blanks(text, at + 1))),
        Some(_) if first => Ok(Step::Item(at)),
        Some(_) => Err(Malformed { at, what: &"expected a comma or the end of the list" }),
        None => Err(Malformed { at, what: &"a list without an end" }),
    }
}

/// Takes what objects there are in a printed table.
fn table(text: &str, from: usize, taker: &mut Taker<'_>, spot: &mut Spot) -> Result<(), Malformed> {
    let mut printed = 0;
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
        spot.item += 1;
        let kind = object.map(|at| Envelope::read(text, at).kind).unwrap_or_default();
        match object {
            Some(at) if !kind.is_empty() && kind != "PartialObjectMetadata" => {
                taker.item(text, at, &Claim::nothing(), spot)?;
            }
            _ => printed += 1,
        }
    }
    spot.item = 0;
    if printed > 0 {
        let sentence = "rows of a table printed for people, left out since they do not hold the objects; \
            ask for those by `-o json` or `-o yaml`";
        taker.tell_times(spot, sentence, printed);
    }
    Ok(())
}

/// The fields of a document that tell what shape it has.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    pub(super) api_version: String,
    pub(super) kind: String,
    /// Where the list of items begins.
    pub(super) items: Option<usize>,
    /// `items` is there, but `null`.
    no_items: bool,
    /// Where the list of a table's rows begins.
    rows: Option<usize>,
    /// It has a `type` and an `object`, and is none itself.
    event: bool,
    /// Where both `apiVersion` and `kind` had been read.
    told: Option<usize>,
    end: usize,
    /// What is wrong with it, fields before that having been read.
    error: Option<Malformed>,
}

impl Envelope {
    /// Looks at the object at this byte.
    pub(super) fn read(text: &str, from: usize) -> Self {
        let mut envelope = Self::default();
        if let Err(error) = envelope.fields(text, from) {
            envelope.error = Some(error);
        }
        envelope
    }

    fn fields(&mut self, text: &str, from: usize) -> Result<(), Malformed> {
        let mut parser = Parser::at(text, from);
        let (mut kind_of_change, mut object) = (false, false);
        let Some(mut fields) = parser.object()? else {
            return Err(Malformed { at: from, what: &"expected an object" });
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
                    self.no_items |= items && byte == b'n';
                    kind_of_change |= is_type && byte == b'"';
                    object |= is_object && byte == b'{';
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
            if self.told.is_none() && !self.api_version.is_empty() && !self.kind.is_empty() {
                self.told = Some(parser.position());
            }
        }
        self.event = kind_of_change && object && self.kind.is_empty();
        self.end = parser.position();
        Ok(())
    }

    /// Whether it is a list of objects, by what was seen of it.
    pub(super) fn is_list(&self) -> bool {
        (self.items.is_some() || self.no_items) && (self.kind.is_empty() || self.kind.ends_with("List"))
    }

    /// Whether it was read to its end.
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
