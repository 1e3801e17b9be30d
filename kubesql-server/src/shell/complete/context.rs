//! Finds out what can be completed at the cursor.

use super::scope::{TableRef, is_list, tables_in_scope};
use crate::shell::lexer::{Kind, Token, tokenize};

/// What can be completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CompletionKind {
    /// Nothing: the cursor is in a string or comment.
    Nothing,
    /// The first word of a statement.
    Statement,
    /// A table, optionally of a schema.
    Table(Option<String>),
    /// A column, function or keyword.
    Expression,
    /// A column of this table or alias.
    ColumnOf(String),
    /// A key of this map: `labels['`.
    Key(String),
    /// What may follow a table: an alias, join or condition.
    AfterTable,
    /// One of these words.
    Words(&'static [&'static str]),
    Type,
    Setting,
    /// A value of a setting.
    Value(String),
    /// An argument of SHOW.
    Show,
    /// A backslash command or its argument, with the line before the cursor.
    Meta(String),
}

/// What can be completed at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) kind: CompletionKind,
    /// The typed part of the name, without a quote.
    pub(super) typed: String,
    /// Where the typed part starts, including the quote.
    pub(super) start: usize,
    pub(super) tables: Vec<TableRef>,
    /// Names of common table expressions.
    pub(super) ctes: Vec<String>,
}

/// Analyses the text around the cursor.
pub(super) fn context(text: &str, cursor: usize) -> Context {
    let text = &close_quote(text, cursor);
    let all = tokenize(text);
    let (before, open) = split(&all, cursor);
    let nothing = |kind| Context { kind, typed: String::new(), start: cursor, tables: Vec::new(), ctes: Vec::new() };
    if let Some(token) = open {
        match token.kind {
            Kind::Meta => {
                let line = &text[token.start..cursor];
                let typed = line.rsplit(char::is_whitespace).next().unwrap_or_default();
                let start = cursor - typed.len();
                return Context {
                    kind: CompletionKind::Meta(line.to_owned()),
                    typed: typed.to_owned(),
                    start,
                    tables: Vec::new(),
                    ctes: Vec::new(),
                };
            }
            Kind::String => {
                let inside = &text[token.start + 1..cursor];
                return match key_of(before) {
                    Some(map) => {
                        let (tables, ctes) = tables_in_scope(&all, cursor);
                        let start = token.start + 1;
                        Context { kind: CompletionKind::Key(map), typed: inside.to_owned(), start, tables, ctes }
                    }
                    None => nothing(CompletionKind::Nothing),
                };
            }
            Kind::Comment | Kind::Number => return nothing(CompletionKind::Nothing),
            _ => {}
        }
    }
    // The path before the cursor: `p."labels.a`.
    let mut path: Vec<(String, usize)> = Vec::new();
    let mut rest = before;
    if let Some(token) = open {
        path.push((name_up_to(&token, cursor), token.start));
    }
    while let Some((dot, more)) = rest.split_last().filter(|(dot, _)| dot.is_symbol('.')) {
        if path.is_empty() {
            path.push((String::new(), dot.end()));
        }
        let Some((name, start)) = more.last().and_then(|token| Some((token.identifier()?, token.start))) else { break };
        path.insert(0, (name, start));
        rest = &more[..more.len() - 1];
    }
    let (tables, ctes) = tables_in_scope(&all, cursor);
    let (typed, start) = path.last().cloned().unwrap_or((String::new(), cursor));
    let prefix: Vec<&str> = path[..path.len().saturating_sub(1)].iter().map(|(name, _)| name.as_str()).collect();
    let kind = kind_after(rest);
    let known = |name: &str| tables.iter().any(|table| table.alias.eq_ignore_ascii_case(name));
    match (kind, prefix.as_slice()) {
        (CompletionKind::Table(_), [..]) if !prefix.is_empty() => {
            Context { kind: CompletionKind::Table(Some(prefix.join("."))), typed, start, tables, ctes }
        }
        (CompletionKind::Expression, [table, keys @ ..]) if known(table) => {
            // `p.labels.a` is one column: a key of a map.
            let begin = path.get(1).map_or(start, |(_, start)| *start);
            let typed = keys.iter().map(|key| format!("{key}.")).collect::<String>() + &typed;
            Context { kind: CompletionKind::ColumnOf((*table).to_owned()), typed, start: begin, tables, ctes }
        }
        (CompletionKind::Expression | CompletionKind::Setting | CompletionKind::Show, [_, ..]) => {
            let typed = prefix.iter().map(|part| format!("{part}.")).collect::<String>() + &typed;
            let kind = kind_after(rest);
            Context { kind, typed, start: path[0].1, tables, ctes }
        }
        (kind, _) => Context { kind, typed, start, tables, ctes },
    }
}

