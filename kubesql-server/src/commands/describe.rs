//! `kubesql describe`: the columns of a table, with sources also those that the objects' keys give.

use kubesql_runtime::sql::ColumnInfo;

use super::{runtime, write_list};
use crate::args::DescribeArgs;
use crate::failure::Failure;

pub(crate) fn run(args: &DescribeArgs) -> Result<(), Failure> {
    let engine = args.sources.engine()?;
    let columns = runtime()?.block_on(engine.describe(&args.table, !args.sources.is_empty()))?;
    let row = |ColumnInfo { name, sql_type, path, .. }| [name, sql_type.to_string(), path];
    let rows: Vec<_> = columns.into_iter().map(row).collect();
    write_list(&args.output, ["column", "type", "path"], &rows)
}
