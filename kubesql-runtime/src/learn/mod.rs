//! Kinds learnt at run time: from definitions of custom resources to the same static definitions that are compiled in.
//!
//! One `Learning` is shared by all sources of a server, so that a kind of several clusters has one definition, which
//! covers what it is in each of them. Names once given stay as long as the server runs.

mod compiled;
mod intern;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubesql_codegen::model;
use kubesql_codegen::names::{Chosen, Lock};
use kubesql_codegen::spec::{Crd, CrdVersion, OBJECT_META, Release, Schema, canonical, widen};
use parking_lot::Mutex;

use crate::schema::{KindDef, Learnt, LearntKind};

/// Definitions of a cluster by name, `certificates.cert-manager.io`.
pub(crate) type Definitions = BTreeMap<String, Definition>;

/// A definition as a cluster has it.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// Differs where the definition does.
    pub(crate) version: String,
    pub(crate) crd: Arc<Crd>,
}

/// What is known of all clusters.
#[derive(Debug)]
pub(crate) struct Learning {
    compiled: Vec<&'static KindDef>,
    state: Mutex<State>,
    current: Mutex<Arc<Learnt>>,
}

#[derive(Debug, Default)]
struct State {
    clusters: BTreeMap<Arc<str>, Definitions>,
    /// By name.
    kinds: BTreeMap<String, LearntKind>,
    /// All that were ever made, by name: what comes back is the same again.
    made: BTreeMap<String, Vec<&'static KindDef>>,
    lock: Lock,
}

impl State {
    /// Makes what a cluster defines as another does the same, so that many clusters cost no more than one.
    fn share(&self, name: &str, definition: &mut Definition) {
        let others = self.clusters.values().filter_map(|of| of.get(name));
        if let Some(same) = others.map(|of| &of.crd).find(|crd| **crd == definition.crd) {
            definition.crd = Arc::clone(same);
        }
    }
}

impl Learning {
    /// Nothing is known yet but what is compiled in.
    pub(crate) fn new(compiled: Vec<&'static KindDef>) -> Self {
        Self { compiled, state: Mutex::default(), current: Mutex::default() }
    }

    /// What is known now.
    pub(crate) fn current(&self) -> Arc<Learnt> {
        Arc::clone(&self.current.lock())
    }

    /// The definitions of a cluster that are known.
    pub(crate) fn of_cluster(&self, cluster: &str) -> Definitions {
        self.state.lock().clusters.get(cluster).cloned().unwrap_or_default()
    }

    /// Whether Kubernetes itself brings a kind, so that there is nothing to learn of it.
    pub(crate) fn is_fixed(&self, group: &str, plural: &str) -> bool {
        self.compiled.iter().any(|kind| kind.custom.is_none() && (kind.group, kind.plural) == (group, plural))
    }

    /// Whether a kind is compiled in.
    pub(crate) fn is_known(&self, group: &str, plural: &str) -> bool {
        self.compiled.iter().any(|kind| (kind.group, kind.plural) == (group, plural))
    }

    /// A cluster has these definitions and no others.
    pub(crate) fn replace(&self, cluster: &Arc<str>, mut definitions: Definitions) {
        let mut state = self.state.lock();
        definitions.iter_mut().for_each(|(name, definition)| state.share(name, definition));
        let before = state.clusters.insert(Arc::clone(cluster), definitions).unwrap_or_default();
        let now = &state.clusters[cluster];
        let names: BTreeSet<String> = before.keys().chain(now.keys()).cloned().collect();
        let differs = |name: &String| before.get(name).map(|of| &of.version) != now.get(name).map(|of| &of.version);
        let changed: Vec<String> = names.into_iter().filter(differs).collect();
        self.changed(&mut state, &changed);
    }

    /// A cluster has this definition, or no longer.
    pub(crate) fn put(&self, cluster: &Arc<str>, name: &str, definition: Option<Definition>) {
        let mut state = self.state.lock();
        let known = state.clusters.entry(Arc::clone(cluster)).or_default();
        let version = definition.as_ref().map(|definition| definition.version.clone());
        if known.get(name).map(|known| &known.version) == version.as_ref() {
            return;
        }
        match definition {
            Some(mut definition) => {
                state.share(name, &mut definition);
                state.clusters.entry(Arc::clone(cluster)).or_default().insert(name.to_owned(), definition);
            }
            None => drop(known.remove(name)),
        }
        self.changed(&mut state, &[name.to_owned()]);
    }

