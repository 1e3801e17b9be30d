//! Kinds that were discovered at run time.

use super::KindDef;

/// The kinds discovered so far, besides those that are compiled in. Immutable.
#[derive(Debug, Clone, Default)]
pub struct DiscoveredKinds {
    /// Increases with each change.
    pub generation: u64,
    /// Sorted by group and plural. A kind that is also compiled in replaces the compiled definition.
    pub kinds: Vec<DiscoveredKind>,
}

/// A discovered kind.
#[derive(Debug, Clone)]
pub struct DiscoveredKind {
    /// Its definition.
    pub kind: &'static KindDef,
    /// The short names that its definitions give it, `cert`.
    pub short_names: Vec<String>,
    /// Conflicts between clusters or versions, a message for each.
    pub notes: Vec<String>,
}

impl DiscoveredKinds {
    /// Finds a kind by its group and plural.
    #[must_use]
    pub fn find(&self, group: &str, plural: &str) -> Option<&DiscoveredKind> {
        let at = self.kinds.binary_search_by(|found| (found.kind.group, found.kind.plural).cmp(&(group, plural)));
        at.ok().map(|at| &self.kinds[at])
    }
}
