//! Paths of fields, and JSONPaths of printer columns.

use std::borrow::Cow;

/// Joins the words of a path by dots. A dot within a word is escaped by a backslash.
pub fn dotted<S: AsRef<str>>(words: &[S]) -> String {
    let mut path = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            path.push('.');
        }
        let word = word.as_ref();
        if word.contains('.') { path.push_str(&word.replace('.', "\\.")) } else { path.push_str(word) }
    }
    path
}

/// Joins the words of a path by slashes. Slashes and tildes within a word are escaped as in a JSON pointer.
pub fn slashed<S: AsRef<str>>(words: &[S]) -> String {
    let escaped = words.iter().map(|word| word.as_ref().replace('~', "~0").replace('/', "~1"));
    escaped.collect::<Vec<_>>().join("/")
}

/// Splits a path with slashes into words.
pub fn split(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    path.split('/').filter(|word| !word.is_empty()).map(|word| {
        if word.contains('~') { Cow::Owned(word.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(word) }
    })
}

/// A step of a printer column's JSONPath.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A field of an object, or a key of a map.
    Field(String),
    /// The item at a position of a list; a negative position counts from the end.
    Index(i64),
    /// All items of a list.
    Each,
    /// The items whose field at a path equals a text; if the flag is false, the items whose field differs.
    Where(Vec<String>, bool, String),
}

/// Parses a JSONPath of a printer column: `.status.conditions[?(@.type=="Ready")].status`.
///
/// `None` if it has anything but fields, positions, and comparisons of a field with a text.
#[must_use]
pub fn steps(path: &str) -> Option<Vec<Step>> {
    let path = path.trim();
    let path = path.strip_prefix('{').and_then(|path| path.strip_suffix('}')).unwrap_or(path);
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let step;
        (step, rest) = match rest.strip_prefix('[') {
            Some(inside) => {
                let end = closing(inside)?;
                (bracket(inside[..end].trim())?, &inside[end + 1..])
            }
            None => {
                let (word, rest) = word(rest.strip_prefix('.').or_else(|| steps.is_empty().then_some(rest))?);
                (if word == "*" { Step::Each } else { Step::Field(word) }, rest)
            }
        };
        if matches!(&step, Step::Field(word) if word.is_empty()) {
            return None;
        }
        steps.push(step);
    }
    (!steps.is_empty()).then_some(steps)
}

/// The first word, and the rest of the path.
fn word(path: &str) -> (String, &str) {
    let mut word = String::new();
    let mut chars = path.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => word.extend(chars.next().map(|(_, escaped)| escaped)),
            '.' | '[' => return (word, &path[at..]),
            _ => word.push(char),
        }
    }
    (word, "")
}

/// The position of the closing bracket.
fn closing(inside: &str) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0;
    for (at, char) in inside.char_indices() {
        match (quote, char) {
            (Some(open), _) if char == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(char),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

fn bracket(inside: &str) -> Option<Step> {
    if inside == "*" {
        return Some(Step::Each);
    }
    if let Some(key) = quoted(inside) {
        return Some(Step::Field(key.to_owned()));
    }
    if let Some(condition) = inside.strip_prefix("?(").and_then(|rest| rest.strip_suffix(')')) {
        let (field, equal, text) = match (condition.split_once("=="), condition.split_once("!=")) {
            (Some((field, text)), _) => (field, true, text),
            (None, Some((field, text))) => (field, false, text),
            (None, None) => return None,
        };
        let field = steps(field.trim().strip_prefix('@')?)?;
        let field = field.into_iter().map(|step| if let Step::Field(word) = step { Some(word) } else { None });
        let text = text.trim();
        return Some(Step::Where(field.collect::<Option<_>>()?, equal, quoted(text).unwrap_or(text).to_owned()));
    }
    // The last item can also be written as a slice.
    let number = inside.strip_suffix(':').unwrap_or(inside);
    number.parse().ok().filter(|number| *number == -1 || !inside.ends_with(':')).map(Step::Index)
}

fn quoted(text: &str) -> Option<&str> {
    let of = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    of('"').or_else(|| of('\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_escaped_in_paths() {
        let words = ["a.b", "c/d", "~e", "plain", "$ref"];
        assert_eq!(dotted(&words), r"a\.b.c/d.~e.plain.$ref");
        assert_eq!(split(&slashed(&words)).collect::<Vec<_>>(), words);
        assert_eq!(split("").count(), 0);
    }

    #[test]
    fn json_paths_are_parsed() {
        let field = |word: &str| Step::Field(word.to_owned());
        let ready = |equal| Step::Where(vec!["type".to_owned()], equal, "Ready".to_owned());
        let cases = [
            (".spec.replicas", Some(vec![field("spec"), field("replicas")])),
            ("{.spec}", Some(vec![field("spec")])),
            ("spec.x", Some(vec![field("spec"), field("x")])),
            (
                r".metadata.labels.app\.example\.com/name",
                Some(vec![field("metadata"), field("labels"), field("app.example.com/name")]),
            ),
            (".metadata.labels['a.b']", Some(vec![field("metadata"), field("labels"), field("a.b")])),
            (".c[?(@.type==\"Ready\")].status", Some(vec![field("c"), ready(true), field("status")])),
            (".c[?(@.type == 'Ready')].status", Some(vec![field("c"), ready(true), field("status")])),
            (".c[?(@.type!=\"Ready\")]", Some(vec![field("c"), ready(false)])),
            (".c[0].x", Some(vec![field("c"), Step::Index(0), field("x")])),
            (".c[-1:].x", Some(vec![field("c"), Step::Index(-1), field("x")])),
            (".c[*].x", Some(vec![field("c"), Step::Each, field("x")])),
            (".c[1:3]", None),
            (".c[?(@.n>3)]", None),
            ("..name", None),
            (".c[", None),
            ("", None),
        ];
        for (path, expected) in cases {
            assert_eq!(steps(path), expected, "{path}");
        }
    }
}
