//! Query strings and `Accept` headers of requests.

use axum::http::{HeaderMap, header};

use super::status::{ApiError, ApiResult};

/// Parameters of a query string.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) label_selector: String,
    pub(crate) field_selector: String,
    pub(crate) limit: usize,
    pub(crate) token: String,
    /// `None` if it is not given.
    pub(crate) revision: Option<u64>,
    pub(crate) revision_match: String,
    pub(crate) watch: bool,
    pub(crate) bookmarks: bool,
    pub(crate) send_initial_events: Option<bool>,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) dry_run: bool,
    pub(crate) field_manager: String,
    pub(crate) propagation: String,
    pub(crate) include_object: String,
}

impl Query {
    /// Parses a query string. Unknown parameters are ignored, as by API servers.
    pub(crate) fn parse(text: &str) -> ApiResult<Self> {
        let mut query = Self::default();
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            let number = || -> ApiResult<Option<u64>> {
                if value.is_empty() {
                    return Ok(None);
                }
                let wrong = || ApiError::bad_request(format!("{key}: Invalid value: {value:?}: must be a number"));
                value.parse().map(Some).map_err(|_| wrong())
            };
            let flag = || matches!(&*value, "" | "1" | "t" | "T" | "true" | "True" | "TRUE");
            match &*key {
                "labelSelector" => query.label_selector = value.into_owned(),
                "fieldSelector" => query.field_selector = value.into_owned(),
                "limit" => {
                    query.limit =
                        number()?.map_or(Ok(0), usize::try_from).map_err(|_| ApiError::bad_request("limit"))?;
                }
                "continue" => query.token = value.into_owned(),
                "resourceVersion" => query.revision = number()?,
                "resourceVersionMatch" => query.revision_match = value.into_owned(),
                "watch" => query.watch = flag(),
                "allowWatchBookmarks" => query.bookmarks = flag(),
                "sendInitialEvents" => query.send_initial_events = Some(flag()),
                "timeoutSeconds" => query.timeout_seconds = number()?,
                "dryRun" => query.dry_run = !value.is_empty(),
                "fieldManager" => query.field_manager = value.into_owned(),
                "propagationPolicy" => query.propagation = value.into_owned(),
                "includeObject" => query.include_object = value.into_owned(),
                _ => {}
            }
        }
        Ok(query)
    }
}

/// The form of returned objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Whole objects.
    Object,
    /// Rows of a table.
    Table,
    /// Only `metadata`.
    Metadata,
}

/// A media type with parameters in an `Accept` header.
#[derive(Debug)]
pub(crate) struct Media<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl Media<'_> {
    /// Whether a parameter has a value.
    pub(crate) fn has(&self, key: &str, value: &str) -> bool {
        self.parameters.contains(&(key, value))
    }

    /// Whether it accepts JSON.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.name, "application/json" | "application/*" | "*/*")
    }
}

/// The accepted media types, in order.
pub(crate) fn accepted(headers: &HeaderMap) -> Vec<Media<'_>> {
    let texts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());

    let parts = texts.flat_map(|text| text.split(',')).filter(|text| !text.trim().is_empty());
    parts
        .map(|text| {
            let mut words = text.split(';').map(str::trim);
            let name = words.next().unwrap_or_default();
            Media { name, parameters: words.filter_map(|word| word.split_once('=')).collect() }
        })
        .collect()
}

/// The first accepted form that is supported.
pub(crate) fn form(headers: &HeaderMap) -> ApiResult<Form> {
    let accepted = accepted(headers);
    if accepted.is_empty() {
        return Ok(Form::Object);
    }
    let meta = |media: &Media<'_>| media.has("g", "meta.k8s.io") && media.has("v", "v1");
    for media in accepted.iter().filter(|media| media.is_json()) {
        let kind = media.parameters.iter().find(|(key, _)| *key == "as").map(|(_, kind)| *kind);
        match kind {
            None => return Ok(Form::Object),
            Some("Table") if meta(media) => return Ok(Form::Table),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") if meta(media) => return Ok(Form::Metadata),
            Some(_) => {}
        }
    }
    Err(ApiError::not_acceptable(
        "only the following media types are accepted: application/json, application/json;as=Table;g=meta.k8s.io;v=v1, application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_forms_by_accept_header() {
        let cases = [
            ("", Some(Form::Object)),
            ("*/*", Some(Form::Object)),
            ("application/json", Some(Form::Object)),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Some(Form::Table),
            ),
            ("application/json;as=Table;g=meta.k8s.io;v=v9, application/json", Some(Form::Object)),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Some(Form::Metadata)),
            ("application/vnd.kubernetes.protobuf,application/json", Some(Form::Object)),
            ("application/vnd.kubernetes.protobuf", None),
            ("text/html", None),
        ];
        for (accept, expected) in cases {
            let mut headers = HeaderMap::new();
            if !accept.is_empty() {
                headers.insert(header::ACCEPT, accept.parse().expect("a header"));
            }
            assert_eq!(form(&headers).ok(), expected, "{accept}");
        }
    }

    #[test]
    fn parses_query_strings() {
        let query =
            Query::parse("limit=500&labelSelector=a%20in%20(b)&watch=1&resourceVersion=0&sendInitialEvents=true&x=y");
        let query = query.expect("it reads");
        assert_eq!((query.limit, query.label_selector.as_str()), (500, "a in (b)"));
        assert_eq!((query.watch, query.revision, query.send_initial_events), (true, Some(0), Some(true)));
        assert!(Query::parse("resourceVersion=x").is_err());
        assert!(Query::parse("resourceVersion=").expect("it reads").revision.is_none());
    }
}
