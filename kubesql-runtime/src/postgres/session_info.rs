//! The session of a statement, as catalog tables and functions see it.

use std::any::Any;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::common::plan_err;
use datafusion::error::Result;

/// Information about a session. It is part of DataFusion's configuration of each statement, so that functions and
/// tables are registered once for all sessions.
#[derive(Debug, Default, Clone)]
pub(crate) struct SessionInfo {
    /// The name of the user.
    pub(crate) user: String,
    /// The number that identifies the connection in cancel requests.
    pub(crate) process: i32,
    /// The current schema.
    pub(crate) schema: String,
    /// Names and values of all settings.
    pub(crate) settings: Vec<(String, String)>,
}

impl SessionInfo {
    /// Returns the session from the configuration of a statement, or an empty one.
    pub(super) fn from_config(options: &ConfigOptions) -> &Self {
        static UNKNOWN: SessionInfo =
            SessionInfo { user: String::new(), process: 0, schema: String::new(), settings: Vec::new() };
        options.extensions.get::<Self>().unwrap_or(&UNKNOWN)
    }

    /// Returns the value of a setting.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the schemas in which unqualified names are looked up, in order.
    pub(super) fn search_path(&self) -> Vec<&str> {
        let mut path = vec![super::SCHEMA, self.schema.as_str()];
        if self.schema != crate::sql::DEFAULT_SCHEMA {
            path.push(crate::sql::DEFAULT_SCHEMA);
        }
        path
    }
}

impl ConfigExtension for SessionInfo {
    const PREFIX: &'static str = "kubesql_session";
}

impl ExtensionOptions for SessionInfo {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _: &str) -> Result<()> {
        plan_err!("session information \"{key}\" cannot be set")
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}
