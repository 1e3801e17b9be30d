//! Functions of Presto: collections, regular expressions and times.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Builder, IntervalMonthDayNanoArray, MapBuilder, MapFieldNames, StringBuilder,
    StringViewBuilder, UInt32Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast, cast_with_options, take};
use arrow::datatypes::{DataType, Field, Fields, Int64Type, IntervalMonthDayNano, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, internal_err};
use datafusion::error::Result;
use datafusion::functions::string::contains as text_contains;
use datafusion::functions_nested::array_has::array_has_udf;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF, Signature, TypeSignature, Volatility};

use super::{Doc, Function, invalid_value};
use crate::sql::types;

/// Replaces `contains` by the function for the type of its first argument.
#[derive(Debug)]
pub(super) struct Contains;

impl FunctionRewrite for Contains {
    fn name(&self) -> &'static str {
        "contains"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "contains" && args.len() == 2 => {
                let is_list = args[0].get_type(schema)?.is_list();
                let function = if is_list { array_has_udf() } else { text_contains() };
                Ok(Transformed::yes(function.call(args)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// `contains(list, item)` of Presto, and `contains(text, text)` of DataFusion.
fn contains() -> ScalarUDF {
    Function {
        name: "contains",
        signature: Signature::any(2, Volatility::Immutable),
        returns: |arguments| match arguments {
            [DataType::List(_), _] => Ok(DataType::Boolean),
            [text, part] if is_text(text) && is_text(part) => Ok(DataType::Boolean),
            _ => Err("a list and an item, or two texts"),
        },
        run: |_| internal_err!("the function was not replaced"),
        documentation: Doc {
            section: "Array Functions",
            description: "Returns whether a list contains an item, or a text another text.",
            syntax: "contains(list, item)",
            example: "select name from networkpolicies where contains(policytypes, 'Ingress')",
            arguments: &[("list", "a list or a text"), ("item", "an item or a text")],
        }
        .build(),
    }
    .udf()
}

fn is_text(data_type: &DataType) -> bool {
    types::is_text(data_type) || data_type.is_null()
}

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![contains(), regexp_extract(), date_add(), from_iso8601_timestamp(), map_of_lists(), map_of_counts()]
}

fn regexp_extract() -> ScalarUDF {
    Function {
        name: "regexp_extract",
        signature: Signature::one_of(vec![TypeSignature::Any(2), TypeSignature::Any(3)], Volatility::Immutable),
        returns: |arguments| match arguments {
            [text, pattern] if is_text(text) && is_text(pattern) => Ok(DataType::Utf8View),
            [text, pattern, group] if is_text(text) && is_text(pattern) && (group.is_integer() || group.is_null()) => {
                Ok(DataType::Utf8View)
            }
            _ => Err("a text, a pattern and the number of a group"),
        },
        run: |arguments| {
            let (texts, patterns) =
                (cast(&arguments[0], &DataType::Utf8View)?, cast(&arguments[1], &DataType::Utf8View)?);
            let (texts, patterns) = (texts.as_string_view(), patterns.as_string_view());
            let groups = arguments.get(2).map(|groups| cast(groups, &DataType::Int64)).transpose()?;
            let mut found = StringViewBuilder::with_capacity(texts.len());
            let mut last: Option<(&str, regex::Regex)> = None;
            for row in 0..texts.len() {
                let group = match &groups {
                    Some(groups) if groups.is_null(row) => None,
                    Some(groups) => Some(groups.as_primitive::<Int64Type>().value(row)),
                    None => Some(0),
                };
                let (true, true, Some(group)) = (texts.is_valid(row), patterns.is_valid(row), group) else {
                    found.append_null();
                    continue;
                };
                let pattern = patterns.value(row);
                if last.as_ref().is_none_or(|(last, _)| *last != pattern) {
                    match regex::Regex::new(pattern) {
                        Ok(regex) => last = Some((pattern, regex)),
                        Err(_) => return invalid_value(format!("invalid regular expression \"{pattern}\"")),
                    }
                }
                let Some((_, regex)) = &last else { return internal_err!("no pattern") };
                let Some(group) = usize::try_from(group).ok().filter(|group| *group < regex.captures_len()) else {
                    return invalid_value(format!("the pattern has {} groups, not {group}", regex.captures_len() - 1));
                };
                let captures = regex.captures(texts.value(row));
                found.append_option(captures.and_then(|captures| captures.get(group)).map(|text| text.as_str()));
            }
            Ok(Arc::new(found.finish()))
        },
        documentation: Doc {
            section: "Regular Expression Functions",
            description: "Returns the first match of a pattern, or the given group of it. NULL if nothing matches.",
            syntax: "regexp_extract(text, pattern[, group])",
            example: "select regexp_extract(image, ':(.*)$', 1) from containers",
            arguments: &[
                ("text", "a text"),
                ("pattern", "a regular expression"),
                ("group", "the number of a group; 0 is the whole match"),
            ],
        }
        .build(),
    }
    .udf()
}

fn date_add() -> ScalarUDF {
    Function {
        name: "date_add",
        signature: Signature::one_of(vec![TypeSignature::Any(3)], Volatility::Immutable),
        returns: |arguments| match arguments {
            [unit, number, date @ (DataType::Date32 | DataType::Timestamp(..))]
                if is_text(unit) && (number.is_integer() || number.is_null()) =>
            {
                Ok(date.clone())
            }
            [unit, number, DataType::Null] if is_text(unit) && number.is_integer() => Ok(DataType::Date32),
            _ => Err("a unit, a whole number and a date or timestamp"),
        },
        run: |arguments| {
            let units = cast(&arguments[0], &DataType::Utf8View)?;
            let numbers = cast(&arguments[1], &DataType::Int64)?;
            let (units, numbers) = (units.as_string_view(), numbers.as_primitive::<Int64Type>());
            let interval = |row: usize| -> Result<Option<IntervalMonthDayNano>> {
                if units.is_null(row) || numbers.is_null(row) {
                    return Ok(None);
                }
                let unit = units.value(row).to_lowercase();
                let (months, days, nanoseconds) = match unit.as_str() {
                    "year" => (12, 0, 0),
                    "quarter" => (3, 0, 0),
                    "month" => (1, 0, 0),
                    "week" => (0, 7, 0),
                    "day" => (0, 1, 0),
                    "hour" => (0, 0, 3_600_000_000_000),
                    "minute" => (0, 0, 60_000_000_000),
                    "second" => (0, 0, 1_000_000_000),
                    "millisecond" => (0, 0, 1_000_000),
                    _ => {
                        return invalid_value(format!(
                            "date_add: unknown unit \"{unit}\" (use millisecond, second, minute, hour, day, week, month, quarter or year)"
                        ));
                    }
                };
                let number = numbers.value(row);
                let times = |count: i64| count.checked_mul(number);
                let small = |count: i64| times(count).and_then(|count| i32::try_from(count).ok());
                match (small(months), small(days), times(nanoseconds)) {
                    (Some(months), Some(days), Some(nanoseconds)) => {
                        Ok(Some(IntervalMonthDayNano::new(months, days, nanoseconds)))
                    }
                    _ => invalid_value(format!("date_add: {number} {unit} is out of range")),
                }
            };
            let intervals = (0..units.len()).map(interval).collect::<Result<IntervalMonthDayNanoArray>>()?;
            let dates = match arguments[2].data_type() {
                DataType::Null => cast(&arguments[2], &DataType::Date32)?,
                _ => Arc::clone(&arguments[2]),
            };
            Ok(arrow::compute::kernels::numeric::add(&dates, &intervals)?)
        },
        documentation: Doc {
            section: "Time and Date Functions",
            description: "Adds a number of units to a date or timestamp.",
            syntax: "date_add(unit, number, date)",
            example: "select name from pods where creationtimestamp > date_add('day', -7, now())",
            arguments: &[
                ("unit", "`millisecond`, `second`, `minute`, `hour`, `day`, `week`, `month`, `quarter` or `year`"),
                ("number", "a whole number"),
                ("date", "a date or timestamp"),
            ],
        }
        .build(),
    }
    .udf()
}

fn from_iso8601_timestamp() -> ScalarUDF {
    const INSTANT: fn() -> DataType = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Function {
        name: "from_iso8601_timestamp",
        signature: Signature::one_of(vec![TypeSignature::Any(1)], Volatility::Immutable),
        returns: |arguments| if is_text(&arguments[0]) { Ok(INSTANT()) } else { Err("a text") },
        run: |arguments| {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            Ok(cast_with_options(&arguments[0], &INSTANT(), &options)?)
        },
        documentation: Doc {
            section: "Time and Date Functions",
            description: "Returns the timestamp of a text in ISO 8601: `2020-05-12T10:00:00Z`.",
            syntax: "from_iso8601_timestamp(text)",
            example: "select from_iso8601_timestamp(annotations['example.com/deployed-at']) from deployments",
            arguments: &[("text", "a text")],
        }
        .build(),
    }
    .udf()
}

/// The type of a map from text to values of a type.
fn map_type(value: &DataType) -> DataType {
    let entry = Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", value.clone(), true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
}

fn item_type(list: &DataType) -> Option<&DataType> {
    match list {
        DataType::List(item) => Some(item.data_type()),
        _ => None,
    }
}

/// `map_of_lists(keys, values)`: the result of `map_agg`. Of equal keys, the first one is kept.
fn map_of_lists() -> ScalarUDF {
    Function {
        name: "map_of_lists",
        signature: Signature::one_of(vec![TypeSignature::Any(2)], Volatility::Immutable),
        returns: |arguments| match (item_type(&arguments[0]), item_type(&arguments[1])) {
            (Some(_), Some(value)) => Ok(map_type(value)),
            _ => Err("a list of keys and a list of values"),
        },
        run: |arguments| {
            let (keys, values) = (arguments[0].as_list::<i32>(), arguments[1].as_list::<i32>());
            let names = cast(keys.values(), &DataType::Utf8)?;
            let names = names.as_string::<i32>();
            let (mut kept_names, mut kept_values) = (StringBuilder::new(), Vec::new());
            let (mut lengths, mut valid) = (Vec::new(), Vec::new());
            for row in 0..keys.len() {
                let mut seen = std::collections::BTreeSet::new();
                if keys.is_valid(row) && values.is_valid(row) {
                    let (from, to) = (keys.value_offsets()[row], keys.value_offsets()[row + 1]);
                    for (position, at) in (from..to).enumerate() {
                        let at = usize::try_from(at).unwrap_or_default();
                        if names.is_valid(at) && seen.insert(names.value(at)) {
                            kept_names.append_value(names.value(at));
                            let value = usize::try_from(values.value_offsets()[row]).unwrap_or_default() + position;
                            kept_values.push(u32::try_from(value).ok());
                        }
                    }
                }
                lengths.push(seen.len());
                valid.push(keys.is_valid(row));
            }
            let kept_values = take(values.values(), &UInt32Array::from(kept_values), None)?;
            let DataType::Map(entries, _) = map_type(kept_values.data_type()) else { return internal_err!("no map") };
            let DataType::Struct(fields) = entries.data_type() else { return internal_err!("no entries") };
            let columns: Vec<ArrayRef> = vec![Arc::new(kept_names.finish()), kept_values];
            let rows = arrow::array::StructArray::try_new(fields.clone(), columns, None)?;
            let (offsets, nulls) = (OffsetBuffer::from_lengths(lengths), NullBuffer::from(valid));
            Ok(Arc::new(arrow::array::MapArray::try_new(Arc::clone(&entries), offsets, rows, Some(nulls), false)?))
        },
        documentation: Doc {
            section: "Map Functions",
            description: "Returns a map of keys and values. `map_agg` uses it.",
            syntax: "map_of_lists(keys, values)",
            example: "select map_of_lists(array['a', 'b'], array[1, 2])",
            arguments: &[("keys", "a list"), ("values", "a list")],
        }
        .build(),
    }
    .udf()
}

/// `map_of_counts(list)`: the result of `histogram`.
fn map_of_counts() -> ScalarUDF {
    Function {
        name: "map_of_counts",
        signature: Signature::one_of(vec![TypeSignature::Any(1)], Volatility::Immutable),
        returns: |arguments| item_type(&arguments[0]).map(|_| map_type(&DataType::Int64)).ok_or("a list"),
        run: |arguments| {
            let lists = arguments[0].as_list::<i32>();
            let items = cast(lists.values(), &DataType::Utf8)?;
            let items = items.as_string::<i32>();
            let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
            let mut counts = MapBuilder::new(Some(names), StringBuilder::new(), Int64Builder::new())
                .with_values_field(Field::new("value", DataType::Int64, true));
            for row in 0..lists.len() {
                let mut found = std::collections::BTreeMap::new();
                let (from, to) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
                for at in (from..to).filter_map(|at| usize::try_from(at).ok()).filter(|at| items.is_valid(*at)) {
                    *found.entry(items.value(at)).or_insert(0_i64) += 1;
                }
                for (item, count) in found {
                    counts.keys().append_value(item);
                    counts.values().append_value(count);
                }
                counts.append(lists.is_valid(row))?;
            }
            Ok(Arc::new(counts.finish()))
        },
        documentation: Doc {
            section: "Map Functions",
            description: "Returns a map of the items of a list and how often each occurs. `histogram` uses it.",
            syntax: "map_of_counts(list)",
            example: "select map_of_counts(array['a', 'b', 'a'])",
            arguments: &[("list", "a list")],
        }
        .build(),
    }
    .udf()
}
