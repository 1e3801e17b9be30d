//! Types of custom resources. The versions of a kind are merged into one type, and equal types are shared.

use std::collections::BTreeMap;

use super::{Root, Stability, TypeBuilder};
use crate::model::{ModelError, Type};
use crate::names::Chosen;
use crate::spec::{Crd, Resource, Schema, widen};

/// Adds the types and roots of custom resources. All definitions of a kind are merged.
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
    // Built-in kinds cannot be redefined.
    kinds.retain(|(group, kind), _| {
        !roots.iter().any(|root| (&*root.resource.group, &*root.resource.kind) == (*group, *kind))
    });
    // A type with chosen names is not shared.
    let own = types.iter().filter(|(name, _)| !chosen.mentions(name));
    let mut equal: BTreeMap<Type, String> = own.map(|(name, fields)| (fields.clone(), name.clone())).collect();
    for definitions in kinds.into_values() {
        let (root, schema) = merge_versions(&definitions);
        let name = root.resource.schema.clone();
        let mut builder = TypeBuilder { schemas, chosen, equal: Some((&mut equal, &name)) };
        builder.shape(types, &schema, &name)?;
        roots.push(root);
    }
    roots.sort_by(|a, b| (&a.resource.group, &a.resource.kind).cmp(&(&b.resource.group, &b.resource.kind)));
    Ok(())
}

/// Merges all versions of a kind: the root, and a schema that covers all objects.
fn merge_versions(definitions: &[&Crd]) -> (Root, Schema) {
    let mut versions: Vec<_> = definitions.iter().flat_map(|crd| &crd.versions).collect();
    versions.sort_by_key(|version| std::cmp::Reverse(Stability::from_version(&version.name)));
    let mut schema: Option<Schema> = None;
    let (mut names, mut printed) = (Vec::new(), Vec::new());
    for version in versions {
        match &mut schema {
            Some(known) => widen(known, &version.schema, &mut |_, _| {}),
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
