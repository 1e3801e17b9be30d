//! What is wanted at a place in a statement: tables, columns and of which tables, or something else.

use super::used::{Used, is_list, used};
use crate::shell::lexer::{Kind, Token, tokenize};

/// What may stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Want {
    /// Nothing that could be known: within a text or a comment.
    Nothing,
    /// The first word of a statement.
    Statement,
    /// A table, or of this schema.
    Table(Option<String>),
    /// A column, a function or a keyword.
    Expression,
    /// A column of this table or alias.
    ColumnOf(String),
    /// A key of this map: `labels['`.
    Key(String),
    /// What may follow a table: an alias, a join, a condition.
    AfterTable,
    /// One of these words.
    Words(&'static [&'static str]),
    Type,
    Setting,
    /// A value of a setting.
    Value(String),
    /// What SHOW takes.
    Show,
    /// A command of the shell, or its argument: what stands before the cursor.
    Meta(String),
}

/// What is wanted, what of it is there already, and what the statement reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) want: Want,
    /// What is typed of the name, without a quote.
    pub(super) typed: String,
    /// Where that begins, the quote included.
    pub(super) start: usize,
    pub(super) used: Vec<Used>,
    /// The names that WITH gives to queries.
    pub(super) named: Vec<String>,
}

/// Looks at the text around the cursor.
pub(super) fn context(text: &str, cursor: usize) -> Context {
    let text = &closed(text, cursor);
    let all = tokenize(text);
    let (before, open) = split(&all, cursor);
    let nothing = |want| Context { want, typed: String::new(), start: cursor, used: Vec::new(), named: Vec::new() };
    if let Some(token) = open {
        match token.kind {
            Kind::Meta => {
                let line = &text[token.start..cursor];
                let typed = line.rsplit(char::is_whitespace).next().unwrap_or_default();
                let start = cursor - typed.len();
                return Context {
                    want: Want::Meta(line.to_owned()),
                    typed: typed.to_owned(),
                    start,
                    used: Vec::new(),
                    named: Vec::new(),
                };
            }
            Kind::String => {
                let inside = &text[token.start + 1..cursor];
                return match key_of(before) {
                    Some(map) => {
                        let (used, named) = used(&all, cursor);
                        let start = token.start + 1;
                        Context { want: Want::Key(map), typed: inside.to_owned(), start, used, named }
                    }
                    None => nothing(Want::Nothing),
                };
            }
            Kind::Comment | Kind::Number => return nothing(Want::Nothing),
            _ => {}
        }
    }
    // A path of names up to the cursor: `p."labels.a`.
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
    let (used, named) = used(&all, cursor);
    let (typed, start) = path.last().cloned().unwrap_or((String::new(), cursor));
    let prefix: Vec<&str> = path[..path.len().saturating_sub(1)].iter().map(|(name, _)| name.as_str()).collect();
    let want = wanted(rest);
    let known = |name: &str| used.iter().any(|used| used.alias.eq_ignore_ascii_case(name));
    match (want, prefix.as_slice()) {
        (Want::Table(_), [..]) if !prefix.is_empty() => {
            Context { want: Want::Table(Some(prefix.join("."))), typed, start, used, named }
        }
        (Want::Expression, [table, keys @ ..]) if known(table) => {
            // `p.labels.a` is a key of a map, and one column.
            let begin = path.get(1).map_or(start, |(_, start)| *start);
            let typed = keys.iter().map(|key| format!("{key}.")).collect::<String>() + &typed;
            Context { want: Want::ColumnOf((*table).to_owned()), typed, start: begin, used, named }
        }
        (Want::Expression | Want::Setting | Want::Show, [_, ..]) => {
            let typed = prefix.iter().map(|part| format!("{part}.")).collect::<String>() + &typed;
            let want = wanted(rest);
            Context { want, typed, start: path[0].1, used, named }
        }
        (want, _) => Context { want, typed, start, used, named },
    }
}

/// The text with a quote that was opened before the cursor closed behind it: the rest is no part of the name.
fn closed(text: &str, cursor: usize) -> String {
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

/// How much of a text goes on with a name that is in quotes.
pub(super) fn name_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/'))).unwrap_or(text.len())
}

/// The tokens of the statement before the cursor that matter, and the one that the cursor is in or at the end of.
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

/// A command ends with its line, and the cursor at its end is still in it.
fn at_end_of_meta(token: &Token<'_>, cursor: usize) -> bool {
    token.kind == Kind::Meta && token.end() == cursor
}

