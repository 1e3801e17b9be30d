//! Collects objects of the requested kinds into segments. Other objects are skipped, with a warning where needed.

use super::context::ReadContext;
use super::envelope::{Envelope, ListToken, next_item};
use super::inferred_kinds::InferredKinds;
use super::kind_guess::KindGuesser;
use super::kinds::{KindMatch, Kinds};
use super::lines::Lines;
use super::repeated_keys::{self, RepeatedKeys};
use super::scan::skip;
use super::segment_builder::{Output, SegmentBuilder};
use crate::flatten::{Malformed, Parser, SyntaxError};
use crate::ingest::diagnostics::{Location, Problem};
use crate::ingest::secrets;
use crate::schema::KindDef;

/// Lists inside lists below this depth are malformed.
const MAX_NESTING: usize = 16;

/// The kind of a list's items, as declared by the list.
pub(super) struct ListKind(KindMatch);

impl ListKind {
    /// No declared kind.
    pub(super) fn unspecified() -> Self {
        Self(KindMatch::Unspecified)
    }

    /// The kind of the items of a list with this `apiVersion` and `kind`.
    pub(super) fn from_list(kinds: &Kinds, api_version: &str, kind: &str) -> Self {
        match kind.strip_suffix("List") {
            Some(item) if !item.is_empty() => Self(kinds.find(api_version, item)),
            _ => Self::unspecified(),
        }
    }
}

/// Collects objects one after another.
pub(super) struct Collector<'a> {
    context: &'a ReadContext<'a>,
    /// By kind number: the index of the builder, if the kind is requested.
    requested: Vec<Option<usize>>,
    builders: Vec<SegmentBuilder<'a>>,
    /// The kind of all objects, if it is taken from their list.
    trusted: Option<usize>,
    /// The first bytes of the last object with a kind, and that kind. Objects that begin alike have the same kind.
    last_prefix: Option<(Vec<u8>, KindMatch)>,
    redacted: String,
    repeated_keys: RepeatedKeys,
    /// The line of an object that was rewritten, of which the objects in it have no lines.
    rewritten_line: Option<u64>,
    /// The number of lists around the object that is being read.
    nesting: usize,
    /// The lines of the text that is being read.
    pub(super) lines: Lines,
    guesser: KindGuesser,
    /// Whether the kind of an object was specified neither by it nor by its list.
    has_unspecified: bool,
    output: Output,
}

impl<'a> Collector<'a> {
    pub(super) fn new(context: &'a ReadContext<'a>) -> Self {
        Self::with_list_kind(context, None)
    }

    /// A collector that takes the kind of all objects from their list, if it declares one. The kinds are checked when
    /// segments are finished ([`Output::wrong_kind`]).
    pub(super) fn with_list_kind(context: &'a ReadContext<'a>, list: Option<&ListKind>) -> Self {
        let declared = match list {
            Some(ListKind(KindMatch::Kind(number))) => Some(*number),
            _ => None,
        };
        let mut builders = Vec::new();
        let mut requested = vec![None; context.kinds.defs().len()];
        for request in &context.request.kinds {
            if let Some(number) = context.kinds.defs().iter().position(|kind| is_same_kind(kind, request.kind)) {
                requested[number] = Some(builders.len());
                builders.push(SegmentBuilder::new(context, request, declared == Some(number)));
            }
        }
        Self {
            trusted: declared.filter(|number| requested[*number].is_some()),
            context,
            requested,
            builders,
            last_prefix: None,
            redacted: String::new(),
            repeated_keys: RepeatedKeys::default(),
            rewritten_line: None,
            nesting: 0,
            lines: Lines::default(),
            guesser: KindGuesser::default(),
            has_unspecified: false,
            output: Output { inferred: context.infer.then(InferredKinds::default), ..Output::default() },
        }
    }

