//! Settings by name and value, as protocols send them, as the statements that change them.

/// The statement that gives a setting a value, or the value that it has at first; none where that is no name of one.
pub(super) fn statement(name: &str, value: Option<&str>) -> Option<String> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !name.split('.').all(is_word) {
        return None;
    }
    let words: Vec<String> = name.split('.').map(|word| format!("\"{}\"", word.to_ascii_lowercase())).collect();
    let value = value.map_or_else(|| "DEFAULT".to_owned(), |value| format!("'{}'", value.replace('\'', "''")));
    Some(format!("SET {} = {value}", words.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_become_statements() {
        for (name, value, expect) in [
            ("kubesql.partial", Some("on"), Some("SET \"kubesql\".\"partial\" = 'on'")),
            ("Search_Path", Some("it's"), Some("SET \"search_path\" = 'it''s'")),
            ("a", None, Some("SET \"a\" = DEFAULT")),
            ("a; drop", Some("x"), None),
            ("a.", Some("x"), None),
            ("", Some("x"), None),
        ] {
            assert_eq!(statement(name, value).as_deref(), expect, "{name}");
        }
    }
}
