//! `kubesql describe`: the columns of a table. With an explicit source, the keys of its objects are columns too.

use std::io::{self, Write};

use kubesql_runtime::sql::{ColumnInfo, TableInfo};

use super::progress::Progress;
use super::{runtime, write_list};
use crate::args::{DescribeArgs, Format};
use crate::failure::Failure;

pub(crate) fn run(args: &DescribeArgs) -> Result<(), Failure> {
    let runtime = runtime()?;
    let opened = args.sources.open(&runtime)?;
    let mut columns = runtime.block_on(async {
        let _progress = Progress::of_source(&opened.source);
        opened.engine.describe(&args.table, !args.sources.is_empty()).await
    })?;
    let is_table = args.output.format() == Format::Table && args.output.output_file.is_none();
    if is_table {
        columns.sort_by_key(rank);
    }
    let row = |ColumnInfo { name, sql_type, path, .. }| [name, sql_type.to_string(), path];
    let rows: Vec<_> = columns.into_iter().map(row).collect();
    write_list(&args.output, ["column", "type", "path"], &rows)?;
    if is_table && !args.output.no_headers {
        write_lists(&args.table, &opened.engine.tables())?;
    }
    Ok(())
}

/// The columns that identify an object, those that most statements use, those of nested fields, and keys.
fn rank(column: &ColumnInfo) -> usize {
    const FIRST: [&str; 3] = ["cluster", "namespace", "name"];
    let first = FIRST.iter().position(|name| *name == column.name);
    let rest = if column.dynamic { 2 } else { usize::from(column.name.contains('.')) };
    first.unwrap_or(FIRST.len() + rest)
}

/// Writes the tables of the lists inside the objects of a table.
fn write_lists(table: &str, tables: &[TableInfo]) -> io::Result<()> {
    let name = table.to_lowercase().replace('"', "");
    let is_named = |table: &&TableInfo| table.name == name || format!("{}.{}", table.schema, table.name) == name;
    let Some(described) = tables.iter().find(is_named) else { return Ok(()) };
    let prefix = if described.path.is_empty() { String::new() } else { format!("{}.", described.path) };
    let is_inside = |table: &&TableInfo| {
        (&table.schema, &table.kind) == (&described.schema, &described.kind)
            && table.path.len() > prefix.len()
            && table.path.starts_with(&prefix)
    };
    let inside: Vec<&TableInfo> = tables.iter().filter(is_inside).collect();
    if inside.is_empty() {
        return Ok(());
    }
    let width = inside.iter().map(|table| table.name.len()).max().unwrap_or_default();
    let mut to = io::stdout().lock();
    writeln!(to, "Tables of the lists inside:")?;
    for table in inside {
        writeln!(to, "    {:width$}  {}", table.name, table.path)?;
    }
    Ok(())
}
