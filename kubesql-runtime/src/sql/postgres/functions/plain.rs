//! Functions that need to know nothing: of types, text and sizes, and those whose answer is that there is no such thing.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, ListBuilder, StringArray, StringBuilder,
    new_null_array,
};
use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::exec_err;

use super::super::types;
use super::{Function, numbers, texts};
use crate::sql::error::invalid;

/// What is asked about is not here, so that there is nothing to say.
const NOTHING: [&str; 21] = [
    "pg_get_expr",
    "pg_get_constraintdef",
    "pg_get_indexdef",
    "pg_get_partkeydef",
    "pg_get_partition_constraintdef",
    "pg_get_ruledef",
    "pg_get_triggerdef",
    "pg_get_statisticsobjdef",
    "pg_get_statisticsobjdef_columns",
    "pg_get_viewdef",
    "pg_get_functiondef",
    "pg_get_function_sqlbody",
    "pg_get_serial_sequence",
    "pg_tablespace_location",
    "pg_relation_filepath",
    "pg_current_xact_id_if_assigned",
    "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn",
    "inet_client_addr",
    "inet_server_addr",
    "shobj_description",
];

/// What nobody measures, and so has no size.
const SIZES: [&str; 8] = [
    "pg_relation_size",
    "pg_total_relation_size",
    "pg_table_size",
    "pg_indexes_size",
    "pg_database_size",
    "pg_tablespace_size",
    "pg_stat_get_numscans",
    "pg_stat_get_live_tuples",
];

/// Whoever may ask may read everything.
const MAY: [&str; 10] = [
    "has_table_privilege",
    "has_schema_privilege",
    "has_database_privilege",
    "has_any_column_privilege",
    "has_column_privilege",
    "has_function_privilege",
    "has_type_privilege",
    "has_language_privilege",
    "has_tablespace_privilege",
    "has_sequence_privilege",
];

/// What is so of no object here.
const NEVER: [&str; 5] = [
    "pg_is_in_recovery",
    "pg_is_other_temp_schema",
    "pg_relation_is_publishable",
    "pg_is_wal_replay_paused",
    "pg_relation_is_updatable",
];

pub(super) fn functions() -> Vec<Function> {
    let mut functions = Vec::new();
    for name in NOTHING {
        functions.push(Function::new(name, DataType::Utf8, |_, rows| Ok(new_null_array(&DataType::Utf8, rows))));
    }
    for name in SIZES {
        functions.push(Function::new(name, DataType::Int64, |_, rows| Ok(Arc::new(Int64Array::from(vec![0; rows])))));
    }
    for name in MAY {
        functions.push(Function::new(name, DataType::Boolean, |args, rows| {
            // All rights are those to read.
            let rights = args.last().map(texts).transpose()?;
            let reads = |right: &Option<String>| {
                let reads = |right: &str| matches!(right.trim(), "select" | "usage" | "connect" | "execute");
                right.as_ref().is_some_and(|right| right.to_lowercase().split(',').any(reads))
            };
            let may: Vec<bool> = rights.map_or_else(|| vec![true; rows], |rights| rights.iter().map(reads).collect());
            Ok(Arc::new(BooleanArray::from(may)))
        }));
    }
    for name in NEVER {
        functions.push(Function::new(name, DataType::Boolean, |_, rows| {
            Ok(Arc::new(BooleanArray::from(vec![false; rows])))
        }));
    }
    functions.push(constant("version", super::super::version()));
    functions.push(constant("pg_encoding_to_char", "UTF8".to_owned()));
    functions.push(Function::new("pg_my_temp_schema", DataType::Int32, |_, rows| {
        Ok(Arc::new(Int32Array::from(vec![0; rows])))
    }));
    functions.push(Function::new("pg_has_role", DataType::Boolean, |_, rows| {
        Ok(Arc::new(BooleanArray::from(vec![true; rows])))
    }));
    functions.extend([type_of(), format_type(), quote("quote_ident", ident), quote("quote_literal", literal)]);
    functions.extend([quote_nullable(), size_pretty(), bound("array_upper"), bound("array_lower")]);
    functions.extend([to_type(), sleep(), function_text("pg_get_function_arguments")]);
    functions.extend([function_text("pg_get_function_identity_arguments"), function_text("pg_get_function_result")]);
    functions.push(json());
    functions
}

/// What is cast to `json` or `jsonb`: a text that is JSON.
fn json() -> Function {
    let function = Function::new("json", DataType::Utf8, |args, _| {
        let [given, ..] = args else { return exec_err!("json takes a text") };
        let given = texts(given)?;
        for text in given.iter().flatten() {
            if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
                return invalid("22P02", format!("invalid input syntax for type json: {error}"));
            }
        }
        Ok(Arc::new(given.into_iter().collect::<StringArray>()))
    });
    Function { is_json: true, ..function }
}

fn constant(name: &'static str, text: String) -> Function {
    Function::new(name, DataType::Utf8, move |_, rows| Ok(Arc::new(StringArray::from(vec![text.as_str(); rows]))))
}

