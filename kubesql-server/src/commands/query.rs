//! `kubesql query`: runs statements and writes their results.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use futures::StreamExt;
use kubesql_runtime::sql::{Answer, Session, SqlError, split_statements};
use kubesql_runtime::store::Warning;

use super::progress::Progress;
use super::runtime;
use crate::args::QueryArgs;
use crate::failure::Failure;
use crate::output::Output;

/// How statements are given.
const HINT: &str = "give SQL: kubesql query \"select * from pods\", or -f query.sql";

/// Number of warnings printed without `--all-warnings`.
const MAX_WARNINGS: usize = 10;

/// Runs the statements in order and stops at the first error.
pub(crate) fn run(args: &QueryArgs) -> Result<(), Failure> {
    let sql = sql(args)?;
    let statements = split_statements(&sql);
    if statements.is_empty() {
        return Err(Failure::usage("no statement given", HINT));
    }
    let mut output = Output::new(&args.output)?;
    let runtime = runtime()?;
    let opened = args.sources.open(&runtime)?;
    let session = opened.engine.session();
    session.set_partial(args.sources.partial);
    let mut result = Ok(());
    for (at, statement) in statements.iter().enumerate() {
        let answered = runtime.block_on(async {
            let progress = Progress::of_source(&opened.source);
            answer(&session, statement, &mut output, progress).await
        });
        result = answered.map_err(|failure| match failure {
            Failure::Sql { error, .. } => {
                let number = (statements.len() > 1).then_some((at + 1, statements.len()));
                Failure::Sql { error, number, sql: Some((*statement).to_owned()) }
            }
            other => other,
        });
        if result.is_err() {
            break;
        }
    }
    print_warnings(&session.take_warnings(), args.all_warnings);
    // Does not wait for a blocked read.
    runtime.shutdown_background();
    result
}

/// Runs one statement and writes its result. Progress is shown until there are rows.
pub(super) async fn answer(
    session: &Session,
    sql: &str,
    output: &mut Output<'_>,
    progress: Progress,
) -> Result<(), Failure> {
    let shows_rows = output.streams_to_terminal();
    let Answer { schema, select_list, mut rows, .. } = session.execute(sql).await?;
    // Nothing is written before the first batch, so that most errors leave no output.
    let mut next = rows.next().await.transpose()?;
    if schema.fields().is_empty() {
        return drain(rows).await.map_err(Failure::from);
    }
    let mut sink = output.answer(&schema, select_list.has_star)?;
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
        say(&format!("{} {columns} without values hidden; use --all-columns to show them", done.hidden));
    }
    Ok(())
}

/// Reads the result of a statement without columns to its end: `SET`.
async fn drain(
    mut rows: impl futures::Stream<Item = Result<arrow::array::RecordBatch, SqlError>> + Unpin,
) -> Result<(), SqlError> {
    while rows.next().await.transpose()?.is_some() {}
    Ok(())
}

/// The SQL text from the argument, a file or standard input.
fn sql(args: &QueryArgs) -> Result<String, Failure> {
    if let Some(sql) = &args.sql {
        if Path::new(sql).exists() {
            return Err(Failure::usage(
                format!("\"{sql}\" is a file, not a statement"),
                "use --file for each file of objects, and -f for a file of statements",
            ));
        }
        return Ok(sql.clone());
    }
    if let Some(path) = args.query_file.as_deref().filter(|path| *path != Path::new("-")) {
        return fs::read_to_string(path).map_err(|error| {
            let hint = (error.kind() != io::ErrorKind::NotFound).then_some("-f takes a file of SQL in UTF-8");
            Failure::Usage { message: format!("could not read \"{}\": {error}", path.display()), hint }
        });
    }
    if args.sources.read_stdin() {
        return Err(Failure::usage("no statement given, and standard input is a source", HINT));
    }
    if io::stdin().is_terminal() {
        return Err(Failure::usage("no statement given", HINT));
    }
    let mut sql = String::new();
    match io::stdin().lock().read_to_string(&mut sql) {
        Ok(_) => Ok(sql),
        Err(error) => Err(Failure::usage(format!("could not read statements from standard input: {error}"), HINT)),
    }
}

fn print_warnings(warnings: &[Warning], all: bool) {
    let shown = if all { warnings.len() } else { warnings.len().min(MAX_WARNINGS) };
    for Warning { place, message, count } in &warnings[..shown] {
        let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
        say(&format!("warning: {place}: {message}{times}"));
    }
    if shown < warnings.len() {
        say(&format!("{} more warnings; use --all-warnings to print all", warnings.len() - shown));
    }
}

/// Prints a line on stderr. Nothing can be reported if stderr is closed.
pub(crate) fn say(line: &str) {
    _ = writeln!(io::stderr().lock(), "{line}");
}
