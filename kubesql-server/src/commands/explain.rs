//! `kubesql explain`: how a statement would be answered, or was.

use super::query::answer;
use super::runtime;
use crate::args::ExplainArgs;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let engine = if args.analyze { args.sources.engine_with_source()? } else { args.sources.engine()? };
    let mut output = Output::new(&args.output)?;
    let sql = format!("explain {}{}", if args.analyze { "analyze " } else { "" }, args.sql);
    runtime()?.block_on(answer(&engine.session(), &sql, &mut output))
}
