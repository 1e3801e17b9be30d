//! Objects in which a key is repeated. The last of repeated keys counts, as for kubectl, Go, jq and Python.
//!
//! Flatteners write a field when they read it and may stop after the last field that they need, so that they cannot
//! know of a later value. Such an object is rewritten before it is read. API servers never send one.

use std::collections::HashMap;
use std::ops::Range;

use crate::flatten::{Malformed, Parser};
use crate::ingest::json_string::append_json_string;

/// Objects with more keys are sorted, instead of comparing each key with all keys before it.
const MANY: usize = 64;

/// Nested values below this depth are copied as they are.
const MAX_DEPTH: usize = 500;

/// Finds repeated keys. Keeps its buffers between objects.
#[derive(Debug, Default)]
pub(super) struct RepeatedKeys {
    /// Hashes of the keys of all open objects.
    keys: Vec<u64>,
    /// For each open object, the number of keys before it; for each open list, [`LIST`].
    open: Vec<usize>,
}

const LIST: usize = usize::MAX;

impl RepeatedKeys {
    /// Whether the object at byte `from` may have a repeated key at any depth. Malformed objects have none.
    pub(super) fn may_be_in(&mut self, text: &str, from: usize) -> bool {
        self.keys.clear();
        self.open.clear();
        let bytes = text.as_bytes();
        let mut at = from;
        let mut key_follows = false;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'{' => {
                    self.open.push(self.keys.len());
                    key_follows = true;
                }
                b'[' => {
                    self.open.push(LIST);
                    key_follows = false;
                }
                b',' => key_follows = self.open.last().is_some_and(|first| *first != LIST),
                b'"' => {
                    let Some((end, other_spelling)) = string_end(bytes, at) else { return false };
                    if std::mem::take(&mut key_follows) && (other_spelling || self.add(&bytes[at..end])) {
                        return true;
                    }
                    at = end + 1;
                }
                b'}' | b']' => {
                    match self.open.pop() {
                        None => return false,
                        Some(LIST) => {}
                        Some(first) => {
                            if self.are_repeated(first) {
                                return true;
                            }
                            self.keys.truncate(first);
                        }
                    }
                    if self.open.is_empty() {
                        return false;
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Adds a key of the innermost object. Returns whether the object has it already, unless it has many keys.
    fn add(&mut self, key: &[u8]) -> bool {
        let hash = hash(key);
        let first = self.open.last().copied().unwrap_or_default().min(self.keys.len());
        let before = &self.keys[first..];
        let known = before.len() < MANY && before.contains(&hash);
        self.keys.push(hash);
        known
    }

    /// Whether keys of an object with many keys are repeated.
    fn are_repeated(&mut self, first: usize) -> bool {
        let keys = &mut self.keys[first..];
        if keys.len() <= MANY {
            return false;
        }
        keys.sort_unstable();
        keys.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// Whether a string has an escape for a character that may also be written in another way.
fn has_other_spelling(text: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', text).any(|at| matches!(text.get(at + 1), Some(b'u' | b'/')))
}

/// The position of the closing quote of a string, and whether the string may also be written in another way.
fn string_end(bytes: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut at = from;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some((at, has_other_spelling(&bytes[from..at])));
        }
        at += 2;
    }
}

/// A hash of a key. Two keys with the same hash only cost a rewrite that changes nothing.
fn hash(key: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = key.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let start = u64::try_from(key.len()).unwrap_or_default();
    words.iter().chain([&last]).fold(start, |hash, word| {
        let mixed = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
        mixed ^ mixed >> 29
    })
}

/// The value at byte `from` in which each key is there once, with its last value.
pub(super) fn without_repeated(text: &str, from: usize) -> Result<String, Malformed> {
    let mut rewritten = String::new();
    append(text, from, 0, &mut rewritten)?;
    Ok(rewritten)
}

fn append(text: &str, from: usize, depth: usize, to: &mut String) -> Result<(), Malformed> {
    let mut parser = Parser::at(text, from);
    match parser.peek() {
        b'{' if depth < MAX_DEPTH => {
            let mut places: HashMap<String, usize> = HashMap::new();
            let mut values: Vec<(String, Range<usize>)> = Vec::new();
            let Some(mut fields) = parser.object()? else { return Ok(()) };
            while let Some(key) = parser.key(&mut fields)? {
                let key = key.to_owned();
                parser.peek();
                let start = parser.position();
                parser.skip()?;
                let value = start..parser.position();
                match places.get(&key) {
                    Some(place) => values[*place].1 = value,
                    None => {
                        places.insert(key.clone(), values.len());
                        values.push((key, value));
                    }
                }
            }
            for (number, (key, value)) in values.into_iter().enumerate() {
                to.push(if number == 0 { '{' } else { ',' });
                append_json_string(&key, to);
                to.push(':');
                append(text, value.start, depth + 1, to)?;
            }
            to.push_str(if places.is_empty() { "{}" } else { "}" });
        }
        b'[' if depth < MAX_DEPTH => {
            to.push('[');
            let mut first = true;
            let Some(mut elements) = parser.array()? else { return Ok(()) };
            while parser.element(&mut elements)? {
                if !std::mem::take(&mut first) {
                    to.push(',');
                }
                parser.peek();
                let start = parser.position();
                parser.skip()?;
                append(text, start, depth + 1, to)?;
            }
            to.push(']');
        }
        _ => {
            let start = parser.position();
            parser.skip()?;
            to.push_str(&text[start..parser.position()]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{RepeatedKeys, without_repeated};

    #[test]
    fn the_last_of_repeated_keys_counts() {
        let many: String = (0..200).map(|number| format!("\"key{number}\":{number},")).collect();
        for (text, repeated) in [
            (r#"{"a":1,"b":2}"#.to_owned(), false),
            (r#"{"a":1,"a":2}"#.to_owned(), true),
            (r#"{"a":{"b":1},"b":{"b":[{"b":"a"},{"b":"\"b\":\"b\","}]}}"#.to_owned(), false),
            (r#"{"a":[{"b":1,"c":{"d":1,"d":{"e":1,"e":2}}}]} {"a":1}"#.to_owned(), true),
            ("{ \"a\" : 1 ,\n \"b\":{}, \"a\":{\"x\":[] } }".to_owned(), true),
            (r#"{"name":1,"na\u006de":2}"#.to_owned(), true),
            (r#"{"k:{\"a\":1}":1,"k:{\"a\":2}":2}"#.to_owned(), false),
            (r#"{"k:{\"a\":1}":1,"k:{\"a\":1}":2}"#.to_owned(), true),
            (format!("{{{many}\"z\":0}}"), false),
            (format!("{{{many}\"key3\":0}}"), true),
        ] {
            assert_eq!(RepeatedKeys::default().may_be_in(&text, 0), repeated, "{text}");
            let rewritten = without_repeated(&text, 0).expect("JSON");
            // serde_json also keeps the last of repeated keys.
            let expected: Value =
                serde_json::Deserializer::from_str(&text).into_iter().next().expect("one").expect("JSON");
            assert_eq!(serde_json::from_str::<Value>(&rewritten).expect("JSON"), expected, "{text}");
            assert!(!RepeatedKeys::default().may_be_in(&rewritten, 0), "{rewritten}");
        }
        assert!(!RepeatedKeys::default().may_be_in(r#"{"a":"#, 0));
        assert!(!RepeatedKeys::default().may_be_in(r#"{"a":"x"#, 0));
    }
}
