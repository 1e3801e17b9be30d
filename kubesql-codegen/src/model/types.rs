//! Merges the schemas of all releases into types, and breaks recursion.

mod custom;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{MapValue, ModelError, Scalar, Shape, Type};
use crate::names::Chosen;
use crate::spec::{Crd, PrinterColumn, QUANTITY, Release, Resource, Schema};

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
    // The newest release that has a field determines its type.
    let mut schemas: BTreeMap<&str, Schema> = BTreeMap::new();
    for release in releases {
        for (name, schema) in &release.schemas {
            match schemas.get_mut(name.as_str()) {
                Some(known) => merge(known, schema),
                None => {
                    schemas.insert(name, schema.clone());
                }
            }
        }
    }
    let mut roots = roots(releases);
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

/// An entry for each group and kind, with the resource of its most stable and newest version.
fn roots(releases: &[Release]) -> Vec<Root> {
    let mut found: BTreeMap<(&str, &str), BTreeMap<Reverse<Stability>, Resource>> = BTreeMap::new();
    for resource in releases.iter().flat_map(|release| &release.resources) {
        found
            .entry((&resource.group, &resource.kind))
            .or_default()
            .insert(Reverse(Stability::from_version(&resource.version)), resource.clone());
    }
    found
        .into_values()
        .filter_map(|versions| {
            let names = versions.values().map(|resource| resource.version.clone()).collect();
            let resource = versions.into_values().next()?;
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

fn merge(known: &mut Schema, newer: &Schema) {
    match (known, newer) {
        (
            Schema::Object { properties, additional, preserve_unknown },
            Schema::Object { properties: newer, additional: more, preserve_unknown: keep },
        ) => {
            for (name, schema) in newer {
                match properties.get_mut(name) {
                    Some(known) => merge(known, schema),
                    None => {
                        properties.insert(name.clone(), schema.clone());
                    }
                }
            }
            if more.is_some() {
                additional.clone_from(more);
            }
            *preserve_unknown |= keep;
        }
        (Schema::Array(known), Schema::Array(newer)) => merge(known, newer),
        (known, newer) => *known = newer.clone(),
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
                    fields.insert(field.clone(), self.chosen.shape(&at).unwrap_or(shape));
                }
                Shape::Object(self.add(types, fields, at))
            }
            Schema::Object { additional: Some(values), .. } => Shape::Map(self.map_value(types, values, at)?),
            Schema::Array(items) => match self.shape(types, items, at)? {
                Shape::Object(name) => Shape::List(name),
                Shape::Scalar(scalar) => Shape::Scalars(scalar),
                Shape::List(_) | Shape::Scalars(_) | Shape::Map(_) => Shape::Scalars(Scalar::Json),
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
            Shape::Object(_) | Shape::List(_) | Shape::Scalars(_) | Shape::Map(_) => MapValue::Json,
        })
    }
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
        Shape::Scalar(_) | Shape::Scalars(_) | Shape::Map(_) => None,
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
