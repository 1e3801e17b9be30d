//! Values inside JSON: `->`, `->>`, `#>`, `#>>`, `jsonb_extract_path`, `json_extract_path_text`.
//!
//! Only the wanted value is parsed, because most JSON is whole objects of several kilobytes.

use arrow::array::ArrayRef;
use datafusion::error::Result;
use jiter::{Jiter, JiterResult, Peek};

use super::arguments::{Arguments, Integers, TextLists, Texts};
use super::value::{Json, index, invalid_json};
use super::{Doc, JsonFunction, Returns};
use crate::sql::types::JsonType;

/// Maximum number of arguments of variadic functions.
const VARIADIC: usize = usize::MAX;

pub(super) fn functions() -> Vec<JsonFunction> {
    let (jsonb, json) = (Returns::Json(JsonType::Jsonb), Returns::Json(JsonType::Json));
    let get = |name, returns| JsonFunction::new(name, (2, VARIADIC), returns, get_steps).expects(STEPS);
    let extract =
        |name, returns| JsonFunction::new(name, (1, VARIADIC), returns, extract_path).expects("JSON and texts");
    let path = |name, returns, operator| {
        JsonFunction::new(name, (2, 2), returns, extract_path).operator(operator).expects("JSON and a text array")
    };
    vec![
        get("json_get", json.clone()).operator("->"),
        get("jsonb_get", jsonb.clone()).operator("->"),
        get("jsonb_get_text", Returns::Text).operator("->>"),
        get("json_get_text", Returns::Text).operator("->>"),
        path("json_get_path", json.clone(), "#>"),
        path("jsonb_get_path", jsonb.clone(), "#>"),
        path("json_get_path_text", Returns::Text, "#>>"),
        path("jsonb_get_path_text", Returns::Text, "#>>"),
        extract("json_extract_path", json),
        extract("jsonb_extract_path", jsonb).document(Doc {
            section: "JSON Functions",
            description: "Returns the value at a path, as the operator `#>`. `json_extract_path` is the same for `json`.",
            syntax: "jsonb_extract_path(json, key, ...)",
            example: "select jsonb_extract_path(object, 'spec', 'containers', '0') from pods",
            arguments: &[("json", "JSON"), ("key", "keys of objects and positions in arrays, as text")],
        }),
        extract("json_extract_path_text", Returns::Text),
        extract("jsonb_extract_path_text", Returns::Text).document(Doc {
            section: "JSON Functions",
            description: "Returns the value at a path as text, as the operator `#>>`. `json_extract_path_text` is the same for `json`.",
            syntax: "jsonb_extract_path_text(json, key, ...)",
            example: "select jsonb_extract_path_text(object, 'spec', 'nodeName') from pods",
            arguments: &[("json", "JSON"), ("key", "keys of objects and positions in arrays, as text")],
        }),
    ]
}

const STEPS: &str = "JSON, then keys as text and positions as integers";

/// A step of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    /// A key of an object.
    Key(&'a str),
    /// A position in an array.
    Position(i64),
    /// A key of an object, or a position in an array.
    Either(&'a str),
}

/// `json_get(json, step, ...)`: a text is a key, a number is a position.
fn get_steps(arguments: &Arguments) -> Result<ArrayRef> {
    enum Steps {
        Keys(Texts),
        Positions(Integers),
    }
    let texts = arguments.json_texts(0)?;
    let steps = (1..arguments.len()).map(|at| {
        Ok(if arguments.data_type(at).is_integer() {
            Steps::Positions(arguments.integers(at)?)
        } else {
            Steps::Keys(arguments.texts(at)?)
        })
    });
    let steps = steps.collect::<Result<Vec<_>>>()?;
    results(arguments, |row| {
        let steps = steps.iter().map(|step| match step {
            Steps::Keys(keys) => keys.get(row).map(Step::Key),
            Steps::Positions(positions) => positions.get(row).map(Step::Position),
        });
        let (Some(text), Some(steps)) = (texts.get(row), steps.collect::<Option<Vec<_>>>()) else { return Ok(None) };
        find(text, &steps)
    })
}

/// `jsonb_extract_path(json, key, ...)`. The only key may be an array of keys.
fn extract_path(arguments: &Arguments) -> Result<ArrayRef> {
    let texts = arguments.json_texts(0)?;
    if arguments.len() == 2 && (arguments.data_type(1).is_list() || arguments.name.contains("get_path")) {
        let lists: TextLists = arguments.text_lists(1)?;
        return results(arguments, |row| {
            let (Some(text), Some(steps)) = (texts.get(row), lists.get(row)) else { return Ok(None) };
            match steps.iter().map(|step| step.as_deref().map(Step::Either)).collect::<Option<Vec<_>>>() {
                Some(steps) => find(text, &steps),
                None => Ok(None),
            }
        });
    }
    let steps = (1..arguments.len()).map(|at| arguments.texts(at)).collect::<Result<Vec<_>>>()?;
    results(arguments, |row| {
        let Some(text) = texts.get(row) else { return Ok(None) };
        match steps.iter().map(|step| step.get(row).map(Step::Either)).collect::<Option<Vec<_>>>() {
            Some(steps) => find(text, &steps),
            None => Ok(None),
        }
    })
}

/// The found values as text or as JSON, which the name of the function says.
fn results<'a>(arguments: &Arguments, found: impl Fn(usize) -> Result<Option<&'a str>>) -> Result<ArrayRef> {
    let is_text = arguments.name.ends_with("_text");
    arguments.to_texts(|row| {
        let Some(text) = found(row)? else { return Ok(None) };
        if is_text { as_text(text, arguments.json_type) } else { write_as(text, arguments.json_type).map(Some) }
    })
}

