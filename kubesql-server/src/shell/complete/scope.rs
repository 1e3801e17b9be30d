//! Finds the tables of an incomplete statement, for the completion of columns.

use crate::shell::lexer::{Kind, Token};
use crate::shell::words::is_keyword;

/// A table in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableRef {
    /// The name without quotes: `pods`, `networking.k8s.io.ingresses`; empty for a subquery.
    pub(super) table: String,
    /// The qualifier of its columns.
    pub(super) alias: String,
    /// The output columns of a subquery.
    pub(super) columns: Vec<String>,
}

/// The tables in scope at the cursor, those of the innermost query first, and the names of common table expressions.
pub(super) fn tables_in_scope(all: &[Token<'_>], cursor: usize) -> (Vec<TableRef>, Vec<String>) {
    let begin =
        all.iter().rposition(|token| token.kind == Kind::Semicolon && token.end() <= cursor).map_or(0, |at| at + 1);
    let end = all.iter().position(|token| token.kind == Kind::Semicolon && token.start >= cursor).unwrap_or(all.len());
    let tokens: Vec<&Token<'_>> =
        all.get(begin..end.max(begin)).unwrap_or_default().iter().filter(|token| !token.is_trivia()).collect();
    // The tokens after each open bracket, the innermost last.
    let mut around = vec![0];
    for (at, token) in tokens.iter().enumerate().take_while(|(_, token)| token.start < cursor) {
        if token.is_symbol('(') {
            around.push(at + 1);
        } else if token.is_symbol(')') && around.len() > 1 {
            around.pop();
        }
    }
    let mut found: Vec<TableRef> = Vec::new();
    for from in around.into_iter().rev() {
        let is_query = tokens
            .get(from)
            .is_some_and(|token| token.is_keyword("select") || token.is_keyword("with") || token.is_keyword("explain"));
        if from == 0 || is_query {
            for table in of_query(&tokens[from..]) {
                if !found.iter().any(|known| known.alias == table.alias) {
                    found.push(table);
                }
            }
        }
    }
    let with = with(&tokens);
    for table in &mut found {
        if let Some((_, columns)) = with.iter().find(|(name, _)| *name == table.table) {
            table.columns.clone_from(columns);
        }
    }
    (found, with.into_iter().map(|(name, _)| name).collect())
}

/// The common table expressions with their output columns.
fn with(tokens: &[&Token<'_>]) -> Vec<(String, Vec<String>)> {
    if !tokens.iter().any(|token| token.is_keyword("with")) {
        return Vec::new();
    }
    let begins =
        tokens.windows(3).enumerate().filter(|(_, three)| three[1].is_keyword("as") && three[2].is_symbol('('));
    let named = begins.filter_map(|(at, three)| {
        let close = closing(tokens, at + 2);
        Some((three[0].identifier()?, outputs(&tokens[at + 3..close.max(at + 3)])))
    });
    named.collect()
}

/// The tables of one query, up to its closing bracket.
fn of_query(tokens: &[&Token<'_>]) -> Vec<TableRef> {
    let mut found = Vec::new();
    let (mut at, mut in_list) = (0, false);
    while let Some(token) = tokens.get(at) {
        if token.is_symbol(')') {
            break;
        }
        let begins = (token.is_keyword("from") && is_list(&tokens[..at])) || token.is_keyword("join");
        if token.is_symbol('(') && !in_list {
            at = closing(tokens, at) + 1;
            continue;
        }
        if begins || (in_list && token.is_symbol(',')) {
            in_list = true;
            let (table, next) = table(tokens, at + 1);
            found.extend(table);
            at = next.max(at + 1);
            continue;
        }
        if ["where", "group", "order", "having", "limit", "union", "on", "select", "using"]
            .iter()
            .any(|word| token.is_keyword(word))
        {
            in_list = false;
        }
        at += 1;
    }
    found
}

/// A table or subquery with its alias, and the index after it.
fn table(tokens: &[&Token<'_>], mut at: usize) -> (Option<TableRef>, usize) {
    let mut table = String::new();
    let mut columns = Vec::new();
    while tokens.get(at).is_some_and(|token| token.is_keyword("lateral")) {
        at += 1;
    }
    if tokens.get(at).is_some_and(|token| token.is_symbol('(')) {
        let close = closing(tokens, at);
        columns = outputs(&tokens[at + 1..close.min(tokens.len())]);
        at = close + 1;
    } else {
        let mut parts = Vec::new();
        while let Some(name) = tokens.get(at).and_then(|token| token.identifier()) {
            if is_keyword(tokens[at].text) {
                break;
            }
            parts.push(name);
            at += 1;
            if !tokens.get(at).is_some_and(|token| token.is_symbol('.')) {
                break;
            }
            at += 1;
        }
        if parts.is_empty() {
            return (None, at);
        }
        table = parts.join(".");
        // A table function.
        if tokens.get(at).is_some_and(|token| token.is_symbol('(')) {
            at = closing(tokens, at) + 1;
            table.clear();
        }
    }
    if tokens.get(at).is_some_and(|token| token.is_keyword("as")) {
        at += 1;
    }
    let alias = tokens.get(at).filter(|token| token.kind == Kind::QuotedIdentifier || !is_keyword(token.text));
    let alias = match alias.and_then(|token| token.identifier()) {
        Some(alias) => {
            at += 1;
            alias
        }
        None => table.rsplit('.').next().unwrap_or_default().to_owned(),
    };
    let is_something = !table.is_empty() || !columns.is_empty();
    (is_something.then_some(TableRef { table, alias, columns }), at)
}

/// The index of the matching bracket.
fn closing(tokens: &[&Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is_symbol('(') {
            depth += 1;
        } else if token.is_symbol(')') {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len()
}

/// The output column names of a query.
fn outputs(tokens: &[&Token<'_>]) -> Vec<String> {
    let Some(begin) = tokens.iter().position(|token| token.is_keyword("select")) else { return Vec::new() };
    let mut names = Vec::new();
    let (mut depth, mut last) = (0_usize, None);
    for token in &tokens[begin + 1..] {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && (token.is_keyword("from") || token.is_keyword("union")) {
            break;
        }
        if depth == 0 && token.is_symbol(',') {
            names.extend(last.take());
        } else {
            last = token.identifier().filter(|_| depth == 0);
        }
    }
    names.extend(last);
    names
}

/// Whether FROM at this point begins a list of tables.
pub(super) fn is_list(before: &[&Token<'_>]) -> bool {
    let open = before.iter().rposition(|token| token.is_symbol('('));
    let in_call = open
        .and_then(|at| at.checked_sub(1))
        .is_some_and(|at| ["extract", "trim", "substring", "overlay"].iter().any(|name| before[at].is_keyword(name)));
    let is_open = open.is_some_and(|at| !before[at..].iter().any(|token| token.is_symbol(')')));
    let [.., is, distinct] = before else { return !(in_call && is_open) };
    !(in_call && is_open || is.is_keyword("is") && distinct.is_keyword("distinct"))
}

#[cfg(test)]
mod tests {
    use super::super::context::{Context, context};

    /// The context at the mark `|`.
    fn at(text: &str) -> Context {
        let cursor = text.find('|').expect("a cursor");
        context(&text.replace('|', ""), cursor)
    }

    #[test]
    fn finds_tables_of_a_statement() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("select | from pods", &[("pods", "pods")]),
            (
                "select | from pods as p, \"apps\".deployments d where x = 1",
                &[("pods", "p"), ("apps.deployments", "d")],
            ),
            (
                "select | from pods p left join nodes n on n.name = p.nodename join containers using (uid)",
                &[("pods", "p"), ("nodes", "n"), ("containers", "containers")],
            ),
            ("select 1 from nodes; select | from pods; select 1 from jobs", &[("pods", "pods")]),
            ("select * from pods p where exists (select 1 from nodes n where |)", &[("nodes", "n"), ("pods", "p")]),
            ("select (select 1 from jobs), | from pods", &[("pods", "pods")]),
            ("select | from generate_series(1, 3) g, pods", &[("pods", "pods")]),
            ("select extract(day from x), | from pods", &[("pods", "pods")]),
        ];
        for (text, expect) in cases {
            let tables = at(text).tables;
            let found: Vec<_> = tables.iter().map(|table| (table.table.as_str(), table.alias.as_str())).collect();
            assert_eq!(found, *expect, "{text}");
        }
    }

    #[test]
    fn finds_columns_of_subqueries() {
        let text = "select | from (select p.name, count(*) as n, \"labels.app\" from pods p group by 1) t";
        assert_eq!(at(text).tables[0].columns, ["name", "n", "labels.app"]);
        let context = at("with busy as (select nodename, count(*) n from pods group by 1) select | from busy");
        assert_eq!(context.tables[0].columns, ["nodename", "n"]);
        assert_eq!(context.ctes, ["busy"]);
    }
}
