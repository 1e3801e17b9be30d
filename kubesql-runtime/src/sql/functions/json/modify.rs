//! Changed JSON values: `||`, `-`, `#-`, `jsonb_set`, `jsonb_insert`.

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::arguments::Arguments;
use super::value::{Json, compare_keys, index};
use super::{Doc, JsonFunction, Returns};
use crate::sql::error::{ErrorKind, SqlError, invalid};
use crate::sql::types::JsonType;

const JSONB: Returns = Returns::Json(JsonType::Jsonb);

pub(super) fn functions() -> Vec<JsonFunction> {
    vec![
        JsonFunction::new("jsonb_concat", (2, 2), JSONB, concat).operator("||").expects("two JSON values"),
        JsonFunction::new("jsonb_delete", (2, 2), JSONB, delete)
            .operator("-")
            .expects("JSON, and a key, a position or a text array"),
        JsonFunction::new("jsonb_delete_path", (2, 2), JSONB, delete_path)
            .operator("#-")
            .expects("JSON and a text array"),
        JsonFunction::new("jsonb_set", (3, 4), JSONB, set).expects("JSON, a text array, JSON and a boolean").document(Doc {
            section: "JSON Functions",
            description: "Replaces the value at a path. If there is none, it is added, unless `create` is false.",
            syntax: "jsonb_set(json, path, value, create)",
            example: "select jsonb_set(labels, '{team}', '\"core\"') from pods",
            arguments: &[
                ("json", "JSON"),
                ("path", "a text array"),
                ("value", "JSON"),
                ("create", "whether a missing value is added; true by default"),
            ],
        }),
        JsonFunction::new("jsonb_insert", (3, 4), JSONB, insert).expects("JSON, a text array, JSON and a boolean").document(Doc {
            section: "JSON Functions",
            description: "Inserts a value at a path: before the item of an array, or after it if `after` is true. A key of an object must be new.",
            syntax: "jsonb_insert(json, path, value, after)",
            example: "select jsonb_insert(object->'spec', '{tolerations,0}', '{}') from pods",
            arguments: &[
                ("json", "JSON"),
                ("path", "a text array"),
                ("value", "JSON"),
                ("after", "whether an item is inserted after the given one; false by default"),
            ],
        }),
    ]
}

fn concat(arguments: &Arguments) -> Result<ArrayRef> {
    let (left, right) = (arguments.values(0)?, arguments.values(1)?);
    arguments.to_texts(|row| {
        let (Some(left), Some(right)) = (left.get(row)?, right.get(row)?) else { return Ok(None) };
        let joined = match (left.into_owned(), right.into_owned()) {
            (Json::Object(mut entries), Json::Object(more)) => {
                entries.extend(more);
                Json::object(entries)
            }
            (left, right) => {
                let items = |value| match value {
                    Json::Array(items) => items,
                    other => vec![other],
                };
                let mut joined = items(left);
                joined.extend(items(right));
                Json::Array(joined)
            }
        };
        Ok(Some(joined.to_text()))
    })
}

/// `json - key`, `json - position`, `json - keys`.
fn delete(arguments: &Arguments) -> Result<ArrayRef> {
    let values = arguments.values(0)?;
    let removed_from = |value: Json, keys: &[&str]| match value {
        Json::Object(entries) => {
            let kept = entries.into_iter().filter(|(key, _)| !keys.contains(&key.as_str()));
            Ok(Json::Object(kept.collect()))
        }
        Json::Array(items) => {
            let is_kept = |item: &Json| !matches!(item, Json::String(text) if keys.contains(&text.as_str()));
            Ok(Json::Array(items.into_iter().filter(is_kept).collect()))
        }
        _ => invalid("22023", "cannot delete from scalar"),
    };
    if arguments.data_type(1).is_integer() {
        let positions = arguments.integers(1)?;
        return arguments.to_texts(|row| {
            let (Some(value), Some(position)) = (values.get(row)?, positions.get(row)) else { return Ok(None) };
            let mut value = value.into_owned();
            match &mut value {
                Json::Array(items) => {
                    index(position, items.len()).map(|at| items.remove(at));
                }
                Json::Object(_) => return invalid("22023", "cannot delete from object using integer index"),
                _ => return invalid("22023", "cannot delete from scalar"),
            }
            Ok(Some(value.to_text()))
        });
    }
    if arguments.data_type(1).is_list() {
        let lists = arguments.text_lists(1)?;
        return arguments.to_texts(|row| {
            let (Some(value), Some(keys)) = (values.get(row)?, lists.get(row)) else { return Ok(None) };
            let keys: Vec<&str> = keys.iter().flatten().map(String::as_str).collect();
            Ok(Some(removed_from(value.into_owned(), &keys)?.to_text()))
        });
    }
    let keys = arguments.texts(1)?;
    arguments.to_texts(|row| {
        let (Some(value), Some(key)) = (values.get(row)?, keys.get(row)) else { return Ok(None) };
        Ok(Some(removed_from(value.into_owned(), &[key])?.to_text()))
    })
}

