//! Converts YAML to JSON text by the rules of kubectl, which are YAML 1.1 as read by Go's yaml.v2.

mod convert;
mod documents;
mod scalar;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(in crate::ingest::files) use convert::YamlToJson;

use super::collector::Collector;
use super::json;
use crate::ingest::diagnostics::Location;

/// Collects the objects of all documents. Malformed documents are skipped with a warning.
pub(super) fn collect_documents(text: &str, collector: &mut Collector<'_>, location: &mut Location) {
    for part in documents::split(text) {
        let mut converter = convert::YamlToJson::new(&part.text);
        loop {
            match converter.next() {
                Ok(None) => break,
                Ok(Some(document)) => {
                    if document == "null" {
                        continue;
                    }
                    location.document += 1;
                    location.item = 0;
                    if let Err(malformed) = json::collect_document(document, 0, collector, location) {
                        collector
                            .warn_malformed(location, &format!("skipped a malformed document: {}", malformed.error));
                    }
                }
                Err(error) => {
                    location.document += 1;
                    location.item = 0;
                    let line = part.line + error.line;
                    collector.warn_malformed(
                        location,
                        &format!("skipped a malformed YAML document: line {line}: {}", error.message),
                    );
                    break;
                }
            }
        }
    }
}
