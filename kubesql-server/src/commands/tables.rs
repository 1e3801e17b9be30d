//! `kubesql tables`: the tables of the sources, those of custom resources among them.

use kubesql_runtime::sql::TableInfo;

use super::progress::Progress;
use super::query::say;
use super::{runtime, write_list};
use crate::args::TablesArgs;
use crate::failure::Failure;
use crate::glob;

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
