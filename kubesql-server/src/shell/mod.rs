//! `kubesql shell`: an interactive shell, and scripts from pipes and files. Only this module uses reedline.

mod backend;
mod commands;
mod complete;
mod editor;
mod execute;
mod highlight;
mod history;
mod input;
mod interactive;
mod interrupt;
mod lexer;
mod lists;
mod meta;
mod narrow;
mod paths;
mod screen;
mod settings;
mod sqlhelp;
mod words;

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::time::Instant;

use kubesql_runtime::sql::SqlError;
use kubesql_runtime::store::Warning;
use parking_lot::RwLock;
use tokio::runtime::Runtime;

use self::backend::{Backend, Connection};
use self::complete::Knowledge;
use self::complete::catalog::Catalog;
use self::input::{Open, Piece, Variables, has_statement, open, pieces, substitute_variables};
use self::interrupt::Interrupt;
use self::screen::{Target, home};
use self::settings::Settings;
use crate::args::ShellArgs;
use crate::caret;
use crate::commands::query::say;
use crate::failure::Failure;

/// Maximum depth of files that include files.
const DEPTH: usize = 16;

/// Runs the shell; returns the exit code of the first failure in a script.
pub(crate) fn run(args: &ShellArgs, runtime: &Runtime) -> Result<u8, Failure> {
    let connection = Connection::from_args(args);
    let is_script = !args.commands.is_empty() || !args.scripts.is_empty();
    if connection.reads_stdin() && !is_script {
        return Err(Failure::usage(
            "standard input cannot be a source, since statements are read from it",
            "give a path to --file, or give the statements with -c",
        ));
    }
    let at_terminal = io::stdin().is_terminal() && io::stderr().is_terminal() && !is_script;
    let backend = connection.open(runtime)?;
    let mut shell = Shell {
        interrupt: if at_terminal { Interrupt::listen(runtime) } else { Interrupt::never() },
        settings: Settings { format: args.format, expanded: args.expanded, ..Settings::default() },
        runtime,
        connection,
        backend,
        knowledge: None,
        at_terminal,
        colours: io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        variables: Variables::new(),
        target: None,
        answers: 0,
        pending: String::new(),
        last: String::new(),
        warnings: Vec::new(),
        last_row_at: None,
        failed: None,
        quit: false,
        depth: 0,
        drafts: 0,
        typed: Vec::new(),
    };
    if at_terminal {
        shell.interactive(args)?;
        shell.close_target();
        return Ok(0);
    }
    for command in &args.commands {
        shell.script(command);
    }
    for file in &args.scripts {
        shell.include(file);
    }
    if !is_script {
        shell.piped(io::stdin().lock())?;
    }
    shell.close_target();
    Ok(shell.failed.unwrap_or(0))
}

/// The state of a shell.
struct Shell<'r> {
    runtime: &'r Runtime,
    connection: Connection,
    backend: Arc<dyn Backend>,
    /// The data for completion; `None` in scripts.
    knowledge: Option<Arc<RwLock<Knowledge>>>,
    at_terminal: bool,
    /// Whether messages are coloured.
    colours: bool,
    settings: Settings,
    variables: Variables,
    interrupt: Interrupt,
    /// The destination of results, if it is not standard output.
    target: Option<Target>,
    /// Number of results on standard output.
    answers: usize,
    /// The incomplete statement.
    pending: String,
    /// The last statement.
    last: String,
    /// The warnings of the last statement.
    warnings: Vec<Warning>,
    /// When the last row of the statement arrived.
    last_row_at: Option<Instant>,
    /// The exit code of the first failure.
    failed: Option<u8>,
    quit: bool,
    depth: usize,
    drafts: usize,
    /// The lines that `\s` shows.
    typed: Vec<String>,
}

