//! `names.toml`: the names that people chose.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::NamesError;
use crate::model::{Scalar, Shape};

/// The names that people chose, by definition name of the type whose values are the rows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// Type -> path from it -> name. A path that ends in `.*` stands for all below it; `*` in its
    /// name is what the `*` stood for.
    #[serde(default)]
    columns: BTreeMap<String, BTreeMap<String, String>>,
    /// Kind's type -> path of a list -> table.
    #[serde(default)]
    tables: BTreeMap<String, BTreeMap<String, ChosenTable>>,
    /// `type.field` -> shape, where the contract wants another than the document's.
    #[serde(default)]
    shapes: BTreeMap<String, ChosenShape>,
}

/// A list's table as people named it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChosenTable {
    /// The table's name.
    pub name: String,
    /// One item: the key column in lists inside it, and the front of their tables' names.
    pub item: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ChosenShape {
    Json,
    Text,
}

impl Chosen {
    /// Reads `names.toml`.
    ///
    /// # Errors
    /// What is wrong with the text, with its line.
    pub fn parse(text: &str) -> Result<Self, NamesError> {
        toml::from_str(text).map_err(|error| NamesError::Chosen(error.to_string()))
    }

    /// The name chosen for a field of a row's type.
    pub fn column(&self, row: &str, path: &str) -> Option<String> {
        let names = self.columns.get(row)?;
        if let Some(name) = names.get(path) {
            return Some(name.clone());
        }
        names.iter().find_map(|(pattern, name)| {
            let rest = path.strip_prefix(pattern.strip_suffix('*')?)?;
            Some(name.replace('*', &rest.to_lowercase()))
        })
    }

    /// The table chosen for a list of a kind.
    pub fn table(&self, root: &str, path: &str) -> Option<&ChosenTable> {
        self.tables.get(root)?.get(path)
    }

    /// Whether people chose anything for a type.
    pub(crate) fn mentions(&self, of: &str) -> bool {
        let of_field = |field: &String| field.strip_prefix(of).is_some_and(|rest| rest.starts_with('.'));
        self.columns.contains_key(of) || self.tables.contains_key(of) || self.shapes.keys().any(of_field)
    }

    /// The shape chosen for a field, `io.k8s.api.core.v1.Container.args`.
    pub(crate) fn shape(&self, field: &str) -> Option<Shape> {
        Some(Shape::Scalar(match self.shapes.get(field)? {
            ChosenShape::Json => Scalar::Json,
            ChosenShape::Text => Scalar::Text,
        }))
    }
}