    /// All kinds.
    pub(super) fn kinds(&self) -> &'a Kinds {
        self.context.kinds
    }

    /// Collects the value at byte `from`, and returns its end. A malformed object with balanced brackets is skipped with a
    /// warning.
    ///
    /// # Errors
    /// The end of the value cannot be found.
    pub(super) fn add(
        &mut self,
        text: &str,
        from: usize,
        list_kind: &ListKind,
        location: &Location,
    ) -> Result<usize, Malformed> {
        self.add_identified(text, from, None, list_kind, location)
    }

    /// Like [`Self::add`], for an object whose header was read already.
    pub(super) fn add_identified(
        &mut self,
        text: &str,
        from: usize,
        identity: Option<Identity>,
        list_kind: &ListKind,
        location: &Location,
    ) -> Result<usize, Malformed> {
        if text.as_bytes().get(from) != Some(&b'{') {
            let end = skip(text, from)?;
            self.warn(location, "skipped a value that is not an object");
            return Ok(end);
        }
        let line = self.rewritten_line.unwrap_or_else(|| self.lines.line(text, from, location.item));
        let added = if self.repeated_keys.may_be_in(text, from) {
            self.add_rewritten(text, from, list_kind, location, line)
        } else {
            self.add_object(text, from, identity, list_kind, location, line)
        };
        match added {
            Ok(end) => {
                self.output.parsed += 1;
                Ok(end)
            }
            Err(malformed) => {
                let end = skip(text, from)?;
                let Malformed { at, error } = malformed;
                let message = format!("skipped a malformed object: {error} at byte {}", at - from);
                self.warn_malformed(location, &message);
                Ok(end)
            }
        }
    }

    /// Adds an object with repeated keys.
    fn add_rewritten(
        &mut self,
        text: &str,
        from: usize,
        list_kind: &ListKind,
        location: &Location,
        line: u64,
    ) -> Result<usize, Malformed> {
        let end = skip(text, from)?;
        let rewritten = repeated_keys::without_repeated(text, from)?;
        self.rewritten_line = Some(line);
        let added = self.add_object(&rewritten, 0, None, list_kind, location, line);
        self.rewritten_line = None;
        added.map_err(|malformed| Malformed { at: from, ..malformed })?;
        Ok(end)
    }

    fn add_object(
        &mut self,
        text: &str,
        from: usize,
        identity: Option<Identity>,
        list_kind: &ListKind,
        location: &Location,
        line: u64,
    ) -> Result<usize, Malformed> {
        if let Some(number) = self.trusted {
            return self.add_row(&KindMatch::Kind(number), text, from, None, location, line);
        }
        if let Some((start, found)) = self.last_prefix.take() {
            let begins_alike = text.as_bytes()[from..].starts_with(&start);
            let end = if begins_alike { Some(self.add_row(&found, text, from, None, location, line)) } else { None };
            self.last_prefix = Some((start, found));
            if let Some(end) = end {
                return end;
            }
        }
        let identity = identity.map_or_else(|| Identity::read(text, from), Ok)?;
        if identity.may_be_list() {
            let envelope = Envelope::read(text, from);
            if envelope.is_list() {
                return self.add_list(text, &envelope, location);
            }
        }
        let found = self.context.kinds.find(&identity.api_version, &identity.kind);
        match (&found, &list_kind.0) {
            (KindMatch::Unspecified, KindMatch::Unspecified) => {
                self.has_unspecified = true;
                let found = match self.guesser.guess(self.context.kinds.defs(), text, from)? {
                    Some(number) => KindMatch::Kind(number),
                    None => KindMatch::Unsupported(Problem::Other(
                        "skipped an object: it has no kind, and its fields match no kind or several".to_owned(),
                    )),
                };
                self.add_row(&found, text, from, identity.end, location, line)
            }
            (KindMatch::Unspecified, declared) => self.add_row(declared, text, from, identity.end, location, line),
            (own, _) => {
                let end = self.add_row(own, text, from, identity.end, location, line);
                let prefix_end = identity.prefix_end.filter(|_| identity.is_single());
                self.last_prefix = prefix_end.map(|end| (text.as_bytes()[from..end].to_vec(), found));
                end
            }
        }
    }

    /// Adds the objects of a list that is an item of a list, and returns its end.
    fn add_list(&mut self, text: &str, envelope: &Envelope, location: &Location) -> Result<usize, Malformed> {
        // Nothing is added unless the list is complete: an incomplete one may be read again.
        let end = envelope.end()?;
        let Some(items) = envelope.objects() else { return Ok(end) };
        if self.nesting == MAX_NESTING {
            return Err(Malformed { at: items, error: SyntaxError::TooDeep });
        }
        let list_kind = ListKind::from_list(self.context.kinds, &envelope.api_version, &envelope.kind);
        self.nesting += 1;
        let (mut at, mut first) = (items + 1, true);
        loop {
            let added = match next_item(text, at, first) {
                Ok(ListToken::Close) => break,
                Ok(ListToken::Item(item)) => self.add(text, item, &list_kind, location),
                Err(malformed) => Err(malformed),
            };
            match added {
                Ok(end) => at = end,
                Err(malformed) => {
                    self.warn_malformed(location, &format!("skipped the rest of a list: {}", malformed.error));
                    break;
                }
            }
            first = false;
        }
        self.nesting -= 1;
        Ok(end)
    }

    /// Adds an object of a kind, and returns its end.
    fn add_row(
        &mut self,
        found: &KindMatch,
        text: &str,
        from: usize,
        end: Option<usize>,
        location: &Location,
        line: u64,
    ) -> Result<usize, Malformed> {
        let number = match found {
            KindMatch::Kind(number) => *number,
            KindMatch::Unsupported(problem) => {
                let end = end.map_or_else(|| skip(text, from), Ok)?;
                if let Problem::NoTable(..) = problem
                    && let Some(kinds) = &mut self.output.inferred
                    && kinds.add(&text[from..end])
                {
                    return Ok(end);
                }
                self.output.diagnostics.add_problem(problem.clone(), location, String::new(), String::new(), 1);
                return Ok(end);
            }
            KindMatch::Unspecified => return end.map_or_else(|| skip(text, from), Ok),
        };
        let Some(builder) = self.requested[number] else {
            *self.output.others.entry(number).or_default() += 1;
            return end.map_or_else(|| skip(text, from), Ok);
        };
        let builder = &mut self.builders[builder];
        let kind = builder.request.kind;
        builder.set_location(location, line);
        let end = if !self.context.show_secrets && secrets::is_secret(kind) {
            self.redacted.clear();
            match secrets::redact(text, from, &mut self.redacted) {
                Ok(end) => {
                    builder.push(&self.redacted, 0)?;
                    end
                }
                Err(malformed) => {
                    // Every location needs a row.
                    let _ = builder.push("", 0);
                    return Err(malformed);
                }
            }
        } else {
            builder.push(text, from)?
        };
        if builder.is_full() {
            self.output.finish_segment(builder, self.context);
        }
        Ok(end)
    }

    /// Whether the object at byte `from` begins like the last object with a kind, and therefore has the same kind.
    pub(super) fn knows_kind(&self, text: &str, from: usize) -> bool {
        self.last_prefix.as_ref().is_some_and(|(start, _)| text.as_bytes()[from..].starts_with(start))
    }

    /// Whether the kind of an object was specified neither by it nor by its list.
    pub(super) fn has_unspecified(&self) -> bool {
        self.has_unspecified
    }

    /// Counts a document that was parsed but has no objects, such as an empty list.
    pub(super) fn count_parsed(&mut self) {
        self.output.parsed += 1;
    }

    /// Adds a warning.
    pub(super) fn warn(&mut self, location: &Location, message: &str) {
        self.output.diagnostics.add(location, message);
    }

    /// Adds a warning about a problem that occurred several times.
    pub(super) fn warn_times(&mut self, location: &Location, message: &str, count: u64) {
        let problem = Problem::Other(message.to_owned());
        self.output.diagnostics.add_problem(problem, location, String::new(), String::new(), count);
    }

    /// Adds a warning about malformed input.
    pub(super) fn warn_malformed(&mut self, location: &Location, message: &str) {
        self.output.first_error.get_or_insert_with(|| message.to_owned());
        self.warn(location, message);
    }

    /// Finishes all segments.
    pub(super) fn finish(mut self) -> Output {
        for builder in &mut self.builders {
            self.output.finish_segment(builder, self.context);
        }
        self.output
    }
}

