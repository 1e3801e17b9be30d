//! A set of fields of a type.

use std::collections::BTreeMap;

/// The fields of a type that a query needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldMask {
    /// All fields.
    All,
    /// The fields with these numbers. An empty map selects no field, but objects are still counted.
    Fields(BTreeMap<u16, FieldMask>),
}

impl FieldMask {
    /// Selects no field.
    pub fn none() -> Self {
        Self::Fields(BTreeMap::new())
    }

    /// Adds the field at this path with everything in it. The path has field numbers, through objects and lists alike.
    pub fn add(&mut self, path: &[u16]) {
        let Self::Fields(fields) = self else { return };
        match path {
            [] => *self = Self::All,
            [first, rest @ ..] => fields.entry(*first).or_insert_with(Self::none).add(rest),
        }
    }

    /// Adds the field at this path, but nothing in it: whether it is present and, for a list, the number of its items.
    pub fn add_presence(&mut self, path: &[u16]) {
        let Self::Fields(fields) = self else { return };
        if let [first, rest @ ..] = path {
            fields.entry(*first).or_insert_with(Self::none).add_presence(rest);
        }
    }

    /// Adds all fields of another mask.
    pub fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::All, _) => {}
            (_, Self::All) => *self = Self::All,
            (Self::Fields(fields), Self::Fields(others)) => {
                for (field, mask) in others {
                    fields.entry(*field).or_insert_with(Self::none).merge(mask);
                }
            }
        }
    }
}