impl Shell<'_> {
    /// Runs complete statements and commands; the rest stays pending.
    fn feed(&mut self, input: &str) {
        let interrupt = self.interrupt.fresh();
        for piece in pieces(input) {
            match piece {
                // Variables are replaced here, since an earlier command may have set them.
                Piece::Text(text) => self.pending.push_str(&substitute_variables(&text, &self.variables)),
                Piece::End => self.run_pending(),
                Piece::Meta(line) => {
                    if let Err(error) = self.command(&line) {
                        self.fail(&error.into(), &line);
                    }
                }
            }
            if self.quit || self.has_stopped() {
                self.pending.clear();
                return;
            }
            // Ctrl-C also discards the input after the statement.
            if interrupt.is_pressed() {
                self.pending.clear();
                return;
            }
        }
        if !has_statement(&self.pending) {
            self.pending.clear();
        }
    }

    /// Runs the pending statement.
    fn run_pending(&mut self) {
        let sql = std::mem::take(&mut self.pending).trim().to_owned();
        if has_statement(&sql) {
            self.statement(&sql, &execute::RunOptions::default());
        }
    }

    /// Whether ON_ERROR_STOP ends the script.
    fn has_stopped(&self) -> bool {
        let stop = self.variables.get("ON_ERROR_STOP").is_some_and(|value| !matches!(value.as_str(), "off" | "0" | ""));
        !self.at_terminal && self.failed.is_some() && stop
    }

    /// Runs a whole text; the last statement needs no semicolon.
    fn script(&mut self, text: &str) {
        if self.quit || self.has_stopped() {
            return;
        }
        self.feed(text);
        if !self.quit && !self.has_stopped() {
            self.run_pending();
        }
    }

    /// Runs a file.
    fn include(&mut self, path: &str) {
        if self.quit || self.has_stopped() {
            return;
        }
        let failure = if self.depth == DEPTH {
            Some(Failure::usage(
                format!("\"{path}\" is included recursively"),
                "files may include each other up to 16 levels deep",
            ))
        } else {
            match std::fs::read_to_string(home(path)) {
                Ok(text) => {
                    self.depth += 1;
                    self.script(&text);
                    self.depth -= 1;
                    None
                }
                Err(error) => Some(Failure::usage(
                    format!("could not read \"{path}\": {error}"),
                    "-f and \\i take a file of statements and commands",
                )),
            }
        };
        if let Some(failure) = failure {
            self.fail(&failure, "");
        }
    }

    /// Runs lines from standard input, with a plain prompt if it is a terminal.
    fn piped(&mut self, mut from: impl BufRead) -> Result<(), Failure> {
        let mut input = String::new();
        let is_typed = io::stdin().is_terminal() && io::stdout().is_terminal();
        while !self.quit && !self.has_stopped() {
            if is_typed {
                let prompt = match (input.is_empty() && self.pending.is_empty(), open(&input)) {
                    (true, _) => editor::PROMPT.to_owned(),
                    (false, open) => editor::continued(open.mark()),
                };
                let mut out = io::stdout().lock();
                out.write_all(prompt.as_bytes())?;
                out.flush()?;
            }
            let before = input.len();
            match from.read_line(&mut input) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    return Err(Failure::usage(
                        format!("could not read standard input: {error}"),
                        "statements must be UTF-8",
                    ));
                }
            }
            // Without these characters, the input cannot have become complete.
            let may_end = input[before..].contains([';', '\\', '\'', '"', '/', '$']) || before == 0;
            if may_end && open(&input) == Open::No {
                let input = std::mem::take(&mut input);
                self.feed(&input);
            }
        }
        self.script(&input);
        Ok(())
    }

    /// Reports an error, with its position in the statement.
    fn fail(&mut self, failure: &Failure, sql: &str) {
        if self.failed.is_none() {
            self.failed = Some(failure.exit_code());
        }
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        let text = match failure {
            Failure::Sql { error, .. } => caret::format_error(error, sql, width),
            other => other.to_string(),
        };
        say(&self.coloured(&text));
    }

    /// Colours the prefixes of messages.
    fn coloured(&self, text: &str) -> String {
        use nu_ansi_term::{Color, Style};
        if !self.colours {
            return text.to_owned();
        }
        let line = |line: &str| {
            let styles = [("error:", Style::new().fg(Color::Red).bold()), ("hint:", Style::new().fg(Color::Cyan))];
            let styles = styles.into_iter().chain([("warning:", Style::new().fg(Color::Yellow))]);
            for (word, style) in styles {
                if let Some(rest) = line.strip_prefix(word) {
                    return format!("{}{rest}", style.paint(word));
                }
            }
            if line.trim() == "^" {
                Style::new().fg(Color::Red).bold().paint(line).to_string()
            } else {
                line.to_owned()
            }
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Prints a message, unless this is a script.
    fn notify(&self, line: &str) {
        if self.at_terminal {
            say(line);
        }
    }

    /// Connects to other clusters or a server.
    fn connect(&mut self, places: &[String]) -> Result<(), SqlError> {
        let connection = self.connection.with_places(places);
        let backend = connection.open(self.runtime).map_err(|failure| match failure {
            Failure::Sql { error, .. } => error,
            other => other.to_sql_error(),
        })?;
        (self.connection, self.backend) = (connection, backend);
        if let Some(knowledge) = &self.knowledge {
            knowledge.write().catalog = Catalog::new(Arc::clone(&self.backend), self.runtime.handle().clone());
        }
        Ok(())
    }

    fn close_target(&mut self) {
        if let Some(target) = self.target.take()
            && let Err(error) = target.close()
        {
            self.fail(&Failure::Output(error), "");
        }
    }
}
