//! A pull parser over JSON text that hands values to columns and skips the rest at memory speed.
//!
//! What it walks it checks: brackets, commas, colons, the spelling of literals and numbers, the
//! escapes of strings. What it skips, or gives out as raw text, it checks for structure only: strings
//! end, brackets balance and the last one fits the first. It is more lenient than JSON in this:
//! control characters within strings and leading zeros are let through. It never looks at what comes
//! after the value it was asked for.
//!
//! A value of a wrong type is not an error: it is skipped, counted, and its place is kept
//! (`Mismatches`). `null` is an absent value and never counted.

mod number;
mod skip;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use text::compact;

use super::mismatch::{Expected, Mismatches};

/// Text that is not JSON, or not as deep as an object may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed JSON at byte {at}: {what}")]
pub struct Malformed {
    /// Offset in the text, in bytes.
    pub at: usize,
    /// What is wrong there. By a thin pointer, so that results which hold nothing else are returned in two registers.
    pub what: &'static &'static str,
}

/// How deep walked objects and lists may nest. What is skipped may be of any depth.
pub const DEEPEST: u32 = 512;

/// A pull parser; every method leaves it behind the value or mark that it read.
#[derive(Debug)]
pub struct Parser<'j> {
    text: &'j str,
    bytes: &'j [u8],
    at: usize,
    depth: u32,
    /// A string with its escapes replaced.
    decoded: String,
    /// The time that was read last, in its quotes, and what it is: an object has the same one many times over.
    time: ([u8; TIME], i64),
    mismatches: Mismatches,
}

/// The length of `"2006-01-02T15:04:05Z"`, quotes included: how API servers write nearly all times.
const TIME: usize = 22;

/// Where one is in an object.
#[derive(Debug)]
pub struct Fields {
    /// What stands before the next key, where no white space is there.
    mark: [u8; 2],
    /// How much of it was read already.
    read: usize,
}

impl Fields {
    const FIRST: Self = Self { mark: *b"{\"", read: 1 };
    const NEXT: Self = Self { mark: *b",\"", read: 0 };
}

/// Where one is in a list.
#[derive(Debug)]
pub struct Elements {
    first: bool,
}

impl<'j> Parser<'j> {
    /// Starts at the beginning of the text.
    pub fn new(text: &'j str) -> Self {
        Self::at(text, 0)
    }

    /// Starts at this byte of the text.
    pub fn at(text: &'j str, from: usize) -> Self {
        Self::resume(text, from, Mismatches::default())
    }

