//! Decodes pages of a list into segments with the columns that a query needs.

use std::sync::Arc;

use super::list::PageText;
use crate::flatten::{FieldMask, Flattener, Interpreter, RawObjectsBuilder};
use crate::ingest::diagnostics::{Diagnostics, Location};
use crate::ingest::files::Kinds;
use crate::ingest::secrets;
use crate::store::{KindRequest, Segment, Warning};

/// Decodes each page of a list into a segment.
pub(super) struct PageDecoder {
    kinds: Kinds,
    request: Arc<KindRequest>,
    cluster: Arc<str>,
    /// Whether the objects are Secrets whose values are redacted.
    redact: bool,
    location: Location,
    diagnostics: Diagnostics,
}

impl PageDecoder {
    /// A decoder of the requested kind in a cluster. With `redact`, the values of Secrets are redacted.
    pub(super) fn new(kinds: &Kinds, request: &Arc<KindRequest>, cluster: &Arc<str>, redact: bool) -> Self {
        Self {
            kinds: kinds.clone(),
            request: Arc::clone(request),
            cluster: Arc::clone(cluster),
            redact: redact && secrets::is_secret(request.kind),
            location: Location::file(&format!("cluster {cluster}").into()),
            diagnostics: Diagnostics::default(),
        }
    }

    /// Decodes a page; `None` if it has no objects.
    pub(super) fn decode(&mut self, page: &PageText) -> Option<Segment> {
        let kind = self.request.kind;
        let compiled = (self.request.fields == FieldMask::All).then(|| self.kinds.compiled(kind)).flatten();
        let mut flattener: Box<dyn Flattener> =
            compiled.unwrap_or_else(|| Box::new(Interpreter::new(kind.root, &self.request.fields)));
        let mut objects = self.request.objects.then(RawObjectsBuilder::default);
        let mut redacted = String::new();
        for object in page.objects() {
            let object = if self.redact { secrets::redact_or_clear(&object, &mut redacted) } else { &object };
            if let Err(malformed) = flattener.push(object) {
                self.diagnostics.add(&self.location, format!("{}: skipped an object: {malformed}", kind.plural));
            }
            if let Some(objects) = &mut objects {
                // A malformed object is stored as an empty text; its row is dead.
                _ = objects.push(object);
            }
        }
        if flattener.rows() == 0 {
            return None;
        }
        let flattened = flattener.finish();
        self.diagnostics.add_mismatches(kind, &flattened, |_| self.location.clone());
        Some(Segment::new(&self.cluster, kind, flattened, objects.as_mut().map(RawObjectsBuilder::finish)))
    }

    /// Discards all diagnostics, before all pages are decoded again.
    pub(super) fn restart(&mut self) {
        self.diagnostics = Diagnostics::default();
    }

    /// Warnings about the decoded objects.
    pub(super) fn into_warnings(self) -> Vec<Warning> {
        self.diagnostics.into_warnings()
    }
}
