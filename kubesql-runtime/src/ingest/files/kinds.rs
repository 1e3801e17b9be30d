//! Finds the kind of an object by its `apiVersion` and `kind`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::discovery::KindRegistry;
use crate::flatten::Flattener;
use crate::schema::KindDef;
use crate::store::{KindRequest, Request, Segment, Warning};

use crate::ingest::diagnostics::Problem;

/// Kinds of the API machinery that are not objects of a cluster, and their descriptions.
const NON_OBJECTS: [(&str, &str); 15] = [
    ("APIGroup", "a discovery document"),
    ("APIGroupDiscoveryList", "a discovery document"),
    ("APIGroupList", "a discovery document"),
    ("APIResourceList", "a discovery document"),
    ("APIVersions", "a discovery document"),
    ("CreateOptions", "request options"),
    ("DeleteOptions", "request options"),
    ("GetOptions", "request options"),
    ("ListOptions", "request options"),
    ("PatchOptions", "request options"),
    ("UpdateOptions", "request options"),
    ("PartialObjectMetadata", "object metadata"),
    ("Status", "an API server's status message"),
    ("Table", "a printed table; use `-o json` or `-o yaml`"),
    ("WatchEvent", "a watch event"),
];

/// API groups whose kinds have moved, and their new groups.
const MOVED: [(&str, &[&str]); 1] = [("extensions", &["apps", "networking.k8s.io"])];

/// The compiled kinds, and the registry of discovered kinds. Clones share the registry.
#[derive(Clone)]
pub struct Kinds {
    defs: Vec<&'static KindDef>,
    /// Indexes in `defs` by kind, with the group.
    numbers: HashMap<&'static str, Vec<(&'static str, usize)>>,
    compiled: fn(&KindDef) -> Option<Box<dyn Flattener>>,
    /// The compiled kinds.
    fixed: Arc<[&'static KindDef]>,
    registry: Arc<KindRegistry>,
}

impl std::fmt::Debug for Kinds {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Kinds").field("count", &self.defs.len()).finish_non_exhaustive()
    }
}

/// The kind of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KindMatch {
    /// The kind with this number.
    Kind(usize),
    /// A kind without a table.
    Unsupported(Problem),
    /// The object has no `kind`.
    Unspecified,
}

impl Kinds {
    /// Compiled kinds. `compiled` returns the generated flattener of a kind, if there is one.
    pub fn new(
        defs: impl IntoIterator<Item = &'static KindDef>,
        compiled: fn(&KindDef) -> Option<Box<dyn Flattener>>,
    ) -> Self {
        let fixed: Arc<[_]> = defs.into_iter().collect();
        let registry = Arc::new(KindRegistry::new(fixed.to_vec()));
        Self::with_defs(fixed.to_vec(), compiled, fixed, registry)
    }

    fn with_defs(
        defs: Vec<&'static KindDef>,
        compiled: fn(&KindDef) -> Option<Box<dyn Flattener>>,
        fixed: Arc<[&'static KindDef]>,
        registry: Arc<KindRegistry>,
    ) -> Self {
        let mut numbers: HashMap<_, Vec<_>> = HashMap::new();
        for (number, def) in defs.iter().enumerate() {
            numbers.entry(def.kind).or_default().push((def.group, number));
        }
        Self { defs, numbers, compiled, fixed, registry }
    }

    /// The compiled kinds and the kinds discovered so far.
    pub(in crate::ingest) fn with_discovered(&self) -> Self {
        let discovered = self.registry.current();
        if discovered.kinds.is_empty() {
            return self.clone();
        }
        let is_fixed = |kind: &&&'static KindDef| discovered.find(kind.group, kind.plural).is_none();
        let defs = self
            .fixed
            .iter()
            .filter(is_fixed)
            .copied()
            .chain(discovered.kinds.iter().map(|discovered| discovered.kind));
        Self::with_defs(defs.collect(), self.compiled, Arc::clone(&self.fixed), Arc::clone(&self.registry))
    }

    /// The registry of discovered kinds.
    pub(in crate::ingest) fn registry(&self) -> &Arc<KindRegistry> {
        &self.registry
    }

    /// The kind CustomResourceDefinition.
    pub(in crate::ingest) fn definitions(&self) -> Option<&'static KindDef> {
        self.fixed.iter().find(|kind| kind.kind == "CustomResourceDefinition").copied()
    }

