//! `kubesql tables`: which tables there are. Needs no source.

use kubesql_runtime::sql::TableInfo;

use super::write_list;
use crate::args::{SourceArgs, TablesArgs};
use crate::failure::Failure;
use crate::glob;

pub(crate) fn run(args: &TablesArgs) -> Result<(), Failure> {
    let mut tables = SourceArgs::default().open_given()?.engine.tables();
    match &args.pattern {
        Some(pattern) => tables.retain(|table| glob::matches_table(pattern, table)),
        None => tables.retain(|table| args.all || table.listed),
    }
    if let (Some(pattern), true) = (&args.pattern, tables.is_empty()) {
        return Err(Failure::no_match(pattern));
    }
    let row = |TableInfo { schema, name, kind, path, .. }| [schema, name, kind, path];
    let rows: Vec<_> = tables.into_iter().map(row).collect();
    write_list(&args.output, ["schema", "table", "kind", "path"], &rows)
}