/// Closes a quote that is open at the cursor, so that the following text is not part of the name.
fn close_quote(text: &str, cursor: usize) -> String {
    let quote = match tokenize(&text[..cursor]).last() {
        Some(token) if !token.terminated && token.kind == Kind::QuotedIdentifier => "\"",
        Some(token) if !token.terminated && token.kind == Kind::String && token.text.starts_with('\'') => "'",
        _ => return text.to_owned(),
    };
    let end = cursor + name_length(&text[cursor..]);
    let has_quote = text[end..].starts_with(quote);
    let mut closed = text.to_owned();
    if !has_quote {
        closed.insert_str(end, quote);
    }
    closed
}

/// The length of the quoted name that continues here.
pub(super) fn name_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/'))).unwrap_or(text.len())
}

/// The tokens of the statement before the cursor, and the token at the cursor.
fn split<'t, 'a>(all: &'t [Token<'a>], cursor: usize) -> (&'t [Token<'a>], Option<Token<'a>>) {
    let until = all.iter().take_while(|token| token.start < cursor).count();
    let begin = all[..until]
        .iter()
        .rposition(|token| {
            matches!(token.kind, Kind::Semicolon | Kind::Meta)
                && token.end() <= cursor
                && !at_end_of_meta(token, cursor)
        })
        .map_or(0, |at| at + 1);
    let before = &all[begin..until];
    match before.split_last() {
        Some((last, rest)) => {
            let inside = match last.kind {
                Kind::Word | Kind::Number | Kind::Meta => last.end() >= cursor,
                Kind::QuotedIdentifier | Kind::String | Kind::Comment => {
                    last.end() > cursor || !last.terminated || is_line(last, cursor)
                }
                _ => false,
            };
            if inside { (trimmed(rest), Some(*last)) } else { (trimmed(before), None) }
        }
        None => (&[], None),
    }
}

/// A command extends to the end of its line, and the cursor there is still in it.
fn at_end_of_meta(token: &Token<'_>, cursor: usize) -> bool {
    token.kind == Kind::Meta && token.end() == cursor
}

fn is_line(token: &Token<'_>, cursor: usize) -> bool {
    token.kind == Kind::Comment && token.text.starts_with("--") && token.end() == cursor
}

/// Without trailing white space and comments.
fn trimmed<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let end = tokens.iter().rposition(|token| !token.is_trivia()).map_or(0, |at| at + 1);
    &tokens[..end]
}

fn name_up_to(token: &Token<'_>, cursor: usize) -> String {
    let text = &token.text[..cursor.saturating_sub(token.start).min(token.text.len())];
    text.strip_prefix('"').map_or_else(|| text.to_owned(), |inner| inner.replace("\"\"", "\""))
}

