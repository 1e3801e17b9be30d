//! Merges the schemas of all releases into types, and breaks recursion.

mod custom;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{MapValue, ModelError, Scalar, Shape, Type};
use crate::names::Chosen;
use crate::spec::{Crd, PrinterColumn, QUANTITY, References, Release, Resource, Schema, merge};

/// A kind with its versions, without tables.
pub(super) struct Root {
    pub(super) resource: Resource,
    pub(super) versions: Vec<String>,
    /// The printer columns of a custom resource.
    pub(super) printed: Option<Vec<PrinterColumn>>,
}

/// Merges all schemas. Returns the types that kinds use, and the kinds sorted by group and kind.
pub(super) fn merge_all(
    releases: &[Release],
    crds: &[Crd],
    chosen: &Chosen,
) -> Result<(BTreeMap<String, Type>, Vec<Root>), ModelError> {
    let versions = versions(releases);
    let schemas = union(releases, &versions);
    let mut roots = roots(versions);
    let mut types = BTreeMap::new();
    for root in &roots {
        let resource = &root.resource;
        let mut builder = TypeBuilder { schemas: &schemas, chosen, equal: None };
        let shape = builder.named(&mut types, &resource.schema, &resource.kind)?;
        if !matches!(shape, Shape::Object(_)) {
            return Err(ModelError::NotAnObject {
                group: resource.group.clone(),
                version: resource.version.clone(),
                kind: resource.kind.clone(),
                schema: resource.schema.clone(),
            });
        }
    }
    break_recursion(&mut types);
    custom::kinds(&schemas, crds, chosen, &mut types, &mut roots)?;
    Ok((types, roots))
}

/// The resources of each group and kind: the most stable and newest version first.
type Versions<'a> = BTreeMap<(&'a str, &'a str), BTreeMap<Reverse<Stability>, &'a Resource>>;

fn versions(releases: &[Release]) -> Versions<'_> {
    let mut found = Versions::new();
    for resource in releases.iter().flat_map(|release| &release.resources) {
        found
            .entry((&resource.group, &resource.kind))
            .or_default()
            .insert(Reverse(Stability::from_version(&resource.version)), resource);
    }
    found
}

/// The schemas of all releases and versions. A schema has the fields that it has in any release, and the first version of
/// a kind has the fields of all others. The newest version, and the newest release, determine the shape of a field.
fn union<'a>(releases: &'a [Release], versions: &Versions<'a>) -> BTreeMap<&'a str, Schema> {
    let mut schemas: BTreeMap<&str, Schema> = BTreeMap::new();
    for (name, schema) in releases.iter().rev().flat_map(|release| &release.schemas) {
        // Other releases are merged below, when all schemas are known.
        schemas.entry(name).or_insert_with(|| schema.clone());
    }
    let mut pairs = VecDeque::new();
    for (name, schema) in releases.iter().rev().flat_map(|release| &release.schemas) {
        extend(&mut schemas, name, schema, &mut pairs);
    }
    for versions in versions.values() {
        let mut names = versions.values().map(|resource| resource.schema.clone());
        let first = names.next().unwrap_or_default();
        pairs.extend(names.map(|other| (first.clone(), other)));
    }
    let mut done = BTreeSet::new();
    while let Some((known, other)) = pairs.pop_front() {
        if known != other
            && done.insert((known.clone(), other.clone()))
            && let Some(schema) = schemas.get(other.as_str()).cloned()
        {
            extend(&mut schemas, &known, &schema, &mut pairs);
        }
    }
    schemas
}

/// Extends a schema by the fields of another one.
fn extend(schemas: &mut BTreeMap<&str, Schema>, name: &str, other: &Schema, pairs: &mut VecDeque<(String, String)>) {
    let Some(mut known) = schemas.get(name).cloned() else { return };
    let mut references = References { schemas, pairs: std::mem::take(pairs) };
    merge(&mut known, other, &mut references);
    *pairs = references.pairs;
    if let Some(schema) = schemas.get_mut(name) {
        *schema = known;
    }
}

/// An entry for each group and kind, with the resource of its most stable and newest version.
fn roots(versions: Versions<'_>) -> Vec<Root> {
    versions
        .into_values()
        .filter_map(|versions| {
            let names = versions.values().map(|resource| resource.version.clone()).collect();
            let resource = versions.into_values().next()?.clone();
            Some(Root { resource, versions: names, printed: None })
        })
        .collect()
}

