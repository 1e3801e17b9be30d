//! The placeholders `?` of JDBC drivers, which the engine knows as `$1`, `$2`.

use std::borrow::Cow;

use crate::placeholders::{is_numbered, question_marks, replace};

/// Numbers the placeholders of a statement. `??` is the operator `?`. A statement with numbered placeholders is returned
/// as it is.
pub(super) fn number(sql: &str) -> Cow<'_, str> {
    if !sql.contains('?') || is_numbered(sql) {
        return sql.into();
    }
    let (mut replacements, mut count) = (Vec::new(), 0);
    let mut marks = question_marks(sql).into_iter().peekable();
    while let Some(mark) = marks.next() {
        match marks.next_if(|next| next.start == mark.end) {
            Some(second) => replacements.push((mark.start..second.end, "?".to_owned())),
            None => {
                count += 1;
                replacements.push((mark, format!("${count}")));
            }
        }
    }
    replace(sql, replacements).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_placeholders_and_unescapes_operators() {
        for (sql, expect) in [
            ("select 1", "select 1"),
            ("select ? + ?, '?' -- ?\n, ?", "select $1 + $2, '?' -- ?\n, $3"),
            ("select $1, j ? 'a'", "select $1, j ? 'a'"),
            ("select a ?? 'b', ?", "select a ? 'b', $1"),
        ] {
            assert_eq!(number(sql), expect, "{sql}");
        }
    }
}
