//! Kinds that were learnt at run time, as those who make tables of them see them.

use super::KindDef;

/// What is known at a moment beside the kinds that are compiled in; never changed once made.
#[derive(Debug, Clone, Default)]
pub struct Learnt {
    /// Grows with each change.
    pub generation: u64,
    /// Sorted by group and plural. One that is compiled in as well takes the place of that.
    pub kinds: Vec<LearntKind>,
}

/// A kind that was learnt.
#[derive(Debug, Clone)]
pub struct LearntKind {
    /// What it is.
    pub kind: &'static KindDef,
    /// What clusters or versions do not agree on, a sentence each.
    pub notes: Vec<String>,
}

impl Learnt {
    /// The kind of a group and plural.
    #[must_use]
    pub fn find(&self, group: &str, plural: &str) -> Option<&LearntKind> {
        let at = self.kinds.binary_search_by(|learnt| (learnt.kind.group, learnt.kind.plural).cmp(&(group, plural)));
        at.ok().map(|at| &self.kinds[at])
    }
}