/// The rank of an API version: v2, v1, v1beta2, v1beta1, v1alpha1, then all others by name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stability(u8, u32, u32, Reverse<String>);

impl Stability {
    /// The rank of a version.
    pub(super) fn from_version(version: &str) -> Self {
        let other = || Self(0, 0, 0, Reverse(version.to_owned()));
        let Some(rest) = version.strip_prefix('v') else { return other() };
        let (major, level, minor) = match rest.find(|c: char| !c.is_ascii_digit()) {
            None => (rest, 3, "0"),
            Some(at) => match (rest[at..].strip_prefix("beta"), rest[at..].strip_prefix("alpha")) {
                (Some(minor), _) => (&rest[..at], 2, minor),
                (_, Some(minor)) => (&rest[..at], 1, minor),
                _ => return other(),
            },
        };
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) => Self(level, major, minor, Reverse(String::new())),
            _ => other(),
        }
    }
}

/// Turns schemas into types.
struct TypeBuilder<'a> {
    schemas: &'a BTreeMap<&'a str, Schema>,
    chosen: &'a Chosen,
    /// If equal types are to be merged: the types by their fields, and the root type, which is never merged.
    equal: Option<(&'a mut BTreeMap<Type, String>, &'a str)>,
}

impl TypeBuilder<'_> {
    /// The shape of a definition. Adds its type, and the types that it uses, to `types`.
    fn named(&mut self, types: &mut BTreeMap<String, Type>, name: &str, from: &str) -> Result<Shape, ModelError> {
        if let Some(scalar) = well_known(name) {
            return Ok(Shape::Scalar(scalar));
        }
        if types.contains_key(name) {
            return Ok(Shape::Object(name.to_owned()));
        }
        let schema = self
            .schemas
            .get(name)
            .ok_or_else(|| ModelError::MissingType { from: from.to_owned(), to: name.to_owned() })?;
        self.shape(types, schema, name)
    }

    /// The shape of a schema. An inline object becomes a type named `at`.
    fn shape(&mut self, types: &mut BTreeMap<String, Type>, schema: &Schema, at: &str) -> Result<Shape, ModelError> {
        Ok(match schema {
            Schema::Ref(name) => self.named(types, name, at)?,
            Schema::Object { properties, .. } if !properties.is_empty() => {
                // Inserted before its fields, so that recursion terminates. Inline types cannot be recursive.
                if self.equal.is_none() {
                    types.insert(at.to_owned(), Type::new());
                }
                let mut fields = Type::new();
                for (field, schema) in properties {
                    // Not stored: it is a third of an object's size, and of no use in queries.
                    if field == "managedFields" && at.ends_with(".ObjectMeta") {
                        continue;
                    }
                    let at = format!("{at}.{field}");
                    let shape = self.shape(types, schema, &at)?;
                    let shape = self.chosen.shape(&at).unwrap_or(shape);
                    if matches!(schema, Schema::Either(_)) && shape != Shape::Scalar(Scalar::Json) {
                        fields.insert(other_name(properties, field), Shape::Other(field.clone()));
                    }
                    fields.insert(field.clone(), shape);
                }
                Shape::Object(self.add(types, fields, at))
            }
            Schema::Object { additional: Some(values), .. } => Shape::Map(self.map_value(types, values, at)?),
            Schema::Array(items) => match self.shape(types, items, at)? {
                Shape::Object(name) => Shape::List(name),
                Shape::Scalar(scalar) => Shape::Scalars(scalar),
                Shape::List(_) | Shape::Scalars(_) | Shape::Map(_) | Shape::Other(_) => Shape::Scalars(Scalar::Json),
            },
            Schema::Object { .. } | Schema::Any => Shape::Scalar(Scalar::Json),
            Schema::String(format) => Shape::Scalar(match format.as_deref() {
                Some("date-time") => Scalar::Time,
                Some(QUANTITY) => Scalar::Quantity,
                _ => Scalar::Text,
            }),
            Schema::Integer(format) => Shape::Scalar(match format.as_deref() {
                Some("int32") => Scalar::Int32,
                _ => Scalar::Int64,
            }),
            Schema::Number => Shape::Scalar(Scalar::Float),
            Schema::Boolean => Shape::Scalar(Scalar::Bool),
            Schema::IntOrString => Shape::Scalar(Scalar::IntOrString),
            Schema::Either(first) => self.shape(types, first, at)?,
        })
    }

    /// Adds a type, and returns its name, or the name of an equal type.
    fn add(&mut self, types: &mut BTreeMap<String, Type>, fields: Type, at: &str) -> String {
        let mut name = at.to_owned();
        if let Some((equal, root)) = &mut self.equal {
            if let Some(known) = equal.get(&fields).filter(|_| at != *root) {
                return known.clone();
            }
            // A field name with a dot can lead to the name of another type.
            while types.contains_key(&name) {
                name.push('_');
            }
            if at != *root {
                equal.insert(fields.clone(), name.clone());
            }
        }
        types.insert(name.clone(), fields);
        name
    }

    fn map_value(
        &mut self,
        types: &mut BTreeMap<String, Type>,
        values: &Schema,
        at: &str,
    ) -> Result<MapValue, ModelError> {
        // An object in a map is JSON text, since there is no row for its fields.
        Ok(match self.shape(types, values, at)? {
            Shape::Scalar(Scalar::Quantity) => MapValue::Quantity,
            Shape::Scalar(Scalar::Json) => MapValue::Json,
            Shape::Scalar(_) => MapValue::Text,
            Shape::Object(_) | Shape::List(_) | Shape::Scalars(_) | Shape::Map(_) | Shape::Other(_) => MapValue::Json,
        })
    }
}

