//! Objects of the requested kinds become rows of segments; all others are counted or told.

use std::sync::Arc;

use super::guess::Shapes;
use super::kinds::{Found, Kinds};
use super::slot::{Output, Slot};
use super::stream::Sizes;
use super::trouble::{Spot, Trouble};
use crate::flatten::{Malformed, Parser};
use crate::ingest::secrets;
use crate::schema::KindDef;
use crate::store::Request;

/// What all workers know.
#[derive(Debug)]
pub(super) struct Task<'a> {
    pub(super) kinds: &'a Kinds,
    pub(super) request: &'a Request,
    pub(super) show_secrets: bool,
    pub(super) cluster: &'a Arc<str>,
    pub(super) sizes: Sizes,
}

/// What a typed list says that its items are.
pub(super) struct Claim(Found);

impl Claim {
    /// Nothing.
    pub(super) fn nothing() -> Self {
        Self(Found::Silent)
    }

    /// What follows from a list's own `apiVersion` and `kind`.
    pub(super) fn of_list(kinds: &Kinds, api_version: &str, kind: &str) -> Self {
        match kind.strip_suffix("List") {
            Some(item) if !item.is_empty() => Self(kinds.find(api_version, item)),
            _ => Self::nothing(),
        }
    }
}

/// Takes objects one after another.
pub(super) struct Taker<'a> {
    task: &'a Task<'a>,
    /// By kind number: which slot, where it is requested.
    wanted: Vec<Option<usize>>,
    slots: Vec<Slot<'a>>,
    /// The kind that all objects are taken for.
    trusted: Option<usize>,
    /// How the last object that told its kind began, and what it was.
    last: Option<(Vec<u8>, Found)>,
    redacted: String,
    shapes: Shapes,
    /// Whether there was an object whose kind neither it nor its list told.
    lost: bool,
    output: Output,
}

impl<'a> Taker<'a> {
    pub(super) fn new(task: &'a Task<'a>) -> Self {
        Self::trusting(task, None)
    }

    /// One that takes all objects for what their list says they are, where it says so, and looks
    /// whether they are when it makes segments of them ([`Output::mistaken`]).
    pub(super) fn trusting(task: &'a Task<'a>, list: Option<&Claim>) -> Self {
        let claimed = match list {
            Some(Claim(Found::Kind(number))) => Some(*number),
            _ => None,
        };
        let mut slots = Vec::new();
        let mut wanted = vec![None; task.kinds.defs().len()];
        for request in &task.request.kinds {
            if let Some(number) = task.kinds.defs().iter().position(|kind| same(kind, request.kind)) {
                wanted[number] = Some(slots.len());
                slots.push(Slot::new(task, request, claimed == Some(number)));
            }
        }
        Self {
            trusted: claimed.filter(|number| wanted[*number].is_some()),
            task,
            wanted,
            slots,
            last: None,
            redacted: String::new(),
            shapes: Shapes::default(),
            lost: false,
            output: Output::default(),
        }
    }

