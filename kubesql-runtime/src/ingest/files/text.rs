//! From bytes to text: encodings, and whether it is JSON or YAML.

use std::borrow::Cow;

/// The text of a file, and what to say where it is not what the bytes were.
pub(super) fn decode(bytes: &[u8]) -> (Cow<'_, str>, Option<String>) {
    if let Some(rest) = bytes.strip_prefix(&[0xFF, 0xFE]) {
        return utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(&[0xFE, 0xFF]) {
        return utf16(rest, u16::from_be_bytes);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match simdutf8::compat::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), None),
        Err(error) => {
            let at = error.valid_up_to();
            let line = memchr::memchr_iter(b'\n', &bytes[..at]).count() + 1;
            let sentence = format!("not UTF-8 at byte {at}, line {line}: what is not was read as U+FFFD");
            (String::from_utf8_lossy(bytes), Some(sentence))
        }
    }
}

/// Text as PowerShell writes it into files.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> (Cow<'_, str>, Option<String>) {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut replaced = !rest.is_empty();
    let text = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .map(|letter| {
            letter.unwrap_or_else(|_| {
                replaced = true;
                char::REPLACEMENT_CHARACTER
            })
        })
        .collect();
    (Cow::Owned(text), replaced.then(|| "not UTF-16 throughout: what is not was read as U+FFFD".to_owned()))
}

/// Whether text is JSON and not YAML: by how it begins, and, of a file that is YAML by its name, only
/// if all of it is JSON (`{a: b}` is YAML, too).
pub(super) fn is_json(text: &str, yaml_by_name: bool) -> bool {
    let begins = text.trim_start().starts_with(['{', '[']);
    let whole = || {
        serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>().all(|document| document.is_ok())
    };
    begins && (!yaml_by_name || whole())
}
