//! The names of columns and tables: the rules, the names that people chose, the names once given.
//!
//! Works on field names alone, so that the generator and the runtime name by the same rules.

mod chosen;
mod columns;
mod lock;
mod path;
mod words;

#[cfg(test)]
mod tests;

pub use chosen::{Chosen, ChosenTable};
pub use columns::{Fixed, Layout, ListStep, NamedColumn, Origin, columns};
pub use lock::Lock;
pub use path::{Step, dotted, slashed, split, steps};
pub use words::{front_words, meaningful, singular};

/// What is wrong with names.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// `names.toml` is not what it should be.
    #[error("names.toml: {0}")]
    Chosen(String),
    /// `names.lock` is not what it should be.
    #[error("names.lock:{line}: {message}")]
    Lock {
        /// From 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// Two tables of one schema would have one name.
    #[error("two tables would be named `{name}`: {first} and {second}; choose a name for one in names.toml")]
    SameTable {
        /// The name.
        name: String,
        /// Kind and path.
        first: String,
        /// Kind and path.
        second: String,
    },
    /// Two columns of one table would have one name.
    #[error("{table}: two columns would be named `{name}`; choose a name for `{path}` in names.toml")]
    SameColumn {
        /// The table.
        table: String,
        /// The name.
        name: String,
        /// The path of the second one.
        path: String,
    },
}