    /// All kinds, by number.
    pub(in crate::ingest) fn defs(&self) -> &[&'static KindDef] {
        &self.defs
    }

    /// The generated flattener of a kind, if there is one.
    pub(in crate::ingest) fn compiled(&self, kind: &KindDef) -> Option<Box<dyn Flattener>> {
        // A discovered definition of a compiled kind has more fields.
        self.fixed.iter().any(|fixed| std::ptr::eq(*fixed, kind)).then(|| (self.compiled)(kind)).flatten()
    }

    /// Finds a kind by `apiVersion` and `kind`, which are empty if missing. Versions are ignored, and kinds are also found
    /// by the group that they have moved from.
    pub(super) fn find(&self, api_version: &str, kind: &str) -> KindMatch {
        if kind.is_empty() {
            return KindMatch::Unspecified;
        }
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let same_name = self.numbers.get(kind).map_or(&[][..], Vec::as_slice);
        let of_group = |group: &str| same_name.iter().find(|(other, _)| *other == group).map(|(_, number)| *number);
        if api_version.is_empty() {
            return match same_name {
                [(_, number)] => KindMatch::Kind(*number),
                _ => non_object(kind).unwrap_or_else(|| {
                    KindMatch::Unsupported(Problem::Other(format!("skipped a {kind} without an apiVersion")))
                }),
            };
        }
        if let Some(number) = of_group(group) {
            return KindMatch::Kind(number);
        }
        if let Some((_, to)) = MOVED.iter().find(|(from, _)| *from == group)
            && let Some(number) = to.iter().find_map(|group| of_group(group))
        {
            return KindMatch::Kind(number);
        }
        // These have the group `meta.k8s.io`, or the group of the objects that they are about.
        if let Some(found) = non_object(kind) {
            return found;
        }
        let name = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let hint = match same_name {
            [] => String::new(),
            others => {
                let groups: Vec<_> = others.iter().map(|(group, _)| group_name(group)).collect();
                format!("; {kind} exists in {}", groups.join(", "))
            }
        };
        KindMatch::Unsupported(Problem::NoTable(name, hint))
    }
}

impl Kinds {
    /// A warning for each requested kind without objects of which another group has objects, as for events: servers
    /// have all events in two groups, but a file has them in one. `others` are the numbers of objects of kinds that
    /// were not requested.
    pub(super) fn in_other_groups(
        &self,
        request: &Request,
        segments: &[Arc<Segment>],
        others: &HashMap<usize, u64>,
    ) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for KindRequest { kind, .. } in &request.kinds {
            if segments.iter().any(|segment| std::ptr::eq(segment.kind, *kind)) {
                continue;
            }
            let same_name = self.numbers.get(kind.kind).map_or(&[][..], Vec::as_slice);
            for (group, number) in same_name.iter().filter(|(group, _)| *group != kind.group) {
                let Some(count) = others.get(number).filter(|count| **count > 0) else { continue };
                let (objects, are) = if *count == 1 { ("object", "is") } else { ("objects", "are") };
                let schema = if group.is_empty() { "core" } else { group };
                let message = format!(
                    "no objects in {}, but {count} {objects} {are} in {}; query \"{schema}\".{} for them",
                    group_name(kind.group),
                    group_name(group),
                    self.defs[*number].plural,
                );
                warnings.push(Warning { place: kind.plural.to_owned(), message, count: *count });
            }
        }
        warnings
    }
}

/// The match of a kind of the API machinery.
fn non_object(kind: &str) -> Option<KindMatch> {
    let base = kind.strip_suffix("List").filter(|base| *base == "PartialObjectMetadata").unwrap_or(kind);
    let (_, what) = NON_OBJECTS.iter().find(|(other, _)| *other == base)?;
    Some(KindMatch::Unsupported(Problem::Other(format!("skipped {what} (kind {kind})"))))
}

/// The name of a group in messages.
pub(super) fn group_name(group: &str) -> &str {
    if group.is_empty() { "the core group" } else { group }
}
