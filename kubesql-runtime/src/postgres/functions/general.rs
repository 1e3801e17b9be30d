//! Functions that depend on their arguments only: types, text, sizes, and objects that do not exist in kubesql.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Int32Array, Int64Array, ListBuilder, StringArray,
    StringBuilder, new_null_array,
};
use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::exec_err;
use datafusion::error::{DataFusionError, Result};

use super::{Function, OfType, numbers, texts};
use crate::postgres::{objects, text, types};
use crate::sql::error::{ErrorKind, SqlError};

/// Functions of objects that do not exist in kubesql. They return NULL.
const NULL: &str = "\
    pg_get_expr pg_get_constraintdef pg_get_indexdef pg_get_partkeydef pg_get_partition_constraintdef \
    pg_get_ruledef pg_get_triggerdef pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_viewdef \
    pg_get_functiondef pg_get_function_sqlbody pg_get_serial_sequence pg_tablespace_location \
    pg_relation_filepath pg_current_xact_id_if_assigned pg_last_wal_receive_lsn pg_last_wal_replay_lsn \
    inet_client_addr inet_server_addr shobj_description";

/// Sizes and counts that are not available. They return zero.
const ZERO: &str = "\
    pg_relation_size pg_total_relation_size pg_table_size pg_indexes_size pg_database_size pg_tablespace_size \
    pg_stat_get_numscans pg_stat_get_live_tuples";

/// Privileges: every user may read everything.
const PRIVILEGES: &str = "\
    has_table_privilege has_schema_privilege has_database_privilege has_any_column_privilege \
    has_column_privilege has_function_privilege has_type_privilege has_language_privilege \
    has_tablespace_privilege has_sequence_privilege";

/// Functions that return false.
const FALSE: &str = "\
    pg_is_in_recovery pg_is_other_temp_schema pg_relation_is_publishable pg_is_wal_replay_paused \
    pg_relation_is_updatable";

/// Functions that return true.
const TRUE: &str = "\
    pg_has_role pg_type_is_visible pg_function_is_visible pg_operator_is_visible pg_opclass_is_visible \
    pg_opfamily_is_visible pg_collation_is_visible pg_conversion_is_visible pg_statistics_obj_is_visible \
    pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible";

/// The values as PostgreSQL writes them.
fn text_values(array: &ArrayRef) -> ArrayRef {
    let text = |row| {
        let mut written = String::new();
        array.is_valid(row).then(|| {
            text::write(array, row, &mut written);
            written
        })
    };
    Arc::new((0..array.len()).map(text).collect::<StringArray>())
}

