//! A first look at an object: what it is and what it is called, without its columns.

use super::parse::{Malformed, Parser};

/// What an object says of itself. Fields that are missing, or are no text, are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// `apps/v1`.
    pub api_version: Option<String>,
    /// `Deployment`.
    pub kind: Option<String>,
    /// `metadata.name`.
    pub name: Option<String>,
    /// `metadata.namespace`.
    pub namespace: Option<String>,
    /// Where the object ends in the text.
    pub end: usize,
}

/// Looks at the object that the text is, which nothing but white space may follow. `None` where the
/// text is a JSON value of another kind.
pub fn head(object: &str) -> Result<Option<Head>, Malformed> {
    let mut parser = Parser::new(object);
    let head = read(&mut parser)?;
    parser.end()?;
    Ok(head)
}

/// Looks at the object that starts at this byte of the text.
pub fn head_at(text: &str, from: usize) -> Result<Option<Head>, Malformed> {
    read(&mut Parser::at(text, from))
}

fn read(parser: &mut Parser<'_>) -> Result<Option<Head>, Malformed> {
    let mut head = Head::default();
    let Some(mut fields) = parser.object()? else { return Ok(None) };
    while let Some(key) = parser.key(&mut fields)? {
        match key {
            "apiVersion" => first(&mut head.api_version, parser)?,
            "kind" => first(&mut head.kind, parser)?,
            "metadata" => metadata(&mut head, parser)?,
            _ => parser.skip()?,
        }
    }
    head.end = parser.position();
    Ok(Some(head))
}

fn metadata(head: &mut Head, parser: &mut Parser<'_>) -> Result<(), Malformed> {
    let Some(mut fields) = parser.object()? else { return Ok(()) };
    while let Some(key) = parser.key(&mut fields)? {
        match key {
            "name" => first(&mut head.name, parser)?,
            "namespace" => first(&mut head.namespace, parser)?,
            _ => parser.skip()?,
        }
        if head.name.is_some() && head.namespace.is_some() {
            return parser.leave(fields);
        }
    }
    Ok(())
}

/// Reads a field's text, unless there was one before.
fn first(field: &mut Option<String>, parser: &mut Parser<'_>) -> Result<(), Malformed> {
    if field.is_some() {
        return parser.skip();
    }
    *field = parser.text()?.map(str::to_owned);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Head, head, head_at};

    fn of(api_version: &str, kind: &str, name: &str, namespace: &str, end: usize) -> Head {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Head { api_version: some(api_version), kind: some(kind), name: some(name), namespace: some(namespace), end }
    }

    #[test]
    fn heads_are_found_in_any_order() {
        let table = [
            (
                r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b"}}"#,
                of("v1", "Pod", "a", "b", 72),
            ),
            (r#" {"spec":{"kind":"no"},"kind":"Pod"} "#, of("", "Pod", "", "", 36)),
            (r#"{"metadata":{"labels":{"name":"no"},"name":"\u0061"},"kind":7}"#, of("", "", "a", "", 62)),
            (r#"{"kind":"A","kind":"B","metadata":[],"apiVersion":null}"#, of("", "A", "", "", 55)),
            ("{}", of("", "", "", "", 2)),
        ];
        for (text, expected) in table {
            assert_eq!(head(text).as_ref(), Ok(&Some(expected)), "{text}");
        }
        assert_eq!(head("[1]"), Ok(None));
        assert_eq!(head_at(r#"x{"kind":"A"}y"#, 1), Ok(Some(of("", "A", "", "", 13))));
    }

    #[test]
    fn what_is_not_whole_is_an_error() {
        for text in ["", "{", r#"{"kind":"Pod""#, r#"{"kind":"Pod"}}"#, r#"{"kind":Pod}"#, "{} x"] {
            assert!(head(text).is_err(), "{text}");
        }
    }
}
