//! Imports definitions of custom resources into `schemas/crds/`, a file for each.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use kubesql_codegen::generate::crds;
use kubesql_codegen::spec::{Crd, Input};
use serde_json::Value;

use super::count;
use crate::{print, report, yaml};

/// The default output folder.
pub(super) fn default_output() -> PathBuf {
    crate::root::root().join("schemas/crds")
}

/// Reads all definitions in files and folders of YAML or JSON; `None` if a file is an OpenAPI document.
pub(super) fn read(paths: &[String]) -> Result<Option<Vec<Crd>>> {
    let mut found = Vec::new();
    let mut read = 0;
    for path in files(paths)? {
        let name = path.display().to_string();
        let Some(definitions) = read_file(&path)? else {
            ensure!(
                read == 0,
                "{name} is an OpenAPI document, but the files before it are definitions of custom resources"
            );
            return Ok(None);
        };
        read += 1;
        found.extend(definitions);
    }
    if read == 0 {
        return Ok(None);
    }
    ensure!(!found.is_empty(), "{}: no CustomResourceDefinition", paths.join(", "));
    Ok(Some(found))
}

/// Reads the definitions of a file, ignoring other objects; `None` if it is an OpenAPI document.
fn read_file(path: &Path) -> Result<Option<Vec<Crd>>> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
    if path.extension().is_some_and(|end| end == "json") {
        let document: Value = serde_json::from_str(&text).with_context(|| name.clone())?;
        if ["swagger", "openapi"].iter().any(|key| document.get(key).is_some()) {
            return Ok(None);
        }
        return Ok(Some(crds(&Input { name, text })?));
    }
    let mut found = Vec::new();
    for document in yaml::documents(&text).with_context(|| name.clone())? {
        found.extend(crds(&Input { name: name.clone(), text: document.to_string() })?);
    }
    Ok(Some(found))
}

/// The given files, and the YAML and JSON files in the given folders, in order.
fn files(paths: &[String]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let given = Path::new(path);
        let mut open = vec![given.to_owned()];
        let mut inside = Vec::new();
        while let Some(path) = open.pop() {
            if path.is_dir() {
                for entry in fs::read_dir(&path).with_context(|| format!("reading {}", path.display()))? {
                    open.push(entry?.path());
                }
            } else if path == given
                || path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json")
            {
                inside.push(path);
            }
        }
        inside.sort();
        found.extend(inside);
    }
    Ok(found)
}

/// Writes the definitions, and prints the changes.
pub(super) fn write(definitions: &[Crd], output: &Path) -> Result<()> {
    fs::create_dir_all(output).with_context(|| format!("creating {}", output.display()))?;
    let mut lines = Vec::new();
    let mut written: Vec<String> = Vec::new();
    for crd in definitions {
        let file = output.join(format!("{}.json", crd.name()));
        let document = crd.document();
        let before = fs::read_to_string(&file).ok();
        let change = match &before {
            None => "new",
            Some(before) if *before == document => "unchanged",
            Some(_) => "changed",
        };
        if written.contains(&crd.name()) {
            report(&format!("{} is defined twice; the later definition is used", crd.name()));
        }
        fs::write(&file, document).with_context(|| format!("writing {}", file.display()))?;
        let versions: Vec<&str> = crd.versions.iter().map(|version| version.name.as_str()).collect();
        lines.push(format!("{}: {} {}", file.display(), versions.join(", "), change));
        written.push(crd.name());
    }
    lines.push(count(definitions.len(), "custom resource"));
    print(&lines)
}

/// All definitions in `schemas/crds/`, as JSON.
pub(crate) fn committed(root: &Path) -> Result<Vec<Input>> {
    let folder = root.join("schemas/crds");
    let mut inputs = Vec::new();
    if !folder.exists() {
        return Ok(inputs);
    }
    for path in files(&[folder.display().to_string()])? {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        // Relative, so that the name is the same in every checkout.
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        if path.extension().is_some_and(|end| end == "json") {
            inputs.push(Input { name, text });
            continue;
        }
        for document in yaml::documents(&text).with_context(|| path.display().to_string())? {
            inputs.push(Input { name: name.clone(), text: document.to_string() });
        }
    }
    Ok(inputs)
}