/// What is done at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Delete,
    /// Replaces a value, and adds it if it is missing.
    Set {
        create: bool,
    },
    /// Inserts before an item, or after it.
    Insert {
        after: bool,
    },
}

fn delete_path(arguments: &Arguments) -> Result<ArrayRef> {
    let (values, paths) = (arguments.values(0)?, arguments.text_lists(1)?);
    arguments.to_texts(|row| {
        let (Some(value), Some(path)) = (values.get(row)?, paths.get(row)) else { return Ok(None) };
        let mut value = value.into_owned();
        if !matches!(value, Json::Array(_) | Json::Object(_)) {
            return invalid("22023", "cannot delete path in scalar");
        }
        change(&mut value, path, 1, None, Change::Delete)?;
        Ok(Some(value.to_text()))
    })
}

fn set(arguments: &Arguments) -> Result<ArrayRef> {
    changed(arguments, true, |create| Change::Set { create })
}

fn insert(arguments: &Arguments) -> Result<ArrayRef> {
    changed(arguments, false, |after| Change::Insert { after })
}

fn changed(arguments: &Arguments, default: bool, kind: fn(bool) -> Change) -> Result<ArrayRef> {
    let (values, paths, new) = (arguments.values(0)?, arguments.text_lists(1)?, arguments.values(2)?);
    let flags = arguments.booleans(3, default)?;
    arguments.to_texts(|row| {
        let (Some(value), Some(path), Some(new), Some(flag)) =
            (values.get(row)?, paths.get(row), new.get(row)?, flags[row])
        else {
            return Ok(None);
        };
        let mut value = value.into_owned();
        if !matches!(value, Json::Array(_) | Json::Object(_)) {
            return invalid("22023", "cannot set path in scalar");
        }
        change(&mut value, path, 1, Some(&new), kind(flag))?;
        Ok(Some(value.to_text()))
    })
}

/// Changes the value at a path. `depth` is the number of the first step, for errors.
fn change(value: &mut Json, path: &[Option<String>], depth: usize, new: Option<&Json>, kind: Change) -> Result<()> {
    let Some((step, rest)) = path.split_first() else { return Ok(()) };
    let Some(step) = step else {
        return invalid("22004", format!("path element at position {depth} is null"));
    };
    let is_last = rest.is_empty();
    match value {
        Json::Object(entries) => {
            let found = entries.binary_search_by(|(key, _)| compare_keys(key, step));
            match (found, new) {
                (Ok(at), _) if !is_last => change(&mut entries[at].1, rest, depth + 1, new, kind),
                (Ok(at), None) => {
                    entries.remove(at);
                    Ok(())
                }
                (Ok(_), Some(_)) if matches!(kind, Change::Insert { .. }) => {
                    let error = SqlError::new(ErrorKind::Invalid, "cannot replace existing key").code("22023");
                    Err(error.hint("use jsonb_set to replace the value of a key").into())
                }
                (Ok(at), Some(new)) => {
                    entries[at].1 = new.clone();
                    Ok(())
                }
                (Err(at), Some(new)) if is_last && kind != (Change::Set { create: false }) => {
                    entries.insert(at, (step.clone(), new.clone()));
                    Ok(())
                }
                (Err(_), _) => Ok(()),
            }
        }
        Json::Array(items) => {
            let Ok(position) = step.trim().parse::<i64>() else {
                return invalid("22P02", format!("path element at position {depth} is not an integer: \"{step}\""));
            };
            let found = index(position, items.len());
            match (found, new) {
                (Some(at), _) if !is_last => change(&mut items[at], rest, depth + 1, new, kind),
                (Some(at), None) => {
                    items.remove(at);
                    Ok(())
                }
                (Some(at), Some(new)) => {
                    match kind {
                        Change::Insert { after } => items.insert(at + usize::from(after), new.clone()),
                        _ => items[at] = new.clone(),
                    }
                    Ok(())
                }
                (None, Some(new)) if is_last && kind != (Change::Set { create: false }) => {
                    let at = if position < 0 { 0 } else { items.len() };
                    items.insert(at, new.clone());
                    Ok(())
                }
                (None, _) => Ok(()),
            }
        }
        _ => Ok(()),
    }
}
