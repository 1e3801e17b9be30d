//! The settings of a session: `SET`, `RESET`, `SHOW`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::timeout;
use crate::postgres::POSTGRES_VERSION;
use crate::sql::catalog::context::EngineContext;
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::suggest::nearest;
use crate::sql::{CATALOG, DEFAULT_SCHEMA};

/// The setting for the schema of unqualified names.
const SEARCH_PATH: &str = "search_path";

/// The setting for skipping clusters that cannot answer.
const PARTIAL: &str = "kubesql.partial";

/// The setting for the name that the client gives itself.
const APPLICATION_NAME: &str = "application_name";

/// The setting for the time limit of statements.
const STATEMENT_TIMEOUT: &str = "statement_timeout";

/// The values that a setting accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Domain {
    /// Any text.
    Any,
    /// A duration. A number without a unit is in milliseconds.
    Time,
    /// A number.
    Number,
    /// `on` or `off`.
    Switch,
    /// One of these words. All of them are synonyms of the default.
    OneOf(&'static [&'static str]),
    /// No value: the setting cannot be changed.
    Fixed,
}

/// All settings, with their defaults and the values that they accept.
const SETTINGS: [(&str, &str, Domain); 41] = [
    (APPLICATION_NAME, "", Domain::Any),
    ("bytea_output", "hex", Domain::OneOf(&["hex"])),
    ("client_encoding", "UTF8", Domain::OneOf(&["utf8", "utf-8", "unicode"])),
    ("client_min_messages", "notice", Domain::Any),
    ("DateStyle", "ISO, MDY", Domain::OneOf(&["iso", "iso, mdy", "iso,mdy", "iso, dmy", "iso, ymd"])),
    ("default_table_access_method", "heap", Domain::OneOf(&["heap"])),
    ("default_transaction_deferrable", "off", Domain::Switch),
    ("default_transaction_isolation", "read committed", Domain::Any),
    ("default_transaction_read_only", "on", Domain::OneOf(&["on", "true", "yes", "1"])),
    ("extra_float_digits", "1", Domain::Number),
    ("idle_in_transaction_session_timeout", "0", Domain::Time),
    ("idle_session_timeout", "0", Domain::Time),
    ("in_hot_standby", "off", Domain::Fixed),
    ("integer_datetimes", "on", Domain::Fixed),
    ("IntervalStyle", "postgres", Domain::OneOf(&["postgres"])),
    ("is_superuser", "off", Domain::Fixed),
    ("jit", "off", Domain::Switch),
    (PARTIAL, "off", Domain::Switch),
    ("lc_collate", "C.UTF-8", Domain::Fixed),
    ("lc_ctype", "C.UTF-8", Domain::Fixed),
    ("lc_messages", "C", Domain::Any),
    ("lc_monetary", "C", Domain::Any),
    ("lc_numeric", "C", Domain::Any),
    ("lc_time", "C", Domain::Any),
    ("lock_timeout", "0", Domain::Time),
    ("max_identifier_length", "65535", Domain::Fixed),
    ("max_index_keys", "32", Domain::Fixed),
    ("row_security", "on", Domain::Switch),
    (SEARCH_PATH, DEFAULT_SCHEMA, Domain::Any),
    ("server_encoding", "UTF8", Domain::Fixed),
    ("server_version", POSTGRES_VERSION, Domain::Fixed),
    ("server_version_num", "150008", Domain::Fixed),
    ("standard_conforming_strings", "on", Domain::OneOf(&["on", "true", "yes", "1"])),
    (STATEMENT_TIMEOUT, "0", Domain::Time),
    ("synchronize_seqscans", "on", Domain::Switch),
    ("TimeZone", "UTC", Domain::OneOf(&["utc", "etc/utc", "gmt", "z", "0", "zulu", "universal", "etc/universal"])),
    ("transaction_deferrable", "off", Domain::Switch),
    ("transaction_isolation", "read committed", Domain::Any),
    ("transaction_read_only", "on", Domain::OneOf(&["on", "true", "yes", "1"])),
    ("work_mem", "4MB", Domain::Any),
    ("xmloption", "content", Domain::Any),
];

/// The settings of a session.
#[derive(Debug, Default, Clone)]
pub(crate) struct Settings {
    /// The settings that differ from their defaults.
    changed: BTreeMap<&'static str, String>,
    /// During a transaction: `changed` when it began, and the settings that end with it.
    transaction: Option<(BTreeMap<&'static str, String>, BTreeSet<&'static str>)>,
}

impl Settings {
    /// The current schema.
    pub(crate) fn schema(&self) -> &str {
        self.changed.get(SEARCH_PATH).map_or(DEFAULT_SCHEMA, String::as_str)
    }

    /// Sets `application_name`.
    pub(crate) fn set_application_name(&mut self, name: &str) {
        self.changed.insert(APPLICATION_NAME, name.to_owned());
    }

    /// Whether statements skip clusters that cannot answer: `kubesql.partial`.
    pub(crate) fn partial(&self) -> bool {
        self.changed.get(PARTIAL).is_some_and(|value| value == "on")
    }

    /// Sets `kubesql.partial`.
    pub(crate) fn set_partial(&mut self, partial: bool) {
        if partial {
            self.changed.insert(PARTIAL, "on".to_owned());
        } else {
            self.changed.remove(PARTIAL);
        }
    }

    /// The name that the client gives itself: `application_name`.
    pub(crate) fn application_name(&self) -> &str {
        self.changed.get(APPLICATION_NAME).map_or("", String::as_str)
    }

