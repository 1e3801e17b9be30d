//! A client's session: it keeps it itself, sends it with each statement, and is told what changed.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::dialect::Dialect;

/// What a client says of its session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) dialect: Dialect,
    /// What the program calls itself.
    pub(super) source: Option<String>,
    pub(super) catalog: Option<String>,
    pub(super) schema: Option<String>,
    pub(super) properties: BTreeMap<String, String>,
    /// Statements that it has prepared, by name.
    pub(super) prepared: BTreeMap<String, String>,
}

impl Session {
    pub(super) fn of(dialect: Dialect, headers: &HeaderMap) -> Self {
        let one = |name: &str| {
            let value = headers.get(dialect.header(name)?)?.to_str().ok()?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        Self {
            dialect,
            source: one("source"),
            catalog: one("catalog"),
            schema: one("schema"),
            properties: pairs(dialect, headers, "session"),
            prepared: pairs(dialect, headers, "prepared-statement"),
        }
    }
}

/// `a=1,b=x%20y`, in one header or in several.
fn pairs(dialect: Dialect, headers: &HeaderMap, name: &str) -> BTreeMap<String, String> {
    let Some(name) = dialect.header(name) else { return BTreeMap::new() };
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(',')).filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name.trim()), decoded(value.trim()))).collect()
}

/// As Java's URLEncoder writes it: a plus is a space.
fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// What a statement changed in the client's session.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes(Vec<(&'static str, String)>);

impl Changes {
    pub(super) fn catalog_and_schema(catalog: &str, schema: &str) -> Self {
        Self(vec![("set-catalog", encoded(catalog)), ("set-schema", encoded(schema))])
    }

    pub(super) fn set(name: &str, value: &str) -> Self {
        Self(vec![("set-session", format!("{name}={}", encoded(value)))])
    }

    pub(super) fn reset(name: &str) -> Self {
        Self(vec![("clear-session", name.to_owned())])
    }

    pub(super) fn prepared(name: &str, sql: &str) -> Self {
        Self(vec![("added-prepare", format!("{}={}", encoded(name), encoded(sql)))])
    }

    pub(super) fn deallocated(name: &str) -> Self {
        Self(vec![("deallocated-prepare", encoded(name))])
    }

    pub(super) fn transaction(id: &str) -> Self {
        Self(vec![("started-transaction-id", id.to_owned())])
    }

    pub(super) fn no_transaction() -> Self {
        Self(vec![("clear-transaction-id", "true".to_owned())])
    }

    /// Tells the client.
    pub(super) fn tell(&self, dialect: Dialect, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            if let (Some(name), Ok(value)) = (dialect.header(name), HeaderValue::from_str(value)) {
                headers.append(name, value);
            }
        }
    }
}

/// Names keep their dots, dashes and underscores, for some clients take them as they are.
fn encoded(text: &str) -> String {
    const SET: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-');
    utf8_percent_encode(text, SET).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_a_session_is() {
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
        let dialect = Dialect::of(&headers).expect("a user");
        assert_eq!(dialect, Dialect::Trino { precise: false });
        let session = Session::of(dialect, &headers);
        assert_eq!((session.catalog, session.schema.as_deref()), (None, Some("core")));
        let properties = [("a", "1"), ("b", "x y+z,"), ("kubesql.partial", "on")];
        assert_eq!(session.properties, properties.map(|(name, value)| (name.into(), value.into())).into());
        assert_eq!(session.prepared["s1"], "select ?");
        let mut told = HeaderMap::new();
        Changes::prepared("s1", "select 'é', ?").tell(dialect, &mut told);
        assert_eq!(told["x-trino-added-prepare"], "s1=select%20%27%C3%A9%27%2C%20%3F");
        assert_eq!(Dialect::of(&HeaderMap::new()), None);
    }
}
