//! Merges different schemas of a kind, from several versions or clusters, into a schema that covers all of them.

use std::collections::BTreeMap;

use super::{QUANTITY, Schema};

/// Extends a schema so that it covers another one: it has the fields of both. A field with different types becomes text or
/// JSON, and `conflict` is called with its path.
pub fn widen(known: &mut Schema, other: &Schema, conflict: &mut dyn FnMut(&str)) {
    merge(known, other, &mut String::new(), conflict);
}

/// The canonical form of a schema. Schemas with the same canonical form have the same columns.
#[must_use]
pub fn canonical(schema: Schema) -> Schema {
    match schema {
        Schema::Object { properties, .. } if !properties.is_empty() => Schema::Object {
            properties: properties.into_iter().map(|(name, schema)| (name, canonical(schema))).collect(),
            additional: None,
            preserve_unknown: false,
        },
        Schema::Object { additional: Some(values), .. } => {
            let values = match canonical(*values) {
                quantity @ Schema::String(Some(_)) if is_quantity(&quantity) => quantity,
                Schema::String(_) | Schema::Integer(_) | Schema::Number | Schema::Boolean | Schema::IntOrString => {
                    Schema::String(None)
                }
                _ => Schema::Any,
            };
            Schema::Object { properties: BTreeMap::new(), additional: Some(Box::new(values)), preserve_unknown: false }
        }
        Schema::Array(items) => Schema::Array(Box::new(match canonical(*items) {
            items @ Schema::Object { .. } if is_typed(&items) => items,
            Schema::Object { .. } | Schema::Array(_) => Schema::Any,
            items => items,
        })),
        text @ Schema::String(_) if is_quantity(&text) => text,
        Schema::String(Some(format)) if format == "date-time" => Schema::String(Some(format)),
        Schema::String(_) => Schema::String(None),
        Schema::Integer(Some(format)) if format == "int32" => Schema::Integer(Some(format)),
        Schema::Integer(_) => Schema::Integer(None),
        other => other,
    }
}

fn is_quantity(schema: &Schema) -> bool {
    matches!(schema, Schema::String(Some(format)) if format == QUANTITY)
}

/// Whether it is an object with declared fields.
fn is_typed(schema: &Schema) -> bool {
    matches!(schema, Schema::Object { properties, .. } if !properties.is_empty())
}

/// Whether it is a free-form object.
fn is_free(schema: &Schema) -> bool {
    matches!(schema, Schema::Object { properties, additional: None, .. } if properties.is_empty())
}

fn merge(known: &mut Schema, other: &Schema, path: &mut String, conflict: &mut dyn FnMut(&str)) {
    if known == other {
        return;
    }
    match (&mut *known, other) {
        (
            Schema::Object { properties, additional, preserve_unknown },
            Schema::Object { properties: others, additional: more, preserve_unknown: keep },
        ) => {
            *preserve_unknown |= keep;
            if properties.is_empty() != others.is_empty() && (additional.is_some() || more.is_some()) {
                conflict(path);
                *known = Schema::Any;
                return;
            }
            for (name, schema) in others {
                let length = path.len();
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                match properties.get_mut(name) {
                    Some(known) => merge(known, schema, path, conflict),
                    None => {
                        properties.insert(name.clone(), schema.clone());
                    }
                }
                path.truncate(length);
            }
            match (additional, more) {
                (Some(values), Some(more)) => inside(values, more, "{}", path, conflict),
                (additional @ None, Some(more)) => *additional = Some(more.clone()),
                (_, None) => {}
            }
        }
        (Schema::Array(items), Schema::Array(others)) => inside(items, others, "[]", path, conflict),
        (known, other) => {
            let wider = common_scalar(known, other);
            let same = matches!(known, Schema::Any) && is_free(other) || is_free(known) && matches!(other, Schema::Any);
            if !same && !matches!(wider, Schema::Integer(_) | Schema::Number) {
                conflict(path);
            }
            *known = wider;
        }
    }
}

fn inside(known: &mut Schema, other: &Schema, step: &str, path: &mut String, conflict: &mut dyn FnMut(&str)) {
    let length = path.len();
    path.push_str(step);
    merge(known, other, path, conflict);
    path.truncate(length);
}

/// A schema that covers two schemas of different forms.
fn common_scalar(one: &Schema, other: &Schema) -> Schema {
    use Schema::{IntOrString, Integer, Number, String};
    match (one, other) {
        (Integer(_), Integer(_)) => Integer(None),
        (Integer(_) | Number, Integer(_) | Number) => Number,
        // Text with different formats is text. A quantity may also be a number.
        (String(_), String(_)) if !is_quantity(one) && !is_quantity(other) => String(None),
        (Integer(_) | Number | String(_) | IntOrString, Integer(_) | Number | String(_) | IntOrString) => IntOrString,
        _ => Schema::Any,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::custom::{read_schema, write_schema};
    use super::widen;

    #[test]
    fn widened_schemas_cover_both() {
        let text = json!({"type": "string"});
        let int = json!({"type": "integer"});
        let of = |field: Value| json!({"type": "object", "properties": {"a": field}});
        let map = |values: Value| json!({"type": "object", "additionalProperties": values});
        let either = json!({"x-kubernetes-int-or-string": true});
        let free = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let cases: Vec<(Value, Value, Value, &[&str])> = vec![
            (of(text.clone()), of(text.clone()), of(text.clone()), &[]),
            (of(text.clone()), of(int.clone()), of(either.clone()), &["a"]),
            (of(int.clone()), of(json!({"type": "number"})), of(json!({"type": "number"})), &[]),
            (of(json!({"type": "integer", "format": "int32"})), of(int.clone()), of(int.clone()), &[]),
            (of(text.clone()), of(json!({"type": "boolean"})), of(json!({})), &["a"]),
            (of(text.clone()), of(json!({"type": "array", "items": text})), of(json!({})), &["a"]),
            (of(json!({"type": "string", "format": "date-time"})), of(text.clone()), of(text.clone()), &["a"]),
            (of(json!({"type": "string", "format": "quantity"})), of(text.clone()), of(either), &["a"]),
            (of(map(text.clone())), of(of(text.clone())), of(json!({})), &["a"]),
            (map(text.clone()), map(int.clone()), map(json!({"x-kubernetes-int-or-string": true})), &["{}"]),
            (
                json!({"type": "object", "properties": {"a": text, "b": of(int.clone())}}),
                json!({"type": "object", "properties": {"b": of(text.clone()), "c": int}}),
                json!({"type": "object", "properties": {
                    "a": text, "b": of(json!({"x-kubernetes-int-or-string": true})), "c": int}}),
                &["b.a"],
            ),
            (
                free,
                of(text.clone()),
                json!({"type": "object", "properties": {"a": text}, "x-kubernetes-preserve-unknown-fields": true}),
                &[],
            ),
        ];
        for (one, other, expected, conflicts) in cases {
            for (first, second) in [(&one, &other), (&other, &one)] {
                let (mut known, mut conflicting) = (read_schema(first), Vec::new());
                widen(&mut known, &read_schema(second), &mut |path| conflicting.push(path.to_owned()));
                assert_eq!(write_schema(&known), expected, "{first} and {second}");
                assert_eq!(conflicting, conflicts, "{first} and {second}");
            }
        }
    }
}
