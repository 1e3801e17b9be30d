//! Object identifiers: the fixed ones of PostgreSQL, and assigned ones.

use std::collections::HashMap;

use parking_lot::Mutex;

/// The identifier of `pg_catalog`.
pub(super) const PG_CATALOG: i32 = 11;

/// The identifier of the role that owns every object.
pub(super) const OWNER: i32 = 10;

/// Returns the identifier of a system table of PostgreSQL.
pub(super) fn fixed_oid(name: &str) -> Option<i32> {
    Some(match name {
        "pg_proc" => 1255,
        "pg_type" => 1247,
        "pg_attribute" => 1249,
        "pg_class" => 1259,
        "pg_authid" => 1260,
        "pg_database" => 1262,
        "pg_namespace" => 2615,
        "pg_constraint" => 2606,
        "pg_description" => 2609,
        "pg_index" => 2610,
        _ => return None,
    })
}

/// Assigned object identifiers. An identifier is never reused.
#[derive(Debug, Default)]
pub(super) struct Oids {
    assigned: Mutex<HashMap<(String, String), i32>>,
}

/// The first identifier of user-defined objects in PostgreSQL.
const FIRST_OID: i32 = 16_384;

impl Oids {
    /// Returns the identifier of an object, which is assigned on the first call.
    pub(super) fn get_or_assign(&self, schema: &str, name: &str) -> i32 {
        let mut assigned = self.assigned.lock();
        let next = FIRST_OID.saturating_add(i32::try_from(assigned.len()).unwrap_or(i32::MAX - FIRST_OID));
        *assigned.entry((schema.to_owned(), name.to_owned())).or_insert(next)
    }
}
