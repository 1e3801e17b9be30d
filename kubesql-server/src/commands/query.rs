//! `kubesql query`: runs statements and writes their results.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use futures::StreamExt;
use kubesql_runtime::sql::{Answer, Session, SqlError, split_statements};
use kubesql_runtime::store::Warning;

use super::progress::Progress;
use super::runtime;
use crate::args::{QueryArgs, SourceArgs};
use crate::failure::{Failure, StatementText};
use crate::output::Output;

/// How statements are given.
const HINT: &str = "give SQL: kubesql query \"select * from pods\", or -f query.sql";

/// Number of warnings printed without `--all-warnings`.
const MAX_WARNINGS: usize = 10;

/// Runs the statements in order and stops at the first error.
pub(crate) fn run(args: &QueryArgs) -> Result<(), Failure> {
    let (sql, sources) = read(args)?;
    let statements = split_statements(&sql);
    if statements.is_empty() {
        return Err(Failure::usage("no statement given", HINT));
    }
    let mut output = Output::new(&args.output)?;
    let runtime = runtime()?;
    let opened = sources.open(&runtime)?;
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
                let text = StatementText { number: at + 1, count: statements.len(), sql: statement.clone() };
                Failure::Sql { error, statement: Some(Box::new(text)) }
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

/// The SQL text from the argument, a file or standard input, and the sources with the objects of `-f`.
fn read(args: &QueryArgs) -> Result<(String, SourceArgs), Failure> {
    let mut sources = args.sources.clone();
    let file = args.query_file.as_deref();
    let has_statement = args.sql.is_some();
    let of_file = match file {
        Some(path) if has_statement && path == Path::new("-") => Content::Objects,
        Some(path) if path == Path::new("-") => Content::None,
        Some(path) => Content::of_file(path)?,
        None => Content::None,
    };
    if matches!(of_file, Content::Objects) {
        sources.files.extend(file.map(|path| path.as_os_str().to_owned()));
    }
    let sql = match (&args.sql, of_file) {
        (Some(_), Content::Statements(_)) => {
            return Err(Failure::usage(
                "statements are given both in a file and as an argument",
                "give either -f or the statement",
            ));
        }
        (Some(sql), _) if Path::new(sql).exists() => {
            return Err(Failure::usage(
                format!("\"{sql}\" is a file, not a statement"),
                "use --file for each file of objects, and -f for a file of statements",
            ));
        }
        (Some(sql), _) => sql.clone(),
        (None, Content::Statements(sql)) => sql,
        (None, _) => read_stdin(&sources)?,
    };
    Ok((sql, sources))
}

/// The statements on standard input.
fn read_stdin(sources: &SourceArgs) -> Result<String, Failure> {
    if sources.read_stdin() {
        return Err(Failure::usage("no statement given, and standard input is a source", HINT));
    }
    if io::stdin().is_terminal() {
        return Err(Failure::usage("no statement given", HINT));
    }
    let mut bytes = Vec::new();
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("could not read statements from standard input: {error}"), HINT)
    };
    io::stdin().lock().read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if looks_like_objects(&bytes) {
        return Err(Failure::usage(
            "standard input has objects, and no statement is given",
            "read objects with --file -: kubectl get pods -A -o json | kubesql query --file - \"select * from pods\"",
        ));
    }
    String::from_utf8(bytes).map_err(|error| unreadable(&error))
}

/// What a file of `-f` has.
enum Content {
    Statements(String),
    Objects,
    None,
}

impl Content {
    fn of_file(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            return Ok(Self::Objects);
        }
        let bytes = fs::read(path).map_err(|error| Failure::Usage {
            message: format!("could not read \"{}\": {error}", path.display()),
            hint: None,
        })?;
        if looks_like_objects(&bytes) {
            return Ok(Self::Objects);
        }
        String::from_utf8(bytes).map(Self::Statements).map_err(|error| {
            Failure::usage(format!("could not read \"{}\": {error}", path.display()), "-f takes a file of SQL in UTF-8")
        })
    }
}

/// Whether bytes are objects and not statements: JSON, YAML with the fields of an object, or an archive.
fn looks_like_objects(bytes: &[u8]) -> bool {
    const ARCHIVES: [&[u8]; 3] = [b"\x1F\x8B", b"PK\x03\x04", b"\x28\xB5\x2F\xFD"];
    if ARCHIVES.iter().any(|start| bytes.starts_with(start)) || bytes.get(257..262) == Some(b"ustar") {
        return true;
    }
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_field =
        |line: &str| ["apiVersion:", "kind:", "items:", "- apiVersion:"].iter().any(|key| line.starts_with(key));
    text.starts_with(['{', '[']) || text.lines().any(is_field)
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
