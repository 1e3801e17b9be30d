//! A pull parser for JSON text that reads the requested values and skips all others at memory speed.
//!
//! Values that are read are validated: brackets, commas, colons, literals, numbers, and escapes in strings. Values that
//! are skipped, or returned as raw text, are only checked for structure: strings are terminated, brackets balance, and
//! the last bracket matches the first. In addition to JSON, control characters in strings and leading zeros are
//! accepted. The parser never reads past the requested value.
//!
//! A value of the wrong type is not an error: it is skipped and recorded (`Mismatches`). `null` is an absent value and
//! is never recorded.

mod number;
mod skip;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use text::compact;

use super::mismatch::{Expected, Mismatches};

/// Text that is not JSON, or that exceeds a limit.
///
/// It is small, so that a `Result<(), Malformed>` is returned in two registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed JSON at byte {at}: {error}")]
pub struct Malformed {
    /// The offset in the text, in bytes.
    pub at: usize,
    /// What is wrong there.
    pub error: SyntaxError,
}

/// What is wrong with malformed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document them")]
pub enum SyntaxError {
    #[error("expected a value")]
    ExpectedValue,
    #[error("expected an object")]
    ExpectedObject,
    #[error("expected a list")]
    ExpectedList,
    #[error("expected a watch event")]
    ExpectedEvent,
    #[error("expected text")]
    ExpectedText,
    #[error("expected a digit")]
    ExpectedDigit,
    #[error("expected true, false or null")]
    ExpectedLiteral,
    #[error("expected a key")]
    ExpectedKey,
    #[error("expected a colon")]
    ExpectedColon,
    #[error("expected a comma or the end of the object")]
    ExpectedCommaOrBrace,
    #[error("expected a comma or the end of the list")]
    ExpectedCommaOrBracket,
    #[error("expected the end of the text")]
    ExpectedEnd,
    #[error("unterminated string")]
    UnterminatedString,
    #[error("unterminated object or list")]
    Unterminated,
    #[error("mismatched bracket")]
    MismatchedBracket,
    #[error("invalid escape in a string")]
    InvalidEscape,
    #[error("invalid \\u escape in a string")]
    InvalidUnicodeEscape,
    #[error("nested too deeply")]
    TooDeep,
    #[error("object exceeds 2 GiB")]
    ObjectTooLarge,
    #[error("batch exceeds 2 GiB")]
    BatchTooLarge,
}

impl SyntaxError {
    /// Whether the text ends too early.
    pub fn is_truncation(self) -> bool {
        matches!(self, Self::UnterminatedString | Self::Unterminated)
    }
}

/// The maximal nesting of objects and lists that are read. Skipped values may be nested arbitrarily.
pub const MAX_DEPTH: u32 = 512;

/// A pull parser. Each method leaves its position after the value or punctuation that it read.
#[derive(Debug)]
pub struct Parser<'j> {
    text: &'j str,
    bytes: &'j [u8],
    at: usize,
    depth: u32,
    /// The last string that had escapes, decoded.
    decoded: String,
    /// The last time with its quotes, and its value: an object often repeats the same time.
    last_time: ([u8; TIME], i64),
    mismatches: Mismatches,
}

/// The length of `"2006-01-02T15:04:05Z"` with its quotes. API servers write nearly all times in this form.
const TIME: usize = 22;

/// The position within an object.
#[derive(Debug)]
pub struct Fields {
    /// The punctuation before the next key, if there is no white space.
    prefix: [u8; 2],
    /// How many bytes of it were already read.
    read: usize,
}

impl Fields {
    const FIRST: Self = Self { prefix: *b"{\"", read: 1 };
    const NEXT: Self = Self { prefix: *b",\"", read: 0 };
}

/// The position within a list.
#[derive(Debug)]
pub struct Elements {
    first: bool,
}

impl<'j> Parser<'j> {
    /// A parser at the beginning of the text.
    pub fn new(text: &'j str) -> Self {
        Self::at(text, 0)
    }

    /// A parser at byte `from` of the text.
    pub fn at(text: &'j str, from: usize) -> Self {
        Self::resume(text, from, Mismatches::default())
    }