/// The name of the field for values of other shapes: `extraArgs_json`.
fn other_name(properties: &BTreeMap<String, Schema>, field: &str) -> String {
    let mut name = format!("{field}_json");
    while properties.contains_key(&name) {
        name.push('_');
    }
    name
}

/// The types of the API machinery that are scalars.
fn well_known(name: &str) -> Option<Scalar> {
    let short = name.rsplit('.').next()?;
    let machinery = name.starts_with("io.k8s.apimachinery.") || name.starts_with("io.k8s.apiextensions-apiserver.");
    match short {
        _ if !machinery => None,
        "Quantity" => Some(Scalar::Quantity),
        "Time" | "MicroTime" => Some(Scalar::Time),
        "IntOrString" => Some(Scalar::IntOrString),
        "RawExtension" | "FieldsV1" | "JSON" => Some(Scalar::Json),
        _ => None,
    }
}

/// Replaces each recursive reference by JSON text.
fn break_recursion(types: &mut BTreeMap<String, Type>) {
    let edges: BTreeMap<String, BTreeSet<String>> = types
        .iter()
        .map(|(name, fields)| (name.clone(), fields.values().filter_map(target).map(str::to_owned).collect()))
        .collect();
    let reaches = |from: &str, to: &str| {
        let mut seen = BTreeSet::new();
        let mut next = vec![from];
        while let Some(name) = next.pop() {
            if name == to {
                return true;
            }
            if seen.insert(name) {
                next.extend(edges.get(name).into_iter().flatten().map(String::as_str));
            }
        }
        false
    };
    for (name, fields) in types.iter_mut() {
        for shape in fields.values_mut() {
            if target(shape).is_some_and(|to| reaches(to, name)) {
                *shape = match shape {
                    Shape::List(_) => Shape::Scalars(Scalar::Json),
                    _ => Shape::Scalar(Scalar::Json),
                };
            }
        }
    }
}

/// The type of a field's objects.
fn target(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Object(name) | Shape::List(name) => Some(name),
        Shape::Scalar(_) | Shape::Scalars(_) | Shape::Map(_) | Shape::Other(_) => None,
    }
}

/// Removes types that no kind uses.
pub(super) fn retain_used<'a>(types: &mut BTreeMap<String, Type>, roots: impl Iterator<Item = &'a str>) {
    let mut used = BTreeSet::new();
    let mut next: Vec<String> = roots.map(str::to_owned).collect();
    while let Some(name) = next.pop() {
        if let Some(fields) = types.get(&name)
            && used.insert(name)
        {
            next.extend(fields.values().filter_map(target).map(str::to_owned));
        }
    }
    types.retain(|name, _| used.contains(name));
}
