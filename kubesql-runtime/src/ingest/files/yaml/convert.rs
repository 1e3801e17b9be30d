//! From the events of a YAML parser to JSON text.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser as Events, ScalarStyle, ScanError, StrInput, Tag};

use super::scalar;
use crate::flatten::{Malformed, Parser};
use crate::ingest::secrets::string;

/// How much text aliases may add to a document: more than any manifest has, and little enough that
/// aliases of aliases of aliases cannot fill the memory.
const ALIASED: usize = 16 << 20;

/// How much text the anchors of a document may hold.
const ANCHORED: usize = 64 << 20;

/// How deep a document may nest.
const DEEPEST: usize = 1000;

/// Why a document cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::ingest::files) struct Broken {
    /// In which line of the text, from 1.
    pub(super) line: usize,
    pub(super) what: String,
}

/// The documents of a text, one after another.
pub(in crate::ingest::files) struct Converter<'t> {
    events: Events<'t, StrInput<'t>>,
    /// The current line, from 1.
    line: usize,
    json: String,
    open: Vec<Open>,
    /// Where the values of anchors stand in the JSON; of those still open, only where they begin.
    anchors: HashMap<usize, Anchor>,
    aliased: usize,
    anchored: usize,
    /// Where a zero byte is, which the parser would take for the end.
    zero: Option<usize>,
}

/// An object or list that is not closed yet.
#[derive(Debug)]
struct Open {
    anchor: usize,
    start: usize,
    kind: Kind,
    /// Whether nothing is in it yet.
    empty: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    List,
    /// Awaiting a key, or a value, and what is to be merged into it in the end.
    Object {
        value: bool,
        merge: bool,
        merged: Vec<Range<usize>>,
        text: String,
    },
}

#[derive(Debug)]
enum Anchor {
    Open,
    Text(String),
}

impl<'t> Converter<'t> {
    pub(in crate::ingest::files) fn new(text: &'t str) -> Self {
        let zero =
            memchr::memchr(0, text.as_bytes()).map(|at| memchr::memchr_iter(b'\n', &text.as_bytes()[..at]).count() + 1);
        Self {
            events: Events::new_from_str(text),
            line: 1,
            json: String::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
            anchored: 0,
            zero,
        }
    }

    /// The next document as JSON text; none at the end. After an error there are no more.
    pub(in crate::ingest::files) fn next(&mut self) -> Result<Option<&str>, Broken> {
        if let Some(line) = self.zero {
            return Err(Broken { line, what: "a zero byte".to_owned() });
        }
        self.json.clear();
        self.open.clear();
        self.anchors.clear();
        (self.aliased, self.anchored) = (0, 0);
        loop {
            let (event, span) = match self.events.next_event() {
                None => return Ok(None),
                Some(Ok(next)) => next,
                Some(Err(error)) => return Err(broken(&error)),
            };
            self.line = span.start.line();
            match event {
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
                Event::StreamEnd => return Ok(None),
                Event::DocumentEnd => {
                    if self.json.is_empty() {
                        self.json.push_str("null");
                    }
                    return Ok(Some(&self.json));
                }
                Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref())?,
                Event::Alias(anchor) => self.alias(anchor)?,
                Event::SequenceStart(anchor, _) => self.begin(anchor, Kind::List)?,
                Event::MappingStart(anchor, _) => {
                    let kind = Kind::Object { value: false, merge: false, merged: Vec::new(), text: String::new() };
                    self.begin(anchor, kind)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end()?,
            }
        }
    }

    fn error<T>(&self, what: impl Into<String>) -> Result<T, Broken> {
        Err(Broken { line: self.line, what: what.into() })
    }

