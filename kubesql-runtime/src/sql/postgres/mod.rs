//! What PostgreSQL's clients ask a server about itself: `pg_catalog`, the functions around it, and what of PostgreSQL's
//! SQL DataFusion does not know.
//!
//! Nothing here is looked at by a statement that does not ask for it, and what is asked for is put together once.

mod facts;
mod functions;
mod objects;
mod rewrite;
mod tables;
mod types;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use parking_lot::Mutex;

use super::ColumnInfo;
use super::house::House;

pub(super) use facts::Facts;
pub(super) use objects::Objects;
pub(super) use rewrite::rewrite;
pub(super) use tables::{exists, names, provider};

/// The schema of the tables.
pub(super) const SCHEMA: &str = "pg_catalog";

/// The release of PostgreSQL that clients may take this for: they ask what it knows accordingly.
pub const POSTGRES_VERSION: &str = "15.8";

/// The type of parameters that a statement declares by a name of SQL's; none where it is whatever the statement wants.
#[must_use]
pub fn parameter_type(name: &str) -> Option<DataType> {
    let bare = name.split('(').next().unwrap_or(name);
    Some(match types::find(bare)? {
        16 => DataType::Boolean,
        21 => DataType::Int16,
        23 => DataType::Int32,
        20 => DataType::Int64,
        700 => DataType::Float32,
        701 | 1700 => DataType::Float64,
        1082 => DataType::Date32,
        1114 => DataType::Timestamp(TimeUnit::Microsecond, None),
        1184 => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => return None,
    })
}

/// The columns of a table, as DESCRIBE tells them.
pub(super) fn described(schema: &str, name: &str) -> Option<Vec<ColumnInfo>> {
    let fields = tables::schema_of(schema, name)?;
    let column = |field: &Arc<arrow::datatypes::Field>| ColumnInfo {
        name: field.name().clone(),
        sql_type: types::of_field(field).sql,
        path: String::new(),
        dynamic: false,
    };
    Some(fields.fields().iter().map(column).collect())
}

/// What `version()` says.
pub(super) fn version() -> String {
    format!("PostgreSQL {POSTGRES_VERSION} (kubesql {}), DataFusion", env!("CARGO_PKG_VERSION"))
}

/// Gives the functions to the state that all statements start from.
pub(super) fn register(state: &mut SessionState, house: &Arc<House>) -> Result<()> {
    functions::register(state, house)
}

/// Gives the functions that depend on the session to a statement's state.
pub(super) fn register_facts(state: &mut SessionState, house: &Arc<House>, facts: &Arc<Facts>) -> Result<()> {
    functions::register_facts(state, house, facts)
}

/// Object identifiers: given once, in the order in which they are asked for, and never again.
#[derive(Debug, Default)]
pub(super) struct Oids {
    given: Mutex<HashMap<(String, String), i32>>,
}

/// What PostgreSQL leaves to users.
const FIRST: i32 = 16_384;

impl Oids {
    /// The identifier of what has this name in this schema.
    pub(super) fn of(&self, schema: &str, name: &str) -> i32 {
        let mut given = self.given.lock();
        let next = FIRST.saturating_add(i32::try_from(given.len()).unwrap_or(i32::MAX - FIRST));
        *given.entry((schema.to_owned(), name.to_owned())).or_insert(next)
    }
}
