//! Definitions of custom resources that are inferred from their objects, for files without their definitions.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use kubesql_codegen::spec::{Crd, CrdVersion, OBJECT_META, Schema};
use serde_json::Value;

use crate::discovery::Definition;
use crate::value::time;

/// Values nested more deeply are JSON.
const MAX_DEPTH: usize = 16;

/// An object with more fields is a map.
const MAX_FIELDS: usize = 200;

/// Fields that are maps in all APIs, although their keys look like fields.
const MAPS: [&str; 8] =
    ["annotations", "data", "labels", "matchLabels", "nodeSelector", "parameters", "selector", "stringData"];

/// The kinds of objects without a definition, by group and kind.
#[derive(Debug, Default)]
pub(super) struct InferredKinds(BTreeMap<(String, String), InferredKind>);

#[derive(Debug, Default)]
struct InferredKind {
    versions: BTreeSet<String>,
    namespaced: bool,
    seen: Seen,
}

/// The types of the values that a field was seen with.
#[derive(Debug, Default)]
struct Seen {
    text: bool,
    time: bool,
    integer: bool,
    float: bool,
    boolean: bool,
    /// The fields of objects.
    object: Option<BTreeMap<String, Seen>>,
    /// The items of lists.
    list: Option<Box<Seen>>,
    /// Values that are too deep to look at.
    any: bool,
}

impl InferredKinds {
    /// Adds an object; `false` if it is not an object of a custom resource.
    pub(super) fn add(&mut self, object: &str) -> bool {
        let Ok(Value::Object(fields)) = serde_json::from_str(object) else { return false };
        let text = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let metadata = |field: &str| fields.get("metadata")?.get(field)?.as_str();
        let Some((group, version)) = api_version.split_once('/') else { return false };
        let is_named = metadata("name").is_some() || metadata("generateName").is_some();
        if !group.contains('.') || version.is_empty() || !is_identifier(&kind) || !is_named {
            return false;
        }
        let known = self.0.entry((group.to_owned(), kind)).or_default();
        known.versions.insert(version.to_owned());
        known.namespaced |= metadata("namespace").is_some();
        let own = fields.into_iter().filter(|(field, _)| !matches!(&**field, "apiVersion" | "kind" | "metadata"));
        known.seen.add(&Value::Object(own.collect()), 0);
        true
    }

    pub(super) fn merge(&mut self, later: Self) {
        for (name, kind) in later.0 {
            let known = self.0.entry(name).or_default();
            known.versions.extend(kind.versions);
            known.namespaced |= kind.namespaced;
            known.seen.merge(kind.seen);
        }
    }

    /// The definitions of the kinds, by their names.
    pub(super) fn definitions(self) -> impl Iterator<Item = (String, Definition)> {
        self.0.into_iter().map(|((group, kind), inferred)| {
            let plural = plural(&kind);
            let mut schema = inferred.seen.schema("");
            if let Schema::Object { properties, additional, .. } = &mut schema {
                let text = || Schema::String(None);
                properties.extend([("apiVersion".to_owned(), text()), ("kind".to_owned(), text())]);
                properties.insert("metadata".to_owned(), Schema::Ref(OBJECT_META.to_owned()));
                *additional = None;
            }
            let version = |name: String| CrdVersion { name, served: true, schema: schema.clone(), printed: Vec::new() };
            let versions = inferred.versions.into_iter().map(version).collect();
            let namespaced = inferred.namespaced;
            let crd = Crd { group, kind, plural, short_names: BTreeSet::new(), namespaced, versions };
            let mut hasher = DefaultHasher::new();
            format!("{crd:?}").hash(&mut hasher);
            let version = format!("{:x}", hasher.finish());
            (crd.name(), Definition { version, from_openapi: false, inferred: true, crd: Arc::new(crd) })
        })
    }
}

