//! `selector_matches(labels, selector)`: whether a selector matches labels.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, MapArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, Signature, TypeSignature, Volatility};

use super::selector::Selector;
use super::{Doc, Function, invalid_value};

pub(super) fn function() -> ScalarUDF {
    Function {
        name: "selector_matches",
        signature: Signature::one_of(vec![TypeSignature::Any(2)], Volatility::Immutable),
        returns: |arguments| match arguments {
            [DataType::Map(..) | DataType::Null, selector] if is_selector(selector) => Ok(DataType::Boolean),
            [selector, DataType::Map(..)] if is_selector(selector) => Ok(DataType::Boolean),
            _ => Err("a map, and a text or another map"),
        },
        run: |arguments| {
            // A text is a selector in either place. Of two maps, the second is.
            let (labels, selector) = match arguments[0].data_type() {
                DataType::Map(..) | DataType::Null => (&arguments[0], &arguments[1]),
                _ => (&arguments[1], &arguments[0]),
            };
            let labels = Labels::new(labels)?;
            let selected = match selector.data_type() {
                DataType::Map(..) => match_maps(&labels, &Labels::new(selector)?),
                DataType::Null => BooleanArray::new_null(selector.len()),
                _ => match_texts(&labels, cast(selector, &DataType::Utf8View)?.as_string_view())?,
            };
            Ok(Arc::new(selected))
        },
        documentation: Doc {
            section: "Kubernetes Functions",
            description: "Returns whether a selector matches labels, with the syntax of `kubectl -l`: `app=web,tier!=back,env in (a,b),env notin (c),x,!y`. NULL labels are empty labels. The selector may also be a map, such as that of a service; an empty map matches nothing. A text may also be the first argument; of two maps, the second one is the selector.",
            syntax: "selector_matches(labels, selector)",
            example: "select pods.name from services, pods where services.namespace = pods.namespace and selector_matches(pods.labels, services.selector)",
            arguments: &[("labels", "a map"), ("selector", "a text, or a map of required labels")],
        }
        .build(),
    }
    .udf()
}

fn is_selector(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Map(..) | DataType::Utf8View | DataType::Utf8 | DataType::LargeUtf8 | DataType::Null)
}

/// The labels of each row.
struct Labels {
    /// `None` if no row has labels.
    maps: Option<(MapArray, StringViewArray, StringViewArray)>,
    rows: usize,
}

impl Labels {
    fn new(array: &ArrayRef) -> Result<Self> {
        let rows = array.len();
        let Some(maps) = array.as_map_opt() else { return Ok(Self { maps: None, rows }) };
        let text = |array: &ArrayRef| -> Result<StringViewArray> {
            Ok(cast(array, &DataType::Utf8View)?.as_string_view().clone())
        };
        let (keys, values) = (text(maps.keys())?, text(maps.values())?);
        Ok(Self { maps: Some((maps.clone(), keys, values)), rows })
    }

    /// Returns the labels of a row; `None` if the map is NULL.
    fn row(&self, row: usize) -> Option<impl Iterator<Item = (&str, &str)>> {
        let (maps, keys, values) = self.maps.as_ref()?;
        let bound = |at: usize| usize::try_from(maps.value_offsets()[at]).unwrap_or(0);
        maps.is_valid(row).then(|| (bound(row)..bound(row + 1)).map(|at| (keys.value(at), values.value(at))))
    }

    fn find(&self, row: usize, key: &str) -> Option<&str> {
        self.row(row)?.find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

fn match_texts(labels: &Labels, selectors: &StringViewArray) -> Result<BooleanArray> {
    let mut last: Option<(&str, Selector)> = None;
    let mut selected = Vec::with_capacity(labels.rows);
    for (row, text) in selectors.iter().enumerate() {
        let Some(text) = text else {
            selected.push(None);
            continue;
        };
        if last.as_ref().is_none_or(|(last_text, _)| *last_text != text) {
            last = Some((text, Selector::parse(text).or_else(invalid_value)?));
        }
        selected.push(last.as_ref().map(|(_, selector)| selector.matches(|key| labels.find(row, key))));
    }
    Ok(selected.into())
}

fn match_maps(labels: &Labels, selectors: &Labels) -> BooleanArray {
    let selected = (0..labels.rows).map(|row| {
        let mut pairs = selectors.row(row)?.peekable();
        Some(pairs.peek().is_some() && pairs.all(|(key, value)| labels.find(row, key) == Some(value)))
    });
    selected.collect()
}
