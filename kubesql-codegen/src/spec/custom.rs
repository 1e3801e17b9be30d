//! Reads schemas of custom resources: trees without references, with validation next to structure.
//!
//! They are not read by `openapiv3`, whose time doubles with each level of nesting around an unexpected value. Schemas of
//! custom resources have up to 18 levels.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::structure::{INT_OR_STRING, PRESERVE_UNKNOWN, target};
use super::{OBJECT_META, Schema};

/// The format of a Kubernetes quantity.
pub const QUANTITY: &str = "quantity";

/// The start of the pattern of a quantity, which all generators write alike.
const QUANTITY_PATTERN: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|";

/// The maximal nesting. Deeper parts are any JSON value. Real definitions have far fewer levels.
const MAX_DEPTH: usize = 60;

/// Reads the structure of a schema without validation, defaults and descriptions.
pub(super) fn read_schema(written: &Value) -> Schema {
    SchemaReader::default().within(written, MAX_DEPTH)
}

/// Reads schemas, which may refer to definitions.
#[derive(Default)]
pub(super) struct SchemaReader<'a> {
    definitions: Option<&'a Map<String, Value>>,
    /// The definitions that are being read.
    open: Vec<&'a str>,
}

impl<'a> SchemaReader<'a> {
    /// A reader that resolves references to these definitions.
    pub(super) fn with_definitions(definitions: &'a Map<String, Value>) -> Self {
        Self { definitions: Some(definitions), open: Vec::new() }
    }

    /// Reads the structure of a schema.
    pub(super) fn schema(&mut self, written: &'a Value) -> Schema {
        self.within(written, MAX_DEPTH)
    }

    fn within(&mut self, written: &'a Value, depth: usize) -> Schema {
        let Some(written) = written.as_object().filter(|_| depth > 0) else { return Schema::Any };
        let flagged = |key: &str| written.get(key) == Some(&Value::Bool(true));
        let text = |key: &str| written.get(key).and_then(Value::as_str);
        if let Some(reference) = text("$ref") {
            return self.resolve(reference, depth);
        }
        if text("pattern").is_some_and(|pattern| pattern.starts_with(QUANTITY_PATTERN)) {
            return Schema::String(Some(QUANTITY.to_owned()));
        }
        if flagged(INT_OR_STRING) || text("format") == Some("int-or-string") {
            return Schema::IntOrString;
        }
        let format = || text("format").map(str::to_owned);
        match kind(written) {
            Some("object") => self.object(written, depth),
            Some("array") => {
                let items = written.get("items").map_or(Schema::Any, |items| self.within(items, depth - 1));
                Schema::Array(Box::new(items))
            }
            Some("string") => Schema::String(format()),
            Some("integer") => Schema::Integer(format()),
            Some("number") => Schema::Number,
            Some("boolean") => Schema::Boolean,
            Some(_) => Schema::Any,
            None => self.composed(written, depth),
        }
    }

    /// Resolves a reference. A recursive reference is any JSON value.
    fn resolve(&mut self, reference: &'a str, depth: usize) -> Schema {
        let Some(name) = target(reference) else { return Schema::Any };
        let machinery = name.starts_with("io.k8s.apimachinery.");
        match name.rsplit('.').next() {
            Some("Quantity") if machinery => return Schema::String(Some(QUANTITY.to_owned())),
            Some("Time" | "MicroTime") if machinery => return Schema::String(Some("date-time".to_owned())),
            Some("IntOrString") if machinery => return Schema::IntOrString,
            _ if name == OBJECT_META => return Schema::Ref(OBJECT_META.to_owned()),
            _ => {}
        }
        let Some(definition) = self.definitions.and_then(|definitions| definitions.get(name)) else {
            return Schema::Any;
        };
        if self.open.contains(&name) {
            return Schema::Any;
        }
        self.open.push(name);
        let schema = self.within(definition, depth - 1);
        self.open.pop();
        schema
    }

