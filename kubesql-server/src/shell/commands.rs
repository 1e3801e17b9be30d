//! Runs backslash commands.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use kubesql_runtime::sql::{ErrorKind, SqlError};

use super::execute::{Outcome, RunOptions, cannot_write};
use super::meta::{GROUPS, Meta, Repetition, parse};
use super::screen::{Screen, Target, home, shell};
use super::{Shell, editor, highlight, paths, settings, sqlhelp};
use crate::commands::query::say;
use crate::failure::Failure;
use crate::secure_file::{self, RemoveOnDrop};

impl Shell<'_> {
    /// Runs a command.
    pub(super) fn command(&mut self, line: &str) -> Result<(), SqlError> {
        match parse(line)? {
            Meta::Describe(name) => self.describe(&name)?,
            Meta::Tables(pattern, all) => self.list_tables(pattern.as_deref(), all)?,
            Meta::Schemas(pattern) => self.list_schemas(pattern.as_deref())?,
            Meta::Functions(pattern) => self.list_functions(pattern.as_deref())?,
            Meta::Clusters => _ = self.show("select * from system.clusters order by 1"),
            Meta::Connect(places) if places.is_empty() => {
                let text = self.connection_message();
                self.print(&text)?;
            }
            Meta::Connect(places) => {
                self.connect(&places)?;
                self.notify(&self.connection_message());
            }
            Meta::Pset(name, value) => {
                let message = self.settings.set(&name, value.as_deref())?;
                self.notify(&message);
            }
            Meta::ShowPset => {
                let line = |(name, _): &(&str, &[&str])| format!("{name:<12} {}", self.settings.value(name));
                let text = settings::NAMES.iter().map(line).collect::<Vec<_>>().join("\n");
                self.print(&text)?;
            }
            Meta::Output(to) => {
                self.close_target();
                if let Some(to) = to {
                    self.target = Some(Target::open(&to).map_err(|error| cannot_write(&to, &error).to_sql_error())?);
                }
            }
            Meta::Go { expanded, to } => {
                let sql = self.take_statement()?;
                self.statement(&sql, &RunOptions { expanded, to, title: None });
            }
            Meta::Watch(every) => {
                let sql = self.take_statement()?;
                self.watch(&sql, every);
            }
            Meta::Edit(file) => self.edit(file.as_deref())?,
            Meta::Include(path) => self.include(&path),
            Meta::Set(None) => {
                let line = |(name, value): (&String, &String)| format!("{name} = '{}'", value.replace('\'', "''"));
                let text = self.variables.iter().map(line).collect::<Vec<_>>().join("\n");
                self.print(&text)?;
            }
            Meta::Set(Some((name, value))) => {
                let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
                if !is_name || name.starts_with(|c: char| c.is_ascii_digit()) {
                    let message = format!("invalid variable name \"{name}\"");
                    return Err(SqlError::new(ErrorKind::Invalid, message).hint("use letters, digits and underscores"));
                }
                self.variables.insert(name, value);
            }
            Meta::Unset(name) => _ = self.variables.remove(&name),
            Meta::Echo(text) => self.print(&text)?,
            Meta::Shell(command) => system(&command)?,
            Meta::Directory(folder) => {
                let folder = if folder.is_empty() { home("~") } else { home(&folder) };
                std::env::set_current_dir(&folder).map_err(|error| {
                    SqlError::new(ErrorKind::Invalid, format!("{}: {error}", folder.display()))
                        .hint("\\cd without a folder changes to the home directory")
                })?;
            }
            Meta::Print => {
                let sql = if self.pending.trim().is_empty() { &self.last } else { &self.pending };
                let text = sql.trim().to_owned();
                self.print(&text)?;
            }
            Meta::Reset => {
                self.pending.clear();
                self.notify("Statement cleared.");
            }
            Meta::History(None) => self.page(&self.typed.join("\n"))?,
            Meta::History(Some(file)) => {
                std::fs::write(home(&file), self.typed.join("\n") + "\n")
                    .map_err(|error| cannot_write(&file, &error).to_sql_error())?;
            }
            Meta::Warnings if self.warnings.is_empty() => self.notify("No warnings."),
            Meta::Warnings => self.print_warnings(true),
            Meta::Quit => self.quit = true,
            Meta::Help => self.page(&help())?,
            Meta::SqlHelp(subject) => match sqlhelp::help(&subject) {
                Ok(text) => self.print(&text)?,
                Err(subjects) => {
                    let error = SqlError::new(ErrorKind::Invalid, format!("no help for \"{subject}\""));
                    return Err(error.hint(format!("subjects: {subjects}")));
                }
            },
        }
        Ok(())
    }

    /// Takes the current statement, or the last one if there is none.
    fn take_statement(&mut self) -> Result<String, SqlError> {
        let typed = std::mem::take(&mut self.pending).trim().to_owned();
        let sql = if super::has_statement(&typed) { typed } else { self.last.clone() };
        if sql.is_empty() {
            return Err(SqlError::new(ErrorKind::Syntax, "no statement to run").hint("type a statement first"));
        }
        Ok(sql)
    }

    fn connection_message(&self) -> String {
        format!("You are connected to {}. Use \\l to show the state of clusters.", self.backend.place())
    }

    /// Repeats a statement.
    fn watch(&mut self, sql: &str, every: Repetition) {
        let interrupt = self.interrupt.fresh();
        let mut times = 0;
        loop {
            let now =
                jiff::Timestamp::try_from(SystemTime::now()).map_or_else(|_| String::new(), |now| format!("{now:.0}"));
            let mut title = format!("{now} (every {}s)\n\n", every.wait.as_secs_f64());
            if self.at_terminal && self.target.is_none() && io::IsTerminal::is_terminal(&io::stdout()) {
                // Clears the screen, so that each result is in the same place.
                title.insert_str(0, "\x1b[H\x1b[2J");
            }
            let pager = std::mem::replace(&mut self.settings.pager, settings::Pager::Off);
            let outcome = self.statement(sql, &RunOptions { title: Some(title), ..RunOptions::default() });
            self.settings.pager = pager;
            times += 1;
            if outcome != Outcome::Answered || every.times.is_some_and(|most| times >= most) {
                return;
            }
            let mut pressed = interrupt.clone();
            let stopped = self.runtime.block_on(async {
                tokio::select! {
                    () = pressed.pressed() => true,
                    () = tokio::time::sleep(every.wait.max(Duration::from_millis(10))) => false,
                }
            });
            if stopped {
                return;
            }
        }
    }

    /// Opens an editor for the statement, the last statement, or a file. Complete statements run; the rest stays in the
    /// input.
    fn edit(&mut self, file: Option<&str>) -> Result<(), SqlError> {
        self.drafts += 1;
        let (path, remove) = match file {
            Some(file) => (home(file), RemoveOnDrop(None)),
            None => {
                let path = paths::draft(self.drafts);
                let sql = if self.pending.trim().is_empty() && !self.last.is_empty() {
                    format!("{};", self.last)
                } else {
                    std::mem::take(&mut self.pending)
                };
                write_new(&path, sql.trim_start()).map_err(|error| Failure::Output(error).to_sql_error())?;
                (path.clone(), RemoveOnDrop(Some(path)))
            }
        };
        run_editor(&path)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|error| cannot_write(&path.display().to_string(), &error).to_sql_error())?;
        drop(remove);
        let text = text.trim_end();
        if self.at_terminal && !text.is_empty() {
            let shown = if self.colours { highlight::with_colours(text) } else { text.to_owned() };
            say(&format!("{}{shown}", editor::PROMPT));
            self.typed.push(text.to_owned());
        }
        self.feed(text);
        Ok(())
    }

    /// Prints a text to the output of results.
    fn print(&mut self, text: &str) -> Result<(), SqlError> {
        let written = match &mut self.target {
            Some(target) => writeln!(target, "{text}"),
            None => writeln!(io::stdout().lock(), "{text}"),
        };
        written.map_err(|error| Failure::Output(error).to_sql_error())
    }

    /// Prints a text that may need the pager.
    fn page(&self, text: &str) -> Result<(), SqlError> {
        let mut screen = Screen::new(self.pager(), true, self.interrupt.fresh());
        let written = writeln!(screen, "{text}").and_then(|()| screen.finish());
        written.or_else(|error| {
            let failure = Failure::Output(error);
            if failure.is_broken_pipe() { Ok(()) } else { Err(failure.to_sql_error()) }
        })
    }
}

