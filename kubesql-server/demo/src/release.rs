//! Kubernetes releases: the kinds and types of their structural documents.

use std::fmt;
use std::io;
use std::str::FromStr;

use serde_json::{Map, Value};

const DOCUMENTS: [(&str, &str); 7] = [
    ("1.31", include_str!("../../../schemas/kubernetes/v1.31.json")),
    ("1.32", include_str!("../../../schemas/kubernetes/v1.32.json")),
    ("1.33", include_str!("../../../schemas/kubernetes/v1.33.json")),
    ("1.34", include_str!("../../../schemas/kubernetes/v1.34.json")),
    ("1.35", include_str!("../../../schemas/kubernetes/v1.35.json")),
    ("1.36", include_str!("../../../schemas/kubernetes/v1.36.json")),
    ("1.37", include_str!("../../../schemas/kubernetes/v1.37.json")),
];

/// A Kubernetes release that the demo cluster can simulate: `1.35`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release(usize);

impl Release {
    /// The newest release.
    pub const NEWEST: Self = Self(DOCUMENTS.len() - 1);

    /// The minor version: `35`.
    pub(crate) fn minor(self) -> &'static str {
        DOCUMENTS[self.0].0.trim_start_matches("1.")
    }

    /// The version with a patch level: `v1.35.2`.
    pub(crate) fn git_version(self) -> String {
        format!("v{self}.2")
    }

    /// Parses the kinds and types of the release.
    ///
    /// # Errors If the document in the binary does not have the expected form.
    pub(crate) fn open(self) -> io::Result<Structure> {
        let mut root: Value = serde_json::from_str(DOCUMENTS[self.0].1)?;
        let mut take = |pointer: &str| match root.pointer_mut(pointer).map(Value::take) {
            Some(Value::Object(map)) => Ok(map),
            _ => Err(io::Error::other(format!("the document of {self} has no {pointer}"))),
        };
        let (paths, schemas) = (take("/paths")?, take("/components/schemas")?);
        let kinds = paths.iter().map(|(path, item)| Kind::read(path, item, &schemas)).collect::<Option<Vec<_>>>();
        let kinds = kinds.ok_or_else(|| io::Error::other(format!("the document of {self} has an incomplete kind")))?;
        Ok(Structure { kinds, schemas })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(DOCUMENTS[self.0].0)
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.trim_start_matches('v');
        DOCUMENTS.iter().position(|(name, _)| *name == wanted).map(Self).ok_or_else(|| {
            let names = DOCUMENTS.map(|(name, _)| name);
            format!("supported releases: {}", names.join(", "))
        })
    }
}

/// The kinds and types of a release.
#[derive(Debug)]
pub(crate) struct Structure {
    /// Listable kinds, one entry for each version.
    pub(crate) kinds: Vec<Kind>,
    /// OpenAPI schemas by name, without descriptions.
    pub(crate) schemas: Map<String, Value>,
}

/// A version of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// The API group: `apps`; empty for the core group.
    pub(crate) group: String,
    /// `v1`.
    pub(crate) version: String,
    /// `Deployment`.
    pub(crate) kind: String,
    /// `deployments`.
    pub(crate) plural: String,
    /// Whether its objects have namespaces.
    pub(crate) namespaced: bool,
    /// Supported verbs: `get`, `list`.
    pub(crate) verbs: Vec<String>,
    /// Whether objects have a `status`.
    pub(crate) has_status: bool,
    /// The name of its schema.
    pub(crate) schema: String,
}

impl Kind {
    fn read(path: &str, item: &Value, schemas: &Map<String, Value>) -> Option<Self> {
        let gvk = item.get("x-kubernetes-group-version-kind")?;
        let text = |key: &str| gvk.get(key).and_then(Value::as_str).map(str::to_owned);
        let verbs = item.get("x-kubesql-verbs")?.as_array()?.iter();
        let of_kind = |schema: &Value| {
            let kinds = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
            kinds.is_some_and(|kinds| kinds.contains(gvk))
        };
        let (name, schema) = schemas.iter().find(|(_, schema)| of_kind(schema))?;
        Some(Self {
            group: text("group")?,
            version: text("version")?,
            kind: text("kind")?,
            plural: path.rsplit('/').next()?.to_owned(),
            namespaced: item.get("x-kubesql-namespaced")?.as_bool()?,
            verbs: verbs.filter_map(Value::as_str).map(str::to_owned).collect(),
            has_status: schema.pointer("/properties/status").is_some(),
            schema: name.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_all_releases() {
        for (name, _) in DOCUMENTS {
            let release: Release = name.parse().expect("it is listed");
            let kinds = release.open().expect("it opens").kinds;
            let pods = kinds.iter().find(|kind| kind.plural == "pods").expect("pods");
            assert!(pods.namespaced && pods.has_status && pods.verbs.len() == 8, "{release}: {pods:?}");
            assert!(kinds.len() > 60, "{release}");
        }
        assert_eq!("v1.35".parse::<Release>().map(|release| release.git_version()), Ok("v1.35.2".to_owned()));
        assert!("1.3".parse::<Release>().is_err());
    }
}
