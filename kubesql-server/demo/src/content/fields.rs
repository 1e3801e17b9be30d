//! `managedFields`: computes which fields the writers of an object own.

use serde_json::{Map, Value, json};

/// Merge keys of lists, in the order in which they are tried.
const KEYS: &[&[&str]] =
    &[&["uid"], &["containerPort", "protocol"], &["port", "protocol"], &["mountPath"], &["type"], &["name"], &["ip"]];

/// A writer of an object.
pub(crate) struct Writes<'a> {
    pub(crate) manager: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) api_version: &'a str,
    pub(crate) time: &'a str,
    pub(crate) subresource: &'a str,
}

impl Writes<'_> {
    /// The entry for these fields.
    pub(crate) fn of(&self, fields: &Value) -> Value {
        let mut entry = json!({
            "manager": self.manager, "operation": self.operation, "apiVersion": self.api_version, "time": self.time,
            "fieldsType": "FieldsV1", "fieldsV1": set(fields),
        });
        if !self.subresource.is_empty() {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }
}

/// The fields of a value in the format `FieldsV1`.
fn set(value: &Value) -> Value {
    let mut fields = Map::new();
    match value {
        Value::Object(object) => fields.extend(object.iter().map(|(key, value)| (format!("f:{key}"), inner(value)))),
        Value::Array(items) => fields.extend(items.iter().filter_map(|item| Some((key(item)?, inner(item))))),
        _ => {}
    }
    Value::Object(fields)
}

/// The same, including the value itself.
fn inner(value: &Value) -> Value {
    let is_atomic = matches!(value, Value::Array(items) if items.iter().any(|item| key(item).is_none()));
    let mut fields = if is_atomic { json!({}) } else { set(value) };
    if let Value::Object(fields) = &mut fields
        && !fields.is_empty()
    {
        fields.insert(".".to_owned(), json!({}));
    }
    fields
}

fn key(item: &Value) -> Option<String> {
    let keys = KEYS.iter().find(|keys| keys.iter().all(|key| item.get(key).is_some_and(|value| !value.is_object())))?;
    let key: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), item[*key].clone())).collect();
    Some(format!("k:{}", Value::Object(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_fields_of_an_object() {
        let fields = set(&json!({
            "spec": {"replicas": 2, "args": ["a"], "containers": [{"name": "web", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]},
        }));
        let port = json!({".": {}, "f:containerPort": {}, "f:protocol": {}});
        let container = json!({
            ".": {}, "f:name": {},
            "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": port},
        });
        assert_eq!(
            fields,
            json!({"f:spec": {
                ".": {}, "f:replicas": {}, "f:args": {},
                "f:containers": {".": {}, "k:{\"name\":\"web\"}": container},
            }})
        );
    }
}
