//! Custom resource definitions: read as they are written, and reduced to the form that `schemas/crds/` holds.

use serde_json::{Map, Value, json};

use super::source::{Document, GROUP_VERSION_KIND, GroupVersionKind};
use super::structure::kinds_of;
use super::{OBJECT_META, Schema, SpecError, custom};

/// A custom resource definition: a kind with the structure of its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crd {
    /// API group.
    pub group: String,
    /// `Certificate`.
    pub kind: String,
    /// `certificates`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// The versions that can be read, as the definition lists them.
    pub versions: Vec<CrdVersion>,
}

/// One version of a custom resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrdVersion {
    /// `v1beta1`.
    pub name: String,
    /// Whether a server gives objects in it.
    pub served: bool,
    /// Its objects, metadata included.
    pub schema: Schema,
    /// What `kubectl get` prints beside the name.
    pub printed: Vec<PrinterColumn>,
}

/// An entry of `additionalPrinterColumns`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrinterColumn {
    /// As kubectl's heading has it, `Ready`.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    /// `.status.phase`.
    pub path: String,
}

impl Crd {
    /// Whether an object is a custom resource definition.
    #[must_use]
    pub fn is_one(object: &Value) -> bool {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        text("kind") == "CustomResourceDefinition" && text("apiVersion").starts_with("apiextensions.k8s.io/")
    }

    /// Reads a definition of `apiextensions.k8s.io/v1`; `document` is its name in messages.
    ///
    /// Versions that no server serves are left out, unless there is no other. A schema is never an error: what no
    /// rule covers is any JSON value.
    ///
    /// # Errors
    /// Where group, names or versions are missing.
    pub fn read(document: &str, object: &Value) -> Result<Self, SpecError> {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("a CustomResourceDefinition");
        let malformed = |reason: &str| SpecError::Malformed {
            document: document.to_owned(),
            at: name.to_owned(),
            reason: reason.to_owned(),
        };
        if object.get("apiVersion").and_then(Value::as_str) != Some("apiextensions.k8s.io/v1") {
            return Err(malformed("not of apiextensions.k8s.io/v1; a server converts it: kubectl get crd -o yaml"));
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
            versions: versions.ok_or_else(|| malformed("it has no versions, or one without a name"))?,
        })
    }

    /// A kind of one version as the OpenAPI document of its group and version describes it; `None` where it does not.
    /// Beside the kind its plural, and whether its objects live in namespaces, are told by a server's discovery.
    ///
    /// # Errors
    /// Text that is no document of OpenAPI.
    pub fn described(
        name: &str,
        text: &str,
        [group, version, kind]: [&str; 3],
        (plural, namespaced): (&str, bool),
    ) -> Result<Option<Self>, SpecError> {
        let document = Document::open(name, text)?;
        let wanted = GroupVersionKind { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() };
        let is_of_kind = |definition: &&Value| {
            let kinds = definition.get(GROUP_VERSION_KIND).and_then(kinds_of);
            kinds.is_some_and(|kinds| kinds == [wanted.clone()])
        };
        let Some(definition) = document.definitions.values().find(is_of_kind) else { return Ok(None) };
        let schema = root(Some(custom::Reader::knowing(&document.definitions).schema(definition)));
        let version = CrdVersion { name: version.to_owned(), served: true, schema, printed: Vec::new() };
        Ok(Some(Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespaced,
            versions: vec![version],
        }))
    }

    /// `certificates.cert-manager.io`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    /// Its structure as a definition again: no prose, no validation, all keys in a fixed order. Read, it is the same.
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
            written.insert("schema".to_owned(), json!({"openAPIV3Schema": custom::written(&version.schema)}));
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
        let mut text = serde_json::to_string_pretty(&document).expect("plain data with text keys always serialises");
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
    let schema = root(version.pointer("/schema/openAPIV3Schema").map(custom::schema));
    let served = version.get("served").and_then(Value::as_bool).unwrap_or(true);
    Some(CrdVersion { name, served, schema, printed: printed.collect() })
}

/// The schema of whole objects, to which a server adds what all objects have.
fn root(read: Option<Schema>) -> Schema {
    let mut properties = match read {
        Some(Schema::Object { properties, .. }) => properties,
        _ => std::collections::BTreeMap::new(),
    };
    if properties.keys().all(|name| matches!(name.as_str(), "apiVersion" | "kind" | "metadata")) {
        // It says nothing of them, and objects have them all the same.
        properties.extend(["spec", "status"].map(|name| (name.to_owned(), Schema::Any)));
    }
    properties.insert("apiVersion".to_owned(), Schema::String(None));
    properties.insert("kind".to_owned(), Schema::String(None));
    properties.insert("metadata".to_owned(), Schema::Ref(OBJECT_META.to_owned()));
    Schema::Object { properties, additional: None, preserve_unknown: false }
}
