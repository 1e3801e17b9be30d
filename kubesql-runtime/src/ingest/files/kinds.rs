//! Which table's kind an object is of, by what it says of itself.

use std::collections::HashMap;
use std::sync::Arc;

use crate::flatten::Rows;
use crate::learn::Learning;
use crate::schema::KindDef;

use super::trouble::Trouble;

/// Kinds of the API machinery that are never objects of a cluster, and what to say of them.
const NO_OBJECTS: [(&str, &str); 15] = [
    ("APIGroup", "a discovery document"),
    ("APIGroupDiscoveryList", "a discovery document"),
    ("APIGroupList", "a discovery document"),
    ("APIResourceList", "a discovery document"),
    ("APIVersions", "a discovery document"),
    ("CreateOptions", "options of a request"),
    ("DeleteOptions", "options of a request"),
    ("GetOptions", "options of a request"),
    ("ListOptions", "options of a request"),
    ("PatchOptions", "options of a request"),
    ("UpdateOptions", "options of a request"),
    ("PartialObjectMetadata", "an object's metadata only"),
    ("Status", "an API server's status message"),
    ("Table", "cells printed for people, without the objects; ask for them by `-o json` or `-o yaml`"),
    ("WatchEvent", "an event of a watch"),
];

/// Groups whose kinds moved, and where to.
const MOVED: [(&str, &[&str]); 1] = [("extensions", &["apps", "networking.k8s.io"])];

/// The kinds that there are tables for, and what was learnt of others. Clones learn together.
#[derive(Clone)]
pub struct Kinds {
    defs: Vec<&'static KindDef>,
    /// Numbers of kinds by their name, then their group.
    numbers: HashMap<&'static str, Vec<(&'static str, usize)>>,
    compiled: fn(&KindDef) -> Option<Box<dyn Rows>>,
    /// Those that are compiled in.
    fixed: Arc<[&'static KindDef]>,
    learning: Arc<Learning>,
}

impl std::fmt::Debug for Kinds {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Kinds").field("count", &self.defs.len()).finish_non_exhaustive()
    }
}

/// What an object is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// The kind of this number.
    Kind(usize),
    /// None that has a table.
    Left(Trouble),
    /// It does not say.
    Silent,
}

impl Kinds {
    /// These kinds; `compiled` gives the generated rows of those that have some.
    pub fn new(
        defs: impl IntoIterator<Item = &'static KindDef>,
        compiled: fn(&KindDef) -> Option<Box<dyn Rows>>,
    ) -> Self {
        let fixed: Arc<[_]> = defs.into_iter().collect();
        let learning = Arc::new(Learning::new(fixed.to_vec()));
        Self::of(fixed.to_vec(), compiled, fixed, learning)
    }

    fn of(
        defs: Vec<&'static KindDef>,
        compiled: fn(&KindDef) -> Option<Box<dyn Rows>>,
        fixed: Arc<[&'static KindDef]>,
        learning: Arc<Learning>,
    ) -> Self {
        let mut numbers: HashMap<_, Vec<_>> = HashMap::new();
        for (number, def) in defs.iter().enumerate() {
            numbers.entry(def.kind).or_default().push((def.group, number));
        }
        Self { defs, numbers, compiled, fixed, learning }
    }

    /// These kinds, and those that were learnt by now.
    pub(in crate::ingest) fn with_learnt(&self) -> Self {
        let learnt = self.learning.current();
        if learnt.kinds.is_empty() {
            return self.clone();
        }
        let is_fixed = |kind: &&&'static KindDef| learnt.find(kind.group, kind.plural).is_none();
        let defs = self.fixed.iter().filter(is_fixed).copied().chain(learnt.kinds.iter().map(|learnt| learnt.kind));
        Self::of(defs.collect(), self.compiled, Arc::clone(&self.fixed), Arc::clone(&self.learning))
    }

    /// What is learnt of others.
    pub(in crate::ingest) fn learning(&self) -> &Arc<Learning> {
        &self.learning
    }

    /// The kind that definitions of custom resources are of.
    pub(in crate::ingest) fn definitions(&self) -> Option<&'static KindDef> {
        self.fixed.iter().find(|kind| kind.kind == "CustomResourceDefinition").copied()
    }

    /// All kinds, by their numbers.
    pub(in crate::ingest) fn defs(&self) -> &[&'static KindDef] {
        &self.defs
    }

    /// The generated rows of a kind, where it has some.
    pub(in crate::ingest) fn compiled(&self, kind: &KindDef) -> Option<Box<dyn Rows>> {
        // What was learnt may have more fields than what is compiled in of the same kind.
        self.fixed.iter().any(|fixed| std::ptr::eq(*fixed, kind)).then(|| (self.compiled)(kind)).flatten()
    }

    /// The kind of an object with this `apiVersion` and `kind`, empty where they are missing.
    ///
    /// Any version of a kind is that kind, and so is one of a group that it has moved from.
    pub(super) fn find(&self, api_version: &str, kind: &str) -> Found {
        if kind.is_empty() {
            return Found::Silent;
        }
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let same_name = self.numbers.get(kind).map_or(&[][..], Vec::as_slice);
        let of_group = |group: &str| same_name.iter().find(|(other, _)| *other == group).map(|(_, number)| *number);
        if api_version.is_empty() {
            return match same_name {
                [(_, number)] => Found::Kind(*number),
                _ => no_object(kind).unwrap_or_else(|| {
                    Found::Left(Trouble::Other(format!("a {kind} without an apiVersion, left out")))
                }),
            };
        }
        if let Some(number) = of_group(group) {
            return Found::Kind(number);
        }
        if let Some((_, to)) = MOVED.iter().find(|(from, _)| *from == group)
            && let Some(number) = to.iter().find_map(|group| of_group(group))
        {
            return Found::Kind(number);
        }
        // These come with a group of any name: `meta.k8s.io`, or that of what they are about.
        if let Some(found) = no_object(kind) {
            return found;
        }
        let name = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let hint = match same_name {
            [] => String::new(),
            others => {
                let groups: Vec<_> = others.iter().map(|(group, _)| group_name(group)).collect();
                format!("; there is a {kind} in {}", groups.join(", "))
            }
        };
        Found::Left(Trouble::NoTable(name, hint))
    }
}

/// What to say of an object that is no object of a cluster.
fn no_object(kind: &str) -> Option<Found> {
    let base = kind.strip_suffix("List").filter(|base| *base == "PartialObjectMetadata").unwrap_or(kind);
    let (_, what) = NO_OBJECTS.iter().find(|(other, _)| *other == base)?;
    Some(Found::Left(Trouble::Other(format!("holds no Kubernetes objects but {what} (kind {kind}), left out"))))
}

/// How messages call a group.
pub(super) fn group_name(group: &str) -> &str {
    if group.is_empty() { "the core group" } else { group }
}
