//! The line editor, based on reedline: prompt, keys, completion menu and history.

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use nu_ansi_term::{Color, Style};
use parking_lot::{Mutex, RwLock};
use reedline::{
    ColumnarMenu, DefaultHinter, EditCommand, Emacs, InputMode, KeyCode, KeyModifiers, MenuBuilder, Prompt,
    PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus, Reedline, ReedlineEvent, ReedlineMenu,
    ValidationResult, Validator, default_emacs_keybindings,
};

use super::complete::{Knowledge, NameCompleter};
use super::highlight::SyntaxHighlighter;
use super::history::InputHistory;
use super::input::{Open, open};

/// The name of the completion menu.
const MENU: &str = "names";

/// Opens a statement in the user's editor; reedline appends the path of the file.
const EDITOR: &str = "exec ${VISUAL:-${EDITOR:-vi}} \"$@\"";

/// The prompt character of continuation lines. The validator sets it.
type Mark = Arc<Mutex<char>>;

/// Creates the line editor and its prompt.
pub(super) fn editor(
    history: InputHistory,
    knowledge: Arc<RwLock<Knowledge>>,
    colours: bool,
    draft: PathBuf,
) -> (Reedline, Box<dyn Prompt>) {
    let mark: Mark = Arc::new(Mutex::new(Open::Statement.mark()));
    let menu = ColumnarMenu::default()
        .with_name(MENU)
        .with_columns(6)
        .with_column_padding(2)
        .with_marker("")
        .with_input_mode(InputMode::FullBuffer)
        .with_word_chars("_.\"-/'\\")
        .with_text_style(Style::new())
        .with_selected_text_style(Style::new().reverse())
        .with_description_text_style(Style::new().fg(Color::DarkGray));
    let mut keys = default_emacs_keybindings();
    let tab = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, tab);
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('o'), ReedlineEvent::OpenEditor);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Char('e'), ReedlineEvent::OpenEditor);
    let mut command = Command::new("sh");
    command.args(["-c", EDITOR, "sh"]);
    let editor = Reedline::create()
        .with_history(Box::new(history))
        .with_history_exclusion_prefix(Some(" ".to_owned()))
        .with_completer(Box::new(NameCompleter(knowledge)))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_validator(Box::new(InputValidator(Arc::clone(&mark))))
        .with_highlighter(Box::new(SyntaxHighlighter))
        .with_hinter(Box::new(DefaultHinter::default().with_style(Style::new().fg(Color::DarkGray))))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_buffer_editor(command, draft)
        .use_bracketed_paste(true)
        .with_ansi_colors(colours);
    (editor, Box::new(ShellPrompt(mark)))
}

/// Replaces the text of the line.
pub(super) fn prefill(editor: &mut Reedline, text: &str) {
    editor.run_edit_commands(&[EditCommand::Clear, EditCommand::InsertString(text.to_owned())]);
}

/// Decides whether Enter runs the input.
struct InputValidator(Mark);

impl Validator for InputValidator {
    fn validate(&self, line: &str) -> ValidationResult {
        let open = open(line);
        *self.0.lock() = open.mark();
        if open == Open::No { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}

/// The prompt `kubesql=> `, in the style of psql.
struct ShellPrompt(Mark);

/// The prompt without a line editor.
pub(super) const PROMPT: &str = "kubesql=> ";

/// The prompt of a continuation line.
pub(super) fn continued(mark: char) -> String {
    format!("kubesql{mark}> ")
}

impl Prompt for ShellPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(PROMPT)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Owned(continued(*self.0.lock()))
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failing = if matches!(search.status, PromptHistorySearchStatus::Failing) { "failing " } else { "" };
        Cow::Owned(format!("({failing}search '{}') ", search.term))
    }

    fn get_prompt_color(&self) -> Color {
        Color::Default
    }

    fn get_prompt_multiline_color(&self) -> Color {
        Color::Default
    }

    fn get_indicator_color(&self) -> Color {
        Color::Default
    }
}