/// `pg_typeof(x)`, by the type that it is planned with.
fn type_of() -> Function {
    Function::new("pg_typeof", DataType::Utf8, |args, rows| {
        let Some(of) = args.first() else { return exec_err!("pg_typeof takes a value") };
        let name = if of.data_type() == &DataType::Null { "unknown" } else { types::of_arrow(of.data_type()).sql };
        Ok(Arc::new(StringArray::from(vec![name; rows])))
    })
}

fn format_type() -> Function {
    Function::new("format_type", DataType::Utf8, |args, _| {
        let [oids, rest @ ..] = args else { return exec_err!("format_type takes a type and its modifier") };
        let oids = numbers(oids)?;
        let modifiers = match rest.first() {
            Some(modifiers) => numbers(modifiers)?,
            None => vec![None; oids.len()],
        };
        let one = |(oid, modifier): (&Option<i64>, &Option<i64>)| {
            let oid = i32::try_from((*oid)?).ok()?;
            let modifier = modifier.and_then(|modifier| i32::try_from(modifier).ok());
            Some(types::format(oid, modifier).unwrap_or_else(|| "???".to_owned()))
        };
        Ok(Arc::new(oids.iter().zip(&modifiers).map(one).collect::<StringArray>()))
    })
}

/// `to_regtype('int')`.
fn to_type() -> Function {
    Function::new("to_regtype", DataType::Int32, |args, _| {
        let [names, ..] = args else { return exec_err!("to_regtype takes a name") };
        let found = texts(names)?.into_iter().map(|name| types::find(&name?));
        Ok(Arc::new(found.collect::<Int32Array>()))
    })
}

fn quote(name: &'static str, quoted: fn(&str) -> String) -> Function {
    Function::new(name, DataType::Utf8, move |args, _| {
        let [text, ..] = args else { return exec_err!("{name} takes a text") };
        Ok(Arc::new(texts(text)?.into_iter().map(|text| text.map(|text| quoted(&text))).collect::<StringArray>()))
    })
}

fn quote_nullable() -> Function {
    Function::new("quote_nullable", DataType::Utf8, |args, _| {
        let [text, ..] = args else { return exec_err!("quote_nullable takes a text") };
        let quoted = texts(text)?.into_iter().map(|text| text.map_or_else(|| "NULL".to_owned(), |text| literal(&text)));
        Ok(Arc::new(StringArray::from_iter_values(quoted)))
    })
}

/// A name as a statement has to write it.
pub(in crate::sql::postgres) fn ident(name: &str) -> String {
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|c| c == '_' || c.is_ascii_lowercase());
    let plain = starts && chars.all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn literal(text: &str) -> String {
    let quoted = format!("'{}'", text.replace('\'', "''"));
    if text.contains('\\') { format!("E{}", quoted.replace('\\', "\\\\")) } else { quoted }
}

fn size_pretty() -> Function {
    Function::new("pg_size_pretty", DataType::Utf8, |args, _| {
        let [sizes, ..] = args else { return exec_err!("pg_size_pretty takes a number of bytes") };
        let pretty = |size: Option<i64>| {
            let (mut size, mut unit) = (size?, "bytes");
            for larger in ["kB", "MB", "GB", "TB", "PB"] {
                if size.abs() < 10 * 1024 {
                    break;
                }
                (size, unit) = (size.saturating_add(size.signum() * 512) / 1024, larger);
            }
            Some(format!("{size} {unit}"))
        };
        Ok(Arc::new(numbers(sizes)?.into_iter().map(pretty).collect::<StringArray>()))
    })
}

/// The first or last position of an array, whose positions start from 1.
fn bound(name: &'static str) -> Function {
    // Of 64 bits, as generate_series takes it.
    Function::new(name, DataType::Int64, move |args, rows| {
        let [array, ..] = args else { return exec_err!("{name} takes an array and a dimension") };
        let Some(lists) = array.as_list_opt::<i32>() else { return Ok(new_null_array(&DataType::Int64, rows)) };
        let one = |row: usize| {
            let length = if lists.is_null(row) { 0 } else { i64::from(lists.value_length(row)) };
            (length > 0).then_some(if name == "array_lower" { 1 } else { length })
        };
        Ok(Arc::new((0..rows).map(one).collect::<Int64Array>()))
    })
}

/// Waits are for tests of clients, and no statement here may hold a thread.
fn sleep() -> Function {
    Function::new("pg_sleep", DataType::Utf8, |_, _| exec_err!("pg_sleep is not supported"))
}

/// What is known of a function's arguments and result is in its documentation only.
fn function_text(name: &'static str) -> Function {
    Function::new(name, DataType::Utf8, |_, rows| Ok(Arc::new(StringArray::from(vec![""; rows]))))
}

/// Lists of text.
pub(in crate::sql::postgres) fn text_lists(lists: &[Vec<&str>]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for list in lists {
        list.iter().for_each(|text| builder.values().append_value(text));
        builder.append(true);
    }
    Arc::new(builder.finish())
}

pub(super) fn text_list() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))
}

pub(super) fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}