    fn object(&mut self, written: &'a Map<String, Value>, depth: usize) -> Schema {
        let flagged = |key: &str| written.get(key) == Some(&Value::Bool(true));
        let declared = written.get("properties").and_then(Value::as_object).into_iter().flatten();
        let mut properties: BTreeMap<String, Schema> =
            declared.map(|(name, schema)| (name.clone(), self.within(schema, depth - 1))).collect();
        if flagged("x-kubernetes-embedded-resource") && !properties.is_empty() {
            // A server keeps these even if they are not declared.
            for name in ["apiVersion", "kind"] {
                properties.insert(name.to_owned(), Schema::String(None));
            }
            properties.entry("metadata".to_owned()).or_insert(Schema::Any);
        }
        let additional = match written.get("additionalProperties") {
            None | Some(Value::Bool(false)) => None,
            Some(values) => Some(Box::new(self.within(values, depth - 1))),
        };
        Schema::Object { properties, additional, preserve_unknown: flagged(PRESERVE_UNKNOWN) }
    }

    /// A schema that is composed of others: the common structure of alternatives, or of all parts.
    fn composed(&mut self, written: &'a Map<String, Value>, depth: usize) -> Schema {
        let mut parts = |key: &str| -> Vec<Schema> {
            let parts = written.get(key).and_then(Value::as_array).into_iter().flatten();
            parts.map(|part| self.within(part, depth - 1)).collect()
        };
        let mut all = parts("allOf").into_iter().filter(|part| *part != Schema::Any);
        if let (Some(one), None) = (all.next(), all.next()) {
            return one;
        }
        let mut choice = parts("anyOf");
        choice.extend(parts("oneOf"));
        let is_text = |part: &Schema| matches!(part, Schema::String(None));
        let is_number = |part: &Schema| matches!(part, Schema::Integer(_));
        match choice.as_slice() {
            [first, rest @ ..] if rest.iter().all(|part| part == first) => first.clone(),
            [one, other] if is_text(one) && is_number(other) || is_number(one) && is_text(other) => Schema::IntOrString,
            _ => Schema::Any,
        }
    }
}

/// The type of a schema, declared or inferred. A list of types may have one type besides null.
fn kind(written: &Map<String, Value>) -> Option<&str> {
    match written.get("type") {
        Some(Value::String(kind)) => Some(kind),
        Some(Value::Array(kinds)) => {
            let mut others = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
            Some(others.next().filter(|_| others.next().is_none()).unwrap_or("any"))
        }
        _ if written.contains_key("properties") || written.contains_key("additionalProperties") => Some("object"),
        _ if written.contains_key("items") => Some("array"),
        _ if written.get(PRESERVE_UNKNOWN) == Some(&Value::Bool(true)) => Some("object"),
        _ => None,
    }
}

/// Writes a schema as JSON.
pub(super) fn write_schema(schema: &Schema) -> Value {
    let formatted = |kind: &str, format: &Option<String>| match format {
        Some(format) => json!({"format": format, "type": kind}),
        None => json!({"type": kind}),
    };
    match schema {
        Schema::Ref(name) if name == OBJECT_META => json!({"type": "object"}),
        Schema::Ref(_) | Schema::Any | Schema::Either(_) => json!({}),
        Schema::Object { properties, additional, preserve_unknown } => {
            let mut object = Map::new();
            if let Some(values) = additional {
                object.insert("additionalProperties".to_owned(), write_schema(values));
            }
            if !properties.is_empty() {
                let properties = properties.iter().map(|(name, schema)| (name.clone(), write_schema(schema))).collect();
                object.insert("properties".to_owned(), Value::Object(properties));
            }
            object.insert("type".to_owned(), json!("object"));
            if *preserve_unknown {
                object.insert(PRESERVE_UNKNOWN.to_owned(), json!(true));
            }
            Value::Object(object)
        }
        Schema::Array(items) => json!({"items": write_schema(items), "type": "array"}),
        Schema::String(format) => formatted("string", format),
        Schema::Integer(format) => formatted("integer", format),
        Schema::Number => json!({"type": "number"}),
        Schema::Boolean => json!({"type": "boolean"}),
        Schema::IntOrString => json!({INT_OR_STRING: true}),
    }
}
