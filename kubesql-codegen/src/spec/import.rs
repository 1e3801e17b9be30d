//! From upstream documents to the structural document of a release.

use std::collections::{BTreeMap, BTreeSet};

use openapiv3::{Components, Info, OpenAPI, PathItem, ReferenceOr, Schema};
use serde_json::{Value, json};

use super::source::{Collection, GROUP_VERSION_KIND, GroupVersionKind, Input, Source};
use super::structure::{Reducer, group_version_kind, kinds_of};
use super::{NAMESPACED, SpecError, VERBS};

/// Where the definitions of kinds that Kubernetes itself brings are kept.
const BUILT_IN: [&str; 3] =
    ["io.k8s.api.", "io.k8s.apiextensions-apiserver.pkg.apis.", "io.k8s.kube-aggregator.pkg.apis."];

/// The outcome of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// `v1.35`.
    pub release: String,
    /// The structural document, ready to be written to `schemas/kubernetes/`.
    pub document: String,
    /// Kinds that can be listed but are not Kubernetes' own (`Certificate of
    /// cert-manager.io/v1`); they were left out.
    pub left_out: Vec<String>,
}

/// Makes the structural document of one release.
///
/// The documents are either one Swagger 2.0 document, or any number of OpenAPI 3.0 documents
/// that together describe one server. `release` (`v1.35`) is needed where they do not tell it.
///
/// # Errors
/// Where a document cannot be read, the documents contradict each other, or a built-in kind that
/// can be listed has no schema: [`SpecError`] names the place.
pub fn import(inputs: &[Input], release: Option<&str>) -> Result<Imported, SpecError> {
    let sources = inputs.iter().map(Source::read).collect::<Result<Vec<_>, _>>()?;
    let release = release_of(&sources, release)?;
    let mut merged = Merged::default();
    let mut left_out = BTreeSet::new();
    for source in &sources {
        merged.add(source, &mut left_out)?;
    }
    if merged.paths.is_empty() {
        return Err(SpecError::NoKinds { documents: names(&sources) });
    }
    Ok(Imported {
        document: merged.document(&release),
        release,
        left_out: left_out
            .into_iter()
            .map(|gvk: GroupVersionKind| format!("{} of {}", gvk.kind, gvk.group_version()))
            .collect(),
    })
}

/// Finds `v1.NN` in a version (`v1.35.0`, `release-1.35`, `1.35+`).
#[must_use]
pub fn find_release(version: &str) -> Option<String> {
    let start = version.find("1.")?;
    if version[..start].ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let minor: String = version[start + 2..].chars().take_while(char::is_ascii_digit).collect();
    (!minor.is_empty()).then(|| format!("v1.{minor}"))
}

fn names(sources: &[Source]) -> String {
    match sources {
        [] => "no document".to_owned(),
        [one] => one.name.clone(),
        [first, rest @ ..] => format!("{} and {} more", first.name, rest.len()),
    }
}

fn release_of(sources: &[Source], asked: Option<&str>) -> Result<String, SpecError> {
    let mut release = match asked {
        None => None,
        Some(asked) => Some(
            find_release(asked)
                .filter(|release| release == asked)
                .ok_or_else(|| SpecError::NotARelease { release: asked.to_owned() })?,
        ),
    };
    for source in sources {
        // Aggregated servers have versions of their own; they bring no built-in kind.
        if !source.definitions.keys().any(|name| built_in(name)) {
            continue;
        }
        match (find_release(&source.info_version), &release) {
            (None, _) => {}
            (Some(found), None) => release = Some(found),
            (Some(found), Some(expected)) if found == *expected => {}
            (Some(found), Some(expected)) => {
                return Err(SpecError::OtherRelease {
                    document: source.name.clone(),
                    found,
                    expected: expected.clone(),
                });
            }
        }
    }
    release.ok_or_else(|| SpecError::NoRelease {
        documents: names(sources),
        found: sources.first().map(|source| source.info_version.clone()).unwrap_or_default(),
    })
}

fn built_in(definition: &str) -> bool {
    BUILT_IN.iter().any(|prefix| definition.starts_with(prefix))
}

/// Something taken from a document, with the document's name for the error if another differs.
struct Taken<T> {
    from: String,
    what: T,
}

#[derive(Default)]
struct Merged {
    paths: BTreeMap<String, Taken<Collection>>,
    schemas: BTreeMap<String, Taken<ReferenceOr<Schema>>>,
}

