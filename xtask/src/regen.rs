//! `cargo xtask regen`: generates code, the listing and the lock from `schemas/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use kubesql_codegen::generate::{GENERATED, LISTING, LOCK};
use kubesql_codegen::{Inputs, generate};

use crate::report as say;
use crate::root::root;

/// Regenerate the code, the listing of tables and the lock of names from `schemas/`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing, and fail if a generated file is out of date
    #[arg(long)]
    check: bool,
}

/// Generates all files, and writes or compares them.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = root();
    let inputs = inputs(&root)?;
    let output = generate(&inputs)?;

    let mut stale = Vec::new();
    for (path, text) in &output.files {
        if fs::read_to_string(root.join(path)).unwrap_or_default() != *text {
            stale.push(path.clone());
        }
    }
    let obsolete = obsolete(&root, &output.files)?;
    if args.check {
        if !stale.is_empty() || !obsolete.is_empty() {
            stale.extend(obsolete);
            bail!("generated files are out of date; run `cargo xtask regen` and commit:\n  {}", stale.join("\n  "));
        }
        say("generated files are up to date");
        return Ok(());
    }

    let before = fs::read_to_string(root.join(LISTING)).unwrap_or_default();
    for path in &stale {
        let to = root.join(path);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        fs::write(&to, &output.files[path]).with_context(|| to.display().to_string())?;
    }
    for path in &obsolete {
        fs::remove_file(root.join(path)).with_context(|| path.clone())?;
    }
    report(&before, &output.files[LISTING]);
    say(&format!("{} files written, {} removed", stale.len(), obsolete.len()));
    Ok(())
}

/// Reads all of `schemas/`.
pub(crate) fn inputs(root: &Path) -> Result<Inputs> {
    let folder = root.join("schemas/kubernetes");
    let mut releases = BTreeMap::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            releases.insert(version_key(&path), text);
        }
    }
    if releases.is_empty() {
        bail!("{}: no releases; import one with `cargo xtask import`", folder.display());
    }
    let chosen = root.join("schemas/names.toml");
    Ok(Inputs {
        releases: releases.into_values().collect(),
        crds: crate::import::committed(root)?,
        chosen: fs::read_to_string(&chosen).with_context(|| chosen.display().to_string())?,
        // The first run has none.
        lock: fs::read_to_string(root.join(LOCK)).unwrap_or_default(),
    })
}

/// The sort key of a release: `v1.9` is before `v1.10`.
fn version_key(path: &Path) -> Vec<u32> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    stem.trim_start_matches('v').split('.').filter_map(|part| part.parse().ok()).collect()
}

/// Generated files that are no longer generated.
fn obsolete(root: &Path, files: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let folder = root.join(GENERATED);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = format!("{GENERATED}/{}", entry?.file_name().to_string_lossy());
        if !files.contains_key(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Reports tables and columns that were added, removed, or changed.
fn report(before: &str, after: &str) {
    let (old, new) = (columns(before), columns(after));
    let tables = |of: &BTreeMap<String, String>| -> BTreeSet<String> {
        of.keys().filter_map(|key| key.rsplit_once('\t').map(|(table, _)| table.to_owned())).collect()
    };
    let (old_tables, new_tables) = (tables(&old), tables(&new));
    say(&format!("{} tables, {} columns", new_tables.len(), new.len()));
    let show = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            say(&format!("{} {title}:", lines.len()));
            for line in lines.iter().take(50) {
                say(&format!("  {}", line.replace('\t', ".")));
            }
            if lines.len() > 50 {
                say(&format!("  and {} more, see `git diff {LISTING}`", lines.len() - 50));
            }
        }
    };
    show("tables added", new_tables.difference(&old_tables).cloned().collect());
    show("tables removed", old_tables.difference(&new_tables).cloned().collect());
    let in_both = |key: &&String| {
        let table = key.rsplit_once('\t').map_or("", |(table, _)| table);
        old_tables.contains(table) && new_tables.contains(table)
    };
    show("columns added", new.keys().filter(|key| !old.contains_key(*key)).filter(in_both).cloned().collect());
    show("columns removed", old.keys().filter(|key| !new.contains_key(*key)).filter(in_both).cloned().collect());
    let changed = new.iter().filter_map(|(key, kind)| {
        let was = old.get(key).filter(|was| *was != kind)?;
        Some(format!("{key}: {was} is now {kind}"))
    });
    show("columns with a changed type", changed.collect());
}

