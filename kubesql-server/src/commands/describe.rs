//! `kubesql describe`: the columns of a table, with sources also those that the objects' keys give.

use kubesql_runtime::sql::ColumnInfo;

use super::progress::Progress;
use super::{runtime, write_list};
use crate::args::DescribeArgs;
use crate::failure::Failure;

pub(crate) fn run(args: &DescribeArgs) -> Result<(), Failure> {
    let runtime = runtime()?;
    let opened = args.sources.open(&runtime)?;
    let columns = runtime.block_on(async {
        let _progress = Progress::of(&opened.source);
        opened.engine.describe(&args.table, !args.sources.is_empty()).await
    })?;
    let row = |ColumnInfo { name, sql_type, path, .. }| [name, sql_type.to_string(), path];
    let rows: Vec<_> = columns.into_iter().map(row).collect();
    write_list(&args.output, ["column", "type", "path"], &rows)
}
