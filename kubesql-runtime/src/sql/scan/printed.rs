//! Printer columns of custom resources, as `kubectl get` prints them: the first value at a JSON path.
//!
//! The values are read from the columns of a segment.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringViewArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use kubesql_codegen::names::Step;

use super::groups;
use crate::flatten::{ColumnData, ColumnGroup, FieldMask, ListData, Parser};
use crate::schema::{MapValue, Scalar, Shape, TypeDef, Values};
use crate::sql::types::data_type;

/// Adds the fields that a path reads to a mask.
pub(crate) fn add_fields(root: &'static TypeDef, steps: &[Step], mask: &mut FieldMask) {
    let mut def = root;
    let mut path = Vec::new();
    let mut rest = steps;
    while let [Step::Field(word), after @ ..] = rest {
        let Some((number, field)) = def.field(word) else { return };
        path.push(number);
        rest = after;
        match (field.shape, rest) {
            (Shape::Object(inner), _) => def = inner,
            (Shape::List(item), [selector, after @ ..]) => {
                mask.add_presence(&path);
                if let Step::Where(field, ..) = selector
                    && let Some((number, _)) = field.first().and_then(|field| item.field(field))
                {
                    mask.add(&[&path[..], &[number]].concat());
                }
                (def, rest) = (item, after);
            }
            _ => return mask.add(&path),
        }
    }
}

/// Computes a printer column over all objects of a segment. `None` if no object has a value.
pub(crate) fn compute(root: &'static TypeDef, group: &ColumnGroup, steps: &[Step], values: Values) -> Option<ArrayRef> {
    let (mut def, mut group, mut rest) = (root, group, steps);
    // The selected item of each object; `None` until the path enters a list.
    let mut chosen: Option<Vec<Option<u32>>> = None;
    let found = loop {
        let [Step::Field(word), after @ ..] = rest else { return None };
        let (number, field) = def.field(word)?;
        let data = group.columns.get(usize::from(number))?.as_ref()?;
        match (field.shape, data, after) {
            (Shape::Object(inner), ColumnData::Object(inside), _) => (def, group, rest) = (inner, inside, after),
            (Shape::List(item), ColumnData::List(list), [selector, after @ ..]) => {
                let matches = match_items(item, list, selector)?;
                let pick = |row: Option<u32>| first_item(list, row?, selector, matches.as_deref());
                chosen = Some(match chosen {
                    Some(rows) => rows.into_iter().map(pick).collect(),
                    None => (0..u32::try_from(group.rows).ok()?).map(|row| pick(Some(row))).collect(),
                });
                (def, group, rest) = (item, &list.items, after);
            }
            (Shape::Scalars(_), ColumnData::Leaf(array), [selector]) => {
                break pick_elements(array.as_list_opt()?, selector)?;
            }
            (Shape::Map(value), ColumnData::Map(map), [Step::Field(key)]) => {
                let picked = groups::pick_key(map, key, group.rows)?;
                break match value {
                    MapValue::Text => picked,
                    MapValue::Quantity => groups::parse_quantities(&picked, values),
                    MapValue::Json => read_json_path(&picked, &[])?,
                };
            }
            (Shape::Scalar(Scalar::Json), ColumnData::Leaf(array), steps) => break read_json_path(array, steps)?,
            (Shape::Scalar(_), ColumnData::Leaf(array), []) => break Arc::clone(array),
            _ => return None,
        }
    };
    let found = match chosen {
        Some(rows) => take(&found, &UInt32Array::from(rows), None).ok()?,
        None => found,
    };
    let to = data_type(values);
    // Texts that are not values of this type become NULL.
    if *found.data_type() == to { Some(found) } else { cast(&cast(&found, &cast_source_type(&found)).ok()?, &to).ok() }
}

/// The type from which an array is cast: text for a dictionary, the array's own type otherwise.
fn cast_source_type(array: &ArrayRef) -> DataType {
    match array.data_type() {
        DataType::Dictionary(..) => DataType::Utf8View,
        other => other.clone(),
    }
}

/// Evaluates the condition of a selector for each item of a list. The inner option is `None` for other selectors.
#[expect(clippy::option_option, reason = "a selector without a condition differs from an unknown field")]
fn match_items(item: &TypeDef, list: &ListData, selector: &Step) -> Option<Option<Vec<bool>>> {
    let Step::Where(field, equal, text) = selector else { return Some(None) };
    let (number, _) = item.field(field.first()?)?;
    let Some(Some(ColumnData::Leaf(array))) = list.items.columns.get(usize::from(number)) else {
        // No item has the field.
        return Some(Some(vec![false; list.items.rows]));
    };
    let texts = cast(array, &DataType::Utf8View).ok()?;
    Some(Some(
        texts.as_string_view().iter().map(|found| found.is_some_and(|found| (found == text) == *equal)).collect(),
    ))
}

