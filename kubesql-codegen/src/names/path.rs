//! Paths: of fields, as names and definitions write them, and of what `kubectl get` prints.

use std::borrow::Cow;

/// Words of a path joined by dots; a dot that is part of a word has a backslash in front.
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

/// Words of a path joined by slashes; a slash or tilde that is part of a word is written as in a JSON pointer.
pub fn slashed<S: AsRef<str>>(words: &[S]) -> String {
    let escaped = words.iter().map(|word| word.as_ref().replace('~', "~0").replace('/', "~1"));
    escaped.collect::<Vec<_>>().join("/")
}

/// The words of a path with slashes.
pub fn split(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    path.split('/').filter(|word| !word.is_empty()).map(|word| {
        if word.contains('~') { Cow::Owned(word.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(word) }
    })
}

/// One step of the path of what `kubectl get` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A field of an object, or a key of a map.
    Field(String),
    /// The item at a position of a list; from the end where it is negative.
    Index(i64),
    /// Each item of a list.
    Each,
    /// The items whose field, at this path, is this text; or is another one.
    Where(Vec<String>, bool, String),
}

/// The steps of a JSONPath as printer columns have it: `.status.conditions[?(@.type=="Ready")].status`.
///
/// `None` where it is not of fields, positions, and comparisons of a field with a text alone.
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

/// The word at the front, up to the next step.
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

/// Where the bracket that is open closes.
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
    // The last item is also written as a slice.
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
    fn words_survive_paths() {
        let words = ["a.b", "c/d", "~e", "plain", "$ref"];
        assert_eq!(dotted(&words), r"a\.b.c/d.~e.plain.$ref");
        assert_eq!(split(&slashed(&words)).collect::<Vec<_>>(), words);
        assert_eq!(split("").count(), 0);
    }

    #[test]
    fn printed_paths_are_read() {
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
