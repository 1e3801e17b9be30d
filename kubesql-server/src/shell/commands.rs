//! Runs the commands of the shell.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use kubesql_runtime::sql::{ErrorKind, SqlError};

use super::answers::{Outcome, Way, cannot_write};
use super::lists::failed;
use super::meta::{Every, GROUPS, Meta, parse};
use super::screen::{Screen, Target, home, shell};
use super::{Shell, editor, highlight, paths, settings, sqlhelp};
use crate::commands::query::say;
use crate::failure::Failure;
use crate::private::{self, Remove};

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
                let text = self.connected();
                self.print(&text)?;
            }
            Meta::Connect(places) => {
                self.connect(&places)?;
                self.tell(&self.connected());
            }
            Meta::Pset(name, value) => {
                let told = self.settings.set(&name, value.as_deref())?;
                self.tell(&told);
            }
            Meta::ShowPset => {
                let line = |(name, _): &(&str, &[&str])| format!("{name:<12} {}", self.settings.shown(name));
                let text = settings::NAMES.iter().map(line).collect::<Vec<_>>().join("\n");
                self.print(&text)?;
            }
            Meta::Output(to) => {
                self.close_target();
                if let Some(to) = to {
                    self.target = Some(Target::open(&to).map_err(|error| failed(&cannot_write(&to, &error)))?);
                }
            }
            Meta::Go { expanded, to } => {
                let sql = self.take_statement()?;
                self.statement(&sql, &Way { expanded, to, title: None });
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
                    let message = format!("a variable cannot be called {name}");
                    return Err(SqlError::new(ErrorKind::Invalid, message).hint("letters, digits and _ make a name"));
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
                        .hint("\\cd takes a folder; without one, it is the home directory")
                })?;
            }
            Meta::Print => {
                let sql = if self.pending.trim().is_empty() { &self.last } else { &self.pending };
                let text = sql.trim().to_owned();
                self.print(&text)?;
            }
            Meta::Reset => {
                self.pending.clear();
                self.tell("The statement is forgotten.");
            }
            Meta::History(None) => self.page(&self.typed.join("\n"))?,
            Meta::History(Some(file)) => {
                std::fs::write(home(&file), self.typed.join("\n") + "\n")
                    .map_err(|error| failed(&cannot_write(&file, &error)))?;
            }
            Meta::Warnings if self.warnings.is_empty() => self.tell("There are none."),
            Meta::Warnings => self.tell_warnings(true),
            Meta::Quit => self.quit = true,
            Meta::Help => self.page(&help())?,
            Meta::SqlHelp(subject) => match sqlhelp::help(&subject) {
                Ok(text) => self.print(&text)?,
                Err(subjects) => {
                    let error = SqlError::new(ErrorKind::Invalid, format!("there is no help with {subject}"));
                    return Err(error.hint(format!("there is some with {subjects}")));
                }
            },
        }
        Ok(())
    }

    /// The statement that is typed so far, or the last one.
    fn take_statement(&mut self) -> Result<String, SqlError> {
        let typed = std::mem::take(&mut self.pending).trim().to_owned();
        let sql = if super::says_something(&typed) { typed } else { self.last.clone() };
        if sql.is_empty() {
            return Err(SqlError::new(ErrorKind::Syntax, "there is no statement to run").hint("type one before it"));
        }
        Ok(sql)
    }

    fn connected(&self) -> String {
        format!("The tables are those of {}. \\l tells how they are.", self.backend.place())
    }

    /// Runs a statement again and again.
    fn watch(&mut self, sql: &str, every: Every) {
        let interrupt = self.interrupt.fresh();
        let mut times = 0;
        loop {
            let now =
                jiff::Timestamp::try_from(SystemTime::now()).map_or_else(|_| String::new(), |now| format!("{now:.0}"));
            let mut title = format!("{now} (every {}s)\n\n", every.wait.as_secs_f64());
            if self.at_terminal && self.target.is_none() && io::IsTerminal::is_terminal(&io::stdout()) {
                // From the top, so that what changes is seen in its place.
                title.insert_str(0, "\x1b[H\x1b[2J");
            }
            let pager = std::mem::replace(&mut self.settings.pager, settings::Pager::Off);
            let outcome = self.statement(sql, &Way { title: Some(title), ..Way::default() });
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

    /// Lets the statement, the last one, or a file be edited; what ends is run, the rest can be typed on.
    fn edit(&mut self, file: Option<&str>) -> Result<(), SqlError> {
        self.drafts += 1;
        let (path, remove) = match file {
            Some(file) => (home(file), Remove(None)),
            None => {
                let path = paths::draft(self.drafts);
                let sql = if self.pending.trim().is_empty() && !self.last.is_empty() {
                    format!("{};", self.last)
                } else {
                    std::mem::take(&mut self.pending)
                };
                write_new(&path, sql.trim_start()).map_err(|error| failed(&Failure::Output(error)))?;
                (path.clone(), Remove(Some(path)))
            }
        };
        edited(&path)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|error| failed(&cannot_write(&path.display().to_string(), &error)))?;
        drop(remove);
        let text = text.trim_end();
        if self.at_terminal && !text.is_empty() {
            let shown = if self.colours { highlight::painted(text) } else { text.to_owned() };
            say(&format!("{}{shown}", editor::PROMPT));
            self.typed.push(text.to_owned());
        }
        self.feed(text);
        Ok(())
    }

    /// Prints a text where answers go.
    fn print(&mut self, text: &str) -> Result<(), SqlError> {
        let written = match &mut self.target {
            Some(target) => writeln!(target, "{text}"),
            None => writeln!(io::stdout().lock(), "{text}"),
        };
        written.map_err(|error| failed(&Failure::Output(error)))
    }

    /// Shows a text that may be long.
    fn page(&self, text: &str) -> Result<(), SqlError> {
        let mut screen = Screen::new(self.pager(), true, self.interrupt.fresh());
        let written = writeln!(screen, "{text}").and_then(|()| screen.finish());
        written.or_else(|error| {
            let failure = Failure::Output(error);
            if failure.is_broken_pipe() { Ok(()) } else { Err(failed(&failure)) }
        })
    }
}