impl Merged {
    fn add(&mut self, source: &Source, left_out: &mut BTreeSet<GroupVersionKind>) -> Result<(), SpecError> {
        let kinds = Kinds::read(source);
        let mut wanted = Vec::new();
        for (path, collection) in &source.collections {
            if !kinds.is_built_in(&collection.gvk.group) {
                left_out.insert(collection.gvk.clone());
                continue;
            }
            wanted.push((kinds.schema(source, path, &collection.gvk)?, path.clone()));
            put(&mut self.paths, path, collection.clone(), source)?;
        }
        let mut reached = BTreeSet::new();
        while let Some((name, at)) = wanted.pop() {
            if !reached.insert(name.clone()) {
                continue;
            }
            let definition = source.definitions.get(&name).ok_or_else(|| {
                let document = source.name.clone();
                SpecError::MissingTarget { document, at, target: name.clone() }
            })?;
            let schema: ReferenceOr<Schema> = serde_json::from_value(definition.clone()).map_err(|error| {
                SpecError::Malformed { document: source.name.clone(), at: name.clone(), reason: error.to_string() }
            })?;
            let mut reducer = Reducer::new(&source.name);
            let schema = reducer.definition(&name, &schema)?;
            wanted.extend(reducer.references);
            put(&mut self.schemas, &name, schema, source)?;
        }
        Ok(())
    }

    fn document(self, release: &str) -> String {
        let mut api = OpenAPI {
            openapi: "3.0.3".to_owned(),
            info: Info {
                title: "Kinds that can be listed, structure only".to_owned(),
                version: release.to_owned(),
                ..Info::default()
            },
            ..OpenAPI::default()
        };
        for (path, Taken { what: collection, .. }) in self.paths {
            let mut item = PathItem::default();
            let verbs: Vec<Value> = collection.verbs.into_iter().map(Value::from).collect();
            for (key, value) in [
                (GROUP_VERSION_KIND, group_version_kind(&collection.gvk)),
                (NAMESPACED, json!(collection.namespaced)),
                (VERBS, Value::Array(verbs)),
            ] {
                item.extensions.insert(key.to_owned(), value);
            }
            api.paths.paths.insert(path, ReferenceOr::Item(item));
        }
        let schemas = self.schemas.into_iter().map(|(name, taken)| (name, taken.what)).collect();
        api.components = Some(Components { schemas, ..Components::default() });
        let mut text = serde_json::to_string_pretty(&api).expect("plain data with text keys always serialises");
        text.push('\n');
        text
    }
}

fn put<T: PartialEq>(
    map: &mut BTreeMap<String, Taken<T>>,
    at: &str,
    what: T,
    source: &Source,
) -> Result<(), SpecError> {
    match map.get(at) {
        Some(before) if before.what == what => {}
        Some(before) => {
            return Err(SpecError::Conflict {
                at: at.to_owned(),
                first: before.from.clone(),
                second: source.name.clone(),
            });
        }
        None => {
            map.insert(at.to_owned(), Taken { from: source.name.clone(), what });
        }
    }
    Ok(())
}

/// Which definition is which kind.
struct Kinds {
    definitions: BTreeMap<GroupVersionKind, Vec<String>>,
    /// Groups with a definition where Kubernetes keeps its own.
    built_in: BTreeSet<String>,
}

impl Kinds {
    fn read(source: &Source) -> Self {
        let mut kinds = Self { definitions: BTreeMap::new(), built_in: BTreeSet::new() };
        for (name, definition) in &source.definitions {
            let gvks = definition.get(GROUP_VERSION_KIND).and_then(kinds_of).unwrap_or_default();
            for gvk in gvks {
                if built_in(name) {
                    kinds.built_in.insert(gvk.group.clone());
                }
                kinds.definitions.entry(gvk).or_default().push(name.clone());
            }
        }
        kinds
    }

    fn is_built_in(&self, group: &str) -> bool {
        // A custom resource's group must hold a dot.
        !group.contains('.') || self.built_in.contains(group)
    }

    fn schema(&self, source: &Source, path: &str, gvk: &GroupVersionKind) -> Result<String, SpecError> {
        let (document, path, kind) = (source.name.clone(), path.to_owned(), gvk.kind.clone());
        match self.definitions.get(gvk).map(Vec::as_slice) {
            None | Some([]) => {
                let group_version = gvk.group_version();
                Err(SpecError::NoSchema { document, path, kind, group_version })
            }
            Some([name]) => Ok(name.clone()),
            Some([first, second, ..]) => {
                let (first, second) = (first.clone(), second.clone());
                Err(SpecError::TwoSchemas { document, path, kind, first, second })
            }
        }
    }
}
