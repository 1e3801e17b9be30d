//! Converts the events of a YAML parser to JSON text.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser as Events, ScalarStyle, ScanError, Tag};

use super::input::TabsAsSpaces;
use super::scalar;
use crate::flatten::{Malformed, Parser};
use crate::ingest::json_string::append_json_string;

/// The maximal bytes that aliases may add to a document. Nested aliases could otherwise use up the memory.
const MAX_ALIASED: usize = 16 << 20;

/// The maximal bytes of the anchors of a document.
const MAX_ANCHORED: usize = 64 << 20;

/// The maximal nesting of a document.
const MAX_DEPTH: usize = 1000;

/// An error in a YAML document.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::ingest::files) struct YamlError {
    /// The line of the text, from 1.
    pub(super) line: usize,
    pub(super) message: String,
}

/// A document as JSON text.
#[derive(Debug)]
pub(in crate::ingest::files) struct Converted<'c> {
    pub(in crate::ingest::files) document: &'c str,
    /// Its first line in the text, from 1.
    pub(super) line: u64,
    /// The first line of each item, if it is a list of objects.
    pub(super) item_lines: &'c [u64],
}

/// Converts the documents of a text one after another.
pub(in crate::ingest::files) struct YamlToJson<'t> {
    events: Events<'t, TabsAsSpaces<'t>>,
    /// The current line, from 1.
    line: usize,
    json: String,
    /// The first line of the document.
    first_line: Option<u64>,
    /// The first line of each item of the document's list.
    item_lines: Vec<u64>,
    /// Whether the last key of the document's object, or its open value, is `items`.
    in_items: bool,
    open: Vec<OpenCollection>,
    /// The JSON text of anchors.
    anchors: HashMap<usize, Anchor>,
    aliased: usize,
    anchored: usize,
    /// The line of a zero byte, which the YAML parser would treat as the end of the text.
    zero_byte: Option<usize>,
}

/// An object or list that is not closed yet.
#[derive(Debug)]
struct OpenCollection {
    anchor: usize,
    start: usize,
    kind: CollectionKind,
    /// Whether it has no items yet.
    empty: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum CollectionKind {
    List,
    Object {
        /// Whether a value is expected next, and not a key.
        value: bool,
        /// Whether the next value is of a merge key (`<<`).
        merge: bool,
    },
}

#[derive(Debug)]
enum Anchor {
    Open,
    Text(String),
}

impl<'t> YamlToJson<'t> {
    pub(in crate::ingest::files) fn new(text: &'t str) -> Self {
        let zero_byte =
            memchr::memchr(0, text.as_bytes()).map(|at| memchr::memchr_iter(b'\n', &text.as_bytes()[..at]).count() + 1);
        Self {
            events: Events::new(TabsAsSpaces::new(text)),
            line: 1,
            json: String::new(),
            first_line: None,
            item_lines: Vec::new(),
            in_items: false,
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
            anchored: 0,
            zero_byte,
        }
    }

    /// The next document as JSON text; `None` at the end. An error ends the text.
    pub(in crate::ingest::files) fn next(&mut self) -> Result<Option<Converted<'_>>, YamlError> {
        if let Some(line) = self.zero_byte {
            return Err(YamlError { line, message: "zero byte".to_owned() });
        }
        self.json.clear();
        self.item_lines.clear();
        (self.first_line, self.in_items) = (None, false);
        self.open.clear();
        self.anchors.clear();
        (self.aliased, self.anchored) = (0, 0);
        loop {
            let (event, span) = match self.events.next_event() {
                None => return Ok(None),
                Some(Ok(next)) => next,
                Some(Err(error)) => return Err(convert_error(&error)),
            };
            self.line = span.start.line();
            if !matches!(event, Event::StreamStart | Event::DocumentStart(_) | Event::Nothing) {
                self.first_line = self.first_line.or(u64::try_from(self.line).ok());
            }
            match event {
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
                Event::StreamEnd => return Ok(None),
                Event::DocumentEnd => {
                    if self.json.is_empty() {
                        self.json.push_str("null");
                    }
                    let line = self.first_line.unwrap_or(1);
                    return Ok(Some(Converted { document: &self.json, line, item_lines: &self.item_lines }));
                }
                Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref())?,
                Event::Alias(anchor) => self.alias(anchor)?,
                Event::SequenceStart(anchor, _) => self.begin(anchor, CollectionKind::List)?,
                Event::MappingStart(anchor, _) => {
                    self.begin(anchor, CollectionKind::Object { value: false, merge: false })?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end()?,
            }
        }
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, YamlError> {
        Err(YamlError { line: self.line, message: message.into() })
    }