/// The map before `['`.
fn key_of(before: &[Token<'_>]) -> Option<String> {
    let (bracket, rest) = before.split_last()?;
    if !bracket.is_symbol('[') {
        return None;
    }
    rest.last()?.identifier()
}

/// Words that must follow other words.
const REQUIRED_AFTER: &[(&str, &[&str])] = &[
    ("group", &["by"]),
    ("order", &["by"]),
    ("partition", &["by"]),
    ("is", &["null", "not null", "true", "false", "distinct from", "not distinct from"]),
    ("left", &["join", "outer join"]),
    ("right", &["join", "outer join"]),
    ("full", &["join", "outer join"]),
    ("inner", &["join"]),
    ("cross", &["join"]),
    ("outer", &["join"]),
    ("nulls", &["first", "last"]),
    ("union", &["all", "select"]),
];

/// What can follow these tokens.
fn kind_after(before: &[Token<'_>]) -> CompletionKind {
    let tokens: Vec<&Token<'_>> = before.iter().filter(|token| !token.is_trivia()).collect();
    let Some((last, rest)) = tokens.split_last() else { return CompletionKind::Statement };
    if last.is_symbol(':') && rest.last().is_some_and(|token| token.is_symbol(':')) {
        return CompletionKind::Type;
    }
    let first = tokens[0];
    if first.is_keyword("set") || first.is_keyword("reset") {
        let is_assigned = tokens.iter().any(|token| token.is_keyword("to") || token.is_symbol('='));
        return match (is_assigned, tokens.get(1)) {
            (true, Some(_)) => {
                let names: Vec<String> = tokens[1..]
                    .iter()
                    .take_while(|token| !token.is_keyword("to") && !token.is_symbol('='))
                    .filter_map(|token| token.identifier())
                    .collect();
                CompletionKind::Value(names.join("."))
            }
            (false, Some(_)) => CompletionKind::Nothing,
            _ => CompletionKind::Setting,
        };
    }
    if first.is_keyword("use") {
        return CompletionKind::Value("search_path".to_owned());
    }
    if first.is_keyword("show") && rest.is_empty() {
        return CompletionKind::Show;
    }
    if (first.is_keyword("describe") || first.is_keyword("desc")) && rest.is_empty() {
        return CompletionKind::Table(None);
    }
    if let Some((_, words)) = REQUIRED_AFTER.iter().find(|(word, _)| last.is_keyword(word)) {
        return CompletionKind::Words(words);
    }
    if last.is_keyword("explain")
        || last.is_keyword("analyze")
        || (last.is_symbol('(')
            && rest.last().is_some_and(|token| {
                token.is_keyword("as")
                    || token.is_keyword("from")
                    || token.is_keyword("join")
                    || token.is_keyword("exists")
                    || token.is_keyword("in")
            }))
    {
        return CompletionKind::Statement;
    }
    if last.is_keyword("from") || last.is_keyword("join") {
        // In `extract(day from x)` and `is distinct from x` no tables follow.
        return if is_list(rest) { CompletionKind::Table(None) } else { CompletionKind::Expression };
    }
    match clause(&tokens) {
        Some("from") if last.is_symbol(',') => CompletionKind::Table(None),
        Some("from") if last.identifier().is_some() || last.is_symbol(')') => CompletionKind::AfterTable,
        _ => CompletionKind::Expression,
    }
}

/// The clause at the end of these tokens; text in closed brackets is skipped.
fn clause(tokens: &[&Token<'_>]) -> Option<&'static str> {
    const CLAUSES: [&str; 10] = ["select", "from", "join", "where", "on", "by", "having", "limit", "offset", "using"];
    let mut depth = 0_usize;
    for token in tokens.iter().rev() {
        if token.is_symbol(')') {
            depth += 1;
        } else if token.is_symbol('(') {
            if depth == 0 {
                return None;
            }
            depth -= 1;
        } else if depth == 0
            && let Some(clause) = CLAUSES.iter().find(|clause| token.is_keyword(clause))
        {
            return Some(if *clause == "join" { "from" } else { clause });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The context at the mark `|`.
    fn at(text: &str) -> Context {
        let cursor = text.find('|').expect("a cursor");
        context(&text.replace('|', ""), cursor)
    }

    #[test]
    fn completion_depends_on_the_tokens_before_the_cursor() {
        let column_of = |table: &str| CompletionKind::ColumnOf(table.to_owned());
        let cases = [
            ("|", CompletionKind::Statement, ""),
            ("sel|", CompletionKind::Statement, "sel"),
            ("select 1; sh|", CompletionKind::Statement, "sh"),
            ("select * from |", CompletionKind::Table(None), ""),
            ("select * from po|", CompletionKind::Table(None), "po"),
            ("select * from apps.dep|", CompletionKind::Table(Some("apps".into())), "dep"),
            ("select * from \"networking.k8s.io\".|", CompletionKind::Table(Some("networking.k8s.io".into())), ""),
            ("select * from pods, no|", CompletionKind::Table(None), "no"),
            ("select * from pods p left join con|", CompletionKind::Table(None), "con"),
            ("select * from pods |", CompletionKind::AfterTable, ""),
            ("select * from pods p wh|", CompletionKind::AfterTable, "wh"),
            ("select na| from pods", CompletionKind::Expression, "na"),
            ("select p.na| from pods p", column_of("p"), "na"),
            ("select pods.\"labels.a| from pods", column_of("pods"), "labels.a"),
            ("select p.labels.a| from pods p", column_of("p"), "labels.a"),
            ("select labels.a| from pods", CompletionKind::Expression, "labels.a"),
            ("select \"labels.a| from pods", CompletionKind::Expression, "labels.a"),
            ("select * from pods where ph|", CompletionKind::Expression, "ph"),
            ("select * from pods where phase = 'Run|", CompletionKind::Nothing, ""),
            ("select labels['ap| from pods", CompletionKind::Key("labels".into()), "ap"),
            ("select 1 -- from |", CompletionKind::Nothing, ""),
            ("select count(na| from pods", CompletionKind::Expression, "na"),
            ("select extract(day from cr| from pods", CompletionKind::Expression, "cr"),
            ("select * from (sel|", CompletionKind::Statement, "sel"),
            ("select * from pods order |", CompletionKind::Words(&["by"]), ""),
            ("select * from pods order by cr|", CompletionKind::Expression, "cr"),
            ("select x::in|", CompletionKind::Type, "in"),
            ("set kub|", CompletionKind::Setting, "kub"),
            ("set kubesql.pa|", CompletionKind::Setting, "kubesql.pa"),
            ("set search_path = ap|", CompletionKind::Value("search_path".into()), "ap"),
            ("show ta|", CompletionKind::Show, "ta"),
            ("describe po|", CompletionKind::Table(None), "po"),
            ("explain |", CompletionKind::Statement, ""),
            ("\\d po|", CompletionKind::Meta("\\d po".into()), "po"),
            ("\\ti|", CompletionKind::Meta("\\ti".into()), "\\ti"),
            ("select 1;\n\\x |", CompletionKind::Meta("\\x ".into()), ""),
        ];
        for (text, kind, typed) in cases {
            let context = at(text);
            assert_eq!((context.kind, context.typed.as_str()), (kind, typed), "{text}");
        }
    }
}
