//! JSON templates: built once, then rendered for each object by copying a few slices.

use bytes::Bytes;
use serde_json::Value;

/// The JSON of an object, split at its placeholders.
///
/// A placeholder is `«name»` inside of a string. A string that is only `«#name»` is replaced as a whole, by a number or another value.
#[derive(Debug)]
pub(crate) struct Template {
    /// Text before each placeholder, and the index of the placeholder's value.
    parts: Vec<(Box<str>, usize)>,
    rest: Box<str>,
    length: usize,
}

impl Template {
    /// Splits an object at placeholders with these names. Panics at any other name, since templates are part of the source.
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
            let placeholder = names.iter().position(|known| *known == name);
            let placeholder =
                placeholder.unwrap_or_else(|| unreachable!("template has an unknown placeholder: {name}"));
            parts.push((before.into(), placeholder));
            rest = after;
        }
        let length = parts.iter().map(|(before, _)| before.len()).sum::<usize>() + rest.len();
        Self { parts, rest: rest.into(), length }
    }

    /// Renders the object with these values, in the order of the names. Values are not escaped.
    pub(crate) fn fill(&self, values: &[&str]) -> Bytes {
        let filled: usize = self.parts.iter().map(|(_, placeholder)| values[*placeholder].len()).sum();
        let mut text = Vec::with_capacity(self.length + filled);
        for (before, placeholder) in &self.parts {
            text.extend_from_slice(before.as_bytes());
            text.extend_from_slice(values[*placeholder].as_bytes());
        }
        text.extend_from_slice(self.rest.as_bytes());
        Bytes::from(text)
    }
}

/// Declares the values of a template as a struct, so that the compiler checks their names.
macro_rules! template_values {
    ($(#[$doc:meta])* $name:ident { $($field:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $name<'a> {
            $(pub(crate) $field: &'a str,)*
        }

        impl $name<'_> {
            /// The names, in the order of the values.
            pub(crate) const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

            /// Renders a template with these values.
            pub(crate) fn fill(&self, template: &$crate::content::template::Template) -> bytes::Bytes {
                template.fill(&[$(self.$field),*])
            }
        }
    };
}
pub(crate) use template_values;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    template_values!(Values { name, count, unused });

    #[test]
    fn fills_placeholders() {
        let object =
            json!({"a": "«name»", "b": "x-«name»-«count»", "n": "«#count»", "k:{\"ip\":\"«name»\"}": [1, "«#count»"]});
        let template = Template::new(&object, Values::NAMES);
        let filled = Values { name: "web", count: "3", unused: "" }.fill(&template);
        let filled: Value = serde_json::from_slice(&filled).expect("JSON");
        assert_eq!(filled, json!({"a": "web", "b": "x-web-3", "n": 3, "k:{\"ip\":\"web\"}": [1, 3]}));
    }
}
