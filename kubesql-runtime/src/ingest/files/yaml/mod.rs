//! Converts YAML to JSON text by the rules of kubectl, which are YAML 1.1 as read by Go's yaml.v2.

mod convert;
mod documents;
mod input;
#[cfg(test)]
mod kubectl;
mod scalar;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(in crate::ingest::files) use convert::YamlToJson;

use convert::Converted;

use super::collector::Collector;
use super::json;
use super::lines::Lines;
use crate::ingest::diagnostics::Location;

/// Collects the objects of all documents. Malformed documents are skipped with a warning.
pub(super) fn collect_documents(text: &str, collector: &mut Collector<'_>, location: &mut Location) {
    for part in documents::split(text) {
        let mut converter = convert::YamlToJson::new(&part.text);
        loop {
            match converter.next() {
                Ok(None) => break,
                Ok(Some(Converted { document, line, item_lines })) => {
                    if document == "null" {
                        continue;
                    }
                    let before = u64::try_from(part.line).unwrap_or_default();
                    let items = item_lines.iter().map(|line| line + before).collect();
                    collector.lines = Lines::Known { document: line + before, items };
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
