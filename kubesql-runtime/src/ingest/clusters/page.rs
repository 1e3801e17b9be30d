//! Pages of lists and lines of watches: where the objects are in their bytes.

use std::ops::Range;

use super::failure::{Class, Failure};
use crate::flatten::{Malformed, Parser};

/// A page of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// What the list says of itself: `v1`.
    pub(super) api_version: String,
    /// `PodList`.
    pub(super) kind: String,
    /// Where the rest can be had; empty on the last page.
    pub(super) next: String,
    /// The version of the state that the list is of.
    pub(super) resource_version: String,
    /// How many objects are still to come, where the server says.
    pub(super) remaining: Option<u64>,
    /// Where its objects are.
    pub(super) items: Vec<Range<usize>>,
}

impl Page {
    /// What is no list is a failure: taken for an empty one, it would make all objects disappear.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let page = read_page(text).map_err(|malformed| unreadable("a list", &malformed))?;
        if !page.kind.ends_with("List") {
            let message = format!("an answer that is no list, but of kind \"{}\"", page.kind);
            return Err(Failure::new(Class::Unreadable, message));
        }
        Ok(page)
    }
}

fn unreadable(what: &str, malformed: &Malformed) -> Failure {
    Failure::new(Class::Unreadable, format!("{what} that cannot be read: {malformed}"))
}

fn read_page(text: &str) -> Result<Page, Malformed> {
    let mut page = Page::default();
    let mut parser = Parser::new(text);
    let Some(mut fields) = parser.object()? else { return Err(Malformed { at: 0, what: &"expected a list" }) };
    while let Some(key) = parser.key(&mut fields)? {
        match key {
            "apiVersion" => page.api_version = parser.text()?.unwrap_or_default().to_owned(),
            "kind" => page.kind = parser.text()?.unwrap_or_default().to_owned(),
            "metadata" => read_list_metadata(&mut parser, &mut page)?,
            "items" => {
                let Some(mut elements) = parser.array()? else { continue };
                while parser.element(&mut elements)? {
                    parser.peek();
                    let from = parser.position();
                    parser.skip()?;
                    page.items.push(from..parser.position());
                }
            }
            _ => parser.skip()?,
        }
    }
    parser.end()?;
    Ok(page)
}

fn read_list_metadata(parser: &mut Parser<'_>, page: &mut Page) -> Result<(), Malformed> {
    let Some(mut fields) = parser.object()? else { return Ok(()) };
    while let Some(key) = parser.key(&mut fields)? {
        match key {
            "continue" => page.next = parser.text()?.unwrap_or_default().to_owned(),
            "resourceVersion" => page.resource_version = parser.text()?.unwrap_or_default().to_owned(),
            "remainingItemCount" => page.remaining = parser.scalar()?.and_then(|number| number.parse().ok()),
            _ => parser.skip()?,
        }
    }
    Ok(())
}

/// A line of a watch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// An object was added or changed.
    Put(Range<usize>),
    /// An object is gone.
    Delete(Range<usize>),
    /// Nothing else happened up to this version; whether it ends the objects that were there at first.
    Bookmark { resource_version: String, initial: bool },
    /// The watch cannot go on.
    Error(Failure),
}

impl Line {
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        match read_line(text).map_err(|malformed| unreadable("an event", &malformed))? {
            (Some(kind), Some(object)) => match kind.as_str() {
                "ADDED" | "MODIFIED" => Ok(Self::Put(object)),
                "DELETED" => Ok(Self::Delete(object)),
                "BOOKMARK" => {
                    let meta = Meta::read(&text[object])?;
                    Ok(Self::Bookmark { resource_version: meta.resource_version, initial: meta.ends_initial })
                }
                "ERROR" => Ok(Self::Error(error(&text[object]))),
                other => Err(Failure::new(Class::Unreadable, format!("an event of unknown type {other}"))),
            },
            // Some failures come as a line of their own.
            _ => Ok(Self::Error(error(text))),
        }
    }
}

fn error(status: &str) -> Failure {
    match serde_json::from_str::<kube::core::Status>(status) {
        Ok(status) => Failure::status(status.code, status.message),
        Err(error) => Failure::new(Class::Unreadable, format!("an event that cannot be read: {error}")),
    }
}

fn read_line(text: &str) -> Result<(Option<String>, Option<Range<usize>>), Malformed> {
    let (mut kind, mut object) = (None, None);
    let mut parser = Parser::new(text);
    let Some(mut fields) = parser.object()? else { return Err(Malformed { at: 0, what: &"expected an event" }) };
    while let Some(key) = parser.key(&mut fields)? {
        match key {
            "type" => kind = parser.text()?.map(str::to_owned),
            "object" => {
                parser.peek();
                let from = parser.position();
                parser.skip()?;
                object = Some(from..parser.position());
            }
            _ => parser.skip()?,
        }
    }
    parser.end()?;
    Ok((kind, object))
}