/// Runs a command in the system's shell, or the shell itself.
fn system(command: &str) -> Result<(), SqlError> {
    let ran = if command.is_empty() {
        Command::new(std::env::var_os("SHELL").unwrap_or_else(|| "sh".into())).status()
    } else {
        shell(command).status()
    };
    let hint = "usage: \\! [COMMAND]";
    match ran {
        Ok(status) if status.success() || command.is_empty() => Ok(()),
        Ok(status) => Err(SqlError::new(ErrorKind::Invalid, format!("{command}: {status}")).hint(hint)),
        Err(error) => Err(SqlError::new(ErrorKind::Invalid, format!("{command}: {error}")).hint(hint)),
    }
}

/// Runs the user's editor.
fn run_editor(path: &Path) -> Result<(), SqlError> {
    let chosen = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok());
    let editor = chosen.into_iter().find(|editor| !editor.trim().is_empty()).unwrap_or_else(|| "vi".to_owned());
    let mut command = shell(&format!("{editor} \"$1\""));
    command.arg("sh").arg(path);
    let hint = "set VISUAL or EDITOR to an editor: export EDITOR=nano";
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(SqlError::new(ErrorKind::Invalid, format!("{editor}: {status}")).hint(hint)),
        Err(error) => Err(SqlError::new(ErrorKind::Invalid, format!("{editor}: {error}")).hint(hint)),
    }
}

/// Creates a file that only its owner can read; fails if it exists.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    secure_file::owner_only().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// The text of `\?`.
fn help() -> String {
    let mut text =
        "Statements of SQL end with a semicolon and may have several lines. Tab completes names, Ctrl-R looks in \
                    the\nhistory, Ctrl-C stops a statement or clears the line, Ctrl-O edits it in $EDITOR.\n"
            .to_owned();
    for (group, commands) in GROUPS {
        _ = write!(text, "\n{group}\n");
        for entry in *commands {
            _ = writeln!(text, "  {:<28} {}", entry.usage, entry.description);
        }
    }
    text.trim_end().to_owned()
}
