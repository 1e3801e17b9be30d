//! Conditions that an API server can evaluate. They only ever exclude objects that a query does not need.

use std::collections::BTreeSet;
use std::fmt;

use crate::schema::KindDef;

/// Fields that every API server supports in field selectors, besides name and namespace: the kind's group and plural,
/// and the fields' paths.
const FIELDS: [(&str, &str, &[&str]); 3] = [
    (
        "",
        "pods",
        &["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase"],
    ),
    (
        "",
        "events",
        &[
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.uid",
            "reason",
            "type",
        ],
    ),
    ("", "secrets", &["type"]),
];

/// With more namespaces than this, all namespaces are listed in one request.
const MOST_NAMESPACES: usize = 10;

/// With more values of a label than this, the label is not selected by.
const MOST_VALUES: usize = 50;

/// Conditions that all requested objects meet. A source may return objects that do not meet them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The namespaces; `None` for all.
    pub namespaces: Option<BTreeSet<String>>,
    /// Pairs of a field's path (`metadata.name`) and its value. The value needs no escaping in a selector.
    pub fields: BTreeSet<(String, String)>,
    /// Pairs of a label's key and its allowed values. Without values, the label must exist.
    pub labels: BTreeSet<(String, BTreeSet<String>)>,
}

impl Selection {
    /// Selects objects of a kind whose field at `path` has one of these values; `None` if servers cannot select by it.
    #[must_use]
    pub fn for_field(kind: &KindDef, path: &str, texts: &BTreeSet<String>) -> Option<Self> {
        if path == "metadata.namespace" {
            let few =
                !texts.is_empty() && texts.len() <= MOST_NAMESPACES && texts.iter().all(|text| is_dns_label(text));
            return few.then(|| Self { namespaces: Some(texts.clone()), ..Self::default() });
        }
        let of_kind = FIELDS.iter().find(|(group, plural, _)| (*group, *plural) == (kind.group, kind.plural));
        let known = path == "metadata.name" || of_kind.is_some_and(|(.., paths)| paths.contains(&path));
        let mut texts = texts.iter();
        match (texts.next(), texts.next()) {
            (Some(text), None) if known && needs_no_escaping(text) => {
                Some(Self { fields: BTreeSet::from([(path.to_owned(), text.clone())]), ..Self::default() })
            }
            _ => None,
        }
    }

    /// Selects objects that have a label with one of these values, or any value if there are none; `None` if servers
    /// cannot select by it.
    #[must_use]
    pub fn for_label(key: &str, values: &BTreeSet<String>) -> Option<Self> {
        // An empty value is valid, but not all servers parse it correctly within a list of values.
        let is_value = |value: &String| is_label_word(value) || value.is_empty() && values.len() == 1;
        let good = is_label_key(key) && values.len() <= MOST_VALUES && values.iter().all(is_value);
        good.then(|| Self { labels: BTreeSet::from([(key.to_owned(), values.clone())]), ..Self::default() })
    }

    /// The objects that both select.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.namespaces = match (self.namespaces, other.namespaces) {
            (Some(mine), Some(others)) => Some(mine.intersection(&others).cloned().collect()),
            (mine, others) => mine.or(others),
        };
        self.fields.extend(other.fields);
        self.labels.extend(other.labels);
        self
    }

    /// All objects that either selects, and possibly more.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        self.namespaces = match (self.namespaces, &other.namespaces) {
            (Some(mine), Some(others)) => Some(mine.union(others).cloned().collect()),
            _ => None,
        };
        self.namespaces.take_if(|namespaces| namespaces.len() > MOST_NAMESPACES);
        self.fields.retain(|field| other.fields.contains(field));
        self.labels.retain(|label| other.labels.contains(label));
        self
    }

    /// The `fieldSelector` parameter of a list request.
    #[must_use]
    pub fn field_selector(&self) -> String {
        self.fields.iter().map(|(path, text)| format!("{path}={text}")).collect::<Vec<_>>().join(",")
    }

    /// The `labelSelector` parameter of a list request.
    #[must_use]
    pub fn label_selector(&self) -> String {
        let label = |(key, values): &(String, BTreeSet<String>)| {
            let joined = values.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            match values.len() {
                0 => key.clone(),
                1 => format!("{key}={joined}"),
                _ => format!("{key} in ({joined})"),
            }
        };
        self.labels.iter().map(label).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(namespaces) = &self.namespaces {
            let names: Vec<&str> = namespaces.iter().map(String::as_str).collect();
            parts.push(format!("namespaces={}", names.join(",")));
        }
        if !self.fields.is_empty() {
            parts.push(format!("fields={}", self.field_selector()));
        }
        if !self.labels.is_empty() {
            parts.push(format!("labels={}", self.label_selector()));
        }
        f.write_str(&parts.join(" "))
    }
}

