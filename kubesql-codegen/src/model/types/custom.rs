//! Custom resources: versions of one become one type, and parts that are equal become one.

use std::collections::BTreeMap;

use super::{Reader, Root, Stability};
use crate::model::{ModelError, Type};
use crate::names::Chosen;
use crate::spec::{Crd, Resource, Schema, widen};

/// Adds the types and roots of custom resources. Where several definitions are of one kind, all count.
pub(super) fn kinds(
    schemas: &BTreeMap<&str, Schema>,
    crds: &[Crd],
    chosen: &Chosen,
    types: &mut BTreeMap<String, Type>,
    roots: &mut Vec<Root>,
) -> Result<(), ModelError> {
    let mut kinds: BTreeMap<(&str, &str), Vec<&Crd>> = BTreeMap::new();
    for crd in crds {
        kinds.entry((&crd.group, &crd.kind)).or_default().push(crd);
    }
    // What Kubernetes itself brings is not defined anew.
    kinds.retain(|(group, kind), _| {
        !roots.iter().any(|root| (&*root.resource.group, &*root.resource.kind) == (*group, *kind))
    });
    // A type that people chose names for is not that of any other.
    let own = types.iter().filter(|(name, _)| !chosen.mentions(name));
    let mut equal: BTreeMap<Type, String> = own.map(|(name, fields)| (fields.clone(), name.clone())).collect();
    for definitions in kinds.into_values() {
        let (root, schema) = united(&definitions);
        let name = root.resource.schema.clone();
        let mut reader = Reader { schemas, chosen, equal: Some((&mut equal, &name)) };
        reader.shape(types, &schema, &name)?;
        roots.push(root);
    }
    roots.sort_by(|a, b| (&a.resource.group, &a.resource.kind).cmp(&(&b.resource.group, &b.resource.kind)));
    Ok(())
}

/// One kind of all its versions, and what covers their objects.
fn united(definitions: &[&Crd]) -> (Root, Schema) {
    let mut versions: Vec<_> = definitions.iter().flat_map(|crd| &crd.versions).collect();
    versions.sort_by_key(|version| std::cmp::Reverse(Stability::of(&version.name)));
    let mut schema: Option<Schema> = None;
    let (mut names, mut printed) = (Vec::new(), Vec::new());
    for version in versions {
        match &mut schema {
            Some(known) => widen(known, &version.schema, &mut |_| {}),
            None => schema = Some(version.schema.clone()),
        }
        if !names.contains(&version.name) {
            names.push(version.name.clone());
        }
        printed.extend(version.printed.iter().cloned());
    }
    let version = names.first().cloned().unwrap_or_default();
    let (group, kind) = definitions.first().map(|crd| (crd.group.clone(), crd.kind.clone())).unwrap_or_default();
    let resource = Resource {
        plural: definitions.first().map(|crd| crd.plural.clone()).unwrap_or_default(),
        namespaced: definitions.iter().any(|crd| crd.namespaced),
        verbs: Vec::new(),
        schema: format!("{group}/{version}.{kind}"),
        group,
        version,
        kind,
    };
    let root = Root { resource, versions: names, printed: Some(printed) };
    (root, schema.unwrap_or(Schema::Any))
}
