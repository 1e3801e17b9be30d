//! A session's settings: what `SET`, `RESET` and `SHOW` know.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::{ErrorKind, SqlError};
use super::house::House;
use super::registry::{CATALOG, DEFAULT_SCHEMA};
use super::suggest::nearest;
use super::timeout;

/// The setting that says where bare names are looked up first.
const SEARCH_PATH: &str = "search_path";

/// The setting that lets a statement be answered although some clusters cannot.
const PARTIAL: &str = "kubesql.partial";

/// The setting that says what the client calls itself.
const APPLICATION_NAME: &str = "application_name";

/// The setting that says how long a statement may take.
const STATEMENT_TIMEOUT: &str = "statement_timeout";

/// Settings with what they are at first.
const KNOWN: [(&str, &str); 6] = [
    (APPLICATION_NAME, ""),
    ("client_encoding", "UTF8"),
    (PARTIAL, "off"),
    (SEARCH_PATH, DEFAULT_SCHEMA),
    (STATEMENT_TIMEOUT, "0"),
    ("timezone", "UTC"),
];

/// A session's settings.
#[derive(Debug, Default, Clone)]
pub(super) struct Settings {
    /// Those that are not as at first.
    changed: BTreeMap<&'static str, String>,
}

impl Settings {
    /// The current schema.
    pub(super) fn schema(&self) -> &str {
        self.changed.get(SEARCH_PATH).map_or(DEFAULT_SCHEMA, String::as_str)
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

    /// The value of a setting.
    pub(super) fn get(&self, name: &str) -> Result<&str, SqlError> {
        let (name, default) = known(name)?;
        Ok(self.changed.get(name).map_or(default, String::as_str))
    }

    /// All settings and their values.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        KNOWN.into_iter().map(|(name, default)| (name, self.changed.get(name).map_or(default, String::as_str)))
    }

    /// Changes a setting; DEFAULT is `None`.
    pub(super) fn set(&mut self, house: &House, name: &str, value: Option<&str>) -> Result<(), SqlError> {
        let (name, default) = known(name)?;
        let Some(value) = value else {
            self.changed.remove(name);
            return Ok(());
        };
        let invalid = |message: String| Err(SqlError::new(ErrorKind::Invalid, message));
        match name {
            SEARCH_PATH => {
                let schema = value.strip_prefix(CATALOG).and_then(|rest| rest.strip_prefix('.')).unwrap_or(value);
                if !house.has_schema(schema) {
                    return Err(house.registry().unknown_table(schema, ""));
                }
                self.changed.insert(name, schema.to_owned());
            }
            PARTIAL => match value.to_lowercase().as_str() {
                "on" | "true" | "yes" | "1" => {
                    self.changed.insert(name, "on".to_owned());
                }
                "off" | "false" | "no" | "0" => {
                    self.changed.remove(name);
                }
                _ => return invalid(format!("{PARTIAL} is on or off, not {value}")),
            },
            STATEMENT_TIMEOUT => match timeout::parse(value) {
                Some(millis) => {
                    self.changed.insert(name, timeout::show(millis));
                }
                None => {
                    let hint = "it takes milliseconds, or a number with its unit: us, ms, s, min, h or d";
                    let error = SqlError::new(ErrorKind::Invalid, format!("{name} cannot be {value}"));
                    return Err(error.hint(hint));
                }
            },
            // Text is UTF-8 and times are UTC; who asks for that may, and who asks for more is told.
            "client_encoding" if !matches!(value.to_lowercase().as_str(), "utf8" | "utf-8" | "unicode") => {
                return invalid(format!("text is UTF8, not {value}"));
            }
            "timezone" if !matches!(value.to_lowercase().as_str(), "utc" | "etc/utc" | "gmt" | "z") => {
                return invalid(format!("times are UTC, not {value}"));
            }
            "client_encoding" | "timezone" => {
                self.changed.insert(name, default.to_owned());
            }
            name => {
                self.changed.insert(name, value.to_owned());
            }
        }
        Ok(())
    }
}

/// The setting of this name and its value at first.
fn known(name: &str) -> Result<(&'static str, &'static str), SqlError> {
    let name = match name {
        "time zone" | "time.zone" => "timezone",
        "names" => "client_encoding",
        name => name,
    };
    KNOWN.into_iter().find(|(known, _)| *known == name).ok_or_else(|| {
        let error = SqlError::new(ErrorKind::Unsupported, format!("there is no setting \"{name}\""));
        match nearest(name, KNOWN.iter().map(|(known, _)| *known)).as_slice() {
            [] => error.hint("SHOW ALL lists the settings"),
            near => error.hint(format!("did you mean {}?", near.join(", "))),
        }
    })
}
