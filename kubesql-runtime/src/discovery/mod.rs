//! Turns definitions of custom resources into kind definitions, of the same form as those that are compiled in.
//!
//! All sources of a server share one [`KindRegistry`]. A kind of several clusters has one definition, which covers its
//! variants in all of them. Names of columns and tables never change while the server runs.

mod compiled;
mod intern;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubesql_codegen::model;
use kubesql_codegen::names::{Chosen, Lock};
use kubesql_codegen::spec::{Conflict, Crd, CrdVersion, OBJECT_META, Release, Schema, canonical, widen};
use parking_lot::Mutex;

use crate::schema::{DiscoveredKind, DiscoveredKinds, KindDef};

/// The definitions of a cluster by name, `certificates.cert-manager.io`.
pub(crate) type Definitions = BTreeMap<String, Definition>;

/// The note of a kind whose definition is inferred.
const INFERRED: &str = "no definition was given: the columns are those that its objects have";

/// A definition in a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// Changes whenever the definition changes.
    pub(crate) version: String,
    /// Whether it is derived from a server's OpenAPI document, which describes one version only.
    pub(crate) from_openapi: bool,
    /// Whether it is inferred from objects, so that any other definition replaces it.
    pub(crate) inferred: bool,
    pub(crate) crd: Arc<Crd>,
}

/// The kinds discovered in all clusters.
#[derive(Debug)]
pub(crate) struct KindRegistry {
    compiled: Vec<&'static KindDef>,
    state: Mutex<State>,
    current: Mutex<Arc<DiscoveredKinds>>,
}

#[derive(Debug, Default)]
struct State {
    clusters: BTreeMap<Arc<str>, Definitions>,
    /// By the definition's name.
    kinds: BTreeMap<String, DiscoveredKind>,
    /// All kinds ever interned, by the definition's name. A kind that reappears gets the same static definition.
    interned: BTreeMap<String, Vec<&'static KindDef>>,
    lock: Lock,
}

impl State {
    /// Shares the parsed definition with a cluster that has an equal one, which saves memory.
    fn share(&self, name: &str, definition: &mut Definition) {
        let others = self.clusters.values().filter_map(|of| of.get(name));
        if let Some(same) = others.map(|of| &of.crd).find(|crd| **crd == definition.crd) {
            definition.crd = Arc::clone(same);
        }
    }
}

impl KindRegistry {
    /// An empty registry on top of the compiled kinds.
    pub(crate) fn new(compiled: Vec<&'static KindDef>) -> Self {
        Self { compiled, state: Mutex::default(), current: Mutex::default() }
    }

    /// The kinds discovered so far.
    pub(crate) fn current(&self) -> Arc<DiscoveredKinds> {
        Arc::clone(&self.current.lock())
    }

    /// The known definitions of a cluster.
    pub(crate) fn cluster_definitions(&self, cluster: &str) -> Definitions {
        self.state.lock().clusters.get(cluster).cloned().unwrap_or_default()
    }

    /// Whether a kind is built into Kubernetes, so that it need not be discovered.
    pub(crate) fn is_built_in(&self, group: &str, plural: &str) -> bool {
        self.compiled.iter().any(|kind| kind.custom.is_none() && (kind.group, kind.plural) == (group, plural))
    }

    /// Whether a cluster has a definition of a kind that is not inferred from objects.
    pub(crate) fn is_defined(&self, group: &str, kind: &str) -> bool {
        let state = self.state.lock();
        let mut definitions = state.clusters.values().flat_map(BTreeMap::values);
        definitions.any(|of| !of.inferred && (&*of.crd.group, &*of.crd.kind) == (group, kind))
    }

    /// Whether a kind is compiled in.
    pub(crate) fn is_compiled(&self, group: &str, plural: &str) -> bool {
        self.compiled.iter().any(|kind| (kind.group, kind.plural) == (group, plural))
    }

    /// Sets all definitions of a cluster.
    pub(crate) fn replace(&self, cluster: &Arc<str>, mut definitions: Definitions) {
        let mut state = self.state.lock();
        definitions.iter_mut().for_each(|(name, definition)| state.share(name, definition));
        let before = state.clusters.insert(Arc::clone(cluster), definitions).unwrap_or_default();
        let now = &state.clusters[cluster];
        let names: BTreeSet<String> = before.keys().chain(now.keys()).cloned().collect();
        let differs = |name: &String| before.get(name).map(|of| &of.version) != now.get(name).map(|of| &of.version);
        let changed: Vec<String> = names.into_iter().filter(differs).collect();
        self.update(&mut state, &changed);
    }

    /// Sets or removes a definition of a cluster.
    pub(crate) fn set(&self, cluster: &Arc<str>, name: &str, definition: Option<Definition>) {
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
        self.update(&mut state, &[name.to_owned()]);
    }

    /// Derives the kinds with these names again, and publishes them if any has changed.
    fn update(&self, state: &mut State, names: &[String]) {
        let mut any = false;
        for name in names {
            let interned = self.kind(state, name);
            let same = match (&interned, state.kinds.get(name)) {
                (None, None) => true,
                (Some(now), Some(before)) => {
                    std::ptr::eq(now.kind, before.kind)
                        && (&now.notes, &now.short_names) == (&before.notes, &before.short_names)
                }
                _ => false,
            };
            any |= !same;
            match interned {
                Some(kind) => drop(state.kinds.insert(name.clone(), kind)),
                None => drop(state.kinds.remove(name)),
            }
        }
        if any {
            let mut kinds: Vec<DiscoveredKind> = state.kinds.values().cloned().collect();
            kinds.sort_by_key(|discovered| (discovered.kind.group, discovered.kind.plural));
            let mut current = self.current.lock();
            *current = Arc::new(DiscoveredKinds { generation: current.generation + 1, kinds });
        }
    }

