//! Pages of a list into segments of the columns that a query needs.

use std::sync::Arc;

use super::list::Text;
use crate::flatten::{Interpreter, ObjectsBuilder, Rows, Want};
use crate::ingest::files::Kinds;
use crate::ingest::files::trouble::{Spot, Troubles};
use crate::ingest::secrets;
use crate::store::{KindRequest, Segment, Warning};

/// Makes a segment of each page of a list.
pub(super) struct Decoder {
    kinds: Kinds,
    wanted: Arc<KindRequest>,
    cluster: Arc<str>,
    /// Whether values are to be taken out of Secrets, which these are.
    redact: bool,
    spot: Spot,
    troubles: Troubles,
}

impl Decoder {
    /// For a kind of a cluster; with `redact`, Secrets lose their values.
    pub(super) fn new(kinds: &Kinds, wanted: &Arc<KindRequest>, cluster: &Arc<str>, redact: bool) -> Self {
        Self {
            kinds: kinds.clone(),
            wanted: Arc::clone(wanted),
            cluster: Arc::clone(cluster),
            redact: redact && secrets::are(wanted.kind),
            spot: Spot::file(&format!("cluster {cluster}").into()),
            troubles: Troubles::default(),
        }
    }

    /// The columns of a page's objects; `None` where there are none.
    pub(super) fn segment(&mut self, page: &Text) -> Option<Segment> {
        let kind = self.wanted.kind;
        let compiled = (self.wanted.want == Want::All).then(|| self.kinds.compiled(kind)).flatten();
        let mut rows: Box<dyn Rows> =
            compiled.unwrap_or_else(|| Box::new(Interpreter::new(kind.root, &self.wanted.want)));
        let mut objects = self.wanted.objects.then(ObjectsBuilder::default);
        let mut redacted = String::new();
        for object in page.objects() {
            let object = if self.redact { secrets::redacted(&object, &mut redacted) } else { &object };
            if let Err(malformed) = rows.push(object) {
                self.troubles.tell(&self.spot, format!("{}: an object that cannot be read: {malformed}", kind.plural));
            }
            if let Some(objects) = &mut objects {
                // A malformed one has an empty text, and its row is dead anyway.
                _ = objects.push(object);
            }
        }
        if rows.rows() == 0 {
            return None;
        }
        let flattened = rows.finish();
        self.troubles.mismatches(kind, &flattened, |_| self.spot.clone());
        Some(Segment::new(&self.cluster, kind, flattened, objects.as_mut().map(ObjectsBuilder::finish)))
    }

    /// Forgets what was: all pages come again.
    pub(super) fn restart(&mut self) {
        self.troubles = Troubles::default();
    }

    /// What was wrong with the objects.
    pub(super) fn warnings(self) -> Vec<Warning> {
        self.troubles.warnings()
    }
}
