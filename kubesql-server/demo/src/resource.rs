//! Served resources: each version of each kind, and the collection of its objects.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::release::{Kind, Structure};
use super::store::{Collection, Store};

/// Short names of built-in resources.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("certificatesigningrequests", "csr"),
    ("componentstatuses", "cs"),
    ("configmaps", "cm"),
    ("cronjobs", "cj"),
    ("customresourcedefinitions", "crd,crds"),
    ("daemonsets", "ds"),
    ("deployments", "deploy"),
    ("endpoints", "ep"),
    ("events", "ev"),
    ("horizontalpodautoscalers", "hpa"),
    ("ingresses", "ing"),
    ("ipaddresses", "ip"),
    ("limitranges", "limits"),
    ("namespaces", "ns"),
    ("networkpolicies", "netpol"),
    ("nodes", "no"),
    ("persistentvolumeclaims", "pvc"),
    ("persistentvolumes", "pv"),
    ("poddisruptionbudgets", "pdb"),
    ("pods", "po"),
    ("priorityclasses", "pc"),
    ("replicasets", "rs"),
    ("replicationcontrollers", "rc"),
    ("resourcequotas", "quota"),
    ("serviceaccounts", "sa"),
    ("services", "svc"),
    ("statefulsets", "sts"),
    ("storageclasses", "sc"),
    ("volumeattributesclasses", "vac"),
];

/// Resources in the category `all`.
const ALL: &[&str] = &[
    "pods",
    "replicationcontrollers",
    "services",
    "daemonsets",
    "deployments",
    "replicasets",
    "statefulsets",
    "horizontalpodautoscalers",
    "cronjobs",
    "jobs",
];

/// A served version of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// Names, scope and verbs.
    pub(crate) kind: Kind,
    /// `deployment`.
    pub(crate) singular: String,
    /// `deploy`.
    pub(crate) short_names: Vec<String>,
    /// `all`.
    pub(crate) categories: Vec<String>,
    /// `DeploymentList`.
    pub(crate) list_kind: String,
    /// The collection of its objects; versions of one kind share it.
    pub(crate) collection: Collection,
    /// The CRD's data, if it is not built in.
    pub(crate) custom: Option<Custom>,
}

/// Data of a CRD for one version.
#[derive(Clone, Debug)]
pub(crate) struct Custom {
    /// The CRD's name.
    pub(crate) definition: String,
    /// `openAPIV3Schema`.
    pub(crate) schema: Value,
    /// `additionalPrinterColumns`.
    pub(crate) columns: Vec<Value>,
    /// Paths that field selectors may use: `spec.color`.
    pub(crate) selectable: Vec<String>,
    /// Whether there is a status subresource.
    pub(crate) status: bool,
}

impl Resource {
    /// `v1` or `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        match self.kind.group.as_str() {
            "" => self.kind.version.clone(),
            group => format!("{group}/{}", self.kind.version),
        }
    }

    /// `pods` or `deployments.apps`, as in messages.
    pub(crate) fn qualified(&self) -> String {
        match self.kind.group.as_str() {
            "" => self.kind.plural.clone(),
            group => format!("{}.{group}", self.kind.plural),
        }
    }

    /// Whether there is a status subresource.
    pub(crate) fn status_subresource(&self) -> bool {
        self.custom.as_ref().map_or(self.kind.has_status && self.can("update"), |custom| custom.status)
    }

    /// Whether a verb is supported.
    pub(crate) fn can(&self, verb: &str) -> bool {
        self.kind.verbs.iter().any(|can| can == verb)
    }

    /// Whether this is a version of the resource.
    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.kind.group == group && self.kind.plural == plural
    }
}

/// All served resources, in the order of discovery.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resources {
    all: Vec<Arc<Resource>>,
    by_path: HashMap<(String, String, String), Arc<Resource>>,
}

impl Resources {
    /// The built-in resources of a release, with a new collection for each kind.
    pub(crate) fn built_in(structure: &Structure, store: &Store) -> Self {
        let mut collections: HashMap<(String, String), Collection> = HashMap::new();
        let mut resources = Self::default();
        for kind in &structure.kinds {
            // Both groups of events share one collection.
            let group = if kind.plural == "events" { "" } else { kind.group.as_str() };
            let collection =
                *collections.entry((group.to_owned(), kind.plural.clone())).or_insert_with(|| store.add_collection());
            let short_names = SHORT_NAMES.iter().find(|(plural, _)| *plural == kind.plural);
            let short_names =
                short_names.map_or_else(Vec::new, |(_, names)| names.split(',').map(str::to_owned).collect());
            resources.add(Resource {
                singular: kind.kind.to_lowercase(),
                short_names,
                categories: ALL.iter().filter(|plural| **plural == kind.plural).map(|_| "all".to_owned()).collect(),
                list_kind: format!("{}List", kind.kind),
                collection,
                custom: None,
                kind: kind.clone(),
            });
        }
        resources
    }