pub(super) fn functions() -> Vec<Function> {
    let mut functions =
        vec![Function::new("textout", DataType::Utf8, |args, _| Ok(text_values(&args[0]))).of_type(OfType::Other)];
    for name in NULL.split(' ') {
        functions.push(Function::new(name, DataType::Utf8, |_, rows| Ok(new_null_array(&DataType::Utf8, rows))));
    }
    for name in ZERO.split(' ') {
        functions.push(Function::new(name, DataType::Int64, |_, rows| Ok(Arc::new(Int64Array::from(vec![0; rows])))));
    }
    for name in PRIVILEGES.split(' ') {
        functions.push(Function::new(name, DataType::Boolean, |args, rows| {
            let rights = args.last().map(texts).transpose()?;
            let reads = |right: &Option<String>| {
                let reads = |right: &str| matches!(right.trim(), "select" | "usage" | "connect" | "execute");
                right.as_ref().is_some_and(|right| right.to_lowercase().split(',').any(reads))
            };
            let may: Vec<bool> = rights.map_or_else(|| vec![true; rows], |rights| rights.iter().map(reads).collect());
            Ok(Arc::new(BooleanArray::from(may)))
        }));
    }
    for (names, value) in [(FALSE, false), (TRUE, true)] {
        functions.extend(names.split(' ').map(|name| {
            Function::new(name, DataType::Boolean, move |_, rows| Ok(Arc::new(BooleanArray::from(vec![value; rows]))))
        }));
    }
    functions.push(constant("version", crate::postgres::version()));
    functions.push(constant("pg_encoding_to_char", "UTF8".to_owned()));
    functions.push(constant("getdatabaseencoding", "UTF8".to_owned()));
    // 6 is UTF-8.
    for (name, value) in [("pg_my_temp_schema", 0), ("pg_char_to_encoding", 6)] {
        functions.push(Function::new(name, DataType::Int32, move |_, rows| {
            Ok(Arc::new(Int32Array::from(vec![value; rows])))
        }));
    }
    functions.extend([
        type_of(),
        format_type(),
        quote("quote_ident", quote_ident),
        quote("quote_literal", quote_literal),
    ]);
    functions.extend([quote_nullable(), size_pretty(), bound("array_upper"), bound("array_lower")]);
    functions.extend([to_type(), function_text("pg_get_function_arguments")]);
    functions.extend([function_text("pg_get_function_identity_arguments"), function_text("pg_get_function_result")]);
    functions.extend([regproc(), bytea(), like_escape(), format()]);
    let item = |name: &str, of| Field::new(name, of, true);
    let expanded = DataType::Struct(vec![item("x", DataType::Int16), item("n", DataType::Int32)].into());
    for (name, returns) in [
        // Functions run on threads that must not block.
        ("pg_sleep", DataType::Utf8),
        // Clients call these for indexes and sequences, which do not exist.
        ("_pg_expandarray", expanded),
        ("generate_subscripts", DataType::Int32),
    ] {
        functions.push(Function::new(name, returns, move |_, _| exec_err!("{name} is not supported")));
    }
    functions
}

/// The input function of `regproc` and similar types, which returns names without schema and arguments.
fn regproc() -> Function {
    let run = |args: &[ArrayRef], _| {
        let [given, ..] = args else { return exec_err!("function regproc() does not exist") };
        let name = |text: String| match objects::qualified_name(text.split('(').next().unwrap_or(&text)) {
            Some((_, name)) => name,
            None => text,
        };
        Ok(Arc::new(texts(given)?.into_iter().map(|text| text.map(name)).collect::<StringArray>()) as ArrayRef)
    };
    Function::new("regproc", DataType::Utf8, run).of_type(OfType::Other)
}

/// The input function of `bytea`: `\x` and hexadecimal digits, or the bytes of a text.
fn bytea() -> Function {
    let run = |args: &[ArrayRef], _| {
        let [given, ..] = args else { return exec_err!("function bytea() does not exist") };
        if !matches!(given.data_type(), DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8) {
            return Ok(arrow::compute::cast(given, &DataType::Binary)?);
        }
        let bytes = |text: String| {
            let Some(digits) = text.strip_prefix("\\x") else { return Ok(text.into_bytes()) };
            let byte = |pair: &[u8]| {
                u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()
            };
            let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
            let invalid = || {
                DataFusionError::Execution("invalid input syntax for type bytea: invalid hexadecimal data".to_owned())
            };
            bytes.ok_or_else(invalid)
        };
        let bytes = texts(given)?.into_iter().map(|text| text.map(bytes).transpose());
        Ok(Arc::new(bytes.collect::<Result<BinaryArray>>()?) as ArrayRef)
    };
    Function::new("bytea", DataType::Binary, run).of_type(OfType::Other)
}

/// `like_escape(pattern, escape)`: replaces the escape character of a pattern by backslashes.
fn like_escape() -> Function {
    Function::new("like_escape", DataType::Utf8, |args, _| {
        let [patterns, escapes] = args else { return exec_err!("function like_escape() does not exist") };
        let convert = |(pattern, escape): (Option<String>, Option<String>)| match (pattern, escape) {
            (Some(pattern), Some(escape)) => replace_escape(&pattern, &escape).map(Some),
            _ => Ok(None),
        };
        let patterns = texts(patterns)?.into_iter().zip(texts(escapes)?).map(convert);
        let patterns = patterns.collect::<Result<StringArray, SqlError>>();
        Ok(Arc::new(patterns.map_err(|error| DataFusionError::External(Box::new(error)))?))
    })
}