    /// Starts at this byte of the text and goes on counting mismatches.
    pub(crate) fn resume(text: &'j str, from: usize, mismatches: Mismatches) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: from,
            depth: 0,
            decoded: String::new(),
            time: ([0; TIME], 0),
            mismatches,
        }
    }

    /// What did not fit so far.
    pub(crate) fn into_mismatches(self) -> Mismatches {
        self.mismatches
    }

    /// Offset of the next byte to be read; right after [`Parser::peek`] that of the next value or mark.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Goes on at this byte, as after a value that someone else has read.
    pub fn seek(&mut self, at: usize) {
        self.at = at;
    }

    /// The next byte that is not white space, 0 at the end.
    #[inline(always)]
    pub fn peek(&mut self) -> u8 {
        let byte = self.byte(self.at);
        if byte > b' ' { byte } else { self.blank() }
    }

    #[cold]
    #[inline(never)]
    fn blank(&mut self) -> u8 {
        while matches!(self.byte(self.at), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
        self.byte(self.at)
    }

    /// The byte at this place, 0 behind the end (where no JSON has a zero byte outside of strings).
    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        match self.bytes.get(at) {
            Some(byte) => *byte,
            None => 0,
        }
    }

    #[cold]
    #[inline(never)]
    fn malformed<T>(&self, what: &'static &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at.min(self.bytes.len()), what })
    }

    /// Enters an object; `None`, and past the value, where it is something else.
    #[inline(always)]
    pub fn object(&mut self) -> Result<Option<Fields>, Malformed> {
        if self.peek() != b'{' {
            return self.mismatch(Expected::Object);
        }
        self.enter()?;
        Ok(Some(Fields::FIRST))
    }

    /// Enters a list; `None`, and past the value, where it is something else.
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
        if self.depth > DEEPEST {
            return self.malformed(&"nested too deep");
        }
        Ok(())
    }

    /// The next key of an object, whose value must then be read or skipped; `None` past its end.
    #[inline(always)]
    pub fn key(&mut self, fields: &mut Fields) -> Result<Option<&str>, Malformed> {
        const MARK: usize = 2;
        const KEY: usize = 32;
        const COLON: usize = 2;
        // Nearly all keys are short, and nothing is between them and the marks around them.
        let from = self.at.wrapping_sub(fields.read);
        if let Some(window) = self.bytes.get(from..).and_then(<[u8]>::first_chunk::<{ MARK + KEY + COLON }>)
            && window.first_chunk() == Some(&fields.mark)
            && let Some(block) = window[MARK..].first_chunk::<KEY>()
        {
            let start = from + MARK;
            let length = text::quote_or_escape_in(block);
            if window[MARK + length..].first_chunk() == Some(b"\":") {
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
        self.any_key(fields)
    }

    /// A key however it is written, or the end.
    #[inline(never)]
    fn any_key(&mut self, fields: &mut Fields) -> Result<Option<&str>, Malformed> {
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
            return self.malformed(&"expected a comma or the end of the object");
        }
        *fields = Fields::NEXT;
        if byte != b'"' {
            return self.malformed(&"expected a key");
        }
        let text = self.text;
        let plain = self.string_parts()?;
        if self.peek() != b':' {
            return self.malformed(&"expected a colon");
        }
        self.at += 1;
        Ok(Some(match plain {
            Some((start, end)) => text.get(start..end).unwrap_or_default(),
            None => &self.decoded,
        }))
    }

    /// Whether a list has one more element, which must then be read or skipped.
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
            return self.malformed(&"expected a comma or the end of the list");
        }
        elements.first = false;
        Ok(true)
    }

    /// Goes past the end of an object of which nothing more is wanted.
    #[inline]
    pub fn leave(&mut self, _fields: Fields) -> Result<(), Malformed> {
        self.depth -= 1;
        self.skip_rest(b'}')
    }

    /// Fails unless only white space is left.
    pub fn end(&mut self) -> Result<(), Malformed> {
        self.peek();
        if self.at < self.bytes.len() {
            return self.malformed(&"expected the end of the text");
        }
        Ok(())
    }

    /// Text; `None`, and past the value, where it is something else.
    #[inline(always)]
    pub fn text(&mut self) -> Result<Option<&str>, Malformed> {
        if self.peek() == b'"' { self.string().map(Some) } else { self.mismatch(Expected::Text) }
    }

    /// Text as bytes, which are UTF-8.
    #[inline(always)]
    pub(crate) fn text_bytes(&mut self) -> Result<Option<&[u8]>, Malformed> {
        if self.peek() == b'"' { self.string_bytes().map(Some) } else { self.mismatch(Expected::Text) }
    }

    /// Text, or a number as it is written.
    #[inline(always)]
    pub fn int_or_string(&mut self) -> Result<Option<&str>, Malformed> {
        match self.peek() {
            b'"' => self.string().map(Some),
            b'-' | b'0'..=b'9' => self.number().map(Some),
            _ => self.mismatch(Expected::IntOrString),
        }
    }

    /// Text, or a number or boolean as it is written.
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

    /// True or false.
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

    /// A time in microseconds since 1970, UTC.
    #[inline(always)]
    pub fn time(&mut self) -> Result<Option<i64>, Malformed> {
        self.peek();
        let window = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<TIME>);
        if window == Some(&self.time.0) {
            self.at += TIME;
            return Ok(Some(self.time.1));
        }
        self.new_time()
    }

    #[inline(never)]
    fn new_time(&mut self) -> Result<Option<i64>, Malformed> {
        if self.peek() != b'"' {
            return self.mismatch(Expected::Time);
        }
        let at = self.at;
        let time = crate::value::time::parse(self.string()?);
        match (time, self.bytes.get(at..self.at).and_then(|read| read.try_into().ok())) {
            (Some(time), Some(read)) => self.time = (read, time),
            (None, _) => self.mismatches.note(at, Expected::Time),
            _ => {}
        }
        Ok(time)
    }

    /// Any value as the text it is written as, but for white space between its parts where there was a
    /// line break in it, and for escapes that only HTML needs; `None` for `null`.
    pub fn raw(&mut self) -> Result<Option<&str>, Malformed> {
        if self.peek() == b'n' {
            self.literal(b'n')?;
            return Ok(None);
        }
        let start = self.at;
        self.skip()?;
        let text = self.text;
        let Some(raw) = text.get(start..self.at) else {
            return self.malformed(&"expected a value");
        };
        if !text::is_loose(raw) {
            return Ok(Some(raw));
        }
        self.decoded.clear();
        text::compact(raw, &mut self.decoded);
        Ok(Some(&self.decoded))
    }

    /// Goes past a value of any kind.
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
            _ => self.malformed(&"expected a value"),
        }
    }

    /// Counts a value that cannot be what was expected, unless it is `null`, and goes past it.
    #[cold]
    #[inline(never)]
    fn mismatch<T>(&mut self, expected: Expected) -> Result<Option<T>, Malformed> {
        if self.peek() != b'n' {
            self.mismatches.note(self.at, expected);
        }
        self.skip()?;
        Ok(None)
    }

    /// Counts a value that starts at this byte.
    #[cold]
    pub(crate) fn note(&mut self, at: usize, expected: Expected) {
        self.mismatches.note(at, expected);
    }

    /// Goes past `true`, `false` or `null`, whichever begins with this byte, the next one.
    #[inline(always)]
    fn literal(&mut self, first: u8) -> Result<(), Malformed> {
        let word: &[u8] = match first {
            b't' => b"true",
            b'f' => b"false",
            _ => b"null",
        };
        if self.bytes.get(self.at..self.at + word.len()) != Some(word) {
            return self.malformed(&"expected true, false or null");
        }
        self.at += word.len();
        Ok(())
    }
}
