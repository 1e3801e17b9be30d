//! Skips parts of a JSON text.

use crate::flatten::{Malformed, Parser};

/// The end of the value at byte `from`.
pub(super) fn skip(text: &str, from: usize) -> Result<usize, Malformed> {
    let mut parser = Parser::at(text, from);
    parser.skip()?;
    Ok(parser.position())
}

/// The position of the first byte from `from` on that is not a blank.
pub(super) fn past_blanks(text: &str, from: usize) -> usize {
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count()
}