    /// The kinds that there are.
    pub(super) fn kinds(&self) -> &'a Kinds {
        self.task.kinds
    }

    /// Takes the value at this byte, an object or not, and returns where it ends. A malformed one
    /// whose end can be seen is told and left out; an error means that the end cannot be seen.
    pub(super) fn item(&mut self, text: &str, from: usize, claim: &Claim, spot: &Spot) -> Result<usize, Malformed> {
        self.identified(text, from, None, claim, spot)
    }

    /// The same of an object that was looked at before.
    pub(super) fn identified(
        &mut self,
        text: &str,
        from: usize,
        identity: Option<Identity>,
        claim: &Claim,
        spot: &Spot,
    ) -> Result<usize, Malformed> {
        if text.as_bytes().get(from) != Some(&b'{') {
            let end = skip(text, from)?;
            self.tell(spot, "a value that is no object, left out");
            return Ok(end);
        }
        match self.object(text, from, identity, claim, spot) {
            Ok(end) => {
                self.output.read += 1;
                Ok(end)
            }
            Err(malformed) => {
                let end = skip(text, from)?;
                let Malformed { at, what } = malformed;
                self.broken(spot, &format!("malformed JSON ({what}, at byte {} of the object), left out", at - from));
                Ok(end)
            }
        }
    }

    fn object(
        &mut self,
        text: &str,
        from: usize,
        identity: Option<Identity>,
        claim: &Claim,
        spot: &Spot,
    ) -> Result<usize, Malformed> {
        if let Some(number) = self.trusted {
            return self.found(&Found::Kind(number), text, from, None, spot);
        }
        if let Some((start, found)) = self.last.take() {
            let same = text.as_bytes()[from..].starts_with(&start);
            let end = if same { Some(self.found(&found, text, from, None, spot)) } else { None };
            self.last = Some((start, found));
            if let Some(end) = end {
                return end;
            }
        }
        let identity = identity.map_or_else(|| Identity::read(text, from), Ok)?;
        let found = self.task.kinds.find(&identity.api_version, &identity.kind);
        match (&found, &claim.0) {
            (Found::Silent, Found::Silent) => {
                self.lost = true;
                let found = match self.shapes.guess(self.task.kinds.defs(), text, from)? {
                    Some(number) => Found::Kind(number),
                    None => Found::Left(Trouble::Other(
                        "does not say its kind, and its fields do not fit exactly one; left out".to_owned(),
                    )),
                };
                self.found(&found, text, from, identity.end, spot)
            }
            (Found::Silent, claimed) => self.found(claimed, text, from, identity.end, spot),
            (found_here, _) => {
                let end = self.found(found_here, text, from, identity.end, spot);
                let told = identity.told.filter(|_| identity.is_single());
                self.last = told.map(|told| (text.as_bytes()[from..told].to_vec(), found));
                end
            }
        }
    }

    /// Takes the object that is of this kind, and returns where it ends.
    fn found(
        &mut self,
        found: &Found,
        text: &str,
        from: usize,
        end: Option<usize>,
        spot: &Spot,
    ) -> Result<usize, Malformed> {
        let number = match found {
            Found::Kind(number) => *number,
            Found::Left(trouble) => {
                let end = end.map_or_else(|| skip(text, from), Ok)?;
                self.output.troubles.add(trouble.clone(), spot, String::new(), String::new(), 1);
                return Ok(end);
            }
            Found::Silent => return end.map_or_else(|| skip(text, from), Ok),
        };
        let Some(slot) = self.wanted[number] else {
            return end.map_or_else(|| skip(text, from), Ok);
        };
        let slot = &mut self.slots[slot];
        let kind = slot.request.kind;
        slot.mark(spot);
        let end = if !self.task.show_secrets && kind.kind == "Secret" && kind.group.is_empty() {
            self.redacted.clear();
            match secrets::redact(text, from, &mut self.redacted) {
                Ok(end) => {
                    slot.push(&self.redacted, 0)?;
                    end
                }
                Err(malformed) => {
                    // A row for every mark.
                    let _ = slot.push("", 0);
                    return Err(malformed);
                }
            }
        } else {
            slot.push(text, from)?
        };
        if slot.is_full() {
            self.output.close(slot, self.task);
        }
        Ok(end)
    }

    /// Whether the object at this byte begins as the last one that told its kind, and so is of it.
    pub(super) fn knows(&self, text: &str, from: usize) -> bool {
        self.last.as_ref().is_some_and(|(start, _)| text.as_bytes()[from..].starts_with(start))
    }

    /// Whether there was an object whose kind neither it nor its list told.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Counts a document that was read but gave no object, such as an empty list.
    pub(super) fn read(&mut self) {
        self.output.read += 1;
    }

    /// Tells of something that was left out.
    pub(super) fn tell(&mut self, spot: &Spot, sentence: &str) {
        self.output.troubles.tell(spot, sentence);
    }

    /// Tells of trouble that was seen several times.
    pub(super) fn tell_times(&mut self, spot: &Spot, sentence: &str, count: u64) {
        let trouble = Trouble::Other(sentence.to_owned());
        self.output.troubles.add(trouble, spot, String::new(), String::new(), count);
    }

    /// Tells of something that could not be read.
    pub(super) fn broken(&mut self, spot: &Spot, sentence: &str) {
        self.output.broken.get_or_insert_with(|| sentence.to_owned());
        self.tell(spot, sentence);
    }

    /// What came of it.
    pub(super) fn finish(mut self) -> Output {
        for slot in &mut self.slots {
            self.output.close(slot, self.task);
        }
        self.output
    }
}

/// What an object says of itself at its beginning.
pub(super) struct Identity {
    pub(super) api_version: String,
    pub(super) kind: String,
    /// Where both had been read.
    pub(super) told: Option<usize>,
    /// Where the object ends, if it was looked at to there.
    pub(super) end: Option<usize>,
}

impl Identity {
    /// Whether it can only be an object, and no list or table of some.
    fn is_single(&self) -> bool {
        !self.kind.ends_with("List") && self.kind != "Table"
    }

    /// Reads until both are known, or to the end.
    fn read(text: &str, from: usize) -> Result<Self, Malformed> {
        let mut identity = Self { api_version: String::new(), kind: String::new(), told: None, end: None };
        let mut parser = Parser::at(text, from);
        let Some(mut fields) = parser.object()? else {
            return Err(Malformed { at: from, what: &"expected an object" });
        };
        while let Some(key) = parser.key(&mut fields)? {
            let field = match key {
                "apiVersion" => &mut identity.api_version,
                "kind" => &mut identity.kind,
                _ => {
                    parser.skip()?;
                    continue;
                }
            };
            if field.is_empty() {
                field.push_str(parser.text()?.unwrap_or_default());
            } else {
                parser.skip()?;
            }
            if !identity.api_version.is_empty() && !identity.kind.is_empty() {
                identity.told = Some(parser.position());
                return Ok(identity);
            }
        }
        identity.end = Some(parser.position());
        Ok(identity)
    }
}

/// Whether two definitions are of the same kind.
fn same(one: &KindDef, other: &KindDef) -> bool {
    (one.group, one.kind) == (other.group, other.kind)
}

/// Where the value at this byte ends.
pub(super) fn skip(text: &str, from: usize) -> Result<usize, Malformed> {
    let mut parser = Parser::at(text, from);
    parser.skip()?;
    Ok(parser.position())
}
