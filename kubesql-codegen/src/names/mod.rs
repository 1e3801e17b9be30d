//! Names of columns and tables: the rules, chosen names (`names.toml`), and locked names (`names.lock`).
//!
//! Works on field names only, so that the generator and the runtime apply the same rules.

mod chosen;
mod columns;
mod lock;
mod path;
mod words;

#[cfg(test)]
mod tests;

pub use chosen::{Chosen, ChosenTable};
pub use columns::{ListStep, NameOverrides, NamedColumn, Origin, TableFields, columns};
pub use lock::Lock;
pub use path::{Step, dotted, slashed, split, steps};
pub use words::{distinguishing_words, front_words, singular};

/// Why names are invalid.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// `names.toml` is malformed.
    #[error("names.toml: {0}")]
    Chosen(String),
    /// `names.lock` is malformed.
    #[error("names.lock:{line}: {message}")]
    Lock {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// Two tables of a schema have the same name.
    #[error("two tables would be named `{name}`: {first} and {second}; choose a name for one in names.toml")]
    SameTable {
        /// The name.
        name: String,
        /// Kind and path.
        first: String,
        /// Kind and path.
        second: String,
    },
    /// Two columns of a table have the same name.
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
