//! Runs all steps: from the contents of `schemas/` to the generated files.

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
    /// Objects as JSON. The custom resource definitions among them become tables; other objects are ignored.
    pub crds: Vec<Input>,
    /// `names.toml`.
    pub chosen: String,
    /// `names.lock`; empty in the first run.
    pub lock: String,
}

/// The output of the generator.
#[derive(Clone, Debug)]
pub struct Output {
    /// The content of each file, by path from the repository's root.
    pub files: BTreeMap<String, String>,
    /// The model from which they were generated.
    pub model: Model,
}

/// Why generation failed.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A document could not be read.
    #[error(transparent)]
    Spec(#[from] spec::SpecError),
    /// Names could not be read or assigned.
    #[error(transparent)]
    Names(#[from] names::NamesError),
    /// No model could be derived.
    #[error(transparent)]
    Model(#[from] model::ModelError),
    /// The generated text is not Rust.
    #[error(transparent)]
    Emit(#[from] emit::EmitError),
}

/// The folder of the generated Rust.
pub const GENERATED: &str = "kubesql-runtime/src/generated";
/// The listing of all columns.
pub const LISTING: &str = "schemas/tables.tsv";
/// The locked names.
pub const LOCK: &str = "schemas/names.lock";

/// Generates everything from the contents of `schemas/`.
///
/// # Errors
/// The first invalid document, name or kind.
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

/// Reads the custom resource definitions in a JSON text: a single object, or the items of a list.
///
/// # Errors
/// The text is not JSON, or a definition has no group, names or versions.
pub fn crds(input: &Input) -> Result<Vec<Crd>, SpecError> {
    let Input { name, text } = input;
    let object: serde_json::Value =
        serde_json::from_str(text).map_err(|source| SpecError::NotJson { document: name.clone(), source })?;
    let items = object.get("items").and_then(serde_json::Value::as_array);
    let all = items.map_or(std::slice::from_ref(&object), Vec::as_slice);
    all.iter().filter(|object| Crd::is_definition(object)).map(|object| Crd::from_object(name, object)).collect()
}

#[cfg(test)]
mod tests;
