//! What `kubectl get` prints of custom resources: the first value that a path leads to, found in a segment's columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringViewArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use kubesql_codegen::names::Step;

use super::groups;
use crate::flatten::{ColumnData, ColumnGroup, FieldMask, ListData, Parser};
use crate::schema::{MapValue, Scalar, Shape, TypeDef, Values};
use crate::sql::types::data_type;

/// Wants the fields that a path needs.
pub(crate) fn want(root: &'static TypeDef, steps: &[Step], want: &mut FieldMask) {
    let mut of = root;
    let mut path = Vec::new();
    let mut rest = steps;
    while let [Step::Field(word), after @ ..] = rest {
        let Some((number, field)) = of.field(word) else { return };
        path.push(number);
        rest = after;
        match (field.shape, rest) {
            (Shape::Object(inner), _) => of = inner,
            (Shape::List(item), [selector, after @ ..]) => {
                want.add_presence(&path);
                if let Step::Where(field, ..) = selector
                    && let Some((number, _)) = field.first().and_then(|field| item.field(field))
                {
                    want.add(&[&path[..], &[number]].concat());
                }
                (of, rest) = (item, after);
            }
            _ => return want.add(&path),
        }
    }
}

/// The column over all objects of a segment; `None` where none has a value.
pub(crate) fn compute(root: &'static TypeDef, group: &ColumnGroup, steps: &[Step], values: Values) -> Option<ArrayRef> {
    let (mut of, mut group, mut rest) = (root, group, steps);
    // The items that were chosen, one for each object; nothing as long as there is no list on the way.
    let mut chosen: Option<Vec<Option<u32>>> = None;
    let found = loop {
        let [Step::Field(word), after @ ..] = rest else { return None };
        let (number, field) = of.field(word)?;
        let data = group.columns.get(usize::from(number))?.as_ref()?;
        match (field.shape, data, after) {
            (Shape::Object(inner), ColumnData::Object(inside), _) => (of, group, rest) = (inner, inside, after),
            (Shape::List(item), ColumnData::List(list), [selector, after @ ..]) => {
                let matches = matching(item, list, selector)?;
                let pick = |row: Option<u32>| first(list, row?, selector, matches.as_deref());
                chosen = Some(match chosen {
                    Some(rows) => rows.into_iter().map(pick).collect(),
                    None => (0..u32::try_from(group.rows).ok()?).map(|row| pick(Some(row))).collect(),
                });
                (of, group, rest) = (item, &list.items, after);
            }
            (Shape::Scalars(_), ColumnData::Leaf(array), [selector]) => {
                break elements(array.as_list_opt()?, selector)?;
            }
            (Shape::Map(value), ColumnData::Map(map), [Step::Field(key)]) => {
                let picked = groups::pick_key(map, key, group.rows)?;
                break match value {
                    MapValue::Text => picked,
                    MapValue::Quantity => groups::numbers(&picked, values),
                    MapValue::Json => inside(&picked, &[])?,
                };
            }
            (Shape::Scalar(Scalar::Json), ColumnData::Leaf(array), steps) => break inside(array, steps)?,
            (Shape::Scalar(_), ColumnData::Leaf(array), []) => break Arc::clone(array),
            _ => return None,
        }
    };
    let found = match chosen {
        Some(rows) => take(&found, &UInt32Array::from(rows), None).ok()?,
        None => found,
    };
    let to = data_type(values);
    // Texts that are no such value are NULL.
    if *found.data_type() == to { Some(found) } else { cast(&cast(&found, &text_of(&found)).ok()?, &to).ok() }
}

/// What text has to become before it can become anything else; other arrays stay what they are.
fn text_of(array: &ArrayRef) -> DataType {
    match array.data_type() {
        DataType::Dictionary(..) => DataType::Utf8View,
        other => other.clone(),
    }
}

/// For each item of a list whether a condition holds; `None` inside where there is no condition.
#[expect(clippy::option_option, reason = "no condition is not the same as no such field")]
fn matching(item: &TypeDef, list: &ListData, selector: &Step) -> Option<Option<Vec<bool>>> {
    let Step::Where(field, equal, text) = selector else { return Some(None) };
    let (number, _) = item.field(field.first()?)?;
    let Some(Some(ColumnData::Leaf(array))) = list.items.columns.get(usize::from(number)) else {
        // No item has the field at all.
        return Some(Some(vec![false; list.items.rows]));
    };
    let texts = cast(array, &DataType::Utf8View).ok()?;
    Some(Some(
        texts.as_string_view().iter().map(|found| found.is_some_and(|found| (found == text) == *equal)).collect(),
    ))
}

/// The item of a row's list that a selector chooses.
fn first(list: &ListData, row: u32, selector: &Step, matches: Option<&[bool]>) -> Option<u32> {
    let bound = |at: usize| list.offsets.get(at).and_then(|&at| u32::try_from(at).ok());
    let row = usize::try_from(row).ok()?;
    let mut items = bound(row)?..bound(row + 1)?;
    match (selector, matches) {
        (Step::Index(at), _) => nth(items.len(), *at).and_then(|at| items.nth(at)),
        (_, Some(matches)) => items.find(|&item| matches.get(item as usize) == Some(&true)),
        (_, None) => items.next(),
    }
}

/// A position in a list, from the end where it is negative.
fn nth(length: usize, at: i64) -> Option<usize> {
    let at = if at < 0 { i64::try_from(length).ok()? + at } else { at };
    usize::try_from(at).ok().filter(|at| *at < length)
}

/// An element of each list of scalars.
fn elements(lists: &ListArray, selector: &Step) -> Option<ArrayRef> {
    let at = match selector {
        Step::Index(at) => *at,
        _ => 0,
    };
    let chosen = lists.offsets().windows(2).enumerate().map(|(row, bounds)| {
        let (from, to) = (usize::try_from(bounds[0]).ok()?, usize::try_from(bounds[1]).ok()?);
        lists.is_valid(row).then_some(())?;
        u32::try_from(from + nth(to - from, at)?).ok()
    });
    take(lists.values(), &chosen.collect::<UInt32Array>(), None).ok()
}

/// What a path leads to inside of JSON text, as text.
fn inside(array: &ArrayRef, steps: &[Step]) -> Option<ArrayRef> {
    let texts = cast(array, &DataType::Utf8View).ok()?;
    let dug = texts.as_string_view().iter().map(|json| dig(json?, 0, steps));
    Some(Arc::new(dug.collect::<StringViewArray>()))
}

fn dig(json: &str, from: usize, steps: &[Step]) -> Option<String> {
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
                return dig(json, parser.position(), rest);
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
        Step::Index(at) => dig(json, items[nth(items.len(), *at)?], rest),
        Step::Where(field, equal, text) => {
            let field: Vec<Step> = field.iter().cloned().map(Step::Field).collect();
            let holds = |item: &usize| dig(json, *item, &field).is_some_and(|found| (found == *text) == *equal);
            dig(json, items.into_iter().find(holds)?, rest)
        }
        _ => items.into_iter().find_map(|item| dig(json, item, rest)),
    }
}

#[cfg(test)]
mod tests {
    use kubesql_codegen::names::steps;

    use super::dig;

    #[test]
    fn json_is_dug_into() {
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
            assert_eq!(dig(json, 0, &steps(path).unwrap()).as_deref(), expected, "{path}");
        }
    }
}
