//! `kubesql describe`: the columns of a table. With an explicit source, the keys of its objects are columns too.

use kubesql_runtime::sql::ColumnInfo;

use super::progress::Progress;
use super::{runtime, write_list};
use crate::args::DescribeArgs;
use crate::failure::Failure;

pub(crate) fn run(args: &DescribeArgs) -> Result<(), Failure> {
    let runtime = runtime()?;
    let opened = args.sources.open(&runtime)?;
    let columns = runtime.block_on(async {
        let _progress = Progress::of_source(&opened.source);
        opened.engine.describe(&args.table, !args.sources.is_empty()).await
    })?;
    let row = |ColumnInfo { name, sql_type, path, .. }| [name, sql_type.to_string(), path];
    let rows: Vec<_> = columns.into_iter().map(row).collect();
    write_list(&args.output, ["column", "type", "path"], &rows)
}
