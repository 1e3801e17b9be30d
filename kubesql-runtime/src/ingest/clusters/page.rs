//! Parses pages of lists and events of watches. Objects are returned as ranges of the text.

use std::ops::Range;

use super::failure::{Class, Failure};
use crate::flatten::{Malformed, Parser, SyntaxError};

/// A page of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// The list's `apiVersion`, `v1`.
    pub(super) api_version: String,
    /// The list's `kind`, `PodList`.
    pub(super) kind: String,
    /// The continue token; empty on the last page.
    pub(super) next: String,
    /// The resource version of the list.
    pub(super) resource_version: String,
    /// The number of objects on the following pages, if the server reports it.
    pub(super) remaining: Option<u64>,
    /// The ranges of its objects in the text.
    pub(super) items: Vec<Range<usize>>,
}

impl Page {
    /// Parses a page. Text that is not a list is a failure; treated as an empty list, it would remove all objects.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let page = parse_page(text).map_err(|malformed| malformed_response("list", &malformed))?;
        if !page.kind.ends_with("List") {
            let message = format!("expected a list, but the response has the kind \"{}\"", page.kind);
            return Err(Failure::new(Class::Unreadable, message));
        }
        Ok(page)
    }
}

fn malformed_response(what: &str, malformed: &Malformed) -> Failure {
    Failure::new(Class::Unreadable, format!("could not parse the {what}: {malformed}"))
}

