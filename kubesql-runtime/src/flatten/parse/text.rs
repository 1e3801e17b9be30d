//! Parsing of strings.

use wide::u8x32;

use super::{Malformed, Parser, SyntaxError};

/// The position of the first quote or backslash; the block's length if there is none.
#[inline(always)]
pub(super) fn quote_or_escape_in(block: &[u8; 32]) -> usize {
    let block = u8x32::new(*block);
    let found = block.simd_eq(u8x32::splat(b'"')) | block.simd_eq(u8x32::splat(b'\\'));
    found.to_bitmask().trailing_zeros() as usize
}

impl Parser<'_> {
    /// The position of the next quote or backslash; the text's length if there is none.
    #[inline(always)]
    pub(super) fn quote_or_escape(&self, from: usize) -> usize {
        let mut at = from;
        // Most strings are short: try two blocks, then a search that is optimized for long strings.
        for _ in 0..2 {
            let Some(block) = self.bytes.get(at..).and_then(<[u8]>::first_chunk) else {
                break;
            };
            let found = quote_or_escape_in(block);
            at += found;
            if found < block.len() {
                return at;
            }
        }
        self.quote_or_escape_far(at)
    }

    #[inline(never)]
    fn quote_or_escape_far(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        memchr::memchr2(b'"', b'\\', rest).map_or(self.bytes.len(), |found| from + found)
    }

    /// Reads the string whose opening quote is the next byte.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Result<&str, Malformed> {
        match self.string_parts()? {
            Some((start, end)) => match self.text.get(start..end) {
                Some(text) => Ok(text),
                None => self.malformed(SyntaxError::ExpectedText),
            },
            None => Ok(&self.decoded),
        }
    }

    /// Reads the string whose opening quote is the next byte, as bytes. This skips the check for character boundaries,
    /// which a quote always is.
    #[inline(always)]
    pub(super) fn string_bytes(&mut self) -> Result<&[u8], Malformed> {
        Ok(match self.string_parts()? {
            Some((start, end)) => self.bytes.get(start..end).unwrap_or_default(),
            None => self.decoded.as_bytes(),
        })
    }

    /// Reads a string. Returns its span if it has no escapes; otherwise `None`, with the string in `decoded`.
    #[inline(always)]
    pub(super) fn string_parts(&mut self) -> Result<Option<(usize, usize)>, Malformed> {
        let start = self.at + 1;
        let end = self.quote_or_escape(start);
        if self.byte(end) == b'"' {
            self.at = end + 1;
            return Ok(Some((start, end)));
        }
        self.unescape(start, end)?;
        Ok(None)
    }

    /// Skips the string whose opening quote is the next byte.
    #[inline(always)]
    pub(super) fn skip_string(&mut self) -> Result<(), Malformed> {
        let mut end = self.at + 1;
        loop {
            end = self.quote_or_escape(end);
            match self.byte(end) {
                b'"' => {
                    self.at = end + 1;
                    return Ok(());
                }
                b'\\' => end += 2,
                _ => return self.malformed(SyntaxError::UnterminatedString),
            }
        }
    }

    /// Decodes a string into `decoded`; `end` is its first backslash, or the end of the text.
    #[cold]
    #[inline(never)]
    fn unescape(&mut self, mut start: usize, mut end: usize) -> Result<(), Malformed> {
        self.decoded.clear();
        loop {
            self.decoded.push_str(self.text.get(start..end).unwrap_or_default());
            match self.byte(end) {
                b'"' => {
                    self.at = end + 1;
                    return Ok(());
                }
                b'\\' => {}
                _ => return self.malformed(SyntaxError::UnterminatedString),
            }
            let (char, length) = match self.byte(end + 1) {
                b'n' => ('\n', 2),
                b't' => ('\t', 2),
                b'r' => ('\r', 2),
                b'b' => ('\u{8}', 2),
                b'f' => ('\u{c}', 2),
                byte @ (b'"' | b'\\' | b'/') => (char::from(byte), 2),
                b'u' => match self.unicode_escape(end) {
                    Some(unit) => unit,
                    None => return self.malformed(SyntaxError::InvalidUnicodeEscape),
                },
                _ => return self.malformed(SyntaxError::InvalidEscape),
            };
            self.decoded.push(char);
            start = end + length;
            end = self.quote_or_escape(start);
        }
    }

    /// The character of a `\uXXXX` escape, and the length of the escape: 12 bytes for a pair of surrogates. An unpaired
    /// surrogate is U+FFFD.
    fn unicode_escape(&self, at: usize) -> Option<(char, usize)> {
        let first = self.hex(at + 2)?;
        if (0xd800..0xdc00).contains(&first) && self.byte(at + 6) == b'\\' && self.byte(at + 7) == b'u' {
            let second = self.hex(at + 8)?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Some((char::from_u32(code)?, 12));
            }
        }
        Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6))
    }

    fn hex(&self, at: usize) -> Option<u32> {
        let digits = self.bytes.get(at..at + 4)?;
        digits.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))
    }
}

/// The escapes that Go's JSON encoder writes for the sake of HTML, and that API servers therefore send.
const HTML: [(&str, char); 3] = [("\\u0026", '&'), ("\\u003c", '<'), ("\\u003e", '>')];

/// Whether [`compact`] may change the JSON text.
pub(super) fn needs_compaction(json: &str) -> bool {
    memchr::memchr(b'\n', json.as_bytes()).is_some() || memchr::memmem::find(json.as_bytes(), b"\\u00").is_some()
}

/// Appends JSON text without white space between tokens, and with `&`, `<` and `>` not escaped.
pub(crate) fn compact(json: &str, to: &mut String) {
    let bytes = json.as_bytes();
    let mut copied = 0;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
                    at += found;
                    if bytes[at] == b'"' {
                        break;
                    }
                    let escape = json.get(at..at + 6).and_then(|text| HTML.iter().find(|(code, _)| *code == text));
                    if let Some((code, plain)) = escape {
                        to.push_str(&json[copied..at]);
                        to.push(*plain);
                        at += code.len();
                        copied = at;
                    } else {
                        at += 2;
                    }
                }
                at += 1;
            }
            b' ' | b'\n' | b'\r' | b'\t' => {
                to.push_str(&json[copied..at]);
                while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
                    at += 1;
                }
                copied = at;
            }
            _ => at += 1,
        }
    }
    to.push_str(json.get(copied..).unwrap_or_default());
}