fn replace_escape(pattern: &str, escape: &str) -> Result<String, SqlError> {
    let mut escape = escape.chars();
    let character = escape.next();
    if escape.next().is_some() {
        let error = SqlError::new(ErrorKind::Invalid, "invalid escape string").code("22025");
        return Err(error.hint("escape string must be empty or one character"));
    }
    let mut escaped = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let literal = match c {
            c if Some(c) == character => chars.next().ok_or_else(|| {
                SqlError::new(ErrorKind::Invalid, "LIKE pattern must not end with escape character").code("22025")
            })?,
            '\\' => c,
            c => {
                escaped.push(c);
                continue;
            }
        };
        if matches!(literal, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(literal);
    }
    Ok(escaped)
}

/// `format(text, ...)` with the conversions `%s`, `%I`, `%L` and `%%`.
fn format() -> Function {
    Function::new("format", DataType::Utf8, |args, rows| {
        let [formats, values @ ..] = args else { return exec_err!("function format() does not exist") };
        let formats = texts(formats)?;
        let values = values.iter().map(texts).collect::<Result<Vec<_>>>()?;
        let format_row = |row: usize| {
            let values = values.iter().map(|column| column[row].as_deref());
            formats[row].as_deref().map(|format| format_text(format, values)).transpose()
        };
        Ok(Arc::new((0..rows).map(format_row).collect::<Result<StringArray>>()?))
    })
}

fn format_text<'a>(format: &str, mut values: impl Iterator<Item = Option<&'a str>>) -> Result<String> {
    let mut text = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let conversion = chars.next();
        if conversion == Some('%') {
            text.push('%');
            continue;
        }
        let Some(value) = values.next() else { return exec_err!("too few arguments for format()") };
        match (conversion, value) {
            (Some('s'), value) => text.push_str(value.unwrap_or_default()),
            (Some('I'), Some(value)) => text.push_str(&quote_ident(value)),
            (Some('I'), None) => return exec_err!("null values cannot be formatted as an SQL identifier"),
            (Some('L'), value) => text.push_str(&value.map_or_else(|| "NULL".to_owned(), quote_literal)),
            (Some(other), _) => return exec_err!("unrecognized format() type specifier \"{other}\""),
            (None, _) => return exec_err!("unterminated format() type specifier"),
        }
    }
    Ok(text)
}

fn constant(name: &'static str, text: String) -> Function {
    Function::new(name, DataType::Utf8, move |_, rows| Ok(Arc::new(StringArray::from(vec![text.as_str(); rows]))))
}

/// `pg_typeof(x)`: the type of the argument in the plan.
fn type_of() -> Function {
    Function::new("pg_typeof", DataType::Utf8, |args, rows| {
        let Some(argument) = args.first() else { return exec_err!("function pg_typeof() does not exist") };
        let name = if argument.data_type() == &DataType::Null {
            "unknown"
        } else {
            types::from_arrow(argument.data_type()).sql
        };
        Ok(Arc::new(StringArray::from(vec![name; rows])))
    })
}

fn format_type() -> Function {
    Function::new("format_type", DataType::Utf8, |args, _| {
        let [oids, rest @ ..] = args else { return exec_err!("function format_type() does not exist") };
        let oids = numbers(oids)?;
        let modifiers = match rest.first() {
            Some(modifiers) => numbers(modifiers)?,
            None => vec![None; oids.len()],
        };
        let format_one = |(oid, modifier): (&Option<i64>, &Option<i64>)| {
            let oid = i32::try_from((*oid)?).ok()?;
            let modifier = modifier.and_then(|modifier| i32::try_from(modifier).ok());
            Some(types::format(oid, modifier).unwrap_or_else(|| "???".to_owned()))
        };
        Ok(Arc::new(oids.iter().zip(&modifiers).map(format_one).collect::<StringArray>()))
    })
}