fn parse_page(text: &str) -> Result<Page, Malformed> {
    let mut page = Page::default();
    let mut parser = Parser::new(text);
    let Some(mut fields) = parser.object()? else { return Err(Malformed { at: 0, error: SyntaxError::ExpectedList }) };
    while let Some(key) = parser.key(&mut fields)? {
        match key {
            "apiVersion" => page.api_version = parser.text()?.unwrap_or_default().to_owned(),
            "kind" => page.kind = parser.text()?.unwrap_or_default().to_owned(),
            "metadata" => parse_list_metadata(&mut parser, &mut page)?,
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

fn parse_list_metadata(parser: &mut Parser<'_>, page: &mut Page) -> Result<(), Malformed> {
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

/// An event of a watch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WatchEvent {
    /// An object was added or modified.
    Upsert(Range<usize>),
    /// An object was deleted.
    Delete(Range<usize>),
    /// All events up to this version were sent. `initial` marks the end of the initial objects of a streaming list.
    Bookmark { resource_version: String, initial: bool },
    /// The watch failed.
    Error(Failure),
}

impl WatchEvent {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        match parse_event(text).map_err(|malformed| malformed_response("event", &malformed))? {
            (Some(kind), Some(object)) => match kind.as_str() {
                "ADDED" | "MODIFIED" => Ok(Self::Upsert(object)),
                "DELETED" => Ok(Self::Delete(object)),
                "BOOKMARK" => {
                    let meta = ObjectMeta::parse(&text[object])?;
                    Ok(Self::Bookmark { resource_version: meta.resource_version, initial: meta.ends_initial })
                }
                "ERROR" => Ok(Self::Error(parse_status(&text[object]))),
                other => Err(Failure::new(Class::Unreadable, format!("unknown event type \"{other}\""))),
            },
            // Some servers send a bare status instead of an event.
            _ => Ok(Self::Error(parse_status(text))),
        }
    }
}

fn parse_status(status: &str) -> Failure {
    match serde_json::from_str::<kube::core::Status>(status) {
        Ok(status) => Failure::from_status(status.code, status.message),
        Err(error) => Failure::new(Class::Unreadable, format!("could not parse the event: {error}")),
    }
}

fn parse_event(text: &str) -> Result<(Option<String>, Option<Range<usize>>), Malformed> {
    let (mut kind, mut object) = (None, None);
    let mut parser = Parser::new(text);
    let Some(mut fields) = parser.object()? else { return Err(Malformed { at: 0, error: SyntaxError::ExpectedEvent }) };
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

/// Metadata of an event's object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ObjectMeta {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) resource_version: String,
    /// Whether a bookmark marks the end of the initial objects.
    ends_initial: bool,
}

impl ObjectMeta {
    /// Parses the metadata. The rest of the object is not parsed.
    pub(super) fn parse(object: &str) -> Result<Self, Failure> {
        let mut meta = Self::default();
        parse_metadata(object, &mut meta).map_err(|malformed| malformed_response("object", &malformed))?;
        Ok(meta)
    }
}

/// The annotation of the bookmark that marks the end of the initial objects.
const INITIAL_END: &str = "k8s.io/initial-events-end";

fn parse_metadata(object: &str, meta: &mut ObjectMeta) -> Result<(), Malformed> {
    let mut parser = Parser::new(object);
    let Some(mut fields) = parser.object()? else {
        return Err(Malformed { at: 0, error: SyntaxError::ExpectedObject });
    };
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
        // The whole object was validated with its event.
        return Ok(());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Class, ObjectMeta, Page, WatchEvent};

    #[test]
    fn pages_are_parsed() {
        let text = r#"{"kind":"PodList","metadata":{"resourceVersion":"7","continue":"c","remainingItemCount":3},"items":[{"a":1}, {}]}"#;
        let page = Page::parse(text).expect("a page");
        assert_eq!((page.next.as_str(), page.resource_version.as_str(), page.remaining), ("c", "7", Some(3)));
        let items: Vec<&str> = page.items.into_iter().map(|item| &text[item]).collect();
        assert_eq!(items, [r#"{"a":1}"#, "{}"]);
        let page = Page::parse(r#"{"items":null,"kind":"PodList"}"#).expect("a page");
        assert_eq!(page, Page { kind: "PodList".into(), ..Page::default() });
        let no_lists = ["{}", "null", r#"{"items":[]}"#, r#"{"kind":"Status","code":500}"#];
        let malformed = ["", "[]", r#"{"kind":"PodList","items":[{"a":1}"#, r#"{"kind":"PodList","items":[]}x"#];
        for bad in no_lists.into_iter().chain(malformed) {
            assert_eq!(Page::parse(bad).expect_err(bad).class, Class::Unreadable, "{bad}");
        }
    }

    #[test]
    fn events_are_parsed() {
        let put = r#"{"type":"MODIFIED","object":{"metadata":{"name":"a"}}}"#;
        let WatchEvent::Upsert(object) = WatchEvent::parse(put).expect("an event") else { panic!("a put") };
        assert_eq!(&put[object], r#"{"metadata":{"name":"a"}}"#);
        let turned = r#"{"object":{"a":1},"type":"DELETED"}"#;
        assert!(
            matches!(WatchEvent::parse(turned), Ok(WatchEvent::Delete(object)) if &turned[object.clone()] == r#"{"a":1}"#)
        );
        let mark = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        assert!(matches!(WatchEvent::parse(mark), Ok(WatchEvent::Bookmark { initial: true, .. })));
        let plain = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#;
        assert!(matches!(WatchEvent::parse(plain), Ok(WatchEvent::Bookmark { initial: false, .. })));
        let gone = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}"#;
        assert!(matches!(WatchEvent::parse(gone), Ok(WatchEvent::Error(failure)) if failure.class == Class::Expired));
        let bare = r#"{"kind":"Status","code":403,"message":"no"}"#;
        assert!(matches!(WatchEvent::parse(bare), Ok(WatchEvent::Error(failure)) if failure.class == Class::Forbidden));
        for bad in ["", r#"{"type":"ADDED","object":{"a""#, r#"{"type":"NEW","object":{}}"#] {
            assert_eq!(WatchEvent::parse(bad).expect_err(bad).class, Class::Unreadable, "{bad}");
        }
    }

    #[test]
    fn metadata_is_parsed() {
        let object = r#"{"kind":"Pod","metadata":{"name":"a","namespace":"b","resourceVersion":"3"},"spec":{}}"#;
        let meta = ObjectMeta::parse(object).expect("an object");
        assert_eq!((meta.name.as_str(), meta.namespace.as_str(), meta.resource_version.as_str()), ("a", "b", "3"));
    }
}
