//! A session's settings: what `SET`, `RESET` and `SHOW` know.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::error::{ErrorKind, SqlError};
use super::house::House;
use super::postgres::POSTGRES_VERSION;
use super::registry::{CATALOG, DEFAULT_SCHEMA};
use super::suggest::nearest;
use super::timeout;

/// The setting that says where bare names are looked up first.
const SEARCH_PATH: &str = "search_path";

/// The setting that lets a statement be answered although some clusters cannot.
const PARTIAL: &str = "kubesql.partial";

/// The setting that says what the client calls itself.
const APPLICATION_NAME: &str = "application_name";

/// The setting that ends statements earlier than the server would.
const STATEMENT_TIMEOUT: &str = "statement_timeout";

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum May {
    /// Anything.
    Any,
    /// A length of time; a bare number is milliseconds.
    Time,
    /// A number.
    Number,
    /// `on` or `off`.
    Switch,
    /// One of these words, which all mean what is so already.
    Only(&'static [&'static str]),
    /// Nobody may change it.
    Fixed,
}

/// Settings with what they are at first and may become.
const KNOWN: [(&str, &str, May); 41] = [
    (APPLICATION_NAME, "", May::Any),
    ("bytea_output", "hex", May::Only(&["hex"])),
    ("client_encoding", "UTF8", May::Only(&["utf8", "utf-8", "unicode"])),
    ("client_min_messages", "notice", May::Any),
    ("DateStyle", "ISO, MDY", May::Only(&["iso", "iso, mdy", "iso,mdy", "iso, dmy", "iso, ymd"])),
    ("default_table_access_method", "heap", May::Only(&["heap"])),
    ("default_transaction_deferrable", "off", May::Switch),
    ("default_transaction_isolation", "read committed", May::Any),
    ("default_transaction_read_only", "on", May::Only(&["on", "true", "yes", "1"])),
    ("extra_float_digits", "1", May::Number),
    ("idle_in_transaction_session_timeout", "0", May::Time),
    ("idle_session_timeout", "0", May::Time),
    ("in_hot_standby", "off", May::Fixed),
    ("integer_datetimes", "on", May::Fixed),
    ("IntervalStyle", "postgres", May::Only(&["postgres"])),
    ("is_superuser", "off", May::Fixed),
    ("jit", "off", May::Switch),
    (PARTIAL, "off", May::Switch),
    ("lc_collate", "C.UTF-8", May::Fixed),
    ("lc_ctype", "C.UTF-8", May::Fixed),
    ("lc_messages", "C", May::Any),
    ("lc_monetary", "C", May::Any),
    ("lc_numeric", "C", May::Any),
    ("lc_time", "C", May::Any),
    ("lock_timeout", "0", May::Time),
    ("max_identifier_length", "65535", May::Fixed),
    ("max_index_keys", "32", May::Fixed),
    ("row_security", "on", May::Switch),
    (SEARCH_PATH, DEFAULT_SCHEMA, May::Any),
    ("server_encoding", "UTF8", May::Fixed),
    ("server_version", POSTGRES_VERSION, May::Fixed),
    ("server_version_num", "150008", May::Fixed),
    ("standard_conforming_strings", "on", May::Only(&["on", "true", "yes", "1"])),
    (STATEMENT_TIMEOUT, "0", May::Time),
    ("synchronize_seqscans", "on", May::Switch),
    ("TimeZone", "UTC", May::Only(&["utc", "etc/utc", "gmt", "z", "0", "zulu", "universal", "etc/universal"])),
    ("transaction_deferrable", "off", May::Switch),
    ("transaction_isolation", "read committed", May::Any),
    ("transaction_read_only", "on", May::Only(&["on", "true", "yes", "1"])),
    ("work_mem", "4MB", May::Any),
    ("xmloption", "content", May::Any),
];

/// A session's settings.
#[derive(Debug, Default, Clone)]
pub(super) struct Settings {
    /// Those that are not as at first.
    changed: BTreeMap<&'static str, String>,
    /// What was changed when the transaction began, and what is changed for it only.
    transaction: Option<(BTreeMap<&'static str, String>, BTreeSet<&'static str>)>,
}

impl Settings {
    /// The current schema.
    pub(super) fn schema(&self) -> &str {
        self.changed.get(SEARCH_PATH).map_or(DEFAULT_SCHEMA, String::as_str)
    }

    /// What the client calls itself from now on.
    pub(super) fn set_application_name(&mut self, name: &str) {
        self.changed.insert(APPLICATION_NAME, name.to_owned());
    }

    /// Whether statements are answered although some clusters cannot.
    pub(super) fn partial(&self) -> bool {
        self.changed.get(PARTIAL).is_some_and(|value| value == "on")
    }

    /// Whether they are from now on.
    pub(super) fn set_partial(&mut self, partial: bool) {
        if partial {
            self.changed.insert(PARTIAL, "on".to_owned());
        } else {
            self.changed.remove(PARTIAL);
        }
    }

    /// What the client calls itself.
    pub(super) fn application_name(&self) -> &str {
        self.changed.get(APPLICATION_NAME).map_or("", String::as_str)
    }