    /// The time limit of statements; `None` for no limit.
    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        let millis = timeout::parse(self.changed.get(STATEMENT_TIMEOUT)?)?;
        (millis > 0.0).then(|| Duration::from_secs_f64(millis / 1e3))
    }

    /// The canonical name of a setting and its value.
    pub(crate) fn get(&self, name: &str) -> Result<(&'static str, &str), SqlError> {
        let (name, default, _) = find_setting(name)?;
        Ok((name, self.changed.get(name).map_or(default, String::as_str)))
    }

    /// All settings and their values.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        SETTINGS.into_iter().map(|(name, default, _)| (name, self.changed.get(name).map_or(default, String::as_str)))
    }

    /// Resets all settings except `application_name` to their defaults. An open transaction stays open.
    pub(crate) fn reset(&mut self) {
        self.changed.retain(|name, _| *name == APPLICATION_NAME);
    }

    /// Begins a transaction.
    pub(crate) fn begin(&mut self) {
        if self.transaction.is_none() {
            self.transaction = Some((self.changed.clone(), BTreeSet::new()));
        }
    }

    /// Ends a transaction. It restores the settings that are local to the transaction, or all if it is rolled back.
    pub(crate) fn end(&mut self, commit: bool) {
        let Some((before, local)) = self.transaction.take() else { return };
        if !commit {
            self.changed = before;
            return;
        }
        for name in local {
            match before.get(name) {
                Some(value) => self.changed.insert(name, value.clone()),
                None => self.changed.remove(name),
            };
        }
    }

    /// Changes a setting; `None` is DEFAULT. A local change ends with the transaction; outside of one it has no effect.
    pub(crate) fn set(
        &mut self,
        context: &EngineContext,
        name: &str,
        value: Option<&str>,
        is_local: bool,
    ) -> Result<(), SqlError> {
        let (name, default, domain) = find_setting(name)?;
        let value = match value {
            Some(value) => parse_value(context, name, default, domain, value)?,
            None => None,
        };
        match &mut self.transaction {
            Some((_, local)) if is_local => _ = local.insert(name),
            None if is_local => return Ok(()),
            _ => {}
        }
        match value {
            Some(value) => self.changed.insert(name, value),
            None => self.changed.remove(name),
        };
        Ok(())
    }
}

/// Parses the new value of a setting; `None` for its default.
fn parse_value(
    context: &EngineContext,
    name: &'static str,
    default: &str,
    domain: Domain,
    value: &str,
) -> Result<Option<String>, SqlError> {
    let invalid = |message: String| Err(SqlError::new(ErrorKind::Invalid, message).code("22023"));
    let invalid_value =
        || SqlError::new(ErrorKind::Invalid, format!("invalid value for parameter \"{name}\": \"{value}\""));
    if name == SEARCH_PATH {
        return first_schema(context, value).map(Some);
    }
    match domain {
        Domain::Any => Ok(Some(value.to_owned())),
        Domain::Time => match timeout::parse(value) {
            Some(millis) => Ok(Some(timeout::format_millis(millis))),
            None => {
                let hint =
                    "valid units are \"us\", \"ms\", \"s\", \"min\", \"h\" and \"d\"; the default unit is \"ms\"";
                Err(invalid_value().code("22023").hint(hint))
            }
        },
        Domain::Number if value.parse::<f64>().is_err() => {
            invalid(format!("parameter \"{name}\" requires a numeric value"))
        }
        Domain::Number => Ok(Some(value.to_owned())),
        Domain::Switch => match value.to_lowercase().as_str() {
            "on" | "true" | "yes" | "1" => Ok(Some("on".to_owned())),
            "off" | "false" | "no" | "0" => Ok((default != "off").then(|| "off".to_owned())),
            _ => invalid(format!("parameter \"{name}\" requires a Boolean value")),
        },
        Domain::OneOf(words) if words.contains(&value.to_lowercase().as_str()) => Ok(None),
        Domain::OneOf(_) => Err(invalid_value().code("22023").hint(format!("the only valid value is {default}"))),
        Domain::Fixed if value == default => Ok(None),
        Domain::Fixed => {
            let error = SqlError::new(ErrorKind::Unsupported, format!("parameter \"{name}\" cannot be changed"));
            Err(error.code("55P02"))
        }
    }
}

/// The first existing schema of a search path. The default entries of PostgreSQL's search path are ignored.
fn first_schema(context: &EngineContext, value: &str) -> Result<String, SqlError> {
    let words = value.split(',').map(|word| word.trim().trim_matches('"'));
    let words = words.map(|word| word.strip_prefix(CATALOG).and_then(|rest| rest.strip_prefix('.')).unwrap_or(word));
    let mut unknown = None;
    for schema in words {
        if context.has_schema(schema) {
            return Ok(schema.to_owned());
        }
        if !matches!(schema, "" | "public" | "$user") {
            unknown = unknown.or(Some(schema));
        }
    }
    match unknown {
        Some(schema) => Err(context.unknown_table(schema, "")),
        None => Ok(DEFAULT_SCHEMA.to_owned()),
    }
}

/// Finds a setting by its name: its canonical name, its default, and the values that it accepts.
fn find_setting(name: &str) -> Result<(&'static str, &'static str, Domain), SqlError> {
    let name = match name {
        "time zone" | "time.zone" => "timezone",
        "names" => "client_encoding",
        "transaction.isolation.level" => "transaction_isolation",
        name => name,
    };
    SETTINGS.into_iter().find(|(setting, ..)| setting.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let error = SqlError::new(ErrorKind::Unsupported, format!("unrecognized configuration parameter \"{name}\""))
            .code("42704");
        match nearest(name, SETTINGS.iter().map(|(setting, ..)| *setting)).as_slice() {
            [] => error.hint("SHOW ALL lists the settings"),
            near => error.hint(format!("did you mean {}?", near.join(", "))),
        }
    })
}