    /// Writes the punctuation before a value or key; returns whether it is a key.
    fn start_node(&mut self) -> bool {
        let is_item = self.open.len() == 1 || self.in_items && self.open.len() == 2;
        let Some(open) = self.open.last_mut() else { return false };
        if is_item && open.kind == CollectionKind::List {
            self.item_lines.push(u64::try_from(self.line).unwrap_or_default());
        }
        match &mut open.kind {
            CollectionKind::Object { value, .. } if *value => {
                *value = false;
                self.json.push(':');
                false
            }
            kind => {
                if !std::mem::take(&mut open.empty) {
                    self.json.push(',');
                }
                match kind {
                    CollectionKind::Object { value, .. } => {
                        *value = true;
                        true
                    }
                    CollectionKind::List => false,
                }
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, tag: Option<&Tag>) -> Result<(), YamlError> {
        let plain =
            style == ScalarStyle::Plain && tag.is_none_or(|tag| tag.is_yaml_core_schema() && tag.suffix != "str");
        let is_merge = tag.is_none_or(|tag| tag.is_yaml_core_schema() && tag.suffix == "merge");
        if plain && text == "<<" && is_merge && self.begin_merge() {
            return Ok(());
        }
        let is_key = self.start_node();
        if is_key && self.open.len() == 1 {
            self.in_items = matches!(text, "items" | "objects");
        }
        let start = self.json.len();
        let tagged = tag.filter(|tag| style != ScalarStyle::Plain && tag.is_yaml_core_schema());
        match (plain, is_key) {
            (false, false) => match tagged.and_then(|tag| scalar::tagged(text, &tag.suffix)) {
                Some(value) => self.json.push_str(&value),
                None => append_json_string(text, &mut self.json),
            },
            (false, true) => append_json_string(text, &mut self.json),
            (true, false) => scalar::append_value(text, &mut self.json),
            (true, true) => scalar::append_key(text, &mut self.json),
        }
        self.set_anchor(anchor, start)?;
        self.end_value(start)
    }

    fn begin(&mut self, anchor: usize, kind: CollectionKind) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return self.error("nested too deeply");
        }
        if self.start_node() {
            return self.error("a key must not be a list or an object");
        }
        if anchor > 0 {
            self.anchors.insert(anchor, Anchor::Open);
        }
        let start = self.json.len();
        self.json.push(if kind == CollectionKind::List { '[' } else { '{' });
        self.open.push(OpenCollection { anchor, start, kind, empty: true });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        self.json.push(if open.kind == CollectionKind::List { ']' } else { '}' });
        self.set_anchor(open.anchor, open.start)?;
        self.end_value(open.start)
    }

    /// Stores the value of an anchor.
    fn set_anchor(&mut self, anchor: usize, start: usize) -> Result<(), YamlError> {
        if anchor == 0 {
            return Ok(());
        }
        self.anchored += self.json.len() - start;
        if self.anchored > MAX_ANCHORED {
            return self.error(format!("anchors exceed {} MiB", MAX_ANCHORED >> 20));
        }
        self.anchors.insert(anchor, Anchor::Text(self.json[start..].to_owned()));
        Ok(())
    }

    fn alias(&mut self, anchor: usize) -> Result<(), YamlError> {
        let text = match self.anchors.get(&anchor) {
            Some(Anchor::Text(text)) => text,
            Some(Anchor::Open) => return self.error("an alias refers to its enclosing value"),
            None => return self.error("an alias refers to an unknown anchor"),
        };
        self.aliased += text.len();
        if self.aliased > MAX_ALIASED {
            return self.error(format!("aliases exceed {} MiB", MAX_ALIASED >> 20));
        }
        let text = text.clone();
        let is_key = self.start_node();
        let start = self.json.len();
        match text.as_bytes().first() {
            Some(b'"') => self.json.push_str(&text),
            Some(b'{' | b'[') if is_key => return self.error("a key must not be a list or an object"),
            _ if is_key => append_json_string(&text, &mut self.json),
            _ => self.json.push_str(&text),
        }
        self.end_value(start)
    }

    /// Starts the value of a merge key (`<<`), if a key is expected.
    fn begin_merge(&mut self) -> bool {
        match self.open.last_mut() {
            Some(OpenCollection { kind: CollectionKind::Object { value, merge, .. }, .. }) if !*value => {
                (*value, *merge) = (true, true);
                // The state is as if a key was written. The key and its value are removed together.
                true
            }
            _ => false,
        }
    }

    /// Replaces the value of a merge key (`<<`) by its fields. Like kubectl, of a key that is there several times, the last
    /// one counts, wherever the merge key is.
    fn end_value(&mut self, start: usize) -> Result<(), YamlError> {
        let line = self.line;
        let Some(OpenCollection { kind: CollectionKind::Object { value: false, merge }, empty, .. }) =
            self.open.last_mut()
        else {
            return Ok(());
        };
        if !std::mem::take(merge) {
            return Ok(());
        }
        let not_a_map = || YamlError { line, message: "the value of a merge key (<<) must be a map".to_owned() };
        let parts = parts_to_merge(&self.json, start).map_err(|_| not_a_map())?.ok_or_else(not_a_map)?;
        // The first map of a list takes precedence.
        let fields: Vec<&str> = parts.into_iter().rev().map(|part| &self.json[part.start + 1..part.end - 1]).collect();
        let fields: Vec<&str> = fields.into_iter().filter(|fields| !fields.is_empty()).collect();
        let fields = fields.join(",");
        // This also removes the colon before it.
        self.json.truncate(start - 1);
        if !fields.is_empty() {
            if !std::mem::take(empty) {
                self.json.push(',');
            }
            self.json.push_str(&fields);
        }
        Ok(())
    }
}

fn convert_error(error: &ScanError) -> YamlError {
    YamlError { line: error.marker().line(), message: error.info().to_owned() }
}

/// The ranges of the objects in the value of a merge key: the value itself, or the items of a list.
fn parts_to_merge(json: &str, start: usize) -> Result<Option<Vec<Range<usize>>>, Malformed> {
    let mut parser = Parser::at(json, start);
    let mut parts = Vec::new();
    match json.as_bytes().get(start) {
        Some(b'{') => parts.push(start..json.len()),
        Some(b'[') => {
            let Some(mut elements) = parser.array()? else { return Ok(None) };
            while parser.element(&mut elements)? {
                if parser.peek() != b'{' {
                    return Ok(None);
                }
                let from = parser.position();
                parser.skip()?;
                parts.push(from..parser.position());
            }
        }
        _ => return Ok(None),
    }
    Ok(Some(parts))
}
