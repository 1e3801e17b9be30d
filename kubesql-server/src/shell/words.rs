//! SQL words for highlighting and completion.

/// Keywords in lower case, sorted.
pub(super) const KEYWORDS: &[&str] = &[
    "all",
    "analyze",
    "and",
    "any",
    "as",
    "asc",
    "begin",
    "between",
    "by",
    "case",
    "cast",
    "commit",
    "cross",
    "current",
    "default",
    "desc",
    "describe",
    "distinct",
    "else",
    "end",
    "escape",
    "except",
    "exists",
    "explain",
    "extract",
    "false",
    "fetch",
    "filter",
    "first",
    "following",
    "for",
    "from",
    "full",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "intersect",
    "interval",
    "is",
    "join",
    "last",
    "lateral",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "nulls",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "preceding",
    "recursive",
    "reset",
    "right",
    "rollback",
    "row",
    "rows",
    "select",
    "set",
    "show",
    "similar",
    "some",
    "table",
    "then",
    "to",
    "true",
    "unbounded",
    "union",
    "unnest",
    "use",
    "using",
    "values",
    "when",
    "where",
    "with",
    "within",
];

/// Keywords that must be quoted as column names.
const RESERVED: &[&str] = &[
    "all",
    "analyze",
    "and",
    "any",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "cross",
    "default",
    "desc",
    "distinct",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "fetch",
    "for",
    "from",
    "full",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "intersect",
    "interval",
    "is",
    "join",
    "lateral",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "right",
    "select",
    "set",
    "some",
    "table",
    "then",
    "to",
    "true",
    "union",
    "using",
    "values",
    "when",
    "where",
    "with",
];

/// Type names, highlighted and completed after `::`.
pub(super) const TYPES: &[&str] = &[
    "bigint",
    "boolean",
    "date",
    "double precision",
    "int",
    "integer",
    "interval",
    "json",
    "numeric",
    "real",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "varchar",
];

/// Whether a word is a keyword, in any case.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word.to_ascii_lowercase().as_str()).is_ok()
}

/// A name as SQL, quoted if needed.
pub(super) fn quoted(name: &str) -> String {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(&name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
        assert!(is_keyword("SELECT") && !is_keyword("pods"));
        for word in RESERVED {
            assert!(is_keyword(word), "{word}");
        }
    }

    #[test]
    fn quotes_names_if_needed() {
        for (name, expect) in [
            ("name", "name"),
            ("labels.app", "\"labels.app\""),
            ("order", "\"order\""),
            ("proxyUrl", "\"proxyUrl\""),
            ("a\"b", "\"a\"\"b\""),
            ("1st", "\"1st\""),
        ] {
            assert_eq!(quoted(name), expect);
        }
    }
}
