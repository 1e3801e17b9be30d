//! What catalog tables and functions know of the session that runs a statement.

use std::any::Any;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::common::plan_err;
use datafusion::error::Result;

/// A session as its statements see it. It is part of DataFusion's configuration of each statement, so that functions
/// and tables are registered once for all sessions.
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
    /// The session of a statement's configuration; an empty one where the statement has none.
    pub(super) fn from_config(options: &ConfigOptions) -> &Self {
        static UNKNOWN: SessionInfo =
            SessionInfo { user: String::new(), process: 0, schema: String::new(), settings: Vec::new() };
        options.extensions.get::<Self>().unwrap_or(&UNKNOWN)
    }

    /// The value of a setting.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The schemas in which unqualified names are looked up, in order.
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