/// The `apiVersion` and `kind` of an object.
pub(super) struct Identity {
    pub(super) api_version: String,
    pub(super) kind: String,
    /// The position after both.
    pub(super) prefix_end: Option<usize>,
    /// The end of the object, if it was read to its end.
    pub(super) end: Option<usize>,
}

impl Identity {
    /// Whether it is a single object, and not a list or table.
    fn is_single(&self) -> bool {
        !self.may_be_list() && self.kind != "Table"
    }

    /// Whether it may be a list of objects.
    fn may_be_list(&self) -> bool {
        self.kind.ends_with("List") || self.kind == "Template"
    }

    /// Reads the object until both fields were found.
    fn read(text: &str, from: usize) -> Result<Self, Malformed> {
        let mut identity = Self { api_version: String::new(), kind: String::new(), prefix_end: None, end: None };
        let mut parser = Parser::at(text, from);
        let Some(mut fields) = parser.object()? else {
            return Err(Malformed { at: from, error: SyntaxError::ExpectedObject });
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
                identity.prefix_end = Some(parser.position());
                return Ok(identity);
            }
        }
        identity.end = Some(parser.position());
        Ok(identity)
    }
}

/// Whether two definitions are of the same kind.
fn is_same_kind(one: &KindDef, other: &KindDef) -> bool {
    (one.group, one.kind) == (other.group, other.kind)
}
