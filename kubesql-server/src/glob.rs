//! Shell patterns for the names of tables. They are not SQL's `LIKE`: a name may contain `_`.

use kubesql_runtime::sql::TableInfo;

/// Whether the pattern matches the table's name, or its schema and name.
pub(crate) fn matches_table(pattern: &str, table: &TableInfo) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    glob(&pattern, &table.name) || glob(&pattern, &format!("{}.{}", table.schema, table.name))
}

/// Matches a whole text: `*` is any text, `?` any character. Takes time proportional to the product of the lengths.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to continue after a mismatch: the last star takes one more character.
    let mut retry = None;
    loop {
        let (before, at) = (pattern.clone(), text.clone());
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = at.clone();
                retry = Some((pattern.clone(), at));
                if before.as_str() == "*" {
                    return true;
                }
            }
            (Some('?'), Some(_)) => {}
            (Some(want), Some(have)) if want == have => {}
            _ => {
                let Some((after, mut from)) = retry.take() else { return false };
                if from.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), from.clone());
                retry = Some((after, from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_whole_texts() {
        let cases = [
            ("pods", "pods", true),
            ("pod", "pods", false),
            ("pod*", "pods", true),
            ("*container*", "initcontainers", true),
            ("*container*", "pods", false),
            ("*s", "ingresses", true),
            ("p?ds", "pods", true),
            ("p?ds", "pds", false),
            ("*a*b*c", "xaxbxbc", true),
            ("*a*b*c", "xaxbxb", false),
            ("a*", "a", true),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
