//! `kubesql tables`: the tables of the sources, those of custom resources among them, or their columns.

use kubesql_runtime::sql::{Engine, TableInfo};

use super::progress::Progress;
use super::query::say;
use super::{runtime, write_list};
use crate::args::{Format, TablesArgs};
use crate::failure::Failure;
use crate::{glob, table_order};

pub(crate) fn run(args: &TablesArgs) -> Result<(), Failure> {
    let runtime = runtime()?;
    let opened = args.sources.open(&runtime)?;
    let missing = runtime.block_on(async {
        let _progress = Progress::of_source(&opened.source);
        opened.engine.discover().await
    });
    for missing in missing {
        say(&format!("warning: missing: {missing}"));
    }
    let mut tables = opened.engine.tables();
    tables.sort_by(|a, b| {
        table_order::key(&a.schema, &a.name, &a.path).cmp(&table_order::key(&b.schema, &b.name, &b.path))
    });
    if let Some(pattern) = &args.pattern {
        tables.retain(|table| glob::matches_table(pattern, table));
        if tables.is_empty() {
            return Err(Failure::no_match(pattern));
        }
    }
    if let Some(column) = &args.column {
        return runtime.block_on(write_columns(args, &opened.engine, &tables, column));
    }
    let mut unlisted = 0;
    if args.pattern.is_none() && !args.all {
        let count = tables.len();
        tables.retain(|table| table.path.is_empty());
        unlisted = count - tables.len();
    }
    if args.output.format() == Format::Table {
        // The path is wide, and empty for tables of kinds.
        if tables.iter().all(|table| table.path.is_empty()) {
            let row = |TableInfo { schema, name, kind, .. }| [name, kind, schema];
            let rows: Vec<_> = tables.into_iter().map(row).collect();
            write_list(&args.output, ["table", "kind", "schema"], &rows)?;
        } else {
            let row = |TableInfo { schema, name, kind, path, .. }| [name, kind, schema, path];
            let rows: Vec<_> = tables.into_iter().map(row).collect();
            write_list(&args.output, ["table", "kind", "schema", "path"], &rows)?;
        }
        if unlisted > 0 {
            say(&format!("{unlisted} tables of lists inside objects, such as containers, not shown; use --all"));
        }
        return Ok(());
    }
    let row = |TableInfo { schema, name, kind, path, .. }| [schema, name, kind, path];
    let rows: Vec<_> = tables.into_iter().map(row).collect();
    write_list(&args.output, ["schema", "table", "kind", "path"], &rows)
}

/// Writes the columns whose name or path matches a pattern, or has the text if it is not a pattern.
async fn write_columns(args: &TablesArgs, engine: &Engine, tables: &[TableInfo], wanted: &str) -> Result<(), Failure> {
    let pattern = wanted.to_lowercase();
    let pattern = if pattern.contains(['*', '?']) { pattern } else { format!("*{pattern}*") };
    let mut rows = Vec::new();
    for table in tables {
        for column in engine.describe(&format!("{}.{}", table.schema, table.name), false).await? {
            if glob::glob(&pattern, &column.name) || glob::glob(&pattern, &column.path.to_lowercase()) {
                let name = column.name.clone();
                rows.push([table.name.clone(), name, column.sql_type.to_owned(), column.path, table.schema.clone()]);
            }
        }
    }
    if rows.is_empty() {
        return Err(Failure::no_column_match(wanted));
    }
    write_list(&args.output, ["table", "column", "type", "path", "schema"], &rows)
}
