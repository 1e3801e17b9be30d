//! Compares structural documents: kinds, schemas and fields.

use std::collections::{BTreeMap, BTreeSet};

use kubesql_codegen::spec::{Release, Resource, Schema};

/// Compares a new document with the file `name`. Returns a line for each change.
pub(super) fn between(name: &str, before: &str, after: &str) -> anyhow::Result<Vec<String>> {
    if before == after {
        return Ok(vec![format!("unchanged from {name}")]);
    }
    let after = Release::parse(after)?;
    let before = match Release::parse(before) {
        Ok(before) => before,
        Err(error) => return Ok(vec![format!("could not read {name} for comparison: {error}")]),
    };
    let mut lines = vec![String::new()];
    let kinds = compare("kind", &kinds(&before), &kinds(&after), resource, &mut lines);
    let schemas = compare("schema", &before.schemas, &after.schemas, fields, &mut lines);
    lines[0] = format!("against {name}: kinds {kinds}, schemas {schemas}");
    Ok(lines)
}

/// Adds a line for each difference, and returns the counts: `+2 -1 ~3`.
fn compare<T: PartialEq>(
    what: &str,
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
    detail: fn(&T, &T) -> String,
    lines: &mut Vec<String>,
) -> String {
    let (mut added, mut gone, mut changed) = (0, 0, 0);
    for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) if before != after => {
                changed += 1;
                lines.push(format!("~ {what} {name}: {}", detail(before, after)));
            }
            (Some(_), None) => {
                gone += 1;
                lines.push(format!("- {what} {name}"));
            }
            (None, Some(_)) => {
                added += 1;
                lines.push(format!("+ {what} {name}"));
            }
            _ => {}
        }
    }
    format!("+{added} -{gone} ~{changed}")
}

/// The resources by group, version and kind.
fn kinds(release: &Release) -> BTreeMap<String, Resource> {
    let key = |r: &Resource| match r.group.as_str() {
        "" => format!("{} {}", r.version, r.kind),
        group => format!("{group}/{} {}", r.version, r.kind),
    };
    release.resources.iter().map(|resource| (key(resource), resource.clone())).collect()
}

fn resource(before: &Resource, after: &Resource) -> String {
    let mut changes = Vec::new();
    if before.plural != after.plural {
        changes.push(format!("plural {} was {}", after.plural, before.plural));
    }
    if before.namespaced != after.namespaced {
        changes.push(format!("namespaced {} was {}", after.namespaced, before.namespaced));
    }
    if before.schema != after.schema {
        changes.push(format!("schema {} was {}", after.schema, before.schema));
    }
    if before.verbs != after.verbs {
        changes.push(format!("verbs {} were {}", after.verbs.join(","), before.verbs.join(",")));
    }
    changes.join("; ")
}

fn fields(before: &Schema, after: &Schema) -> String {
    let (Schema::Object { properties: before, .. }, Schema::Object { properties: after, .. }) = (before, after) else {
        return "changed type".to_owned();
    };
    let mut changes = Vec::new();
    for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) if before != after => changes.push(format!("~{name}")),
            (Some(_), None) => changes.push(format!("-{name}")),
            (None, Some(_)) => changes.push(format!("+{name}")),
            _ => {}
        }
    }
    if changes.is_empty() { "undeclared fields".to_owned() } else { changes.join(" ") }
}
