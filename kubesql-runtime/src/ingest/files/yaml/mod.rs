//! YAML documents as JSON text, by the rules of kubectl (YAML 1.1 as Go's yaml.v2 reads it).

mod convert;
mod scalar;
mod split;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(in crate::ingest::files) use convert::Converter;

use super::json;
use super::take::Taker;
use super::trouble::Spot;

/// Takes all documents of the text. One that cannot be read is told, and the others are taken.
pub(super) fn documents(text: &str, taker: &mut Taker<'_>, spot: &mut Spot) {
    for part in split::parts(text) {
        let mut converted = convert::Converter::new(&part.text);
        loop {
            match converted.next() {
                Ok(None) => break,
                Ok(Some(document)) => {
                    if document == "null" {
                        continue;
                    }
                    spot.document += 1;
                    spot.item = 0;
                    if let Err(malformed) = json::document(document, 0, taker, spot) {
                        taker.broken(spot, &format!("cannot be read: {}", malformed.what));
                    }
                }
                Err(error) => {
                    spot.document += 1;
                    spot.item = 0;
                    let line = part.line + error.line;
                    taker.broken(
                        spot,
                        &format!("malformed YAML in line {line}: {}; the document was left out", error.what),
                    );
                    break;
                }
            }
        }
    }
}
