//! What is true of one session: who asks, and how it is set.

/// A session as its statements see it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::sql) struct Facts {
    /// Who asks.
    pub(in crate::sql) user: String,
    /// The number by which the connection is known, and can be cancelled.
    pub(in crate::sql) process: i32,
    /// The current schema.
    pub(in crate::sql) schema: String,
    /// All settings, and what is said of them.
    pub(in crate::sql) settings: Vec<(String, String)>,
}

impl Facts {
    /// The value of a setting.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        let name = name.to_lowercase();
        self.settings.iter().find(|(known, _)| known.to_lowercase() == name).map(|(_, value)| value.as_str())
    }

    /// Where bare names are looked up, in order.
    pub(super) fn path(&self) -> Vec<&str> {
        let mut path = vec![super::SCHEMA, self.schema.as_str()];
        if self.schema != super::super::registry::DEFAULT_SCHEMA {
            path.push(super::super::registry::DEFAULT_SCHEMA);
        }
        path
    }
}