/// JSON text as a text of this type.
pub(super) fn write_as(text: &str, json_type: JsonType) -> Result<String> {
    match json_type {
        JsonType::Json => Ok(text.to_owned()),
        JsonType::Jsonb => Ok(Json::parse(text)?.to_text()),
    }
}

/// The text of a value: a string without quotes. NULL for JSON's `null`.
pub(super) fn as_text(text: &str, json_type: JsonType) -> Result<Option<String>> {
    if text.starts_with('"') || json_type == JsonType::Jsonb {
        return Ok(Json::parse(text)?.as_text().map(std::borrow::Cow::into_owned));
    }
    Ok((text != "null").then(|| text.to_owned()))
}

/// The text of the value at a path.
pub(super) fn find<'a>(text: &'a str, steps: &[Step<'_>]) -> Result<Option<&'a str>> {
    let mut found = trimmed(text);
    for step in steps {
        match step_into(found, *step) {
            Ok(Some(next)) => found = next,
            Ok(None) => return Ok(None),
            Err(reason) => return Err(invalid_json(&reason).into()),
        }
    }
    Ok(Some(found))
}

/// JSON text without the space around it.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\n', '\t', '\r'])
}

fn step_into<'a>(text: &'a str, step: Step<'_>) -> Result<Option<&'a str>, String> {
    let mut found = None;
    let position = match step {
        Step::Key(_) => None,
        Step::Position(position) => Some(position),
        Step::Either(text) => text.parse().ok(),
    };
    let is_object = text.starts_with('{');
    let key = match step {
        Step::Key(key) | Step::Either(key) if is_object => key,
        _ if text.starts_with('[') => {
            let Some(position) = position else { return Ok(None) };
            if let Ok(wanted) = usize::try_from(position) {
                let mut at = 0;
                for_each_item(text, |item| {
                    found = (at == wanted).then_some(item);
                    at += 1;
                    found.is_none()
                })?;
                return Ok(found);
            }
            let items = items(text)?;
            return Ok(index(position, items.len()).map(|at| items[at]));
        }
        // The text may be no JSON at all.
        _ => return if is_json(text) { Ok(None) } else { Err("expected value".to_owned()) },
    };
    // The last of repeated keys counts.
    for_each_entry(text, |name, value| {
        if name == key {
            found = Some(value);
        }
    })?;
    Ok(found)
}

fn is_json(text: &str) -> bool {
    let mut jiter = Jiter::new(text.as_bytes());
    jiter.next_skip().is_ok() && jiter.finish().is_ok()
}

/// The texts of the items of an array.
pub(super) fn items(text: &str) -> Result<Vec<&str>, String> {
    let mut items = Vec::new();
    for_each_item(text, |item| {
        items.push(item);
        true
    })?;
    Ok(items)
}

/// Visits the items of an array until the visitor returns false.
fn for_each_item<'a>(text: &'a str, mut visit: impl FnMut(&'a str) -> bool) -> Result<(), String> {
    let mut jiter = Jiter::new(text.as_bytes());
    let mut each = || -> JiterResult<()> {
        let mut next = jiter.next_array()?;
        while let Some(peek) = next {
            if !visit(skip(&mut jiter, text, peek)?) {
                return Ok(());
            }
            next = jiter.array_step()?;
        }
        jiter.finish()
    };
    each().map_err(|error| error.error_type.to_string())
}

/// Visits the entries of an object with the texts of their values.
pub(super) fn for_each_entry<'a>(text: &'a str, mut visit: impl FnMut(&str, &'a str)) -> Result<(), String> {
    let mut jiter = Jiter::new(text.as_bytes());
    let mut each = || -> JiterResult<()> {
        let mut next = jiter.next_object()?.map(str::to_owned);
        while let Some(key) = next {
            let peek = jiter.peek()?;
            let value = skip(&mut jiter, text, peek)?;
            visit(&key, value);
            next = jiter.next_key()?.map(str::to_owned);
        }
        jiter.finish()
    };
    each().map_err(|error| error.error_type.to_string())
}

/// Skips a value and returns its text.
fn skip<'a>(jiter: &mut Jiter<'_>, text: &'a str, peek: Peek) -> JiterResult<&'a str> {
    let start = jiter.current_index();
    jiter.known_skip(peek)?;
    Ok(text.get(start..jiter.current_index()).unwrap_or_default())
}
