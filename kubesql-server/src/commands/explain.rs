//! `kubesql explain`: the plan of a statement, with `--analyze` after running it.

use std::io::{self, Write};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use futures::StreamExt;

use super::progress::Progress;
use super::query::answer;
use super::runtime;
use crate::args::{ExplainArgs, Format};
use crate::failure::{Failure, output_error};
use crate::output::Output;

pub(crate) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let runtime = runtime()?;
    let opened = args.sources.open(&runtime)?;
    let sql = format!("explain {}{}", if args.analyze { "analyze " } else { "" }, args.sql);
    let session = opened.engine.session();
    if args.output.format() != Format::Table || args.output.output_file.is_some() {
        let mut output = Output::new(&args.output)?;
        return runtime.block_on(answer(&session, &sql, &mut output, Progress::default()));
    }
    // Plans are multi-line trees, which table cells would fold.
    runtime.block_on(async {
        let mut rows = session.execute(&sql).await?.rows;
        let mut to = io::stdout().lock();
        while let Some(batch) = rows.next().await.transpose()? {
            write_plans(&batch, &mut to)?;
        }
        Ok(())
    })
}

/// Writes the rows of EXPLAIN, each plan below its name.
pub(crate) fn write_plans(batch: &RecordBatch, to: &mut impl Write) -> io::Result<()> {
    let text = |at: usize| cast(batch.column(at), &DataType::Utf8View).map_err(output_error);
    let (names, plans) = (text(0)?, text(1)?);
    for (name, plan) in names.as_string_view().iter().zip(plans.as_string_view()) {
        writeln!(to, "{}:\n{}\n", name.unwrap_or_default(), plan.unwrap_or_default().trim_end())?;
    }
    Ok(())
}
