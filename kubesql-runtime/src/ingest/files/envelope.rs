//! The form of a JSON object: a list, a table, or an object by itself.

use super::scan::past_blanks;
use crate::flatten::{Malformed, Parser, SyntaxError};

/// The fields of a JSON object that determine its form.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    pub(super) api_version: String,
    pub(super) kind: String,
    /// The start of the list of items.
    items: Option<usize>,
    /// The start of the list of a template's objects.
    objects: Option<usize>,
    /// Whether `items` is `null`.
    items_null: bool,
    /// The start of the list of a table's rows.
    pub(super) rows: Option<usize>,
    /// Whether it is a watch event: it has a `type` and an `object`, but no `kind`.
    pub(super) event: bool,
    /// The position after both `apiVersion` and `kind`, unless they are repeated.
    pub(super) prefix_end: Option<usize>,
    /// Whether a key that determines the form is repeated.
    pub(super) repeated: bool,
    end: usize,
    /// The error, if it is malformed. The fields before it were read.
    pub(super) error: Option<Malformed>,
}

impl Envelope {
    /// Reads the envelope of the object at byte `from`.
    pub(super) fn read(text: &str, from: usize) -> Self {
        let mut envelope = Self::default();
        if let Err(error) = envelope.read_fields(text, from) {
            envelope.error = Some(error);
        }
        envelope
    }

    fn read_fields(&mut self, text: &str, from: usize) -> Result<(), Malformed> {
        let mut parser = Parser::at(text, from);
        let (mut has_type, mut has_object) = (false, false);
        let Some(mut fields) = parser.object()? else {
            return Err(Malformed { at: from, error: SyntaxError::ExpectedObject });
        };
        while let Some(key) = parser.key(&mut fields)? {
            match key {
                // Of repeated keys, the last one counts.
                "apiVersion" => {
                    self.repeated |= !self.api_version.is_empty();
                    self.api_version = parser.text()?.unwrap_or_default().to_owned();
                }
                "kind" => {
                    self.repeated |= !self.kind.is_empty();
                    self.kind = parser.text()?.unwrap_or_default().to_owned();
                }
                "items" | "rows" | "type" | "object" | "objects" => {
                    let (items, rows, objects) = (key == "items", key == "rows", key == "objects");
                    let (is_type, is_object) = (key == "type", key == "object");
                    let byte = parser.peek();
                    let at = parser.position();
                    if items {
                        self.items_null = byte == b'n';
                    }
                    has_type |= is_type && byte == b'"';
                    has_object |= is_object && byte == b'{';
                    if items {
                        self.repeated |= self.items.is_some();
                        self.items = (byte == b'[').then_some(at);
                    }
                    if objects {
                        self.objects = (byte == b'[').then_some(at);
                    }
                    if rows {
                        self.rows = (byte == b'[').then_some(at);
                    }
                    parser.skip()?;
                }
                _ => parser.skip()?,
            }
            if self.prefix_end.is_none() && !self.api_version.is_empty() && !self.kind.is_empty() {
                self.prefix_end = Some(parser.position());
            }
        }
        if self.repeated {
            self.prefix_end = None;
        }
        self.event = has_type && has_object && self.kind.is_empty();
        self.end = parser.position();
        Ok(())
    }

    /// Whether it is a template of OpenShift, which has objects with parameters in place of some values.
    fn is_template(&self) -> bool {
        let of_openshift = matches!(self.api_version.as_str(), "v1" | "template.openshift.io/v1");
        self.objects.is_some() && self.kind == "Template" && of_openshift
    }

    /// The start of the list of objects.
    pub(super) fn objects(&self) -> Option<usize> {
        if self.is_template() { self.objects } else { self.items }
    }

    /// Whether it is a list of objects.
    pub(super) fn is_list(&self) -> bool {
        self.is_template()
            || (self.items.is_some() || self.items_null) && (self.kind.is_empty() || self.kind.ends_with("List"))
    }

    /// Whether it is well-formed.
    pub(super) fn is_whole(&self) -> bool {
        self.error.is_none()
    }

    pub(super) fn end(&self) -> Result<usize, Malformed> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.end),
        }
    }
}

/// The next part of a list.
pub(super) enum ListToken {
    /// An item that starts at this byte.
    Item(usize),
    /// The closing bracket.
    Close,
}

/// The next part of a list from byte `from`; `first` if no item was read yet.
pub(super) fn next_item(text: &str, from: usize, first: bool) -> Result<ListToken, Malformed> {
    let at = past_blanks(text, from);
    match text.as_bytes().get(at) {
        Some(b']') => Ok(ListToken::Close),
        Some(b',') if !first => Ok(ListToken::Item(past_blanks(text, at + 1))),
        Some(_) if first => Ok(ListToken::Item(at)),
        Some(_) => Err(Malformed { at, error: SyntaxError::ExpectedCommaOrBracket }),
        None => Err(Malformed { at, error: SyntaxError::Unterminated }),
    }
}