/// What an event's object says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) resource_version: String,
    /// Whether a bookmark says that all objects that were there at first have come.
    ends_initial: bool,
}

impl Meta {
    /// Looks no further than needed.
    pub(super) fn read(object: &str) -> Result<Self, Failure> {
        let mut meta = Self::default();
        read_meta(object, &mut meta).map_err(|malformed| unreadable("an object", &malformed))?;
        Ok(meta)
    }
}

/// The annotation of a bookmark that ends the objects that were there at first.
const INITIAL_END: &str = "k8s.io/initial-events-end";

fn read_meta(object: &str, meta: &mut Meta) -> Result<(), Malformed> {
    let mut parser = Parser::new(object);
    let Some(mut fields) = parser.object()? else { return Err(Malformed { at: 0, what: &"expected an object" }) };
    while let Some(key) = parser.key(&mut fields)? {
        if key != "metadata" {
            parser.skip()?;
            continue;
        }
        let Some(mut fields) = parser.object()? else { continue };
        while let Some(key) = parser.key(&mut fields)? {
            match key {
                "name" => meta.name = parser.text()?.unwrap_or_default().to_owned(),
                "namespace" => meta.namespace = parser.text()?.unwrap_or_default().to_owned(),
                "resourceVersion" => meta.resource_version = parser.text()?.unwrap_or_default().to_owned(),
                "annotations" => {
                    let Some(mut fields) = parser.object()? else { continue };
                    while let Some(key) = parser.key(&mut fields)? {
                        if key == INITIAL_END {
                            meta.ends_initial = parser.text()? == Some("true");
                        } else {
                            parser.skip()?;
                        }
                    }
                }
                _ => parser.skip()?,
            }
        }
        // The whole was walked when its line was.
        return Ok(());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Class, Line, Meta, Page};

    #[test]
    fn pages() {
        let text = r#"{"kind":"PodList","metadata":{"resourceVersion":"7","continue":"c","remainingItemCount":3},"items":[{"a":1}, {}]}"#;
        let page = Page::read(text).expect("a page");
        assert_eq!((page.next.as_str(), page.resource_version.as_str(), page.remaining), ("c", "7", Some(3)));
        let items: Vec<&str> = page.items.into_iter().map(|item| &text[item]).collect();
        assert_eq!(items, [r#"{"a":1}"#, "{}"]);
        let page = Page::read(r#"{"items":null,"kind":"PodList"}"#).expect("a page");
        assert_eq!(page, Page { kind: "PodList".into(), ..Page::default() });
        let no_lists = ["{}", "null", r#"{"items":[]}"#, r#"{"kind":"Status","code":500}"#];
        let malformed = ["", "[]", r#"{"kind":"PodList","items":[{"a":1}"#, r#"{"kind":"PodList","items":[]}x"#];
        for bad in no_lists.into_iter().chain(malformed) {
            assert_eq!(Page::read(bad).expect_err(bad).class, Class::Unreadable, "{bad}");
        }
    }

    #[test]
    fn lines() {
        let put = r#"{"type":"MODIFIED","object":{"metadata":{"name":"a"}}}"#;
        let Line::Put(object) = Line::read(put).expect("an event") else { panic!("a put") };
        assert_eq!(&put[object], r#"{"metadata":{"name":"a"}}"#);
        let turned = r#"{"object":{"a":1},"type":"DELETED"}"#;
        assert!(matches!(Line::read(turned), Ok(Line::Delete(object)) if &turned[object.clone()] == r#"{"a":1}"#));
        let mark = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        assert!(matches!(Line::read(mark), Ok(Line::Bookmark { initial: true, .. })));
        let plain = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#;
        assert!(matches!(Line::read(plain), Ok(Line::Bookmark { initial: false, .. })));
        let gone = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}"#;
        assert!(matches!(Line::read(gone), Ok(Line::Error(failure)) if failure.class == Class::Expired));
        let bare = r#"{"kind":"Status","code":403,"message":"no"}"#;
        assert!(matches!(Line::read(bare), Ok(Line::Error(failure)) if failure.class == Class::Forbidden));
        for bad in ["", r#"{"type":"ADDED","object":{"a""#, r#"{"type":"NEW","object":{}}"#] {
            assert_eq!(Line::read(bad).expect_err(bad).class, Class::Unreadable, "{bad}");
        }
    }

    #[test]
    fn metas() {
        let object = r#"{"kind":"Pod","metadata":{"name":"a","namespace":"b","resourceVersion":"3"},"spec":{}}"#;
        let meta = Meta::read(object).expect("an object");
        assert_eq!((meta.name.as_str(), meta.namespace.as_str(), meta.resource_version.as_str()), ("a", "b", "3"));
    }
}