    /// Writes what comes before a value or key; tells whether it is a key.
    fn before(&mut self) -> bool {
        let Some(open) = self.open.last_mut() else { return false };
        match &mut open.kind {
            Kind::Object { value, .. } if *value => {
                *value = false;
                self.json.push(':');
                false
            }
            kind => {
                if !std::mem::take(&mut open.empty) {
                    self.json.push(',');
                }
                match kind {
                    Kind::Object { value, .. } => {
                        *value = true;
                        true
                    }
                    Kind::List => false,
                }
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, tag: Option<&Tag>) -> Result<(), Broken> {
        let plain =
            style == ScalarStyle::Plain && tag.is_none_or(|tag| tag.is_yaml_core_schema() && tag.suffix != "str");
        if plain && text == "<<" && tag.is_none() && self.begin_merge() {
            return Ok(());
        }
        let is_key = self.before();
        let start = self.json.len();
        match (plain, is_key) {
            (false, _) => string(text, &mut self.json),
            (true, false) => scalar::value(text, &mut self.json),
            (true, true) => scalar::key(text, &mut self.json),
        }
        self.close(anchor, start)?;
        self.after_value(start)
    }

    fn begin(&mut self, anchor: usize, kind: Kind) -> Result<(), Broken> {
        if self.open.len() >= DEEPEST {
            return self.error("nested too deep");
        }
        if self.before() {
            return self.error("a key that is a list or an object");
        }
        if anchor > 0 {
            self.anchors.insert(anchor, Anchor::Open);
        }
        let start = self.json.len();
        self.json.push(if kind == Kind::List { '[' } else { '{' });
        self.open.push(Open { anchor, start, kind, empty: true });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Broken> {
        let Some(mut open) = self.open.pop() else { return Ok(()) };
        match &mut open.kind {
            Kind::List => self.json.push(']'),
            Kind::Object { merged, text, .. } => {
                let (merged, text) = (std::mem::take(merged), std::mem::take(text));
                self.json.push('}');
                for part in merged {
                    if let Err(what) = merge(&mut self.json, open.start, &text[part]) {
                        return self.error(what);
                    }
                }
            }
        }
        self.close(open.anchor, open.start)?;
        self.after_value(open.start)
    }

    /// Keeps the value of an anchor.
    fn close(&mut self, anchor: usize, start: usize) -> Result<(), Broken> {
        if anchor == 0 {
            return Ok(());
        }
        self.anchored += self.json.len() - start;
        if self.anchored > ANCHORED {
            return self.error(format!("anchors that hold more than {} MiB", ANCHORED >> 20));
        }
        self.anchors.insert(anchor, Anchor::Text(self.json[start..].to_owned()));
        Ok(())
    }

    fn alias(&mut self, anchor: usize) -> Result<(), Broken> {
        let text = match self.anchors.get(&anchor) {
            Some(Anchor::Text(text)) => text,
            Some(Anchor::Open) => return self.error("an alias within what it stands for"),
            None => return self.error("an alias of nothing"),
        };
        self.aliased += text.len();
        if self.aliased > ALIASED {
            return self.error(format!("aliases that add more than {} MiB", ALIASED >> 20));
        }
        let text = text.clone();
        let is_key = self.before();
        let start = self.json.len();
        match text.as_bytes().first() {
            Some(b'"') => self.json.push_str(&text),
            Some(b'{' | b'[') if is_key => return self.error("a key that is a list or an object"),
            _ if is_key => string(&text, &mut self.json),
            _ => self.json.push_str(&text),
        }
        self.after_value(start)
    }

    /// Begins the value of a `<<` key, where one may stand.
    fn begin_merge(&mut self) -> bool {
        match self.open.last_mut() {
            Some(Open { kind: Kind::Object { value, merge, .. }, .. }) if !*value => {
                (*value, *merge) = (true, true);
                // As if a key had been written; it goes away with the value.
                true
            }
            _ => false,
        }
    }

    /// Takes the value of a `<<` key out again, to be merged when the object ends.
    fn after_value(&mut self, start: usize) -> Result<(), Broken> {
        let line = self.line;
        let Some(Open { kind: Kind::Object { value: false, merge, merged, text }, .. }) = self.open.last_mut() else {
            return Ok(());
        };
        if !std::mem::take(merge) {
            return Ok(());
        }
        let not_a_map = || Broken { line, what: "a merge key (<<) whose value is no map".to_owned() };
        let parts = parts_to_merge(&self.json, start).map_err(|_| not_a_map())?;
        for part in parts.ok_or_else(not_a_map)? {
            let from = text.len();
            text.push_str(&self.json[part]);
            merged.push(from..text.len());
        }
        // With the colon before it.
        self.json.truncate(start - 1);
        Ok(())
    }
}

fn broken(error: &ScanError) -> Broken {
    Broken { line: error.marker().line(), what: error.info().to_owned() }
}

/// The objects that a merge key's value consists of: itself, or those in a list.
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

/// Adds to the object that ends the text those fields of another one that it does not have.
fn merge(json: &mut String, start: usize, other: &str) -> Result<(), &'static str> {
    let mine: std::collections::HashSet<String> =
        fields(json, start).map_err(|error| *error.what)?.into_iter().map(|(key, _)| key).collect();
    let mut empty = mine.is_empty();
    json.pop();
    for (key, span) in fields(other, 0).map_err(|error| *error.what)? {
        if mine.contains(&key) {
            continue;
        }
        if !std::mem::take(&mut empty) {
            json.push(',');
        }
        string(&key, json);
        json.push(':');
        json.push_str(&other[span]);
    }
    json.push('}');
    Ok(())
}

/// Keys of an object and where their values are.
fn fields(json: &str, start: usize) -> Result<Vec<(String, Range<usize>)>, Malformed> {
    let mut parser = Parser::at(json, start);
    let mut found = Vec::new();
    let Some(mut fields) = parser.object()? else { return Ok(found) };
    while let Some(key) = parser.key(&mut fields)? {
        let key = key.to_owned();
        parser.peek();
        let from = parser.position();
        parser.skip()?;
        found.push((key, from..parser.position()));
    }
    Ok(found)
}
