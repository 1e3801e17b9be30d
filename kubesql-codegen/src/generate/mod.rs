//! All in one: the contents of `schemas/` in, the generated files and the report out.

use std::collections::BTreeMap;

use crate::model::{Model, build};
use crate::names::{Chosen, Lock};
use crate::spec::Release;
use crate::{emit, model, names, spec};

/// The contents of `schemas/`.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The structural documents, oldest release first.
    pub releases: Vec<String>,
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
    let model = build(&releases, &chosen, &mut lock)?;
    let mut files: BTreeMap<String, String> =
        emit::generated(&model)?.into_iter().map(|(name, text)| (format!("{GENERATED}/{name}"), text)).collect();
    files.insert(LISTING.to_owned(), emit::listing(&model));
    files.insert(LOCK.to_owned(), lock.to_string());
    Ok(Output { files, model })
}

#[cfg(test)]
mod tests;
