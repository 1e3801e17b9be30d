//! Output settings: `\pset` and its short forms.

use clap::ValueEnum;
use kubesql_runtime::sql::{ErrorKind, SqlError};

use crate::args::{Expanded, Format};

/// When the pager is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pager {
    /// If a result does not fit the terminal.
    On,
    Off,
    Always,
}

/// Output settings.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) format: Format,
    pub(super) expanded: Expanded,
    pub(super) timing: bool,
    /// The text for NULL in tables.
    pub(super) null: String,
    pub(super) pager: Pager,
    /// Whether header and footer are omitted.
    pub(super) tuples_only: bool,
    /// Whether columns of `select *` without values are shown.
    pub(super) all_columns: bool,
    /// Width of tables in columns; `None` is the terminal's width.
    pub(super) columns: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Format::Table,
            expanded: Expanded::Auto,
            timing: false,
            null: String::new(),
            pager: Pager::On,
            tuples_only: false,
            all_columns: false,
            columns: None,
        }
    }
}

/// All settings, with their values for completion.
pub(super) const NAMES: &[(&str, &[&str])] = &[
    ("all_columns", &["on", "off"]),
    ("columns", &["0"]),
    ("expanded", &["on", "off", "auto"]),
    ("format", &["table", "json", "ndjson", "csv", "yaml", "arrow", "parquet"]),
    ("null", &[]),
    ("pager", &["on", "off", "always"]),
    ("timing", &["on", "off"]),
    ("tuples_only", &["on", "off"]),
];

impl Settings {
    /// Changes a setting and returns a message. Without a value, a switch is toggled and other settings are shown.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) -> Result<String, SqlError> {
        let name = match name {
            "x" => "expanded",
            "t" => "tuples_only",
            name => name,
        };
        match name {
            "format" => {
                if let Some(value) = value {
                    self.format = format(value)?;
                }
            }
            "expanded" => {
                self.expanded = match value.map(str::to_ascii_lowercase).as_deref() {
                    None if self.expanded == Expanded::On => Expanded::Off,
                    None => Expanded::On,
                    Some("auto") => Expanded::Auto,
                    Some(value) if switch(name, value)? => Expanded::On,
                    Some(_) => Expanded::Off,
                }
            }
            "pager" => {
                self.pager = match value.map(str::to_ascii_lowercase).as_deref() {
                    None if self.pager == Pager::Off => Pager::On,
                    None => Pager::Off,
                    Some("always") => Pager::Always,
                    Some(value) if switch(name, value)? => Pager::On,
                    Some(_) => Pager::Off,
                }
            }
            "null" => value.unwrap_or_default().clone_into(&mut self.null),
            "columns" => {
                if let Some(value) = value {
                    let columns: usize = value.parse().map_err(|_| {
                        invalid(format!("invalid number of columns: {value}"), "0 is the terminal's width")
                    })?;
                    self.columns = (columns > 0).then_some(columns);
                }
            }
            "timing" => self.timing = toggled(name, value, self.timing)?,
            "tuples_only" => self.tuples_only = toggled(name, value, self.tuples_only)?,
            "all_columns" => self.all_columns = toggled(name, value, self.all_columns)?,
            other => {
                let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
                return Err(invalid(format!("unknown setting \"{other}\""), format!("settings: {}", names.join(", "))));
            }
        }
        Ok(match name {
            "timing" => format!("Timing is {}.", on_off(self.timing)),
            name => format!("{name} is {}.", self.value(name)),
        })
    }

    /// The current value of a setting.
    pub(super) fn value(&self, name: &str) -> String {
        match name {
            "format" => format_name(self.format),
            "expanded" => match self.expanded {
                Expanded::On => "on".to_owned(),
                Expanded::Off => "off".to_owned(),
                Expanded::Auto => "auto".to_owned(),
            },
            "pager" => match self.pager {
                Pager::On => "on".to_owned(),
                Pager::Off => "off".to_owned(),
                Pager::Always => "always".to_owned(),
            },
            "null" => format!("'{}'", self.null),
            "columns" => self.columns.unwrap_or(0).to_string(),
            "timing" => on_off(self.timing).to_owned(),
            "tuples_only" => on_off(self.tuples_only).to_owned(),
            "all_columns" => on_off(self.all_columns).to_owned(),
            _ => String::new(),
        }
    }
}

fn invalid(message: String, hint: impl Into<String>) -> SqlError {
    SqlError::new(ErrorKind::Invalid, message).hint(hint)
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn toggled(name: &str, value: Option<&str>, now: bool) -> Result<bool, SqlError> {
    value.map_or(Ok(!now), |value| switch(name, value))
}

fn switch(name: &str, value: &str) -> Result<bool, SqlError> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => {
            let values = NAMES.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, values)| values);
            Err(invalid(format!("invalid value for {name}: \"{value}\""), format!("values: {}", values.join(", "))))
        }
    }
}

/// A format by its name; psql's names are accepted as well.
fn format(name: &str) -> Result<Format, SqlError> {
    let name = match name.to_ascii_lowercase().as_str() {
        "aligned" | "wrapped" => "table".to_owned(),
        "jsonl" => "ndjson".to_owned(),
        name => name.to_owned(),
    };
    let hint = "formats: table, json, ndjson, csv, yaml, and for files arrow and parquet";
    Format::from_str(&name, true).map_err(|_| invalid(format!("unknown format \"{name}\""), hint))
}

pub(super) fn format_name(format: Format) -> String {
    format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// The format for a file extension.
pub(super) fn format_of_file(path: &str) -> Option<Format> {
    let (_, ending) = path.rsplit_once('.')?;
    match ending.to_ascii_lowercase().as_str() {
        "json" => Some(Format::Json),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "csv" => Some(Format::Csv),
        "yaml" | "yml" => Some(Format::Yaml),
        "arrow" | "arrows" => Some(Format::Arrow),
        "parquet" => Some(Format::Parquet),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_reports_settings() {
        let mut settings = Settings::default();
        let cases = [
            ("expanded", None, "expanded is on."),
            ("x", None, "expanded is off."),
            ("expanded", Some("AUTO"), "expanded is auto."),
            ("timing", None, "Timing is on."),
            ("timing", Some("off"), "Timing is off."),
            ("format", Some("aligned"), "format is table."),
            ("format", Some("CSV"), "format is csv."),
            ("null", Some("(null)"), "null is '(null)'."),
            ("pager", None, "pager is off."),
            ("pager", Some("always"), "pager is always."),
            ("columns", Some("60"), "columns is 60."),
            ("t", None, "tuples_only is on."),
        ];
        for (name, value, expect) in cases {
            assert_eq!(settings.set(name, value).expect("a setting"), expect);
        }
        for (name, value) in [("format", "xml"), ("pager", "sometimes"), ("nothing", "on"), ("columns", "wide")] {
            let error = settings.set(name, Some(value)).expect_err("no setting");
            assert!(error.hint.is_some(), "{name} {value}: {error}");
        }
        for (name, _) in NAMES {
            assert!(!settings.value(name).is_empty(), "{name}");
        }
    }
}
