//! Reads single values from an object's JSON without parsing all of it into memory.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The value at a path as text; empty if there is none, as for field selectors.
pub(crate) fn text_at(object: &[u8], path: &[&str]) -> String {
    let mut found = Found::default();
    seek(object, path, &mut found);
    found.text
}

/// The entries of the map at a path: labels.
pub(crate) fn map_at(object: &[u8], path: &[&str]) -> Vec<(String, String)> {
    let mut found = Found::default();
    seek(object, path, &mut found);
    found.entries
}

fn seek(object: &[u8], path: &[&str], to: &mut Found) {
    let mut reader = serde_json::Deserializer::from_slice(object);
    // Objects are checked before they are stored; invalid JSON has no values.
    _ = (Seek { path, to }).deserialize(&mut reader);
}

#[derive(Default)]
struct Found {
    text: String,
    entries: Vec<(String, String)>,
}

struct Seek<'a> {
    path: &'a [&'a str],
    to: &'a mut Found,
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.path.split_first() else {
            while let Some((key, value)) = map.next_entry::<String, serde_json::Value>()? {
                if let serde_json::Value::String(value) = value {
                    self.to.entries.push((key, value));
                }
            }
            return Ok(());
        };
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key == *first {
                map.next_value_seed(Seek { path: rest, to: &mut *self.to })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.scalar(text);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.scalar(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.scalar(&value.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.scalar(&value.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.scalar(&value.to_string());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

impl Seek<'_> {
    fn scalar(self, text: &str) {
        if self.path.is_empty() {
            text.clone_into(&mut self.to.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_values_by_path() {
        let object = br#"{"metadata":{"name":"a","labels":{"x":"1","y\"":"\u00e9"},"n":null},"spec":{"on":true,"n":[{"on":1}],"i":-3}}"#;
        let cases = [
            ("metadata.name", "a"),
            ("spec.on", "true"),
            ("spec.i", "-3"),
            ("spec.n", ""),
            ("spec.n.on", ""),
            ("metadata.n", ""),
            ("metadata.name.first", ""),
            ("status.phase", ""),
            ("metadata", ""),
        ];
        for (path, value) in cases {
            assert_eq!(text_at(object, &path.split('.').collect::<Vec<_>>()), value, "{path}");
        }
        let labels = [("x", "1"), ("y\"", "é")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(map_at(object, &["metadata", "labels"]), labels);
        assert_eq!(map_at(object, &["metadata", "annotations"]), []);
    }
}