/// Types of columns, by `schema<TAB>table<TAB>column`.
fn columns(listing: &str) -> BTreeMap<String, String> {
    let parse = |line: &str| {
        let parts: Vec<&str> = line.split('\t').collect();
        Some((parts.get(..3)?.join("\t"), (*parts.get(3)?).to_owned()))
    };
    listing.lines().skip(1).filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use kubesql_codegen::Inputs;
    use kubesql_codegen::model::{Column, build};
    use kubesql_codegen::names::{Chosen, Lock};
    use kubesql_codegen::spec::Release;
    use serde_json::{Value, json};

    use super::*;

    /// The newest release with changes that a next release may have: fields with conflicting names, lists, and a kind.
    fn next(newest: &str) -> String {
        let mut document: Value = serde_json::from_str(newest).expect("JSON");
        document["info"]["version"] = json!("v1.999");
        let schemas = document["components"]["schemas"].as_object_mut().expect("schemas");
        for (of, field, like) in [
            ("PodSpec", "phase", "string"), // Conflicts with the short name of status.phase.
            ("PodSpec", "hostIP", "string"),
            ("PodStatus", "novelty", "string"),
            ("DeploymentSpec", "readyReplicas", "integer"),
            ("Container", "started", "boolean"), // Conflicts with a field of the merged status.
        ] {
            let of = schemas.iter_mut().find(|(name, _)| name.ends_with(&format!(".v1.{of}"))).expect(of).1;
            of["properties"][field] = json!({ "type": like });
        }
        schemas.insert(
            "io.k8s.api.core.v1.Novelty".to_owned(),
            json!({
                "type": "object",
                "x-kubernetes-group-version-kind": [{ "group": "", "kind": "Novelty", "version": "v1" }],
                "properties": {
                    "metadata": { "$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
                    "spec": { "$ref": "#/components/schemas/io.k8s.api.core.v1.PodSpec" },
                },
            }),
        );
        document["paths"]["/api/v1/novelties"] = json!({
            "x-kubernetes-group-version-kind": { "group": "", "kind": "Novelty", "version": "v1" },
            "x-kubesql-namespaced": true,
            "x-kubesql-verbs": ["get", "list", "watch"],
        });
        document.to_string()
    }

    /// Each release only adds names, from the first one on, and none of the others is needed for that.
    #[test]
    fn releases_only_add_names() {
        let inputs = inputs(&root()).expect("the schemas");
        let releases: Vec<Release> =
            inputs.releases.iter().map(|text| Release::parse(text).expect("a release")).collect();
        let chosen = Chosen::parse(&inputs.chosen).expect("names.toml");
        let names = |releases: &[Release], lock: &mut Lock| -> BTreeSet<String> {
            let model = build(releases, &[], &chosen, lock).expect("a model");
            let tables = model.kinds.iter().flat_map(|kind| kind.tables.iter().map(|table| (&kind.group, table)));
            let columns = tables.flat_map(|(group, table)| {
                let name = |column: &Column| format!("{group}.{}.{} is {}", table.name, column.name, column.path);
                table.columns.iter().map(name).collect::<Vec<_>>()
            });
            columns.collect()
        };
        let check = |fewer: &BTreeSet<String>, more: &BTreeSet<String>, what: &str| {
            let gone: Vec<_> = fewer.difference(more).take(10).collect();
            assert!(gone.is_empty(), "{what}: {gone:?}");
        };
        let (mut lock, mut known) = (Lock::default(), BTreeSet::new());
        for (count, release) in (1..).zip(&releases) {
            let now = names(&releases[..count], &mut lock);
            check(&known, &now, &format!("{} removes names", release.version));
            known = now;
        }
        for (number, release) in releases.iter().enumerate() {
            let mut others = releases.clone();
            others.remove(number);
            check(
                &names(&others, &mut lock.clone()),
                &known,
                &format!("{} hides names of the others", release.version),
            );
        }
        // Names that the newest release alone would not have.
        for name in [
            "scheduling.k8s.io.workload_podgroups.name is spec.podGroups[].name",
            "resource.k8s.io.devicetaintrules.deviceselector.deviceclassname is spec.deviceSelector.deviceClassName",
            "certificates.k8s.io.podcertificaterequests.pkixpublickey is spec.pkixPublicKey",
        ] {
            assert!(known.contains(name), "{name}");
        }
    }

    #[test]
    fn new_releases_do_not_rename() {
        let root = root();
        let inputs = inputs(&root).expect("the schemas");
        let before = generate(&inputs).expect("generated files");
        let mut releases = inputs.releases.clone();
        releases.push(next(inputs.releases.last().expect("a release")));
        let lock = before.files[LOCK].clone();
        let after = generate(&Inputs { releases, lock, ..inputs }).expect("generated files of the next release");

        let (old, new) = (before.files[LISTING].lines(), &after.files[LISTING]);
        let kept: BTreeSet<&str> = new.lines().collect();
        let lost: Vec<&str> = old.filter(|line| !kept.contains(line)).collect();
        let has = |table: &str, column: &str, path: &str| {
            new.lines().any(|line| {
                let parts: Vec<&str> = line.split('\t').collect();
                parts[1] == table && parts[2] == column && parts[4] == path
            })
        };
        // The release adds `started` to the spec of containers. The path of that field is not the name of another one.
        let is_superseded = |line: &&str| {
            let parts: Vec<&str> = line.split('\t').collect();
            parts[2] == "started" && has(parts[1], "status.started", parts[4])
        };
        let lost: Vec<&str> = lost.into_iter().filter(|line| !is_superseded(line)).collect();
        assert!(lost.is_empty(), "columns were renamed or changed their type: {lost:?}");
        assert!(has("pods", "phase", "status.phase") && has("pods", "spec.phase", "spec.phase"));
        assert!(has("pods", "novelty", "status.novelty"));
        assert!(has("deployments", "spec.readyreplicas", "spec.readyReplicas"));
        assert!(has("novelties", "name", "metadata.name") && has("novelties", "nodename", "spec.nodeName"));
        assert!(new.lines().any(|line| line.starts_with("core\tnovelty_containers\timage\t")));
    }
}
