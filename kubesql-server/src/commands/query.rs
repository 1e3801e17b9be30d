//! `kubesql query`: statements over sources, their answers to the output.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use futures::StreamExt;
use kubesql_runtime::sql::{Answer, Session, SqlError, split_statements};
use kubesql_runtime::store::Warning;

use super::progress::Progress;
use super::runtime;
use super::star::is_select_star;
use crate::args::QueryArgs;
use crate::failure::Failure;
use crate::output::Output;

/// Warnings that are told without `--all-warnings`.
const FIRST_WARNINGS: usize = 10;

/// Runs the statements one after another, up to the first that fails.
pub(crate) fn run(args: &QueryArgs) -> Result<(), Failure> {
    let sql = sql(args)?;
    let statements = split_statements(&sql);
    if statements.is_empty() {
        return Err(Failure::usage("there is no statement", "give one: kubesql query \"select * from pods\""));
    }
    let mut output = Output::new(&args.output)?;
    let runtime = runtime()?;
    let opened = args.sources.open(&runtime)?;
    let session = opened.engine.session();
    session.set_partial(args.sources.partial);
    let mut result = Ok(());
    for (at, statement) in statements.iter().enumerate() {
        let answered = runtime.block_on(async {
            let progress = Progress::of(&opened.source);
            answer(&session, statement, &mut output, progress).await
        });
        result = answered.map_err(|failure| match failure {
            Failure::Sql { error, .. } if statements.len() > 1 => {
                Failure::Sql { error, of: Some((at + 1, statements.len())) }
            }
            other => other,
        });
        if result.is_err() {
            break;
        }
    }
    tell_warnings(&session.take_warnings(), args.all_warnings);
    // A reader that is stuck must not hold up the end.
    runtime.shutdown_background();
    result
}

/// Runs one statement and writes its answer; `progress` is told until there is something to read.
pub(super) async fn answer(
    session: &Session,
    sql: &str,
    output: &mut Output<'_>,
    progress: Progress,
) -> Result<(), Failure> {
    let shows_rows = output.shows_rows_at_once();
    let Answer { schema, mut rows, .. } = session.execute(sql).await?;
    // Nothing is written before the first rows are there, so that most failures leave no output.
    let mut next = rows.next().await.transpose()?;
    if schema.fields().is_empty() {
        return drain(rows).await.map_err(Failure::from);
    }
    let mut sink = output.answer(&schema, is_select_star(sql))?;
    let mut progress = Some(progress);
    while let Some(batch) = next {
        if shows_rows {
            progress = None;
        }
        sink.batch(&batch)?;
        next = rows.next().await.transpose()?;
    }
    drop(progress);
    let done = sink.finish()?;
    if done.hidden > 0 {
        let columns = if done.hidden == 1 { "column" } else { "columns" };
        say(&format!("{} {columns} without a value left out; --all-columns shows them", done.hidden));
    }
    Ok(())
}

/// Runs a statement without columns to its end: `SET`.
async fn drain(
    mut rows: impl futures::Stream<Item = Result<arrow::array::RecordBatch, SqlError>> + Unpin,
) -> Result<(), SqlError> {
    while rows.next().await.transpose()?.is_some() {}
    Ok(())
}

/// The statements' text, from wherever it is.
fn sql(args: &QueryArgs) -> Result<String, Failure> {
    const HINT: &str = "give SQL: kubesql query \"select * from pods\", or -f query.sql";
    if let Some(sql) = &args.sql {
        if Path::new(sql).exists() {
            return Err(Failure::usage(
                format!("{sql} is a file, not a statement"),
                "each source needs its own --file; -f reads statements from a file",
            ));
        }
        return Ok(sql.clone());
    }
    if let Some(path) = args.query_file.as_deref().filter(|path| *path != Path::new("-")) {
        return fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("{} cannot be read: {error}", path.display()), "-f takes a file of SQL in UTF-8")
        });
    }
    if args.sources.read_stdin() {
        return Err(Failure::usage("there is no statement, and standard input is a source", HINT));
    }
    if io::stdin().is_terminal() {
        return Err(Failure::usage("there is no statement", HINT));
    }
    let mut sql = String::new();
    match io::stdin().lock().read_to_string(&mut sql) {
        Ok(_) => Ok(sql),
        Err(error) => Err(Failure::usage(format!("no statement can be read from standard input: {error}"), HINT)),
    }
}

fn tell_warnings(warnings: &[Warning], all: bool) {
    let shown = if all { warnings.len() } else { warnings.len().min(FIRST_WARNINGS) };
    for Warning { place, message, count } in &warnings[..shown] {
        let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
        say(&format!("warning: {place}: {message}{times}"));
    }
    if shown < warnings.len() {
        say(&format!("and {} more; --all-warnings prints all", warnings.len() - shown));
    }
}

/// A line on stderr; where that is closed, there is no one to tell.
pub(crate) fn say(line: &str) {
    _ = writeln!(io::stderr().lock(), "{line}");
}
