//! The interactive shell.

use std::sync::Arc;

use parking_lot::RwLock;
use reedline::{Reedline, Signal};

use super::complete::Knowledge;
use super::complete::catalog::Catalog;
use super::editor::{editor, prefill};
use super::history::InputHistory;
use super::{Shell, paths};
use crate::args::ShellArgs;
use crate::commands::query::say;
use crate::failure::Failure;

impl Shell<'_> {
    /// Reads and runs input until the shell ends.
    pub(super) fn interactive(&mut self, args: &ShellArgs) -> Result<(), Failure> {
        let knowledge = Arc::new(RwLock::new(Knowledge {
            catalog: Catalog::new(Arc::clone(&self.backend), self.runtime.handle().clone()),
            contexts: args.sources.known_contexts(),
            variables: Vec::new(),
        }));
        self.knowledge = Some(Arc::clone(&knowledge));
        if let (Some(path), false) = (paths::start_file(), args.no_start_file) {
            self.include(&path.to_string_lossy());
        }
        if self.quit {
            return Ok(());
        }
        say(&format!("kubesql {}, {}. Type \"help\" for help.\n", env!("CARGO_PKG_VERSION"), self.backend.place()));
        if std::env::var("TERM").is_ok_and(|term| term == "dumb") {
            return self.piped(std::io::stdin().lock());
        }
        let history = self.history();
        self.typed = history.entries().to_vec();
        let draft = paths::draft(0);
        let (mut editor, prompt) = editor(history, knowledge, self.colours, draft.clone());
        while !self.quit {
            if !self.pending.is_empty() {
                prefill(&mut editor, std::mem::take(&mut self.pending).trim_start());
            }
            match editor.read_line(&*prompt) {
                Ok(Signal::Success(input)) => self.typed(&input, &mut editor),
                Ok(Signal::CtrlC) => say("^C"),
                Ok(Signal::CtrlD) => {
                    say("\\q");
                    break;
                }
                Ok(_) => {}
                Err(error) => {
                    // Some terminals do not report the cursor position.
                    say(&format!("warning: line editing is not available in this terminal: {error}"));
                    return self.piped(std::io::stdin().lock());
                }
            }
        }
        // The editor may have written this file.
        _ = std::fs::remove_file(draft);
        Ok(())
    }

    /// Runs input, and loads the columns of its tables for completion.
    fn typed(&mut self, input: &str, editor: &mut Reedline) {
        if let Some(error) = editor.take_history_save_error() {
            say(&format!("warning: could not write the history: {error}"));
        }
        if !input.trim().is_empty() && !input.starts_with(' ') {
            self.typed.push(input.trim_end().to_owned());
        }
        self.feed(input);
        if let Some(knowledge) = &self.knowledge {
            knowledge.write().variables = self.variables.keys().cloned().collect();
        }
    }

    fn history(&self) -> InputHistory {
        let Some(path) = paths::history() else { return InputHistory::default() };
        InputHistory::from_file(&path).unwrap_or_else(|error| {
            say(&format!("warning: could not open the history \"{}\": {error}", path.display()));
            InputHistory::default()
        })
    }
}