impl Seen {
    fn add(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => {}
            Value::Bool(_) => self.boolean = true,
            Value::Number(number) => {
                let fits = number.is_i64();
                self.integer |= fits;
                self.float |= !fits;
            }
            Value::String(text) => {
                let is_time = time::parse(text).is_some();
                self.time |= is_time;
                self.text |= !is_time;
            }
            Value::Array(_) | Value::Object(_) if depth == MAX_DEPTH => self.any = true,
            Value::Array(items) => {
                let seen = self.list.get_or_insert_default();
                items.iter().for_each(|item| seen.add(item, depth + 1));
            }
            Value::Object(fields) => {
                let seen = self.object.get_or_insert_default();
                for (name, value) in fields {
                    seen.entry(name.clone()).or_default().add(value, depth + 1);
                }
            }
        }
    }

    fn merge(&mut self, later: Self) {
        self.text |= later.text;
        self.time |= later.time;
        self.integer |= later.integer;
        self.float |= later.float;
        self.boolean |= later.boolean;
        self.any |= later.any;
        if let Some(later) = later.list {
            self.list.get_or_insert_default().merge(*later);
        }
        if let Some(later) = later.object {
            let fields = self.object.get_or_insert_default();
            for (name, seen) in later {
                fields.entry(name).or_default().merge(seen);
            }
        }
    }

    /// The schema of the field with this name.
    fn schema(&self, name: &str) -> Schema {
        let Self { text, time, integer, float, boolean, object, list, any } = self;
        let scalar = *text || *time || *integer || *float || *boolean;
        match (object, list) {
            (None, None) if !any => match (*text || *time, *integer || *float, *boolean) {
                (true, false, false) if *text => Schema::String(None),
                (true, false, false) => Schema::String(Some("date-time".to_owned())),
                (false, true, false) if *float => Schema::Number,
                (false, true, false) => Schema::Integer(None),
                (false, false, true) => Schema::Boolean,
                (true, true, false) if !*float => Schema::IntOrString,
                _ => Schema::Any,
            },
            (Some(fields), None) if !scalar && !any => {
                let is_map = MAPS.contains(&name)
                    || fields.len() > MAX_FIELDS
                    || fields.keys().any(|field| !is_identifier(field));
                if is_map {
                    let is_text = |seen: &Seen| matches!(seen.schema(""), Schema::String(_));
                    let values = if fields.values().all(is_text) { Schema::String(None) } else { Schema::Any };
                    let additional = Some(Box::new(values));
                    return Schema::Object { properties: BTreeMap::new(), additional, preserve_unknown: false };
                }
                let properties = fields.iter().map(|(name, seen)| (name.clone(), seen.schema(name))).collect();
                Schema::Object { properties, additional: None, preserve_unknown: fields.is_empty() }
            }
            (None, Some(items)) if !scalar && !any => Schema::Array(Box::new(items.schema(""))),
            _ => Schema::Any,
        }
    }
}

/// Whether a name looks like one that an API definition would use, and not like a key of a map.
fn is_identifier(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

/// The plural of a kind in lower case, as API definitions mostly name it.
fn plural(kind: &str) -> String {
    let name = kind.to_ascii_lowercase();
    let vowel = |byte: &u8| b"aeiou".contains(byte);
    match name.as_bytes() {
        [.., before, b'y'] if !vowel(before) => format!("{}ies", &name[..name.len() - 1]),
        [.., b's' | b'x' | b'z'] | [.., b'c' | b's', b'h'] => format!("{name}es"),
        _ => format!("{name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{InferredKinds, plural};

    #[test]
    fn plurals_are_as_definitions_name_them() {
        for (kind, expected) in [
            ("Application", "applications"),
            ("HTTPProxy", "httpproxies"),
            ("Gateway", "gateways"),
            ("Ingress", "ingresses"),
            ("Switch", "switches"),
            ("VirtualService", "virtualservices"),
        ] {
            assert_eq!(plural(kind), expected);
        }
    }

    #[test]
    fn only_custom_resources_are_inferred() {
        for (object, expected) in [
            (r#"{"apiVersion":"a.example/v1","kind":"A","metadata":{"name":"a"}}"#, true),
            (r#"{"apiVersion":"v1","kind":"A","metadata":{"name":"a"}}"#, false),
            (r#"{"apiVersion":"a.example/v1","kind":"A","metadata":{}}"#, false),
            (r#"{"apiVersion":"a.example/v1","kind":"A b","metadata":{"name":"a"}}"#, false),
        ] {
            assert_eq!(InferredKinds::default().add(object), expected, "{object}");
        }
    }
}
