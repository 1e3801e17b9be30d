//! Detects the encoding and the format of a file.

use std::borrow::Cow;

/// Decodes the bytes of a file, without byte order marks. The second value is a warning about invalid bytes.
pub(super) fn decode(bytes: &[u8]) -> (Cow<'_, str>, Option<String>) {
    /// Concatenated files have a mark before a document. JSON and YAML have it at the start of a line nowhere else.
    const INNER_MARK: &str = "\n\u{feff}";
    let (text, warning) = decode_with_marks(bytes);
    match memchr::memmem::find(text.as_bytes(), INNER_MARK.as_bytes()) {
        Some(_) => (Cow::Owned(text.replace(INNER_MARK, "\n")), warning),
        None => (text, warning),
    }
}

fn decode_with_marks(bytes: &[u8]) -> (Cow<'_, str>, Option<String>) {
    if let Some(rest) = bytes.strip_prefix(&[0xFF, 0xFE]) {
        return utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(&[0xFE, 0xFF]) {
        return utf16(rest, u16::from_be_bytes);
    }
    // UTF-16 without a mark: the first character of JSON and YAML is ASCII.
    match bytes {
        [1..=127, 0, 1..=127, 0, ..] => return utf16(bytes, u16::from_le_bytes),
        [0, 1..=127, 0, 1..=127, ..] => return utf16(bytes, u16::from_be_bytes),
        _ => {}
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match simdutf8::compat::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), None),
        Err(error) => {
            let at = error.valid_up_to();
            let line = memchr::memchr_iter(b'\n', &bytes[..at]).count() + 1;
            let warning = format!("invalid UTF-8 at byte {at}, line {line}; invalid bytes were read as U+FFFD");
            (String::from_utf8_lossy(bytes), Some(warning))
        }
    }
}

/// Decodes UTF-16, which PowerShell writes into files.
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
    (Cow::Owned(text), replaced.then(|| "invalid UTF-16; invalid units were read as U+FFFD".to_owned()))
}

/// Whether text is JSON and not YAML. JSON starts with a bracket. If the file has a YAML extension, all of it must be JSON,
/// since `{a: b}` is YAML.
pub(super) fn is_json(text: &str, yaml_by_name: bool) -> bool {
    let starts_with_bracket = text.trim_start().starts_with(['{', '[']);
    let is_valid = || {
        serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>().all(|document| document.is_ok())
    };
    starts_with_bracket && (!yaml_by_name || is_valid())
}
