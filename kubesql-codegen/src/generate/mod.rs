//! All in one: the contents of `schemas/` in, the generated files and the report out.

use std::collections::BTreeMap;

use crate::model::{Model, build};
use crate::names::{Chosen, Lock};
use crate::spec::{Crd, Input, Release, SpecError};
use crate::{emit, model, names, spec};

/// The contents of `schemas/`.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The structural documents, oldest release first.
    pub releases: Vec<String>,
    /// Objects as JSON: the custom resource definitions among them become tables, others are left out.
    pub crds: Vec<Input>,
    /// `names.toml`.
    pub chosen: String,
    /// `names.lock`, empty at the first run.
    pub lock: String,
}

/// What the generator made.
#[derive(Clone, Debug)]
pub struct Output {
    /// Text by path from the repository's root.
    pub files: BTreeMap<String, String>,
    /// The model behind them.
    pub model: Model,
}

/// Why nothing was generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A document could not be read.
    #[error(transparent)]
    Spec(#[from] spec::SpecError),
    /// Names could not be read or given.
    #[error(transparent)]
    Names(#[from] names::NamesError),
    /// The documents make no model.
    #[error(transparent)]
    Model(#[from] model::ModelError),
    /// What was written is not Rust.
    #[error(transparent)]
    Emit(#[from] emit::EmitError),
}

/// Where the generated Rust lives.
pub const GENERATED: &str = "kubesql-runtime/src/generated";
/// The listing of all columns.
pub const LISTING: &str = "schemas/tables.tsv";
/// The names once given.
pub const LOCK: &str = "schemas/names.lock";

/// Generates everything from the contents of `schemas/`.
///
/// # Errors
/// The first document, name or kind that stands in the way.
pub fn generate(inputs: &Inputs) -> Result<Output, GenerateError> {
    let releases = inputs.releases.iter().map(|text| Release::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let chosen = Chosen::parse(&inputs.chosen)?;
    let mut lock = Lock::parse(&inputs.lock)?;
    let crds = inputs.crds.iter().map(crds).collect::<Result<Vec<_>, _>>()?.concat();
    let model = build(&releases, &crds, &chosen, &mut lock)?;
    let mut files: BTreeMap<String, String> =
        emit::generated(&model)?.into_iter().map(|(name, text)| (format!("{GENERATED}/{name}"), text)).collect();
    files.insert(LISTING.to_owned(), emit::listing(&model));
    files.insert(LOCK.to_owned(), lock.to_string());
    Ok(Output { files, model })
}

/// The definitions in a text of JSON: one, or the items of a list.
///
/// # Errors
/// Text that is not JSON, and definitions without a group, names or versions.
pub fn crds(input: &Input) -> Result<Vec<Crd>, SpecError> {
    let Input { name, text } = input;
    let object: serde_json::Value =
        serde_json::from_str(text).map_err(|source| SpecError::NotJson { document: name.clone(), source })?;
    let items = object.get("items").and_then(serde_json::Value::as_array);
    let all = items.map_or(std::slice::from_ref(&object), Vec::as_slice);
    all.iter().filter(|object| Crd::is_one(object)).map(|object| Crd::read(name, object)).collect()
}

#[cfg(test)]
mod tests;
