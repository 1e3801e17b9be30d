//! What an API server can be asked to leave out: never an object that a query needs.

use std::collections::BTreeSet;
use std::fmt;

use crate::schema::KindDef;

/// Fields that all API servers select by, beside name and namespace: group and plural of the kind, and paths.
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

/// More namespaces than these are not asked for one by one.
const MOST_NAMESPACES: usize = 10;

/// More values of a label than these are not asked for.
const MOST_VALUES: usize = 50;

/// Conditions that objects must meet to be wanted, all of them. Who gives objects may give others as well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// They are in one of these namespaces; `None` for any.
    pub namespaces: Option<BTreeSet<String>>,
    /// The fields of these paths (`metadata.name`) have these texts, in which nothing needs to be escaped.
    pub fields: BTreeSet<(String, String)>,
    /// They have labels of these keys, with one of these values where there are some.
    pub labels: BTreeSet<(String, BTreeSet<String>)>,
}

impl Selection {
    /// The field at a path of a kind's objects has one of these texts; `None` where servers cannot be asked for that.
    #[must_use]
    pub fn of_field(kind: &KindDef, path: &str, texts: &BTreeSet<String>) -> Option<Self> {
        if path == "metadata.namespace" {
            let few =
                !texts.is_empty() && texts.len() <= MOST_NAMESPACES && texts.iter().all(|text| is_dns_label(text));
            return few.then(|| Self { namespaces: Some(texts.clone()), ..Self::default() });
        }
        let of_kind = FIELDS.iter().find(|(group, plural, _)| (*group, *plural) == (kind.group, kind.plural));
        let known = path == "metadata.name" || of_kind.is_some_and(|(.., paths)| paths.contains(&path));
        let mut texts = texts.iter();
        match (texts.next(), texts.next()) {
            (Some(text), None) if known && is_plain(text) => {
                Some(Self { fields: BTreeSet::from([(path.to_owned(), text.clone())]), ..Self::default() })
            }
            _ => None,
        }
    }

    /// There is a label of this key, with one of these values where there are some; `None` where servers cannot be
    /// asked for that.
    #[must_use]
    pub fn of_label(key: &str, values: &BTreeSet<String>) -> Option<Self> {
        // An empty value is one, but a list of values is not always read as it is meant where one is empty.
        let is_value = |value: &String| is_label_word(value) || value.is_empty() && values.len() == 1;
        let good = is_label_key(key) && values.len() <= MOST_VALUES && values.iter().all(is_value);
        good.then(|| Self { labels: BTreeSet::from([(key.to_owned(), values.clone())]), ..Self::default() })
    }

    /// Of these objects those that meet the other conditions as well.
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

    /// All of these objects, all of the others, and perhaps more.
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

    /// Its fields as an API server is told of them.
    #[must_use]
    pub fn field_selector(&self) -> String {
        self.fields.iter().map(|(path, text)| format!("{path}={text}")).collect::<Vec<_>>().join(",")
    }

    /// Its labels as an API server is told of them.
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

/// Whether it can be a namespace's name.
fn is_dns_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 63 && text.bytes().all(inner) && !text.is_empty() && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether a text stands for itself in a field selector, and can be a name.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte);
    !text.is_empty() && text.len() <= 253 && text.bytes().all(plain)
}

/// Whether it can be a label's value, or the name in its key.
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
    fn only_what_servers_understand_is_selected_by() {
        let long = "x".repeat(64);
        let field = |plural: &str, path: &str, texts: &[&str]| {
            Selection::of_field(kind(plural), path, &set(texts)).map(|selection| selection.to_string())
        };
        let label = |key: &str, values: &[&str]| Selection::of_label(key, &set(values)).map(|s| s.to_string());
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
    fn more_is_never_less() {
        let of = |namespace: &str, app: &str| {
            let namespace = Selection::of_field(kind("pods"), "metadata.namespace", &set(&[namespace]));
            namespace.expect("good").and(Selection::of_label("app", &set(&[app])).expect("good"))
        };
        assert_eq!(of("a", "x").or(&of("b", "x")).to_string(), "namespaces=a,b labels=app=x");
        assert_eq!(of("a", "x").or(&of("a", "y")).to_string(), "namespaces=a");
        assert_eq!(of("a", "x").or(&Selection::default()), Selection::default());
        assert_eq!(Selection::default().or(&of("a", "x")), Selection::default());
        assert_eq!(of("a", "x").and(of("b", "x")).namespaces, Some(BTreeSet::new()));
    }
}
