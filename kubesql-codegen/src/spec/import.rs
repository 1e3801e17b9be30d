//! From upstream documents to the structural document of a release.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use openapiv3::{Components, Info, OpenAPI, PathItem, ReferenceOr, Schema};
use serde_json::{Value, json};

use super::source::{Collection, Document, GROUP_VERSION_KIND, Input, Kinds, collections, schema_of};
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
    /// Kinds that can be listed but are not Kubernetes' own, by group and version
    /// (`cert-manager.io/v1`); they were left out.
    pub left_out: BTreeMap<String, BTreeSet<String>>,
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
    let documents =
        inputs.iter().map(|input| Document::open(&input.name, &input.text)).collect::<Result<Vec<_>, _>>()?;
    let mut merged = Merged::default();
    let mut left_out = BTreeMap::new();
    let mut used = Vec::new();
    for document in &documents {
        if merged.add(document, &mut left_out)? {
            used.push(document);
        }
    }
    if used.is_empty() {
        return Err(SpecError::NoKinds { documents: names(&documents) });
    }
    let release = release_of(&used, release)?;
    Ok(Imported { document: merged.document(&release), release, left_out })
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

fn names(documents: &[impl Borrow<Document>]) -> String {
    match documents {
        [] => "no document".to_owned(),
        [one] => one.borrow().name.clone(),
        [first, rest @ ..] => format!("{} and {} more", first.borrow().name, rest.len()),
    }
}

/// Takes only documents that brought kinds: aggregated servers have versions of their own.
fn release_of(documents: &[&Document], asked: Option<&str>) -> Result<String, SpecError> {
    let mut release = match asked {
        None => None,
        Some(asked) => Some(
            find_release(asked)
                .filter(|release| release == asked)
                .ok_or_else(|| SpecError::NotARelease { release: asked.to_owned() })?,
        ),
    };
    for document in documents {
        match (find_release(&document.version), &release) {
            (None, _) => {}
            (Some(found), None) => release = Some(found),
            (Some(found), Some(expected)) if found == *expected => {}
            (Some(found), Some(expected)) => {
                return Err(SpecError::OtherRelease {
                    document: document.name.clone(),
                    found,
                    expected: expected.clone(),
                });
            }
        }
    }
    release.ok_or_else(|| SpecError::NoRelease {
        documents: names(documents),
        found: documents.first().map(|document| document.version.clone()).unwrap_or_default(),
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
    /// Takes a document's built-in kinds and what they reach; tells whether there was any.
    fn add(
        &mut self,
        document: &Document,
        left_out: &mut BTreeMap<String, BTreeSet<String>>,
    ) -> Result<bool, SpecError> {
        let mut kinds: Kinds = BTreeMap::new();
        // Groups with a definition where Kubernetes keeps its own.
        let mut groups = BTreeSet::new();
        for (name, definition) in &document.definitions {
            let gvks = definition.get(GROUP_VERSION_KIND).and_then(kinds_of);
            for gvk in gvks.unwrap_or_default() {
                if built_in(name) {
                    groups.insert(gvk.group.clone());
                }
                kinds.entry(gvk).or_default().push(name.clone());
            }
        }
        let mut wanted = Vec::new();
        for (path, collection) in collections(document)? {
            let gvk = &collection.gvk;
            // A custom resource's group must hold a dot.
            if gvk.group.contains('.') && !groups.contains(&gvk.group) {
                left_out.entry(gvk.group_version()).or_default().insert(gvk.kind.clone());
                continue;
            }
            wanted.push((schema_of(&kinds, &document.name, &path, gvk)?, path.clone()));
            put(&mut self.paths, &path, collection, document)?;
        }
        let any = !wanted.is_empty();
        let mut reached = BTreeSet::new();
        while let Some((name, at)) = wanted.pop() {
            if !reached.insert(name.clone()) {
                continue;
            }
            let definition = document.definitions.get(&name).ok_or_else(|| {
                let document = document.name.clone();
                SpecError::MissingTarget { document, at, target: name.clone() }
            })?;
            let mut reducer = Reducer::new(&document.name);
            let schema = reducer.definition(&name, definition)?;
            wanted.extend(reducer.references);
            put(&mut self.schemas, &name, schema, document)?;
        }
        Ok(any)
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
    document: &Document,
) -> Result<(), SpecError> {
    match map.get(at) {
        Some(before) if before.what == what => {}
        Some(before) => {
            return Err(SpecError::Conflict {
                at: at.to_owned(),
                first: before.from.clone(),
                second: document.name.clone(),
            });
        }
        None => {
            map.insert(at.to_owned(), Taken { from: document.name.clone(), what });
        }
    }
    Ok(())
}
