//! Runs statements and shows their results, warnings and timing.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use futures::stream::{self, StreamExt};
use kubesql_runtime::sql::{Answer, ErrorKind, SelectList, SqlError};
use kubesql_runtime::store::Warning;

use super::Shell;
use super::interrupt::Interrupt;
use super::narrow::narrow_rows;
use super::screen::{Screen, Target};
use super::settings::Pager;
use crate::args::{Expanded, Format};
use crate::commands::explain::write_plans;
use crate::commands::progress::Progress;
use crate::commands::query::say;
use crate::failure::Failure;
use crate::output::{self, Done, Layout};

/// Number of warnings shown after a statement.
const MAX_WARNINGS: usize = 10;

/// Options of a single statement, in addition to the settings.
#[derive(Debug, Default, Clone)]
pub(super) struct RunOptions {
    pub(super) expanded: bool,
    /// A file or `|command`.
    pub(super) to: Option<String>,
    /// Written above the result.
    pub(super) title: Option<String>,
}

/// The outcome of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered,
    Failed,
    Cancelled,
}

impl Shell<'_> {
    /// Runs a statement and shows its result.
    pub(super) fn statement(&mut self, sql: &str, options: &RunOptions) -> Outcome {
        sql.clone_into(&mut self.last);
        self.last_row_at = None;
        let began = Instant::now();
        let interrupt = self.interrupt.fresh();
        let mut own = None;
        if let Some(to) = &options.to {
            match Target::open(to) {
                Ok(target) => own = Some(target),
                Err(error) => {
                    self.fail(&cannot_write(to, &error), sql);
                    return Outcome::Failed;
                }
            }
        }
        let is_own = own.is_some();
        let mut target = own.or_else(|| self.target.take());
        let result = self.answer(sql, options, target.as_mut(), &interrupt);
        // Up to the last row: the time spent in a pager does not count.
        let took = self.last_row_at.take().unwrap_or_else(Instant::now) - began;
        let mut closed = Ok(());
        if is_own {
            closed = target.map_or(Ok(()), Target::close);
        } else {
            self.target = target;
        }
        self.warnings = self.backend.take_warnings();
        let outcome = match result.and_then(|done| closed.map(|()| done).map_err(Failure::from)) {
            Ok(done) => {
                self.report_hidden_columns(done);
                Outcome::Answered
            }
            // The user quit the pager or program.
            Err(failure) if failure.is_broken_pipe() && io::stdout().is_terminal() => Outcome::Answered,
            Err(failure) if failure.is_broken_pipe() => {
                self.quit = true;
                Outcome::Cancelled
            }
            Err(_) if interrupt.is_pressed() => {
                self.fail(&SqlError::new(ErrorKind::Cancelled, "statement cancelled").into(), "");
                Outcome::Cancelled
            }
            Err(failure) => {
                self.fail(&failure, sql);
                Outcome::Failed
            }
        };
        self.print_warnings(false);
        if self.settings.timing && outcome == Outcome::Answered {
            self.print_time(took);
        }
        outcome
    }

    fn answer(
        &mut self,
        sql: &str,
        options: &RunOptions,
        target: Option<&mut Target>,
        interrupt: &Interrupt,
    ) -> Result<Done, Failure> {
        let mut pressed = interrupt.clone();
        let runtime = self.runtime;
        runtime.block_on(async {
            let work = self.write(sql, options, target, interrupt);
            tokio::select! {
                biased;
                () = pressed.pressed() => Err(SqlError::new(ErrorKind::Cancelled, "statement cancelled").into()),
                result = work => result,
            }
        })
    }

    async fn write(
        &mut self,
        sql: &str,
        options: &RunOptions,
        target: Option<&mut Target>,
        interrupt: &Interrupt,
    ) -> Result<Done, Failure> {
        let progress = self.backend.progress();
        let answer = self.backend.execute(sql).await?;
        let star = answer.select_list.has_star && !self.settings.all_columns;
        self.render(answer, star, options, target, interrupt, Some(progress)).await
    }

    /// Shows rows of the shell's own commands like a result.
    pub(super) fn list(&mut self, names: &[&str], rows: &[Vec<String>], options: &RunOptions) -> Result<(), Failure> {
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        let is_shown = self.target.is_none() && io::stdout().is_terminal() && self.settings.format == Format::Table;
        let rows = if is_shown && self.settings.expanded != Expanded::On {
            narrow_rows(names, rows, self.settings.columns.unwrap_or(width))
        } else {
            rows.to_vec()
        };
        let fields: Vec<_> = names.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
        let schema = Arc::new(Schema::new(fields));
        let column = |at: usize| Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row[at]))) as ArrayRef;
        let batch = RecordBatch::try_new(Arc::clone(&schema), (0..names.len()).map(column).collect());
        let batch = batch.map_err(io::Error::other)?;
        let rows = stream::once(futures::future::ready(Ok(batch))).boxed();
        let interrupt = self.interrupt.fresh();
        let before = self.settings.expanded;
        if before == Expanded::Auto {
            self.settings.expanded = Expanded::Off;
        }
        let mut target = self.target.take();
        let runtime = self.runtime;
        let answer = Answer { command: "SHOW", schema, select_list: SelectList::default(), rows };
        let shown = runtime.block_on(self.render(answer, false, options, target.as_mut(), &interrupt, None));
        self.target = target;
        self.settings.expanded = before;
        shown.map(|_| ())
    }

    async fn render(
        &mut self,
        answer: Answer,
        star: bool,
        options: &RunOptions,
        target: Option<&mut Target>,
        interrupt: &Interrupt,
        mut progress: Option<Progress>,
    ) -> Result<Done, Failure> {
        let Answer { command, schema, mut rows, .. } = answer;
        let mut next = rows.next().await.transpose()?;
        if schema.fields().is_empty() && command != "SELECT" {
            while next.is_some() {
                next = rows.next().await.transpose()?;
            }
            drop(progress);
            self.notify(command);
            return Ok(Done::default());
        }
        let format = target.as_ref().and_then(|target| target.format).unwrap_or(self.settings.format);
        let to_screen = target.is_none();
        let is_binary = matches!(format, Format::Arrow | Format::Parquet);
        if to_screen && is_binary && io::stdout().is_terminal() {
            return Err(Failure::usage("binary formats cannot be written to a terminal", "use \\g FILE or \\o FILE"));
        }
        let answers = target.as_ref().map_or(self.answers, |target| target.answers);
        if is_binary && answers > 0 {
            return Err(Failure::usage(
                "a binary file can hold the result of one statement only",
                "use another file: \\g FILE",
            ));
        }
        let mut screen = None;
        let to: &mut dyn SendWrite = match target {
            Some(target) => {
                target.answers += 1;
                target
            }
            None => {
                self.answers += 1;
                screen.insert(Screen::new(self.pager(), format == Format::Table, interrupt.clone()))
            }
        };
        if to_screen && (options.title.is_some() || format != Format::Table) {
            drop(progress.take());
        }
        // At a terminal, an empty line follows each table, as in psql.
        let apart = !(to_screen && self.at_terminal);
        match format {
            Format::Table | Format::Csv if apart && answers > 0 => to.write_all(b"\n")?,
            Format::Yaml if answers > 0 => to.write_all(b"---\n")?,
            _ => {}
        }
        if let Some(title) = &options.title {
            to.write_all(title.as_bytes())?;
        }
        let done = if command == "EXPLAIN" && format == Format::Table {
            while let Some(batch) = next {
                write_plans(&batch, &mut ByRef(to))?;
                next = rows.next().await.transpose()?;
            }
            Done::default()
        } else {
            let layout = self.layout(options, to_screen);
            let mut sink = output::sink(format, ByRef(to), &schema, Layout { hide_empty: star, ..layout })?;
            while let Some(batch) = next {
                sink.batch(&batch)?;
                next = rows.next().await.transpose()?;
            }
            drop(progress.take());
            self.last_row_at = Some(Instant::now());
            sink.finish()?
        };
        drop(progress);
        if !apart && matches!(format, Format::Table) && command != "EXPLAIN" {
            to.write_all(b"\n")?;
        }
        to.flush()?;
        if let Some(screen) = screen {
            screen.finish()?;
        }
        Ok(done)
    }

    fn layout(&self, options: &RunOptions, to_screen: bool) -> Layout {
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        let terminal = (to_screen && io::stdout().is_terminal()).then_some(width);
        Layout {
            headers: !self.settings.tuples_only,
            expanded: if options.expanded { Expanded::On } else { self.settings.expanded },
            terminal: self.settings.columns.or(terminal),
            hide_empty: false,
            null: self.settings.null.clone(),
        }
    }

    fn report_hidden_columns(&self, done: Done) {
        if done.hidden > 0 {
            let columns = if done.hidden == 1 { "column" } else { "columns" };
            self.notify(&format!(
                "{} {columns} without values hidden; use \\pset all_columns on to show them",
                done.hidden
            ));
        }
    }

    /// Prints the first warnings of the last statement, or all.
    pub(super) fn print_warnings(&self, all: bool) {
        let shown = if all { self.warnings.len() } else { self.warnings.len().min(MAX_WARNINGS) };
        for Warning { place, message, count } in &self.warnings[..shown] {
            let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
            say(&self.coloured(&format!("warning: {place}: {message}{times}")));
        }
        if shown < self.warnings.len() {
            say(&format!("{} more warnings; use \\warnings to show all", self.warnings.len() - shown));
        }
    }

    fn print_time(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let long = if seconds >= 1.0 {
            let (minutes, rest) = (took.as_secs() / 60, seconds % 60.0);
            format!(" ({minutes:02}:{rest:06.3})")
        } else {
            String::new()
        };
        let line = format!("Time: {:.3} ms{long}", seconds * 1000.0);
        // With the results if they are for people, as in psql.
        match self.settings.format {
            crate::args::Format::Table if self.target.is_none() => _ = writeln!(io::stdout().lock(), "{line}"),
            _ => say(&line),
        }
    }

    /// Scripts have no pager.
    pub(super) fn pager(&self) -> Pager {
        if self.at_terminal { self.settings.pager } else { Pager::Off }
    }

    /// Shows progress until it is dropped.
    pub(super) fn progress(&self) -> Progress {
        self.backend.progress()
    }
}

/// An error for a file or program that cannot be written.
pub(super) fn cannot_write(to: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("could not write \"{to}\": {error}"), "use another path, or |COMMAND")
}

/// A writer that can be sent between threads.
trait SendWrite: Write + Send {}

impl<W: Write + Send> SendWrite for W {}

/// Forwards to a borrowed writer.
struct ByRef<'a>(&'a mut dyn SendWrite);

impl Write for ByRef<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