/// `to_regtype('int')`.
fn to_type() -> Function {
    Function::new("to_regtype", DataType::Int32, |args, _| {
        let [names, ..] = args else { return exec_err!("function to_regtype() does not exist") };
        let found = texts(names)?.into_iter().map(|name| types::find(&name?));
        Ok(Arc::new(found.collect::<Int32Array>()))
    })
}

fn quote(name: &'static str, quoted: fn(&str) -> String) -> Function {
    Function::new(name, DataType::Utf8, move |args, _| {
        let [text, ..] = args else { return exec_err!("function {name}() does not exist") };
        Ok(Arc::new(texts(text)?.into_iter().map(|text| text.map(|text| quoted(&text))).collect::<StringArray>()))
    })
}

fn quote_nullable() -> Function {
    Function::new("quote_nullable", DataType::Utf8, |args, _| {
        let [text, ..] = args else { return exec_err!("function quote_nullable() does not exist") };
        let quoted =
            texts(text)?.into_iter().map(|text| text.map_or_else(|| "NULL".to_owned(), |text| quote_literal(&text)));
        Ok(Arc::new(StringArray::from_iter_values(quoted)))
    })
}

/// Returns a name, quoted if necessary.
pub(crate) fn quote_ident(name: &str) -> String {
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|c| c == '_' || c.is_ascii_lowercase());
    let is_bare = starts && chars.all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
    if is_bare { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn quote_literal(text: &str) -> String {
    let quoted = format!("'{}'", text.replace('\'', "''"));
    if text.contains('\\') { format!("E{}", quoted.replace('\\', "\\\\")) } else { quoted }
}

fn size_pretty() -> Function {
    Function::new("pg_size_pretty", DataType::Utf8, |args, _| {
        let [sizes, ..] = args else { return exec_err!("function pg_size_pretty() does not exist") };
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

/// The first or last position of an array. Positions start at 1.
fn bound(name: &'static str) -> Function {
    // generate_series expects 64 bits.
    Function::new(name, DataType::Int64, move |args, rows| {
        let [array, ..] = args else { return exec_err!("function {name}() does not exist") };
        let Some(lists) = array.as_list_opt::<i32>() else { return Ok(new_null_array(&DataType::Int64, rows)) };
        let bound_of_row = |row: usize| {
            let length = if lists.is_null(row) { 0 } else { i64::from(lists.value_length(row)) };
            (length > 0).then_some(if name == "array_lower" { 1 } else { length })
        };
        Ok(Arc::new((0..rows).map(bound_of_row).collect::<Int64Array>()))
    })
}

/// A function that describes arguments or results of functions, which are not known: returns an empty text.
fn function_text(name: &'static str) -> Function {
    Function::new(name, DataType::Utf8, |_, rows| Ok(Arc::new(StringArray::from(vec![""; rows]))))
}

/// Returns an array of lists of text.
pub(crate) fn text_lists(lists: &[Vec<&str>]) -> ArrayRef {
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

#[cfg(test)]
mod tests {
    use super::{format_text, replace_escape};

    #[test]
    fn formats_names_and_literals() {
        let text = format_text("%s %I.%L %%", [Some("a"), Some("B"), None].into_iter()).expect("a text");
        assert_eq!(text, "a \"B\".NULL %");
        assert!(format_text("%s", [].into_iter()).is_err());
    }

    #[test]
    fn escapes_patterns_with_backslashes() {
        for (pattern, escape, expect) in [
            ("a!_b", "!", Ok("a\\_b")),
            ("a!!b!c", "!", Ok("a!bc")),
            ("a\\_b", "!", Ok("a\\\\_b")),
            ("a\\_b", "", Ok("a\\\\_b")),
            ("a\\_b", "\\", Ok("a\\_b")),
            ("!\\", "!", Ok("\\\\")),
            ("a!", "!", Err("22025")),
            ("a", "!!", Err("22025")),
        ] {
            let found = replace_escape(pattern, escape);
            let found = found.as_deref().map_err(crate::sql::SqlError::sqlstate);
            assert_eq!(found, expect, "{pattern} {escape}");
        }
    }
}
