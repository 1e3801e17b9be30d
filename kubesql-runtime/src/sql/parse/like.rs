//! `LIKE` patterns for names outside of queries, as in `SHOW ... LIKE`.

use std::fmt::Write;

use regex::{Regex, RegexBuilder};

use crate::sql::error::{ErrorKind, SqlError};

/// A compiled pattern: `%` is any text, `_` any character. Matching takes time linear in the name.
#[derive(Debug, Clone)]
pub struct LikePattern(Regex);

impl LikePattern {
    /// Compiles a pattern. `escape` makes the next character literal; SQL's default is `\`.
    ///
    /// # Errors
    /// If the pattern is so long that compiling it would take megabytes.
    pub fn new(pattern: &str, escape: Option<char>) -> Result<Self, SqlError> {
        Self::compile(pattern, escape, false)
    }

    /// Like [`LikePattern::new`], for `ILIKE`: case is ignored.
    ///
    /// # Errors
    /// As [`LikePattern::new`].
    pub fn case_insensitive(pattern: &str, escape: Option<char>) -> Result<Self, SqlError> {
        Self::compile(pattern, escape, true)
    }

    /// Returns whether the whole name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    fn compile(pattern: &str, escape: Option<char>, case_insensitive: bool) -> Result<Self, SqlError> {
        let mut expression = String::from("^");
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match c {
                // A trailing escape character is literal.
                _ if Some(c) == escape => push_literal(&mut expression, chars.next().unwrap_or(c)),
                '%' => expression.push_str(".*"),
                '_' => expression.push('.'),
                _ => push_literal(&mut expression, c),
            }
        }
        expression.push('$');
        let regex = RegexBuilder::new(&expression)
            .dot_matches_new_line(true)
            .case_insensitive(case_insensitive)
            .build()
            .map_err(|_| SqlError::new(ErrorKind::Invalid, "LIKE pattern is too long"))?;
        Ok(Self(regex))
    }
}

fn push_literal(expression: &mut String, c: char) {
    let mut buffer = [0; 4];
    _ = expression.write_str(&regex::escape(c.encode_utf8(&mut buffer)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_whole_names() {
        for (pattern, escape, name, expected) in [
            ("pods", None, "pods", true),
            ("pod", None, "pods", false),
            ("pod%", None, "pods", true),
            ("%container%", None, "initcontainers", true),
            ("p_ds", None, "pods", true),
            ("p_ds", None, "pds", false),
            ("p_d", None, "pöd", true),
            ("", None, "", true),
            ("", None, "a", false),
            ("%", None, "a\nb", true),
            ("a.c", None, "abc", false),
            ("Pods", None, "pods", false),
            (r"a\_b", Some('\\'), "a_b", true),
            (r"a\_b", Some('\\'), "axb", false),
            (r"a\_b", None, r"a\xb", true),
            ("a!%", Some('!'), "a%", true),
            ("a!%", Some('!'), "ab", false),
            (r"a\", Some('\\'), r"a\", true),
            ("a^b$", None, "a^b$", true),
        ] {
            let like = LikePattern::new(pattern, escape).expect("a pattern");
            assert_eq!(like.matches(name), expected, "{pattern} {name}");
        }
        assert!(LikePattern::case_insensitive("POD%", None).expect("a pattern").matches("pods"));
    }

    #[test]
    fn takes_linear_time() {
        let like = LikePattern::new(&"%a".repeat(200), None).expect("a pattern");
        assert!(!like.matches(&"a".repeat(100_000)[1..].replace("aaa", "aab").replace('a', "b")));
        assert!(LikePattern::new(&"_".repeat(1_000_000), None).is_err());
    }
}