    /// A parser at byte `from` of the text that adds to these mismatches.
    pub(crate) fn resume(text: &'j str, from: usize, mismatches: Mismatches) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: from,
            depth: 0,
            decoded: String::new(),
            last_time: ([0; TIME], 0),
            mismatches,
        }
    }

    /// The values that did not fit so far.
    pub(crate) fn into_mismatches(self) -> Mismatches {
        self.mismatches
    }

    /// The offset of the next byte; after [`Parser::peek`], of the next value or punctuation.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Continues at this byte, for example after a value that was read by other code.
    pub fn seek(&mut self, at: usize) {
        self.at = at;
    }

    /// Skips white space and returns the next byte; 0 at the end.
    #[inline(always)]
    pub fn peek(&mut self) -> u8 {
        let byte = self.byte(self.at);
        if byte > b' ' { byte } else { self.skip_blanks() }
    }

    #[cold]
    #[inline(never)]
    fn skip_blanks(&mut self) -> u8 {
        while matches!(self.byte(self.at), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
        self.byte(self.at)
    }

    /// The byte at this position; 0 past the end. JSON has no zero bytes outside of strings.
    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        match self.bytes.get(at) {
            Some(byte) => *byte,
            None => 0,
        }
    }

    #[cold]
    #[inline(never)]
    fn malformed<T>(&self, error: SyntaxError) -> Result<T, Malformed> {
        Err(Malformed { at: self.at.min(self.bytes.len()), error })
    }

    /// Enters an object. Another value is skipped, and the result is `None`.
    #[inline(always)]
    pub fn object(&mut self) -> Result<Option<Fields>, Malformed> {
        if self.peek() != b'{' {
            return self.mismatch(Expected::Object);
        }
        self.enter()?;
        Ok(Some(Fields::FIRST))
    }

    /// Enters a list. Another value is skipped, and the result is `None`.
    #[inline(always)]
    pub fn array(&mut self) -> Result<Option<Elements>, Malformed> {
        if self.peek() != b'[' {
            return self.mismatch(Expected::List);
        }
        self.enter()?;
        Ok(Some(Elements { first: true }))
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.malformed(SyntaxError::TooDeep);
        }
        Ok(())
    }

    /// The next key of an object, whose value must then be read or skipped; `None` at the end of the object.
    #[inline(always)]
    pub fn key(&mut self, fields: &mut Fields) -> Result<Option<&str>, Malformed> {
        const PREFIX: usize = 2;
        const KEY: usize = 32;
        const COLON: usize = 2;
        // The fast path: nearly all keys are short and have no white space around them.
        let from = self.at.wrapping_sub(fields.read);
        if let Some(window) = self.bytes.get(from..).and_then(<[u8]>::first_chunk::<{ PREFIX + KEY + COLON }>)
            && window.first_chunk() == Some(&fields.prefix)
            && let Some(block) = window[PREFIX..].first_chunk::<KEY>()
        {
            let start = from + PREFIX;
            let length = text::quote_or_escape_in(block);
            if window[PREFIX + length..].first_chunk() == Some(b"\":") {
                *fields = Fields::NEXT;
                self.at = start + length + COLON;
                if let Some(key) = self.text.get(start..start + length) {
                    return Ok(Some(key));
                }
            }
        } else if self.byte(self.at) == b'}' {
            self.at += 1;
            self.depth -= 1;
            return Ok(None);
        }
        self.key_slow(fields)
    }

    /// The slow path of [`Parser::key`].
    #[inline(never)]
    fn key_slow(&mut self, fields: &mut Fields) -> Result<Option<&str>, Malformed> {
        let first = fields.read > 0;
        let mut byte = self.peek();
        if byte == b',' && !first {
            self.at += 1;
            byte = self.peek();
        } else if byte == b'}' {
            self.at += 1;
            self.depth -= 1;
            return Ok(None);
        } else if !first {
            return self.malformed(SyntaxError::ExpectedCommaOrBrace);
        }
        *fields = Fields::NEXT;
        if byte != b'"' {
            return self.malformed(SyntaxError::ExpectedKey);
        }
        let text = self.text;
        let plain = self.string_parts()?;
        if self.peek() != b':' {
            return self.malformed(SyntaxError::ExpectedColon);
        }
        self.at += 1;
        Ok(Some(match plain {
            Some((start, end)) => text.get(start..end).unwrap_or_default(),
            None => &self.decoded,
        }))
    }

    /// Whether the list has another element, which must then be read or skipped.
    #[inline(always)]
    pub fn element(&mut self, elements: &mut Elements) -> Result<bool, Malformed> {
        let byte = self.peek();
        if byte == b',' && !elements.first {
            self.at += 1;
        } else if byte == b']' {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        } else if !elements.first {
            return self.malformed(SyntaxError::ExpectedCommaOrBracket);
        }
        elements.first = false;
        Ok(true)
    }

    /// Skips the rest of an object.
    #[inline]
    pub fn leave(&mut self, _fields: Fields) -> Result<(), Malformed> {
        self.depth -= 1;
        self.skip_rest(b'}')
    }

    /// Checks that only white space is left.
    pub fn end(&mut self) -> Result<(), Malformed> {
        self.peek();
        if self.at < self.bytes.len() {
            return self.malformed(SyntaxError::ExpectedEnd);
        }
        Ok(())
    }

    /// Reads text. Another value is skipped, and the result is `None`.
    #[inline(always)]
    pub fn text(&mut self) -> Result<Option<&str>, Malformed> {
        if self.peek() == b'"' { self.string().map(Some) } else { self.mismatch(Expected::Text) }
    }

    /// Reads text as bytes, which are UTF-8.
    #[inline(always)]
    pub(crate) fn text_bytes(&mut self) -> Result<Option<&[u8]>, Malformed> {
        if self.peek() == b'"' { self.string_bytes().map(Some) } else { self.mismatch(Expected::Text) }
    }

    /// Reads text, or a number as it is written.
    #[inline(always)]
    pub fn int_or_string(&mut self) -> Result<Option<&str>, Malformed> {
        match self.peek() {
            b'"' => self.string().map(Some),
            b'-' | b'0'..=b'9' => self.number().map(Some),
            _ => self.mismatch(Expected::IntOrString),
        }
    }

    /// Reads text, or a number or boolean as it is written.
    #[inline(always)]
    pub fn scalar(&mut self) -> Result<Option<&str>, Malformed> {
        match self.peek() {
            b'"' => self.string().map(Some),
            b'-' | b'0'..=b'9' => self.number().map(Some),
            byte @ (b't' | b'f') => {
                self.literal(byte)?;
                Ok(Some(if byte == b't' { "true" } else { "false" }))
            }
            _ => self.mismatch(Expected::Scalar),
        }
    }

    /// Reads a boolean.
    #[inline(always)]
    pub fn bool(&mut self) -> Result<Option<bool>, Malformed> {
        match self.peek() {
            byte @ (b't' | b'f') => {
                self.literal(byte)?;
                Ok(Some(byte == b't'))
            }
            _ => self.mismatch(Expected::Boolean),
        }
    }

    /// Reads a time, in microseconds since 1970 in UTC.
    #[inline(always)]
    pub fn time(&mut self) -> Result<Option<i64>, Malformed> {
        self.peek();
        let window = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<TIME>);
        if window == Some(&self.last_time.0) {
            self.at += TIME;
            return Ok(Some(self.last_time.1));
        }
        self.time_slow()
    }

    #[inline(never)]
    fn time_slow(&mut self) -> Result<Option<i64>, Malformed> {
        if self.peek() != b'"' {
            return self.mismatch(Expected::Time);
        }
        let at = self.at;
        let time = crate::value::time::parse(self.string()?);
        match (time, self.bytes.get(at..self.at).and_then(|read| read.try_into().ok())) {
            (Some(time), Some(read)) => self.last_time = (read, time),
            (None, _) => self.mismatches.add(at, Expected::Time),
            _ => {}
        }
        Ok(time)
    }

    /// Reads any value as JSON text; `None` for `null`. White space between tokens is removed if the text has line breaks,
    /// and escapes that only HTML needs are decoded.
    pub fn raw(&mut self) -> Result<Option<&str>, Malformed> {
        if self.peek() == b'n' {
            self.literal(b'n')?;
            return Ok(None);
        }
        let start = self.at;
        self.skip()?;
        let text = self.text;
        let Some(raw) = text.get(start..self.at) else {
            return self.malformed(SyntaxError::ExpectedValue);
        };
        if !text::needs_compaction(raw) {
            return Ok(Some(raw));
        }
        self.decoded.clear();
        text::compact(raw, &mut self.decoded);
        Ok(Some(&self.decoded))
    }

    /// Skips a value of any type.
    #[inline]
    pub fn skip(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            b'"' => self.skip_string(),
            b'{' => {
                self.at += 1;
                self.skip_rest(b'}')
            }
            b'[' => {
                self.at += 1;
                self.skip_rest(b']')
            }
            b'-' | b'0'..=b'9' => self.number().map(|_| ()),
            byte @ (b't' | b'f' | b'n') => self.literal(byte),
            _ => self.malformed(SyntaxError::ExpectedValue),
        }
    }

    /// Skips a value of the wrong type, and records it unless it is `null`.
    #[cold]
    #[inline(never)]
    fn mismatch<T>(&mut self, expected: Expected) -> Result<Option<T>, Malformed> {
        if self.peek() != b'n' {
            self.mismatches.add(self.at, expected);
        }
        self.skip()?;
        Ok(None)
    }

    /// Records a value that starts at byte `at` and does not fit.
    #[cold]
    pub(crate) fn add_mismatch(&mut self, at: usize, expected: Expected) {
        self.mismatches.add(at, expected);
    }

    /// Skips `true`, `false` or `null`; `first` is the next byte.
    #[inline(always)]
    fn literal(&mut self, first: u8) -> Result<(), Malformed> {
        let word: &[u8] = match first {
            b't' => b"true",
            b'f' => b"false",
            _ => b"null",
        };
        if self.bytes.get(self.at..self.at + word.len()) != Some(word) {
            return self.malformed(SyntaxError::ExpectedLiteral);
        }
        self.at += word.len();
        Ok(())
    }
}