    fn add(&mut self, resource: Resource) {
        let kind = &resource.kind;
        let path = (kind.group.clone(), kind.version.clone(), kind.plural.clone());
        let resource = Arc::new(resource);
        self.by_path.insert(path, resource.clone());
        self.all.push(resource);
    }

    /// All resources.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.all.iter()
    }

    /// The resource at a path.
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.by_path.get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    /// Any version of a resource.
    pub(crate) fn any_version(&self, group: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.all.iter().find(|resource| resource.is(group, plural))
    }

    /// Named groups in order, with their versions; the preferred version is first.
    pub(crate) fn groups(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for kind in self.all.iter().map(|resource| &resource.kind).filter(|kind| !kind.group.is_empty()) {
            let versions = groups.entry(&kind.group).or_default();
            if !versions.contains(&kind.version.as_str()) {
                versions.push(&kind.version);
            }
        }
        groups.values_mut().for_each(|versions| versions.sort_by_key(|version| Reverse(priority(version))));
        groups
    }

    /// The resources of a group and version.
    pub(crate) fn of<'a>(&'a self, group: &'a str, version: &'a str) -> impl Iterator<Item = &'a Arc<Resource>> {
        self.all.iter().filter(move |resource| resource.kind.group == group && resource.kind.version == version)
    }

    /// A copy with the resources of a CRD replaced by its current definition.
    pub(crate) fn with_definition(&self, name: &str, definition: Option<&Value>, store: &Store) -> Self {
        let is_its = |resource: &Resource| resource.custom.as_ref().is_some_and(|custom| custom.definition == name);
        let mut next = Self::default();
        let mut collection = None;
        for resource in &self.all {
            if is_its(resource) {
                collection = Some(resource.collection);
            } else {
                next.add(Resource::clone(resource));
            }
        }
        if let Some(definition) = definition {
            let collection = collection.unwrap_or_else(|| store.add_collection());
            custom(name, definition, collection).into_iter().for_each(|resource| next.add(resource));
        }
        next
    }
}

/// The served versions of a CRD.
fn custom(name: &str, definition: &Value, collection: Collection) -> Vec<Resource> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let texts = |value: Option<&Value>| {
        let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let (spec, kind) = (&definition["spec"], text(definition.pointer("/spec/names/kind")));
    let or = |text: String, other: String| if text.is_empty() { other } else { text };
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let served = versions.iter().filter(|version| version["served"] == true);
    let resource = |version: &Value| {
        let fields = version["selectableFields"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
        let fields = fields.map(|field| text(field.get("jsonPath")).trim_start_matches('.').to_owned());
        let status = version.pointer("/subresources/status").is_some();
        let verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
        Resource {
            singular: or(text(spec.pointer("/names/singular")), kind.to_lowercase()),
            short_names: texts(spec.pointer("/names/shortNames")),
            categories: texts(spec.pointer("/names/categories")),
            list_kind: or(text(spec.pointer("/names/listKind")), format!("{kind}List")),
            collection,
            custom: Some(Custom {
                definition: name.to_owned(),
                schema: version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_default(),
                columns: version["additionalPrinterColumns"].as_array().cloned().unwrap_or_default(),
                selectable: fields.collect(),
                status,
            }),
            kind: Kind {
                group: text(spec.get("group")),
                version: text(version.get("name")),
                kind: kind.clone(),
                plural: text(spec.pointer("/names/plural")),
                namespaced: spec["scope"] == "Namespaced",
                verbs: verbs.map(str::to_owned).to_vec(),
                has_status: status,
                schema: String::new(),
            },
        }
    };
    served.map(resource).collect()
}

/// Sort key of a version: `v2` before `v1` before `v1beta2` before `v1alpha1` before other names.
fn priority(version: &str) -> (u8, u32, u32, Reverse<String>) {
    let none = (0, 0, 0, Reverse(version.to_owned()));
    let Some(rest) = version.strip_prefix('v') else { return none };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (Ok(major), suffix) = (rest[..digits].parse(), &rest[digits..]) else { return none };
    let minor = |stage: &str| suffix.strip_prefix(stage).and_then(|minor| minor.parse().ok());
    match (suffix, minor("beta"), minor("alpha")) {
        ("", _, _) => (3, major, 0, Reverse(String::new())),
        (_, Some(minor), _) => (2, major, minor, Reverse(String::new())),
        (_, _, Some(minor)) => (1, major, minor, Reverse(String::new())),
        _ => none,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_the_newest_stable_version() {
        let mut versions = vec!["v1alpha2", "v1", "foo", "v2beta1", "v10", "v1beta2", "v2", "bar", "v1beta10"];
        versions.sort_by_key(|version| Reverse(priority(version)));
        assert_eq!(versions, ["v10", "v2", "v1", "v2beta1", "v1beta10", "v1beta2", "v1alpha2", "bar", "foo"]);
    }
}
