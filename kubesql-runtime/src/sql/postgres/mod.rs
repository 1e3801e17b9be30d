//! PostgreSQL for its clients: the tables of `pg_catalog`, the functions around them, its types, and the SQL that
//! DataFusion does not have.
//!
//! Tables and functions are made once for all sessions. They read the session of a statement from its configuration.

mod casts;
mod functions;
mod objects;
mod rewrite;
mod session_info;
mod subqueries;
mod tables;
mod types;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState};
use parking_lot::Mutex;

use super::ColumnInfo;
use super::house::House;

pub(super) use casts::Types;
pub(super) use objects::Objects;
pub(super) use rewrite::rewrite;
pub(super) use session_info::SessionInfo;
pub(super) use subqueries::EmptyParts;
pub(super) use tables::{exists, names, provider};

/// The schema of the catalog.
pub(super) const SCHEMA: &str = "pg_catalog";

/// The release of PostgreSQL that the server reports. Clients choose their catalog queries by it.
pub const POSTGRES_VERSION: &str = "15.8";

/// The Arrow type of a parameter that is declared by the name of a SQL type; none for types whose values are texts.
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

/// The columns of a table, for DESCRIBE.
pub(super) fn describe(name: &str) -> Option<Vec<ColumnInfo>> {
    let fields = tables::schema_of(name)?;
    let column = |field: &Arc<arrow::datatypes::Field>| ColumnInfo {
        name: field.name().clone(),
        sql_type: types::from_field(field).sql,
        path: String::new(),
        dynamic: false,
    };
    Some(fields.fields().iter().map(column).collect())
}

/// The result of `version()`.
pub(super) fn version() -> String {
    format!("PostgreSQL {POSTGRES_VERSION} (kubesql {}), DataFusion", env!("CARGO_PKG_VERSION"))
}

/// Registers the functions and rules with the state that all statements start from.
pub(super) fn register(state: &mut SessionState, house: &Arc<House>) -> Result<()> {
    let of_types = functions::register(state, house)?;
    let casts = Arc::new(casts::Casts::new(&of_types));
    state.register_function_rewrite(Arc::new(subqueries::Subqueries))?;
    state.register_function_rewrite(Arc::clone(&casts) as _)?;
    state.add_analyzer_rule(casts);
    Ok(())
}

/// Object identifiers. An identifier is never given twice.
#[derive(Debug, Default)]
pub(super) struct Oids {
    assigned: Mutex<HashMap<(String, String), i32>>,
}

/// The first identifier that PostgreSQL leaves to users.
const FIRST_OID: i32 = 16_384;

impl Oids {
    /// The identifier of the object with this name in this schema, which is assigned at the first call.
    pub(super) fn get_or_assign(&self, schema: &str, name: &str) -> i32 {
        let mut assigned = self.assigned.lock();
        let next = FIRST_OID.saturating_add(i32::try_from(assigned.len()).unwrap_or(i32::MAX - FIRST_OID));
        *assigned.entry((schema.to_owned(), name.to_owned())).or_insert(next)
    }
}