/// The first item of a row's list that a selector matches.
fn first_item(list: &ListData, row: u32, selector: &Step, matches: Option<&[bool]>) -> Option<u32> {
    let bound = |at: usize| list.offsets.get(at).and_then(|&at| u32::try_from(at).ok());
    let row = usize::try_from(row).ok()?;
    let mut items = bound(row)?..bound(row + 1)?;
    match (selector, matches) {
        (Step::Index(at), _) => resolve_index(items.len(), *at).and_then(|at| items.nth(at)),
        (_, Some(matches)) => items.find(|&item| matches.get(item as usize) == Some(&true)),
        (_, None) => items.next(),
    }
}

/// Resolves an index into a list; a negative index counts from the end.
fn resolve_index(length: usize, at: i64) -> Option<usize> {
    let at = if at < 0 { i64::try_from(length).ok()? + at } else { at };
    usize::try_from(at).ok().filter(|at| *at < length)
}

/// Selects an element of each list of scalars.
fn pick_elements(lists: &ListArray, selector: &Step) -> Option<ArrayRef> {
    let at = match selector {
        Step::Index(at) => *at,
        _ => 0,
    };
    let chosen = lists.offsets().windows(2).enumerate().map(|(row, bounds)| {
        let (from, to) = (usize::try_from(bounds[0]).ok()?, usize::try_from(bounds[1]).ok()?);
        lists.is_valid(row).then_some(())?;
        u32::try_from(from + resolve_index(to - from, at)?).ok()
    });
    take(lists.values(), &chosen.collect::<UInt32Array>(), None).ok()
}

/// Reads the value at a path of JSON texts, as text.
fn read_json_path(array: &ArrayRef, steps: &[Step]) -> Option<ArrayRef> {
    let texts = cast(array, &DataType::Utf8View).ok()?;
    let values = texts.as_string_view().iter().map(|json| find_json_value(json?, 0, steps));
    Some(Arc::new(values.collect::<StringViewArray>()))
}

/// The first value at a path of the JSON that starts at a byte, as text.
fn find_json_value(json: &str, from: usize, steps: &[Step]) -> Option<String> {
    let mut parser = Parser::at(json, from);
    let Some((step, rest)) = steps.split_first() else {
        return match parser.peek() {
            b'"' => parser.text().ok()?.map(str::to_owned),
            _ => parser.raw().ok()?.map(str::to_owned),
        };
    };
    if let Step::Field(word) = step {
        let mut fields = (parser.peek() == b'{').then(|| parser.object().ok()).flatten()??;
        while let Some(key) = parser.key(&mut fields).ok()? {
            if key == word {
                parser.peek();
                return find_json_value(json, parser.position(), rest);
            }
            parser.skip().ok()?;
        }
        return None;
    }
    let mut elements = (parser.peek() == b'[').then(|| parser.array().ok()).flatten()??;
    let mut items = Vec::new();
    while parser.element(&mut elements).ok()? {
        parser.peek();
        items.push(parser.position());
        parser.skip().ok()?;
    }
    match step {
        Step::Index(at) => find_json_value(json, items[resolve_index(items.len(), *at)?], rest),
        Step::Where(field, equal, text) => {
            let field: Vec<Step> = field.iter().cloned().map(Step::Field).collect();
            let holds =
                |item: &usize| find_json_value(json, *item, &field).is_some_and(|found| (found == *text) == *equal);
            find_json_value(json, items.into_iter().find(holds)?, rest)
        }
        _ => items.into_iter().find_map(|item| find_json_value(json, item, rest)),
    }
}

#[cfg(test)]
mod tests {
    use kubesql_codegen::names::steps;

    use super::find_json_value;

    #[test]
    fn finds_values_in_json() {
        let json = r#"{"a":[{"t":"x","v":1},{"t":"y","v":{"k":"é\n"}}],"b":null,"c":"text","d":[]}"#;
        for (path, expected) in [
            (".a[0].v", Some("1")),
            (".a[1].v.k", Some("é\n")),
            (".a[-1:].t", Some("y")),
            (".a[5].t", None),
            (".a[?(@.t==\"y\")].v", Some(r#"{"k":"é\n"}"#)),
            (".a[?(@.t!=\"x\")].t", Some("y")),
            (".a[?(@.t==\"z\")].v", None),
            (".a[*].v.k", Some("é\n")),
            (".b", None),
            (".c", Some("text")),
            (".c.x", None),
            (".d[*].x", None),
            (".e", None),
        ] {
            assert_eq!(find_json_value(json, 0, &steps(path).unwrap()).as_deref(), expected, "{path}");
        }
    }
}
