//! Reads custom resource definitions, and writes them in the reduced form of `schemas/crds/`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::source::{Document, GROUP_VERSION_KIND, GroupVersionKind};
use super::structure::read_kinds;
use super::{OBJECT_META, Schema, SpecError, custom};

/// A custom resource definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crd {
    /// The API group.
    pub group: String,
    /// `Certificate`.
    pub kind: String,
    /// `certificates`.
    pub plural: String,
    /// Whether its objects are namespaced.
    pub namespaced: bool,
    /// The short names, `cert`.
    pub short_names: BTreeSet<String>,
    /// The served versions, in the order of the definition.
    pub versions: Vec<CrdVersion>,
}

/// A version of a custom resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrdVersion {
    /// `v1beta1`.
    pub name: String,
    /// Whether servers serve it.
    pub served: bool,
    /// The schema of its objects, including metadata.
    pub schema: Schema,
    /// The printer columns.
    pub printed: Vec<PrinterColumn>,
}

/// An entry of `additionalPrinterColumns`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrinterColumn {
    /// The heading, `Ready`.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    /// `.status.phase`.
    pub path: String,
}

/// The short names of a definition.
fn short_names(object: &Value) -> BTreeSet<String> {
    let names = object.pointer("/spec/names/shortNames").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).map(str::to_lowercase).collect()
}

impl Crd {
    /// Whether an object is a custom resource definition.
    #[must_use]
    pub fn is_definition(object: &Value) -> bool {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        text("kind") == "CustomResourceDefinition" && text("apiVersion").starts_with("apiextensions.k8s.io/")
    }

    /// Reads a definition of `apiextensions.k8s.io/v1`; `document` is its name in messages.
    ///
    /// Versions that are not served are left out, unless there are no others. A schema is never an error: unsupported
    /// forms are any JSON value.
    ///
    /// # Errors
    /// The group, names or versions are missing.
    pub fn from_object(document: &str, object: &Value) -> Result<Self, SpecError> {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("the CustomResourceDefinition");
        let malformed = |reason: &str| SpecError::Malformed {
            document: document.to_owned(),
            at: name.to_owned(),
            reason: reason.to_owned(),
        };
        if object.get("apiVersion").and_then(Value::as_str) != Some("apiextensions.k8s.io/v1") {
            return Err(malformed(
                "its apiVersion is not apiextensions.k8s.io/v1; a server can convert it: kubectl get crd -o yaml",
            ));
        }
        let text = |pointer: &str| {
            let found = object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
            found
                .map(str::to_owned)
                .ok_or_else(|| malformed(&format!("its {} is missing", pointer[1..].replace('/', "."))))
        };
        let all = object.pointer("/spec/versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let served = |version: &&Value| version.get("served").and_then(Value::as_bool).unwrap_or(true);
        let mut chosen: Vec<&Value> = all.iter().filter(served).collect();
        if chosen.is_empty() {
            chosen.extend(all);
        }
        let versions = chosen.into_iter().map(version).collect::<Option<Vec<_>>>();
        let versions = versions.filter(|versions| !versions.is_empty());
        Ok(Self {
            group: text("/spec/group")?,
            kind: text("/spec/names/kind")?,
            plural: text("/spec/names/plural")?,
            namespaced: text("/spec/scope")? == "Namespaced",
            short_names: short_names(object),
            versions: versions.ok_or_else(|| malformed("it has no versions, or a version without a name"))?,
        })
    }

    /// Derives a definition from the OpenAPI document of a group and version; `None` if the document does not have the
    /// kind. The plural and whether the kind is namespaced are from the server's discovery.
    ///
    /// # Errors
    /// The text is not an OpenAPI document.
    pub fn from_openapi(
        name: &str,
        text: &str,
        [group, version, kind]: [&str; 3],
        (plural, namespaced): (&str, bool),
    ) -> Result<Option<Self>, SpecError> {
        let document = Document::open(name, text)?;
        let gvk = GroupVersionKind { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() };
        let is_of_kind = |definition: &&Value| {
            let kinds = definition.get(GROUP_VERSION_KIND).and_then(read_kinds);
            kinds.is_some_and(|kinds| kinds == [gvk.clone()])
        };
        let Some(definition) = document.definitions.values().find(is_of_kind) else { return Ok(None) };
        let schema =
            object_schema(Some(custom::SchemaReader::with_definitions(&document.definitions).schema(definition)));
        let version = CrdVersion { name: version.to_owned(), served: true, schema, printed: Vec::new() };
        Ok(Some(Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespaced,
            short_names: BTreeSet::new(),
            versions: vec![version],
        }))
    }

    /// The name of the definition, `certificates.cert-manager.io`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    /// The reduced definition as JSON: without descriptions and validation, and with sorted keys. Reading it gives an equal
    /// definition.
    #[must_use]
    pub fn document(&self) -> String {
        let versions = self.versions.iter().map(|version| {
            let printed = version.printed.iter();
            let printed =
                printed.map(|column| json!({"name": column.name, "type": column.kind, "jsonPath": column.path}));
            let mut written = Map::new();
            written.insert("name".to_owned(), json!(version.name));
            if !version.served {
                written.insert("served".to_owned(), json!(false));
            }
            written.insert("schema".to_owned(), json!({"openAPIV3Schema": custom::write_schema(&version.schema)}));
            if !version.printed.is_empty() {
                written.insert("additionalPrinterColumns".to_owned(), printed.collect());
            }
            Value::Object(written)
        });
        let document = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": self.name()},
            "spec": {
                "group": self.group,
                "names": {"kind": self.kind, "plural": self.plural},
                "scope": if self.namespaced { "Namespaced" } else { "Cluster" },
                "versions": versions.collect::<Vec<_>>(),
            },
        });
        let mut text = serde_json::to_string_pretty(&document).expect("data with text keys can be serialized");
        text.push('\n');
        text
    }
}

fn version(version: &Value) -> Option<CrdVersion> {
    let name = version.get("name")?.as_str()?.to_owned();
    let columns = version.get("additionalPrinterColumns").and_then(Value::as_array);
    let printed = columns.into_iter().flatten().filter_map(|column| {
        let text = |key: &str| column.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(PrinterColumn { name: text("name")?, kind: text("type")?, path: text("jsonPath")? })
    });
    let schema = object_schema(version.pointer("/schema/openAPIV3Schema").map(custom::read_schema));
    let served = version.get("served").and_then(Value::as_bool).unwrap_or(true);
    Some(CrdVersion { name, served, schema, printed: printed.collect() })
}

/// The schema of an object: adds the fields that all objects have.
fn object_schema(read: Option<Schema>) -> Schema {
    let mut properties = match read {
        Some(Schema::Object { properties, .. }) => properties,
        _ => std::collections::BTreeMap::new(),
    };
    if properties.keys().all(|name| matches!(name.as_str(), "apiVersion" | "kind" | "metadata")) {
        // The schema does not declare them, but objects have them.
        properties.extend(["spec", "status"].map(|name| (name.to_owned(), Schema::Any)));
    }
    properties.insert("apiVersion".to_owned(), Schema::String(None));
    properties.insert("kind".to_owned(), Schema::String(None));
    properties.insert("metadata".to_owned(), Schema::Ref(OBJECT_META.to_owned()));
    Schema::Object { properties, additional: None, preserve_unknown: false }
}
