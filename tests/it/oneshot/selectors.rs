//! Field and label selectors, parsed as strictly as an API server does.

use serde_json::Value;

/// The reason why a selector is rejected.
#[derive(Debug)]
pub(crate) struct Unfit(pub(crate) String);

/// The selectors of a request.
#[derive(Debug, Default)]
pub(crate) struct Selectors {
    /// Path, whether the value must be equal or different, and the value.
    fields: Vec<(String, bool, String)>,
    labels: Vec<Label>,
}

#[derive(Debug)]
enum Label {
    Is(String, Vec<String>),
    Exists(String),
}

/// The fields that each kind can be selected by, beside name and namespace.
const FIELDS: [(&str, &[&str]); 3] = [
    ("pods", &["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase"]),
    (
        "events",
        &[
            "reason",
            "type",
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
        ],
    ),
    ("secrets", &["type"]),
];

impl Selectors {
    pub(crate) fn parse(plural: &str, fields: &str, labels: &str) -> Result<Self, Unfit> {
        let mut selectors = Self::default();
        for term in split(fields, true) {
            let (path, equal, value) = match term.split_once("!=") {
                Some((path, value)) => (path, false, value),
                None => match term.split_once('=') {
                    Some((path, value)) => (path, true, value.trim_start_matches('=')),
                    None => return Err(Unfit(format!("invalid field selector {term}"))),
                },
            };
            let known = FIELDS.iter().find(|(of, _)| *of == plural).map_or(&[][..], |(_, fields)| *fields);
            if !(["metadata.name", "metadata.namespace"].contains(&path) || known.contains(&path)) {
                return Err(Unfit(format!("field label not supported: {path}")));
            }
            selectors.fields.push((path.to_owned(), equal, unescaped(value)?));
        }
        for term in split(labels, false) {
            selectors.labels.push(label(term.trim())?);
        }
        Ok(selectors)
    }

    pub(crate) fn select(&self, object: &Value) -> bool {
        let field = |path: &str| {
            let value = path.split('.').fold(object, |value, name| &value[name]);
            value.as_str().unwrap_or_default()
        };
        let labels = &object["metadata"]["labels"];
        self.fields.iter().all(|(path, equal, value)| (field(path) == value) == *equal)
            && self.labels.iter().all(|label| match label {
                Label::Is(key, values) => {
                    labels[key].as_str().is_some_and(|has| values.iter().any(|value| value == has))
                }
                Label::Exists(key) => labels[key].is_string(),
            })
    }
}

/// Splits at commas outside of parentheses; in field selectors, a backslash escapes a comma.
fn split(text: &str, escapes: bool) -> Vec<&str> {
    let (mut terms, mut depth, mut from, mut escaped) = (Vec::new(), 0, 0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if std::mem::take(&mut escaped) => {}
            '\\' if escapes => escaped = true,
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                terms.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[from..]);
    terms.retain(|term| !term.is_empty());
    terms
}

fn unescaped(value: &str) -> Result<String, Unfit> {
    let (mut plain, mut letters) = (String::new(), value.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(letter @ ('\\' | ',' | '=')) => plain.push(letter),
                _ => return Err(Unfit(format!("invalid field selector: {value}"))),
            },
            ',' | '=' => return Err(Unfit(format!("invalid field selector: unescaped {letter} in {value}"))),
            letter => plain.push(letter),
        }
    }
    Ok(plain)
}

fn label(term: &str) -> Result<Label, Unfit> {
    if let Some((key, values)) = term.split_once(" in ") {
        let values = values.trim().strip_prefix('(').and_then(|values| values.strip_suffix(')'));
        let values = values.ok_or_else(|| Unfit(format!("unable to parse requirement: {term}")))?;
        let values = values.split(',').map(|of| value(of.trim())).collect::<Result<Vec<_>, _>>()?;
        return Ok(Label::Is(key_of(key.trim())?, values));
    }
    match term.split_once('=') {
        Some((key, of)) => Ok(Label::Is(key_of(key)?, vec![value(of.trim_start_matches('='))?])),
        None => Ok(Label::Exists(key_of(term)?)),
    }
}

fn is_word(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && ends(text.chars().next())
        && ends(text.chars().last())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn key_of(key: &str) -> Result<String, Unfit> {
    let (prefix, name) = key.rsplit_once('/').unwrap_or(("x", key));
    let part = |part: &str| is_word(part) && part.chars().all(|c| !c.is_ascii_uppercase() && c != '_');
    let good = is_word(name) && prefix.len() <= 253 && prefix.split('.').all(part);
    if good { Ok(key.to_owned()) } else { Err(Unfit(format!("key: Invalid value: {key:?}"))) }
}

fn value(value: &str) -> Result<String, Unfit> {
    let good = value.is_empty() || is_word(value);
    if good { Ok(value.to_owned()) } else { Err(Unfit(format!("values: Invalid value: {value:?}"))) }
}