/// Whether `text` can be the name of a namespace.
fn is_dns_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 63 && text.bytes().all(inner) && !text.is_empty() && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether `text` needs no escaping in a field selector, and can be a name.
fn needs_no_escaping(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte);
    !text.is_empty() && text.len() <= 253 && text.bytes().all(allowed)
}

/// Whether `text` can be a label's value, or the name part of its key.
fn is_label_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    bytes.len() <= 63 && end(bytes.first()) && end(bytes.last()) && bytes.iter().all(inner)
}

fn is_label_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => prefix.len() <= 253 && prefix.split('.').all(is_dns_label) && is_label_word(name),
        None => is_label_word(key),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Selection;
    use crate::generated::KINDS;
    use crate::schema::KindDef;

    fn kind(plural: &str) -> &'static KindDef {
        KINDS.iter().find(|kind| kind.plural == plural && kind.group.is_empty()).expect("a kind")
    }

    fn set(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn unsupported_selectors_are_not_sent() {
        let long = "x".repeat(64);
        let field = |plural: &str, path: &str, texts: &[&str]| {
            Selection::for_field(kind(plural), path, &set(texts)).map(|selection| selection.to_string())
        };
        let label = |key: &str, values: &[&str]| Selection::for_label(key, &set(values)).map(|s| s.to_string());
        let some = |text: &str| Some(text.to_owned());
        for (found, expect) in [
            (field("pods", "metadata.namespace", &["b", "a"]), some("namespaces=a,b")),
            (field("pods", "metadata.namespace", &["a", ""]), None),
            (field("pods", "metadata.namespace", &["a/b"]), None),
            (field("pods", "metadata.namespace", &["Shop"]), None),
            (field("pods", "metadata.namespace", &[&long]), None),
            (field("pods", "metadata.namespace", &[]), None),
            (field("nodes", "metadata.name", &["n:1.x"]), some("fields=metadata.name=n:1.x")),
            (field("nodes", "metadata.name", &["a", "b"]), None),
            (field("nodes", "metadata.name", &["a,b"]), None),
            (field("nodes", "metadata.name", &["a=b"]), None),
            (field("nodes", "metadata.name", &["é"]), None),
            (field("nodes", "metadata.uid", &["u"]), None),
            (field("pods", "status.phase", &["Running"]), some("fields=status.phase=Running")),
            (field("nodes", "status.phase", &["Running"]), None),
            (label("app", &["web"]), some("labels=app=web")),
            (label("app", &[""]), some("labels=app=")),
            (label("app", &["", "web"]), None),
            (label("app", &["web", "api"]), some("labels=app in (api,web)")),
            (label("example.com/app_x", &[]), some("labels=example.com/app_x")),
            (label("app", &["a b"]), None),
            (label("app", &["a,b"]), None),
            (label("app", &[&long]), None),
            (label("app", &["-a"]), None),
            (label("Example.com/app", &["a"]), None),
            (label("a/b/c", &["a"]), None),
            (label("a b", &["a"]), None),
            (label("!app", &[]), None),
            (label("é", &["a"]), None),
        ] {
            assert_eq!(found, expect);
        }
    }

    #[test]
    fn or_widens_and_and_narrows() {
        let of = |namespace: &str, app: &str| {
            let namespace = Selection::for_field(kind("pods"), "metadata.namespace", &set(&[namespace]));
            namespace.expect("a selection").and(Selection::for_label("app", &set(&[app])).expect("a selection"))
        };
        assert_eq!(of("a", "x").or(&of("b", "x")).to_string(), "namespaces=a,b labels=app=x");
        assert_eq!(of("a", "x").or(&of("a", "y")).to_string(), "namespaces=a");
        assert_eq!(of("a", "x").or(&Selection::default()), Selection::default());
        assert_eq!(Selection::default().or(&of("a", "x")), Selection::default());
        assert_eq!(of("a", "x").and(of("b", "x")).namespaces, Some(BTreeSet::new()));
    }
}
