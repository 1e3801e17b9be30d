//! Each column of `kubectl get` is computed, and from the fields that it asks for.

use crate::generated::KINDS;
use crate::schema::{Place, Table};

use super::*;

#[test]
fn every_column_is_computed() {
    for kind in KINDS {
        let table = Table::new(kind, &kind.tables[0]);
        for column in &table.columns {
            let Place::Kubectl(name) = column.place else { continue };
            let computed = compute(kind, name, &ColumnGroup::default(), 0);
            let computed = computed.unwrap_or_else(|| panic!("{}.{name} is not computed", table.def.name));
            assert_eq!(*computed.data_type(), crate::sql::types::data_type(column.values), "{}.{name}", table.def.name);
            let mut mask = FieldMask::none();
            add_fields(kind, name, &mut mask);
            assert_ne!(mask, FieldMask::none(), "{}.{name} reads no field", table.def.name);
        }
    }
}
