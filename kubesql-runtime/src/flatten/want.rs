//! Which fields of a type a query needs.

use std::collections::BTreeMap;

/// The wanted part of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// Everything.
    All,
    /// These fields, by number; an empty map wants only the count of objects.
    Fields(BTreeMap<u16, Want>),
}

impl Want {
    /// Wants nothing but the count.
    pub fn nothing() -> Self {
        Self::Fields(BTreeMap::new())
    }

    /// Wants the field at this path (field numbers, through objects and lists alike), whole.
    pub fn add(&mut self, path: &[u16]) {
        let Self::Fields(fields) = self else { return };
        match path {
            [] => *self = Self::All,
            [first, rest @ ..] => fields.entry(*first).or_insert_with(Self::nothing).add(rest),
        }
    }

    /// Wants to know that the field at this path is there and, for a list, how many items it has; nothing in it.
    pub fn touch(&mut self, path: &[u16]) {
        let Self::Fields(fields) = self else { return };
        if let [first, rest @ ..] = path {
            fields.entry(*first).or_insert_with(Self::nothing).touch(rest);
        }
    }

    /// Wants what the other wants, too.
    pub fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::All, _) => {}
            (_, Self::All) => *self = Self::All,
            (Self::Fields(mine), Self::Fields(theirs)) => {
                for (field, want) in theirs {
                    mine.entry(*field).or_insert_with(Self::nothing).merge(want);
                }
            }
        }
    }
}
