//! The session of a client. The client keeps it, sends it in the headers of each statement, and receives changes in the
//! headers of responses.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::dialect::Dialect;

/// The session as the client sent it.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) dialect: Dialect,
    /// The name of the client program.
    pub(super) source: Option<String>,
    pub(super) catalog: Option<String>,
    pub(super) schema: Option<String>,
    pub(super) properties: BTreeMap<String, String>,
    /// The texts of prepared statements by name.
    pub(super) prepared: BTreeMap<String, String>,
}

impl Session {
    pub(super) fn from_headers(dialect: Dialect, headers: &HeaderMap) -> Self {
        let value = |name: &str| {
            let value = headers.get(dialect.header(name)?)?.to_str().ok()?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        Self {
            dialect,
            source: value("source"),
            catalog: value("catalog"),
            schema: value("schema"),
            properties: pairs(dialect, headers, "session"),
            prepared: pairs(dialect, headers, "prepared-statement"),
        }
    }
}

/// Parses `a=1,b=x%20y`, in one header or in several.
fn pairs(dialect: Dialect, headers: &HeaderMap, name: &str) -> BTreeMap<String, String> {
    let Some(name) = dialect.header(name) else { return BTreeMap::new() };
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(',')).filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name.trim()), decode(value.trim()))).collect()
}

/// Decodes the output of Java's `URLEncoder`, in which a plus is a space.
fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// What a statement changes in the session, as headers.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionChanges(Vec<(&'static str, String)>);

impl SessionChanges {
    pub(super) fn set_schema(catalog: &str, schema: &str) -> Self {
        Self(vec![("set-catalog", encode(catalog)), ("set-schema", encode(schema))])
    }

    pub(super) fn set_property(name: &str, value: &str) -> Self {
        Self(vec![("set-session", format!("{name}={}", encode(value)))])
    }

    pub(super) fn reset_property(name: &str) -> Self {
        Self(vec![("clear-session", name.to_owned())])
    }

    pub(super) fn add_prepared(name: &str, sql: &str) -> Self {
        Self(vec![("added-prepare", format!("{}={}", encode(name), encode(sql)))])
    }

    pub(super) fn remove_prepared(name: &str) -> Self {
        Self(vec![("deallocated-prepare", encode(name))])
    }

    pub(super) fn start_transaction(id: &str) -> Self {
        Self(vec![("started-transaction-id", id.to_owned())])
    }

    pub(super) fn end_transaction() -> Self {
        Self(vec![("clear-transaction-id", "true".to_owned())])
    }

    /// Adds the changes to the headers of a response.
    pub(super) fn insert_headers(&self, dialect: Dialect, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            if let (Some(name), Ok(value)) = (dialect.header(name), HeaderValue::from_str(value)) {
                headers.append(name, value);
            }
        }
    }
}

/// Percent-encodes a text except for dots, dashes and underscores, because some clients do not decode names.
fn encode(text: &str) -> String {
    const SET: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-');
    utf8_percent_encode(text, SET).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_sent_in_headers() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-trino-user", "me"),
            ("x-trino-source", "trino-cli"),
            ("x-trino-catalog", ""),
            ("x-trino-schema", "core"),
            ("x-trino-session", "a=1,kubesql.partial=on"),
            ("x-trino-session", "b=x+y%2Bz%2C"),
            ("x-trino-prepared-statement", "s1=select+%3F"),
            ("x-presto-schema", "other"),
        ] {
            headers.append(name, value.parse().expect("a value"));
        }
        let dialect = Dialect::from_headers(&headers).expect("a user");
        assert_eq!(dialect, Dialect::Trino { precise_times: false });
        let session = Session::from_headers(dialect, &headers);
        assert_eq!((session.catalog, session.schema.as_deref()), (None, Some("core")));
        let properties = [("a", "1"), ("b", "x y+z,"), ("kubesql.partial", "on")];
        assert_eq!(session.properties, properties.map(|(name, value)| (name.into(), value.into())).into());
        assert_eq!(session.prepared["s1"], "select ?");
        let mut changes = HeaderMap::new();
        SessionChanges::add_prepared("s1", "select 'é', ?").insert_headers(dialect, &mut changes);
        assert_eq!(changes["x-trino-added-prepare"], "s1=select%20%27%C3%A9%27%2C%20%3F");
        assert_eq!(Dialect::from_headers(&HeaderMap::new()), None);
    }
}
