//! Parameters as JDBC's users write them, `?`, made the `$1`, `$2` that statements have.

use std::borrow::Cow;

/// The statement with its parameters numbered. One that has numbered ones already is left as it is; `??` is a `?`.
pub(super) fn numbered(sql: &str) -> Cow<'_, str> {
    if !sql.contains('?') {
        return sql.into();
    }
    let (mut out, mut rest, mut count) = (String::with_capacity(sql.len() + 16), sql, 0_u32);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '?' if rest.starts_with("??") => {
                out.push('?');
                rest = &rest[2..];
                continue;
            }
            '?' => {
                count += 1;
                out.push_str(&format!("${count}"));
                rest = &rest[1..];
                continue;
            }
            '\'' | '"' => behind(rest, 1, rest.get(..1).unwrap_or_default()),
            '-' if rest.starts_with("--") => behind(rest, 2, "\n"),
            '/' if rest.starts_with("/*") => behind(rest, 2, "*/"),
            '$' => match tag(rest) {
                Some(tag) => behind(rest, tag.len(), tag),
                None if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => return sql.into(),
                None => 1,
            },
            other => other.len_utf8(),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out.into()
}

/// Where what began with so many bytes ends: behind the next of these, or with the text.
fn behind(text: &str, from: usize, end: &str) -> usize {
    text[from..].find(end).map_or(text.len(), |at| from + at + end.len())
}

/// The sign that a text in dollars begins with, `$$` or `$name$`.
fn tag(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 1;
    let name = &text[1..end];
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_numeric());
    is_name.then(|| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_where_they_are_any() {
        for (sql, expect) in [
            ("select 1", "select 1"),
            ("select ? + ?, '?', \"?\" -- ?\n, ?", "select $1 + $2, '?', \"?\" -- ?\n, $3"),
            ("select 'it''s ?' /* ? */ || ?", "select 'it''s ?' /* ? */ || $1"),
            ("select $$ ? $$, $a$ ? $a$, ?", "select $$ ? $$, $a$ ? $a$, $1"),
            ("select $1, j ? 'a'", "select $1, j ? 'a'"),
            ("select a ?? 'b', ?", "select a ? 'b', $1"),
            ("select ü, ? from 'open ?", "select ü, $1 from 'open ?"),
        ] {
            assert_eq!(numbered(sql), expect, "{sql}");
        }
    }
}
