//! Reduces upstream documents to the structural document of a release.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use openapiv3::{Components, Info, OpenAPI, PathItem, ReferenceOr, Schema};
use serde_json::{Value, json};

use super::source::{Collection, Document, GROUP_VERSION_KIND, Input, Kinds, collections, schema_name};
use super::structure::{Reducer, read_kinds, write_gvk};
use super::{NAMESPACED, SpecError, VERBS};

/// The prefixes of definitions of built-in kinds.
const BUILT_IN: [&str; 3] =
    ["io.k8s.api.", "io.k8s.apiextensions-apiserver.pkg.apis.", "io.k8s.kube-aggregator.pkg.apis."];

/// The result of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// `v1.35`.
    pub release: String,
    /// The structural document, for `schemas/kubernetes/`.
    pub document: String,
    /// Kinds that were skipped since they are not built in, by group and version (`cert-manager.io/v1`).
    pub skipped: BTreeMap<String, BTreeSet<String>>,
}

/// Reduces documents to the structural document of a release.
///
/// The documents are a Swagger 2.0 document, or any number of OpenAPI 3.0 documents of one server. `release` (`v1.35`) is
/// required if the documents do not specify it.
///
/// # Errors
/// A document is malformed, documents differ, or a built-in kind that can be listed has no schema.
pub fn import(inputs: &[Input], release: Option<&str>) -> Result<Imported, SpecError> {
    let documents =
        inputs.iter().map(|input| Document::open(&input.name, &input.text)).collect::<Result<Vec<_>, _>>()?;
    let mut merged = Merged::default();
    let mut skipped = BTreeMap::new();
    let mut used = Vec::new();
    for document in &documents {
        if merged.add(document, &mut skipped)? {
            used.push(document);
        }
    }
    if used.is_empty() {
        return Err(SpecError::NoKinds { documents: names(&documents) });
    }
    let release = release_of(&used, release)?;
    Ok(Imported { document: merged.document(&release), release, skipped })
}

/// Extracts `v1.NN` from a version (`v1.35.0`, `release-1.35`, `1.35+`).
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

/// The release of documents with built-in kinds. Documents of aggregated servers have other versions.
fn release_of(documents: &[&Document], requested: Option<&str>) -> Result<String, SpecError> {
    let mut release = match requested {
        None => None,
        Some(requested) => Some(
            find_release(requested)
                .filter(|release| release == requested)
                .ok_or_else(|| SpecError::NotARelease { release: requested.to_owned() })?,
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

/// A part of a document, with the document's name for errors.
struct Sourced<T> {
    document: String,
    value: T,
}

#[derive(Default)]
struct Merged {
    paths: BTreeMap<String, Sourced<Collection>>,
    schemas: BTreeMap<String, Sourced<ReferenceOr<Schema>>>,
}

impl Merged {
    /// Adds a document's built-in kinds and the schemas that they use. Returns whether there are any.
    fn add(
        &mut self,
        document: &Document,
        skipped: &mut BTreeMap<String, BTreeSet<String>>,
    ) -> Result<bool, SpecError> {
        let mut kinds: Kinds = BTreeMap::new();
        // Groups with built-in definitions.
        let mut groups = BTreeSet::new();
        for (name, definition) in &document.definitions {
            let gvks = definition.get(GROUP_VERSION_KIND).and_then(read_kinds);
            for gvk in gvks.unwrap_or_default() {
                if built_in(name) {
                    groups.insert(gvk.group.clone());
                }
                kinds.entry(gvk).or_default().push(name.clone());
            }
        }
        let mut pending = Vec::new();
        for (path, collection) in collections(document)? {
            let gvk = &collection.gvk;
            // Groups of custom resources always contain a dot.
            if gvk.group.contains('.') && !groups.contains(&gvk.group) {
                skipped.entry(gvk.group_version()).or_default().insert(gvk.kind.clone());
                continue;
            }
            pending.push((schema_name(&kinds, &document.name, &path, gvk)?, path.clone()));
            insert(&mut self.paths, &path, collection, document)?;
        }
        let any = !pending.is_empty();
        let mut used_schemas = BTreeSet::new();
        while let Some((name, at)) = pending.pop() {
            if !used_schemas.insert(name.clone()) {
                continue;
            }
            let definition = document.definitions.get(&name).ok_or_else(|| {
                let document = document.name.clone();
                SpecError::MissingTarget { document, at, target: name.clone() }
            })?;
            let mut reducer = Reducer::new(&document.name);
            let schema = reducer.definition(&name, definition)?;
            pending.extend(reducer.references);
            insert(&mut self.schemas, &name, schema, document)?;
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
        for (path, Sourced { value: collection, .. }) in self.paths {
            let mut item = PathItem::default();
            let verbs: Vec<Value> = collection.verbs.into_iter().map(Value::from).collect();
            for (key, value) in [
                (GROUP_VERSION_KIND, write_gvk(&collection.gvk)),
                (NAMESPACED, json!(collection.namespaced)),
                (VERBS, Value::Array(verbs)),
            ] {
                item.extensions.insert(key.to_owned(), value);
            }
            api.paths.paths.insert(path, ReferenceOr::Item(item));
        }
        let schemas = self.schemas.into_iter().map(|(name, schema)| (name, schema.value)).collect();
        api.components = Some(Components { schemas, ..Components::default() });
        let mut text = serde_json::to_string_pretty(&api).expect("data with text keys can be serialized");
        text.push('\n');
        text
    }
}

/// Inserts a value. An equal value of another document is accepted.
fn insert<T: PartialEq>(
    map: &mut BTreeMap<String, Sourced<T>>,
    at: &str,
    value: T,
    document: &Document,
) -> Result<(), SpecError> {
    match map.get(at) {
        Some(before) if before.value == value => {}
        Some(before) => {
            return Err(SpecError::Conflict {
                at: at.to_owned(),
                first: before.document.clone(),
                second: document.name.clone(),
            });
        }
        None => {
            map.insert(at.to_owned(), Sourced { document: document.name.clone(), value });
        }
    }
    Ok(())
}
