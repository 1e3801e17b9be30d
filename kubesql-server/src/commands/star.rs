//! Whether a statement asks for all columns: then those without values may be left out of a table.

/// Whether the outermost select has a `*` or `t.*` in its list.
///
/// By the words around the stars, since nothing here parses SQL; a wrong guess only decides whether
/// columns without any value are shown.
pub(crate) fn is_select_star(sql: &str) -> bool {
    let (mut depth, mut before) = (0_usize, Word::Other);
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let (word, len) = match c {
            c if c.is_whitespace() => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
            '-' if rest.starts_with("--") => {
                rest = rest.split_once('\n').map_or("", |(_, after)| after);
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest[2..].split_once("*/").map_or("", |(_, after)| after);
                continue;
            }
            '\'' | '"' => (Word::Other, 1 + rest[1..].find(c).map_or(rest.len() - 1, |at| at + 1)),
            '(' => {
                depth += 1;
                (Word::Other, 1)
            }
            ')' => {
                depth = depth.saturating_sub(1);
                (Word::Other, 1)
            }
            '*' if depth == 0 && before == Word::BeforeItem => return true,
            ',' | '.' => (Word::BeforeItem, 1),
            c if c.is_alphanumeric() || c == '_' => {
                let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let is_select = ["select", "distinct", "all"].iter().any(|word| rest[..len].eq_ignore_ascii_case(word));
                (if is_select { Word::BeforeItem } else { Word::Other }, len)
            }
            c => (Word::Other, c.len_utf8()),
        };
        before = word;
        rest = &rest[len..];
    }
    false
}

/// What came before a star.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    /// An item of a select list begins behind it, or the `*` of `t.*` does.
    BeforeItem,
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_that_are_columns() {
        let cases = [
            ("select * from pods", true),
            ("SELECT DISTINCT * FROM pods", true),
            ("select name, p.* from pods p", true),
            ("select -- all\n * from pods", true),
            ("select/**/* from pods", true),
            ("with x as (select 1) select * from x", true),
            ("select \"a'b\", * from pods", true),
            ("select count(*) from pods", false),
            ("select 2 * 3, a*b from pods", false),
            ("select name from (select * from pods)", false),
            ("select 'select *' from pods", false),
            ("select name from pods -- select *", false),
            ("select 'open", false),
            ("", false),
        ];
        for (sql, expected) in cases {
            assert_eq!(is_select_star(sql), expected, "{sql}");
        }
    }
}