    /// Makes anew the kinds of these names, and tells where any is another than before.
    fn changed(&self, state: &mut State, names: &[String]) {
        let mut any = false;
        for name in names {
            let made = self.kind(state, name);
            let same = match (&made, state.kinds.get(name)) {
                (None, None) => true,
                (Some(now), Some(before)) => std::ptr::eq(now.kind, before.kind) && now.notes == before.notes,
                _ => false,
            };
            any |= !same;
            match made {
                Some(kind) => drop(state.kinds.insert(name.clone(), kind)),
                None => drop(state.kinds.remove(name)),
            }
        }
        if any {
            let mut kinds: Vec<LearntKind> = state.kinds.values().cloned().collect();
            kinds.sort_by_key(|learnt| (learnt.kind.group, learnt.kind.plural));
            let mut current = self.current.lock();
            *current = Arc::new(Learnt { generation: current.generation + 1, kinds });
        }
    }

    /// What all clusters together say of a kind; `None` where that is no more than what is compiled in.
    fn kind(&self, state: &mut State, name: &str) -> Option<LearntKind> {
        let mut definitions: Vec<Arc<Crd>> = Vec::new();
        for crd in state.clusters.values().filter_map(|of| Some(&of.get(name)?.crd)) {
            if !definitions.iter().any(|known| Arc::ptr_eq(known, crd)) {
                definitions.push(Arc::clone(crd));
            }
        }
        let first = definitions.first()?;
        let mut versions: Vec<&CrdVersion> = definitions.iter().flat_map(|crd| &crd.versions).collect();
        let mut compiled =
            self.compiled.iter().find(|kind| (kind.group, kind.plural) == (&*first.group, &*first.plural));
        if compiled.is_some_and(|kind| kind.custom.is_none()) {
            // What Kubernetes itself brings is never defined by others.
            return None;
        }
        let base = compiled.take().map(|kind| (*kind, compiled::schema(kind.root)));
        let mut conflicts = BTreeSet::new();
        let mut schema = base.as_ref().map(|(_, schema)| schema.clone());
        versions.sort_by_key(|version| std::cmp::Reverse(model::stability(&version.name)));
        for version in &versions {
            let other = canonical(version.schema.clone());
            match &mut schema {
                Some(known) => widen(known, &other, &mut |path| _ = conflicts.insert(path.to_owned())),
                None => schema = Some(other),
            }
        }
        let notes: Vec<String> =
            conflicts.iter().map(|path| format!("{path} is of several types, and given as text or JSON")).collect();
        let mut names: Vec<&str> = versions.iter().map(|version| version.name.as_str()).collect();
        if let Some((kind, known)) = &base {
            if schema.as_ref() == Some(known) && names.iter().all(|name| kind.versions.contains(name)) {
                return None;
            }
            names.extend(kind.versions);
            compiled::note_names(kind, &mut state.lock);
        }
        names.sort_by_key(|name| std::cmp::Reverse(model::stability(name)));
        names.dedup();
        let mut printed: Vec<_> = versions.iter().flat_map(|version| version.printed.iter().cloned()).collect();
        printed.extend(base.iter().flat_map(|(kind, _)| compiled::printed(kind)));
        let schema = schema.unwrap_or(Schema::Any);
        let of_version = |name: &&str| CrdVersion {
            name: (*name).to_owned(),
            served: true,
            schema: schema.clone(),
            printed: Vec::new(),
        };
        let mut versions: Vec<CrdVersion> = names.iter().map(of_version).collect();
        versions.first_mut()?.printed = printed;
        let united = Crd {
            group: first.group.clone(),
            kind: base.as_ref().map_or_else(|| first.kind.clone(), |(kind, _)| kind.kind.to_owned()),
            plural: first.plural.clone(),
            namespaced: definitions.iter().any(|crd| crd.namespaced),
            versions,
        };
        let kind = intern(&united, state, name)?;
        Some(LearntKind { kind, notes })
    }
}

/// The static definition of a kind: one that was made before, where it is the same.
fn intern(crd: &Crd, state: &mut State, name: &str) -> Option<&'static KindDef> {
    let meta = compiled::object_meta()?;
    let schemas = [(OBJECT_META.to_owned(), compiled::schema(meta))].into();
    let release = Release { schemas, ..Release::default() };
    let model = model::build(&[release], std::slice::from_ref(crd), &Chosen::default(), &mut state.lock).ok()?;
    let made = intern::kind(&model, model.kinds.first()?, meta);
    let before = state.made.entry(name.to_owned()).or_default();
    if let Some(same) = before.iter().find(|kind| intern::same(kind, &made)) {
        return Some(same);
    }
    let kind: &'static KindDef = Box::leak(Box::new(made));
    before.push(kind);
    Some(kind)
}
