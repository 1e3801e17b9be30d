//! What is true of one session: who asks, and how it is set.

use arrow::array::StringArray;
use arrow::compute::like;
use datafusion::error::Result;

use super::objects::Relation;

/// A session as its statements see it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::sql) struct Facts {
    /// Who asks.
    pub(in crate::sql) user: String,
    /// The number by which the connection is known, and can be cancelled.
    pub(in crate::sql) process: i32,
    /// The current schema.
    pub(in crate::sql) schema: String,
    /// All settings, and what is said of them.
    pub(in crate::sql) settings: Vec<(String, String)>,
    /// The only relations that the statement asks about, where it names them.
    pub(in crate::sql) named: Option<Named>,
}

/// Relations by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sql) struct Named {
    pub(super) names: Names,
    /// Whether nothing is asked about the columns of others.
    pub(super) attributes: bool,
    /// Whether nothing is asked about what is said of others.
    pub(super) descriptions: bool,
}

/// What names may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Names {
    Are(Vec<String>),
    /// As `LIKE` has it.
    Like(String),
}

impl Names {
    /// Those of these relations that have such a name.
    pub(super) fn among<'a>(&self, relations: &'a [Relation]) -> Result<Vec<&'a Relation>> {
        Ok(match self {
            Self::Are(names) => relations.iter().filter(|relation| names.contains(&relation.name)).collect(),
            Self::Like(pattern) => {
                let names = StringArray::from_iter_values(relations.iter().map(|relation| &relation.name));
                let is_like = like(&names, &StringArray::new_scalar(pattern))?;
                relations.iter().zip(&is_like).filter(|(_, is_like)| *is_like == Some(true)).map(|(of, _)| of).collect()
            }
        })
    }
}

impl Facts {
    /// The value of a setting.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        let name = name.to_lowercase();
        self.settings.iter().find(|(known, _)| known.to_lowercase() == name).map(|(_, value)| value.as_str())
    }

    /// Where bare names are looked up, in order.
    pub(super) fn path(&self) -> Vec<&str> {
        let mut path = vec![super::SCHEMA, self.schema.as_str()];
        if self.schema != super::super::registry::DEFAULT_SCHEMA {
            path.push(super::super::registry::DEFAULT_SCHEMA);
        }
        path
    }
}