    /// How long a statement may take; `None` where that is not limited.
    pub(super) fn statement_timeout(&self) -> Option<Duration> {
        let millis = timeout::parse(self.changed.get(STATEMENT_TIMEOUT)?)?;
        (millis > 0.0).then(|| Duration::from_secs_f64(millis / 1e3))
    }

    /// The value of a setting, and how its name is written.
    pub(super) fn get(&self, name: &str) -> Result<(&'static str, &str), SqlError> {
        let (name, default, _) = known(name)?;
        Ok((name, self.changed.get(name).map_or(default, String::as_str)))
    }

    /// All settings and their values.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        KNOWN.into_iter().map(|(name, default, _)| (name, self.changed.get(name).map_or(default, String::as_str)))
    }

    /// All settings as they were at first; what the client calls itself stays, as does the open transaction.
    pub(super) fn reset(&mut self) {
        self.changed.retain(|name, _| *name == APPLICATION_NAME);
    }

    /// A transaction begins.
    pub(super) fn begin(&mut self) {
        if self.transaction.is_none() {
            self.transaction = Some((self.changed.clone(), BTreeSet::new()));
        }
    }

    /// A transaction ends: what was set for it only, or in one that is taken back, is as before.
    pub(super) fn end(&mut self, commit: bool) {
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

    /// Changes a setting; DEFAULT is `None`. What is local is so until the transaction ends, and without one nothing.
    pub(super) fn set(
        &mut self,
        house: &House,
        name: &str,
        value: Option<&str>,
        is_local: bool,
    ) -> Result<(), SqlError> {
        let (name, default, may) = known(name)?;
        let value = match value {
            Some(value) => accepted(house, name, default, may, value)?,
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

/// A setting's new value; none where it is as at first.
fn accepted(
    house: &House,
    name: &'static str,
    default: &str,
    may: May,
    value: &str,
) -> Result<Option<String>, SqlError> {
    let invalid = |message: String| Err(SqlError::new(ErrorKind::Invalid, message).code("22023"));
    if name == SEARCH_PATH {
        return path(house, value).map(Some);
    }
    match may {
        May::Any => Ok(Some(value.to_owned())),
        May::Time => match timeout::parse(value) {
            Some(millis) => Ok(Some(timeout::show(millis))),
            None => {
                let hint = "it takes milliseconds, or a number with its unit: us, ms, s, min, h or d";
                let error = SqlError::new(ErrorKind::Invalid, format!("{name} cannot be {value}")).code("22023");
                Err(error.hint(hint))
            }
        },
        May::Number if value.parse::<f64>().is_err() => invalid(format!("{name} is a number, not {value}")),
        May::Number => Ok(Some(value.to_owned())),
        May::Switch => match value.to_lowercase().as_str() {
            "on" | "true" | "yes" | "1" => Ok(Some("on".to_owned())),
            "off" | "false" | "no" | "0" => Ok((default != "off").then(|| "off".to_owned())),
            _ => invalid(format!("{name} is on or off, not {value}")),
        },
        // Who asks for what is so may, and who asks for something else is told.
        May::Only(words) if words.contains(&value.to_lowercase().as_str()) => Ok(None),
        May::Only(_) if name == "client_encoding" => invalid(format!("text is UTF8, not {value}")),
        May::Only(_) if name == "TimeZone" => invalid(format!("times are UTC, not {value}")),
        May::Only(_) => invalid(format!("{name} is {default}, and cannot be {value}")),
        May::Fixed if value == default => Ok(None),
        May::Fixed => {
            let error = SqlError::new(ErrorKind::Unsupported, format!("setting \"{name}\" cannot be changed"));
            Err(error.code("55P02"))
        }
    }
}

/// The first schema of a path that there is. Those that every PostgreSQL server has say nothing.
fn path(house: &House, value: &str) -> Result<String, SqlError> {
    let words = value.split(',').map(|word| word.trim().trim_matches('"'));
    let words = words.map(|word| word.strip_prefix(CATALOG).and_then(|rest| rest.strip_prefix('.')).unwrap_or(word));
    let mut unknown = None;
    for schema in words {
        if house.has_schema(schema) {
            return Ok(schema.to_owned());
        }
        if !matches!(schema, "" | "public" | "$user") {
            unknown = unknown.or(Some(schema));
        }
    }
    match unknown {
        Some(schema) => Err(house.registry().unknown_table(schema, "")),
        None => Ok(DEFAULT_SCHEMA.to_owned()),
    }
}

/// The setting of this name, its value at first, and what it may be.
fn known(name: &str) -> Result<(&'static str, &'static str, May), SqlError> {
    let name = match name {
        "time zone" | "time.zone" => "timezone",
        "names" => "client_encoding",
        "transaction.isolation.level" => "transaction_isolation",
        name => name,
    };
    KNOWN.into_iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let error = SqlError::new(ErrorKind::Unsupported, format!("there is no setting \"{name}\"")).code("42704");
        match nearest(name, KNOWN.iter().map(|(known, ..)| *known)).as_slice() {
            [] => error.hint("SHOW ALL lists the settings"),
            near => error.hint(format!("did you mean {}?", near.join(", "))),
        }
    })
}
