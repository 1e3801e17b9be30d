//! The placeholders `?` of statements, as JDBC, ODBC and Presto have them.

use std::ops::Range;

use kubesql_runtime::sql::tokens::{TokenKind, tokenize};

/// Where the placeholders `?` of a statement are, in bytes.
pub(crate) fn question_marks(sql: &str) -> Vec<Range<usize>> {
    let tokens = tokenize(sql).into_iter();
    tokens
        .filter(|token| token.kind == TokenKind::Placeholder && token.text == "?")
        .map(|token| token.range())
        .collect()
}

/// Whether a statement has numbered placeholders: `$1`.
pub(crate) fn is_numbered(sql: &str) -> bool {
    let is_number =
        |text: &str| text.strip_prefix('$').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    tokenize(sql).iter().any(|token| token.kind == TokenKind::Placeholder && is_number(token.text))
}

/// Replaces parts of a statement, which must be in order.
pub(crate) fn replace(sql: &str, replacements: impl IntoIterator<Item = (Range<usize>, String)>) -> String {
    let (mut replaced, mut end) = (String::with_capacity(sql.len() + 16), 0);
    for (range, text) in replacements {
        replaced.push_str(&sql[end..range.start]);
        replaced.push_str(&text);
        end = range.end;
    }
    replaced.push_str(&sql[end..]);
    replaced
}

/// Replaces all placeholders `?` by `$1`, `$2` and so on.
pub(crate) fn number(sql: &str) -> String {
    let numbered = (1..).zip(question_marks(sql)).map(|(number, range)| (range, format!("${number}")));
    replace(sql, numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_placeholders_outside_of_strings_and_comments() {
        for (sql, expect) in [
            ("select 1", "select 1"),
            ("select ? + ?, '?', \"?\" -- ?\n, ?", "select $1 + $2, '?', \"?\" -- ?\n, $3"),
            ("select 'it''s ?' /* ? /* ? */ ? */ || ?", "select 'it''s ?' /* ? /* ? */ ? */ || $1"),
            ("select $$ ? $$, $a$ ? $a$, ?", "select $$ ? $$, $a$ ? $a$, $1"),
            ("select ü, ? from 'open ?", "select ü, $1 from 'open ?"),
            ("?'?", "$1'?"),
            ("", ""),
        ] {
            assert_eq!(number(sql), expect, "{sql}");
        }
        assert!(is_numbered("select $1, j ? 'a'") && !is_numbered("select '$1', ?, $$ $1 $$, $name"));
    }
}