fn is_line(token: &Token<'_>, cursor: usize) -> bool {
    token.kind == Kind::Comment && token.text.starts_with("--") && token.end() == cursor
}

/// Without what says nothing at the end.
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

/// What alone can stand behind some words.
const BEHIND: &[(&str, &[&str])] = &[
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

/// What may stand behind these tokens.
fn wanted(before: &[Token<'_>]) -> Want {
    let tokens: Vec<&Token<'_>> = before.iter().filter(|token| !token.is_trivia()).collect();
    let Some((last, rest)) = tokens.split_last() else { return Want::Statement };
    if last.is_symbol(':') && rest.last().is_some_and(|token| token.is_symbol(':')) {
        return Want::Type;
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
                Want::Value(names.join("."))
            }
            (false, Some(_)) => Want::Nothing,
            _ => Want::Setting,
        };
    }
    if first.is_keyword("use") {
        return Want::Value("search_path".to_owned());
    }
    if first.is_keyword("show") && rest.is_empty() {
        return Want::Show;
    }
    if (first.is_keyword("describe") || first.is_keyword("desc")) && rest.is_empty() {
        return Want::Table(None);
    }
    if let Some((_, words)) = BEHIND.iter().find(|(word, _)| last.is_keyword(word)) {
        return Want::Words(words);
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
        return Want::Statement;
    }
    if last.is_keyword("from") || last.is_keyword("join") {
        // `extract(day from x)` and `is distinct from x` are no lists of tables.
        return if is_list(rest) { Want::Table(None) } else { Want::Expression };
    }
    match clause(&tokens) {
        Some("from") if last.is_symbol(',') => Want::Table(None),
        Some("from") if last.identifier().is_some() || last.is_symbol(')') => Want::AfterTable,
        _ => Want::Expression,
    }
}

/// The clause that the end of these tokens is in, brackets that are closed left out.
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
    fn what_is_wanted_depends_on_what_stands_before() {
        let column_of = |table: &str| Want::ColumnOf(table.to_owned());
        let cases = [
            ("|", Want::Statement, ""),
            ("sel|", Want::Statement, "sel"),
            ("select 1; sh|", Want::Statement, "sh"),
            ("select * from |", Want::Table(None), ""),
            ("select * from po|", Want::Table(None), "po"),
            ("select * from apps.dep|", Want::Table(Some("apps".into())), "dep"),
            ("select * from \"networking.k8s.io\".|", Want::Table(Some("networking.k8s.io".into())), ""),
            ("select * from pods, no|", Want::Table(None), "no"),
            ("select * from pods p left join con|", Want::Table(None), "con"),
            ("select * from pods |", Want::AfterTable, ""),
            ("select * from pods p wh|", Want::AfterTable, "wh"),
            ("select na| from pods", Want::Expression, "na"),
            ("select p.na| from pods p", column_of("p"), "na"),
            ("select pods.\"labels.a| from pods", column_of("pods"), "labels.a"),
            ("select p.labels.a| from pods p", column_of("p"), "labels.a"),
            ("select labels.a| from pods", Want::Expression, "labels.a"),
            ("select \"labels.a| from pods", Want::Expression, "labels.a"),
            ("select * from pods where ph|", Want::Expression, "ph"),
            ("select * from pods where phase = 'Run|", Want::Nothing, ""),
            ("select labels['ap| from pods", Want::Key("labels".into()), "ap"),
            ("select 1 -- from |", Want::Nothing, ""),
            ("select count(na| from pods", Want::Expression, "na"),
            ("select extract(day from cr| from pods", Want::Expression, "cr"),
            ("select * from (sel|", Want::Statement, "sel"),
            ("select * from pods order |", Want::Words(&["by"]), ""),
            ("select * from pods order by cr|", Want::Expression, "cr"),
            ("select x::in|", Want::Type, "in"),
            ("set kub|", Want::Setting, "kub"),
            ("set kubesql.pa|", Want::Setting, "kubesql.pa"),
            ("set search_path = ap|", Want::Value("search_path".into()), "ap"),
            ("show ta|", Want::Show, "ta"),
            ("describe po|", Want::Table(None), "po"),
            ("explain |", Want::Statement, ""),
            ("\\d po|", Want::Meta("\\d po".into()), "po"),
            ("\\ti|", Want::Meta("\\ti".into()), "\\ti"),
            ("select 1;\n\\x |", Want::Meta("\\x ".into()), ""),
        ];
        for (text, want, typed) in cases {
            let context = at(text);
            assert_eq!((context.want, context.typed.as_str()), (want, typed), "{text}");
        }
    }
}