    /// A kind as defined by all clusters; `None` if that adds nothing to the compiled definition.
    fn kind(&self, state: &mut State, name: &str) -> Option<DiscoveredKind> {
        let mut definitions: Vec<Arc<Crd>> = Vec::new();
        let of_clusters = || state.clusters.values().filter_map(|of| of.get(name));
        let inferred = of_clusters().all(|definition| definition.inferred);
        for crd in of_clusters().filter(|of| inferred || !of.inferred).map(|of| &of.crd) {
            if !definitions.iter().any(|known| Arc::ptr_eq(known, crd)) {
                definitions.push(Arc::clone(crd));
            }
        }
        let first = definitions.first()?;
        let mut versions: Vec<&CrdVersion> = definitions.iter().flat_map(|crd| &crd.versions).collect();
        let mut compiled =
            self.compiled.iter().find(|kind| (kind.group, kind.plural) == (&*first.group, &*first.plural));
        if compiled.is_some_and(|kind| kind.custom.is_none()) {
            // Built-in kinds cannot be redefined.
            return None;
        }
        let base = compiled.take().map(|kind| (*kind, compiled::schema(kind.root)));
        let mut conflicts = BTreeMap::new();
        // The newest version determines the shape of a field.
        versions.sort_by_key(|version| std::cmp::Reverse(model::stability(&version.name)));
        let mut schemas: Vec<_> = versions.iter().map(|of| (&*of.name, canonical(of.schema.clone()))).collect();
        if let Some((kind, known)) = &base {
            let newer = |(name, _): &(&str, Schema)| model::stability(name) > model::stability(kind.version);
            schemas.insert(schemas.iter().take_while(|of| newer(of)).count(), (kind.version, known.clone()));
        }
        let mut schemas = schemas.into_iter().map(|(_, schema)| schema);
        let mut schema = schemas.next();
        for other in schemas {
            if let Some(known) = &mut schema {
                widen(known, &other, &mut |path, kind| _ = conflicts.insert(path.to_owned(), kind));
            }
        }
        let mut notes: Vec<String> = conflicts
            .iter()
            .map(|(path, conflict)| match conflict {
                Conflict::Text => format!("{path} has conflicting types and is text"),
                Conflict::Shape => format!("{path} has conflicting types: values of the other type are JSON"),
            })
            .collect();
        if inferred {
            notes.insert(0, INFERRED.to_owned());
        }
        let mut names: Vec<&str> = versions.iter().map(|version| version.name.as_str()).collect();
        if let Some((kind, known)) = &base {
            if schema.as_ref() == Some(known) && names.iter().all(|name| kind.versions.contains(name)) {
                return None;
            }
            names.extend(kind.versions);
            compiled::lock_names(kind, &mut state.lock);
        }
        names.sort_by_key(|name| std::cmp::Reverse(model::stability(name)));
        names.dedup();
        let mut printed: Vec<_> = versions.iter().flat_map(|version| version.printed.iter().cloned()).collect();
        printed.extend(base.iter().flat_map(|(kind, _)| compiled::printer_columns(kind)));
        let schema = schema.unwrap_or(Schema::Any);
        let of_version = |name: &&str| CrdVersion {
            name: (*name).to_owned(),
            served: true,
            schema: schema.clone(),
            printed: Vec::new(),
        };
        let mut versions: Vec<CrdVersion> = names.iter().map(of_version).collect();
        versions.first_mut()?.printed = printed;
        let merged = Crd {
            group: first.group.clone(),
            kind: base.as_ref().map_or_else(|| first.kind.clone(), |(kind, _)| kind.kind.to_owned()),
            plural: first.plural.clone(),
            namespaced: definitions.iter().any(|crd| crd.namespaced),
            short_names: definitions.iter().flat_map(|crd| crd.short_names.iter().cloned()).collect::<BTreeSet<_>>(),
            versions,
        };
        let kind = intern(&merged, state, name)?;
        Some(DiscoveredKind { kind, short_names: merged.short_names.into_iter().collect(), notes })
    }
}

/// Interns a kind; returns an equal definition that was interned before, if there is one.
fn intern(crd: &Crd, state: &mut State, name: &str) -> Option<&'static KindDef> {
    let meta = compiled::object_meta()?;
    let schemas = [(OBJECT_META.to_owned(), compiled::schema(meta))].into();
    let release = Release { schemas, ..Release::default() };
    let model = model::build(&[release], std::slice::from_ref(crd), &Chosen::default(), &mut state.lock).ok()?;
    let interned = intern::kind(&model, model.kinds.first()?, meta);
    let before = state.interned.entry(name.to_owned()).or_default();
    if let Some(same) = before.iter().find(|kind| intern::equal(kind, &interned)) {
        return Some(same);
    }
    let kind: &'static KindDef = Box::leak(Box::new(interned));
    before.push(kind);
    Some(kind)
}
