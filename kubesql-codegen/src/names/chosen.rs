//! `names.toml`: chosen names, which override the rules.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::NamesError;
use crate::model::{Scalar, Shape};

/// Chosen names, by the definition name of the rows' type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// By type and path: the name. A path that ends in `.*` matches all paths below it; a `*` in the name is replaced by
    /// the matched part.
    #[serde(default)]
    columns: BTreeMap<String, BTreeMap<String, String>>,
    /// By the kind's type and the path of a list: the table.
    #[serde(default)]
    tables: BTreeMap<String, BTreeMap<String, ChosenTable>>,
    /// By `type.field`: a shape that replaces the shape of the document.
    #[serde(default)]
    shapes: BTreeMap<String, ChosenShape>,
}

/// The chosen names of a list's table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChosenTable {
    /// The table's name.
    pub name: String,
    /// The name of an item. It names the key columns of nested lists' tables, and is the prefix of their names.
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
    /// The text is malformed.
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

    /// Whether there are chosen names for a type.
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
