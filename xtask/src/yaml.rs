//! Converts YAML documents to JSON values. Supports the subset that definitions of custom resources use.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// The maximal nesting, which is also the limit of serde_json.
const MAX_DEPTH: usize = 120;

/// The maximal number of values in aliases. Nested aliases could otherwise use up the memory.
const MAX_ALIASED: usize = 1_000_000;

/// The documents of a YAML or JSON text. Empty documents are left out.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>> {
    let mut documents = Vec::new();
    let mut reader = Reader { open: Vec::new(), anchors: HashMap::new(), aliased: 0, done: None };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.context("not YAML")?;
        reader.event(event).with_context(|| format!("line {}", span.start.line()))?;
        documents.extend(reader.done.take().filter(|document| !document.is_null()));
    }
    Ok(documents)
}

/// A collection that is not closed yet.
enum Open {
    List(usize, Vec<Value>),
    /// With the key of the next value.
    Object(usize, Map<String, Value>, Option<String>),
}

struct Reader {
    open: Vec<Open>,
    anchors: HashMap<usize, Value>,
    aliased: usize,
    done: Option<Value>,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) -> Result<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let value = if plain { scalar(&text) } else { Value::String(text.into_owned()) };
                self.value(anchor, value)
            }
            Event::SequenceStart(anchor, _) => self.begin(Open::List(anchor, Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(Open::Object(anchor, Map::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(anchor, items)) => self.value(anchor, Value::Array(items)),
                Some(Open::Object(anchor, fields, _)) => self.value(anchor, Value::Object(fields)),
                None => bail!("unexpected end of a collection"),
            },
            Event::Alias(anchor) => {
                let Some(value) = self.anchors.get(&anchor).cloned() else {
                    bail!("an alias refers to an unknown anchor")
                };
                self.aliased += count(&value);
                if self.aliased > MAX_ALIASED {
                    bail!("aliases exceed the limit");
                }
                self.value(0, value)
            }
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, open: Open) -> Result<()> {
        if self.open.len() >= MAX_DEPTH {
            bail!("nested too deeply");
        }
        self.open.push(open);
        Ok(())
    }

    /// Adds a complete value to the enclosing collection.
    fn value(&mut self, anchor: usize, value: Value) -> Result<()> {
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut() {
            None => self.done = Some(value),
            Some(Open::List(_, items)) => items.push(value),
            Some(Open::Object(_, fields, key)) => match key.take() {
                Some(key) => drop(fields.insert(key, value)),
                None => {
                    *key = Some(match value {
                        Value::String(text) => text,
                        Value::Array(_) | Value::Object(_) => bail!("a key must not be a list or an object"),
                        other => other.to_string(),
                    });
                }
            },
        }
        Ok(())
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// Resolves a plain scalar by the core schema of YAML 1.2.
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) => {
            let number = text.parse::<i64>().ok().map(Value::from);
            let number = number.or_else(|| text.parse().ok().and_then(serde_json::Number::from_f64).map(Value::Number));
            number.unwrap_or_else(|| Value::String(text.to_owned()))
        }
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::documents;

    #[test]
    fn yaml_and_json_are_read() {
        let text = "# nothing\n---\na: {b: [1, -2.5, '3', =, v1], c: ~}\nd: |\n  e\n  f\n---\n---\n{\"g\": true}\n---\nh: &x [1]\ni: *x\n";
        assert_eq!(
            documents(text).unwrap(),
            [
                json!({"a": {"b": [1, -2.5, "3", "=", "v1"], "c": null}, "d": "e\nf\n"}),
                json!({"g": true}),
                json!({"h": [1], "i": [1]}),
            ]
        );
        for (text, expected) in [
            ("a: [1", "not YAML"),
            (&format!("{}a", "- ".repeat(200)), "nested too deeply"),
            (
                "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
              d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
              g: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]",
                "aliases exceed the limit",
            ),
        ] {
            let error = format!("{:#}", documents(text).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }
}
