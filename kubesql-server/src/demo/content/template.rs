//! Objects with holes: made once as JSON, then filled in with a few copies for each object.

use bytes::Bytes;
use serde_json::Value;

/// An object's JSON, cut at its holes.
///
/// A hole is `«name»` inside any text; a text that is only `«#name»` stands for a number or another bare value.
#[derive(Debug)]
pub(crate) struct Template {
    /// What stands between the holes, in order, with the hole that follows.
    parts: Vec<(Box<str>, usize)>,
    rest: Box<str>,
    length: usize,
}

impl Template {
    /// Cuts an object at holes of these names. A name that is not among them is a mistake in the source.
    pub(crate) fn new(object: &Value, names: &[&str]) -> Self {
        let text = object.to_string();
        let (mut parts, mut rest): (Vec<(Box<str>, usize)>, &str) = (Vec::new(), &text);
        while let Some((mut before, after)) = rest.split_once('«') {
            let (name, mut after) = after.split_once('»').unwrap_or((after, ""));
            if name.starts_with('#') {
                before = before.strip_suffix('"').unwrap_or(before);
                after = after.strip_prefix('"').unwrap_or(after);
            }
            let name = name.trim_start_matches('#');
            let hole = names.iter().position(|known| *known == name);
            let hole = hole.unwrap_or_else(|| unreachable!("a template has no hole called {name}"));
            parts.push((before.into(), hole));
            rest = after;
        }
        let length = parts.iter().map(|(before, _)| before.len()).sum::<usize>() + rest.len();
        Self { parts, rest: rest.into(), length }
    }

    /// The object with these values, in the order of the names. They are written as they are: nothing in them may
    /// need escaping.
    pub(crate) fn fill(&self, values: &[&str]) -> Bytes {
        let filled: usize = self.parts.iter().map(|(_, hole)| values[*hole].len()).sum();
        let mut text = Vec::with_capacity(self.length + filled);
        for (before, hole) in &self.parts {
            text.extend_from_slice(before.as_bytes());
            text.extend_from_slice(values[*hole].as_bytes());
        }
        text.extend_from_slice(self.rest.as_bytes());
        Bytes::from(text)
    }
}

/// Declares the holes of a template as a struct, so that none is forgotten or misspelt.
macro_rules! holes {
    ($(#[$doc:meta])* $name:ident { $($hole:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $name<'a> {
            $(pub(crate) $hole: &'a str,)*
        }

        impl $name<'_> {
            /// The names, in the order of the values.
            pub(crate) const NAMES: &'static [&'static str] = &[$(stringify!($hole)),*];

            /// The object with these values.
            pub(crate) fn fill(&self, template: &$crate::demo::content::template::Template) -> bytes::Bytes {
                template.fill(&[$(self.$hole),*])
            }
        }
    };
}
pub(crate) use holes;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    holes!(Holes { name, count, unused });

    #[test]
    fn holes_are_filled() {
        let object =
            json!({"a": "«name»", "b": "x-«name»-«count»", "n": "«#count»", "k:{\"ip\":\"«name»\"}": [1, "«#count»"]});
        let template = Template::new(&object, Holes::NAMES);
        let filled = Holes { name: "web", count: "3", unused: "" }.fill(&template);
        let filled: Value = serde_json::from_slice(&filled).expect("JSON");
        assert_eq!(filled, json!({"a": "web", "b": "x-web-3", "n": 3, "k:{\"ip\":\"web\"}": [1, 3]}));
    }
}