/// Runs a command of the system's shell, or that shell itself.
fn system(command: &str) -> Result<(), SqlError> {
    let ran = if command.is_empty() {
        Command::new(std::env::var_os("SHELL").unwrap_or_else(|| "sh".into())).status()
    } else {
        shell(command).status()
    };
    let hint = "\\! takes a command of the system's shell";
    match ran {
        Ok(status) if status.success() || command.is_empty() => Ok(()),
        Ok(status) => Err(SqlError::new(ErrorKind::Invalid, format!("{command}: {status}")).hint(hint)),
        Err(error) => Err(SqlError::new(ErrorKind::Invalid, format!("{command}: {error}")).hint(hint)),
    }
}

/// Runs the editor that the user has chosen.
fn edited(path: &Path) -> Result<(), SqlError> {
    let chosen = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok());
    let editor = chosen.into_iter().find(|editor| !editor.trim().is_empty()).unwrap_or_else(|| "vi".to_owned());
    let mut command = shell(&format!("{editor} \"$1\""));
    command.arg("sh").arg(path);
    let hint = "VISUAL or EDITOR names an editor: export EDITOR=nano";
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(SqlError::new(ErrorKind::Invalid, format!("{editor}: {status}")).hint(hint)),
        Err(error) => Err(SqlError::new(ErrorKind::Invalid, format!("{editor}: {error}")).hint(hint)),
    }
}

/// Writes a file that did not exist before, and that others must not read.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    private::options().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// What there is to be said to the shell.
fn help() -> String {
    let mut text =
        "Statements of SQL end with a semicolon and may have several lines. Tab completes names, Ctrl-R looks in \
                    the\nhistory, Ctrl-C stops a statement or clears the line, Ctrl-O edits it in $EDITOR.\n"
            .to_owned();
    for (group, commands) in GROUPS {
        _ = write!(text, "\n{group}\n");
        for told in *commands {
            _ = writeln!(text, "  {:<28} {}", told.usage, told.what);
        }
    }
    text.trim_end().to_owned()
}
