//! Reads an object's kind and name without flattening it.

use super::parse::{Malformed, Parser};

/// The identity of an object. Fields that are missing or are not text are `None`.
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
    /// The end of the object in the text, in bytes.
    pub end: usize,
}

/// Reads the head of an object; `object` must be its whole text. `None` if the text is another JSON value.
pub fn read_head(object: &str) -> Result<Option<Head>, Malformed> {
    let mut parser = Parser::new(object);
    let head = read(&mut parser)?;
    parser.end()?;
    Ok(head)
}

/// Reads the head of the object that starts at byte `from`.
pub fn read_head_at(text: &str, from: usize) -> Result<Option<Head>, Malformed> {
    read(&mut Parser::at(text, from))
}

fn read(parser: &mut Parser<'_>) -> Result<Option<Head>, Malformed> {
    let mut head = Head::default();
    let Some(mut fields) = parser.object()? else { return Ok(None) };
    while let Some(key) = parser.key(&mut fields)? {
        match key {
            "apiVersion" => read_first(&mut head.api_version, parser)?,
            "kind" => read_first(&mut head.kind, parser)?,
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
            "name" => read_first(&mut head.name, parser)?,
            "namespace" => read_first(&mut head.namespace, parser)?,
            _ => parser.skip()?,
        }
        if head.name.is_some() && head.namespace.is_some() {
            return parser.leave(fields);
        }
    }
    Ok(())
}

/// Reads a text field, unless it was read before.
fn read_first(field: &mut Option<String>, parser: &mut Parser<'_>) -> Result<(), Malformed> {
    if field.is_some() {
        return parser.skip();
    }
    *field = parser.text()?.map(str::to_owned);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Head, read_head, read_head_at};

    fn head(api_version: &str, kind: &str, name: &str, namespace: &str, end: usize) -> Head {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Head { api_version: some(api_version), kind: some(kind), name: some(name), namespace: some(namespace), end }
    }

    #[test]
    fn fields_are_found_in_any_order() {
        let table = [
            (
                r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b"}}"#,
                head("v1", "Pod", "a", "b", 72),
            ),
            (r#" {"spec":{"kind":"no"},"kind":"Pod"} "#, head("", "Pod", "", "", 36)),
            (r#"{"metadata":{"labels":{"name":"no"},"name":"\u0061"},"kind":7}"#, head("", "", "a", "", 62)),
            (r#"{"kind":"A","kind":"B","metadata":[],"apiVersion":null}"#, head("", "A", "", "", 55)),
            ("{}", head("", "", "", "", 2)),
        ];
        for (text, expected) in table {
            assert_eq!(read_head(text).as_ref(), Ok(&Some(expected)), "{text}");
        }
        assert_eq!(read_head("[1]"), Ok(None));
        assert_eq!(read_head_at(r#"x{"kind":"A"}y"#, 1), Ok(Some(head("", "A", "", "", 13))));
    }

    #[test]
    fn incomplete_objects_are_errors() {
        for text in ["", "{", r#"{"kind":"Pod""#, r#"{"kind":"Pod"}}"#, r#"{"kind":Pod}"#, "{} x"] {
            assert!(read_head(text).is_err(), "{text}");
        }
    }
}
