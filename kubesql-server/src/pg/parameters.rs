//! Decodes the values of parameters. Each is an array of one element.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBuilder, Date32Array, Float32Array, Float32Builder, Float64Array, Float64Builder,
    Int16Array, Int16Builder, Int32Array, Int32Builder, Int64Array, Int64Builder, ListBuilder, StringArray,
    StringBuilder, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, TimeUnit};
use pgwire::api::portal::Portal;
use pgwire::api::{DEFAULT_NAME, Type};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use postgres_types::Kind;

use super::execute::PgStatement;
use super::{encode, error_response};

/// The values that the client has bound to a portal.
pub(super) fn decode(portal: &Portal<PgStatement>) -> PgWireResult<Vec<ArrayRef>> {
    let statement = &portal.statement;
    let types = statement.statement.parameters();
    if portal.parameter_len() != types.len() {
        return Err(count_mismatch(portal.parameter_len(), &statement.id, types.len()));
    }
    let value = |(at, data_type): (usize, &DataType)| {
        // The declared type, or else the one that Describe has sent.
        let declared = statement.parameter_types.get(at).cloned().flatten().filter(|of| *of != Type::UNKNOWN);
        let pg_type = declared.unwrap_or_else(|| encode::pg_type(data_type));
        convert(at, &read(portal, at, &pg_type)?, data_type)
    };
    types.iter().enumerate().map(value).collect()
}

/// The error of a bind message with the wrong number of parameters, in PostgreSQL's words.
pub(super) fn count_mismatch(given: usize, statement: &str, expected: usize) -> PgWireError {
    let name = if statement == DEFAULT_NAME { "" } else { statement };
    let message =
        format!("bind message supplies {given} parameters, but prepared statement \"{name}\" requires {expected}");
    error_response::protocol_violation(message)
}

fn read(portal: &Portal<PgStatement>, at: usize, pg_type: &Type) -> PgWireResult<ArrayRef> {
    if portal.parameters.get(at).is_some_and(Option::is_none) {
        return Ok(new_null_array(&DataType::Utf8, 1));
    }
    if !portal.parameter_format.is_binary(at) {
        if matches!(pg_type.kind(), Kind::Array(_)) {
            return array(portal, at, pg_type);
        }
        // `convert` parses the text.
        let text = portal.parameter::<String>(at, &Type::TEXT)?;
        return Ok(Arc::new(StringArray::from(vec![text])));
    }
    Ok(match *pg_type {
        Type::BOOL => Arc::new(BooleanArray::from(vec![portal.parameter::<bool>(at, pg_type)?])),
        Type::INT2 => Arc::new(Int16Array::from(vec![portal.parameter::<i16>(at, pg_type)?])),
        Type::INT4 => Arc::new(Int32Array::from(vec![portal.parameter::<i32>(at, pg_type)?])),
        Type::INT8 => Arc::new(Int64Array::from(vec![portal.parameter::<i64>(at, pg_type)?])),
        Type::FLOAT4 => Arc::new(Float32Array::from(vec![portal.parameter::<f32>(at, pg_type)?])),
        Type::FLOAT8 => Arc::new(Float64Array::from(vec![portal.parameter::<f64>(at, pg_type)?])),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
            Arc::new(StringArray::from(vec![portal.parameter::<String>(at, pg_type)?]))
        }
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let micros = fixed(portal, at)?.map(i64::from_be_bytes);
            let micros = micros.map(|micros| micros.saturating_add(EPOCH_SECONDS * 1_000_000));
            let times = TimestampMicrosecondArray::from(vec![micros]);
            Arc::new(if *pg_type == Type::TIMESTAMPTZ { times.with_timezone("UTC") } else { times })
        }
        Type::DATE => {
            let days = fixed(portal, at)?.map(i32::from_be_bytes);
            Arc::new(Date32Array::from(vec![days.map(|days| days.saturating_add(EPOCH_DAYS))]))
        }
        Type::JSON => Arc::new(StringArray::from(vec![text(portal, at)?])),
        // The first byte is the version of the format.
        Type::JSONB => Arc::new(StringArray::from(vec![text(portal, at)?.strip_prefix('\u{1}')])),
        Type::NUMERIC => Arc::new(StringArray::from(vec![numeric(portal, at)?])),
        Type::UUID => {
            let number = fixed(portal, at)?.map(u128::from_be_bytes);
            let text = number.map(|number| {
                let text = format!("{number:032x}");
                [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
            });
            Arc::new(StringArray::from(vec![text]))
        }
        ref other if matches!(other.kind(), Kind::Array(_)) => array(portal, at, other)?,
        ref other => {
            return Err(invalid(at, &format!("binary format is not supported for type {}", other.name())));
        }
    })
}

/// The value of an array type, in either format.
fn array(portal: &Portal<PgStatement>, at: usize, pg_type: &Type) -> PgWireResult<ArrayRef> {
    macro_rules! list {
        ($value:ty, $builder:expr) => {{
            let mut list = ListBuilder::new($builder);
            match portal.parameter::<Vec<Option<$value>>>(at, pg_type)? {
                Some(values) => {
                    values.into_iter().for_each(|value| list.values().append_option(value));
                    list.append(true);
                }
                None => list.append(false),
            }
            Arc::new(list.finish()) as ArrayRef
        }};
    }
    Ok(match *pg_type {
        Type::BOOL_ARRAY => list!(bool, BooleanBuilder::new()),
        Type::INT2_ARRAY => list!(i16, Int16Builder::new()),
        Type::INT4_ARRAY => list!(i32, Int32Builder::new()),
        Type::INT8_ARRAY => list!(i64, Int64Builder::new()),
        Type::FLOAT4_ARRAY => list!(f32, Float32Builder::new()),
        Type::FLOAT8_ARRAY => list!(f64, Float64Builder::new()),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::NAME_ARRAY | Type::BPCHAR_ARRAY => {
            list!(String, StringBuilder::new())
        }
        ref other => return Err(invalid(at, &format!("type {} is not supported", other.name()))),
    })
}

/// The bytes of a value as text.
fn text(portal: &Portal<PgStatement>, at: usize) -> PgWireResult<&str> {
    let bytes = portal.parameters[at].as_deref().unwrap_or_default();
    std::str::from_utf8(bytes).map_err(|error| invalid(at, &error.to_string()))
}

/// A binary numeric as text. It consists of groups of four decimal digits; the first one is multiplied by
/// 10000^`weight`.
fn numeric(portal: &Portal<PgStatement>, at: usize) -> PgWireResult<String> {
    const NEGATIVE: u16 = 0x4000;
    const NAN: u16 = 0xC000;
    let bytes = portal.parameters[at].as_deref().unwrap_or_default();
    let words: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let [count, weight, sign, scale, digits @ ..] = words.as_slice() else {
        return Err(invalid(at, "insufficient data for a numeric"));
    };
    if usize::from(*count) != digits.len() || digits.iter().any(|group| *group > 9_999) {
        return Err(invalid(at, "invalid binary numeric"));
    }
    if *sign == NAN {
        return Ok("NaN".to_owned());
    }
    let weight = i32::from(i16::from_be_bytes(weight.to_be_bytes()));
    let group = |power: i32| {
        let index = usize::try_from(weight - power).ok();
        index.and_then(|index| digits.get(index)).copied().unwrap_or_default()
    };
    let mut text = if *sign == NEGATIVE { "-".to_owned() } else { String::new() };
    text.push_str(&group(weight.max(0)).to_string());
    (0..weight.max(0)).rev().for_each(|power| text.push_str(&format!("{:04}", group(power))));
    if *scale > 0 {
        let groups = i32::from(scale.div_ceil(4));
        let fraction: String = (1..=groups).map(|power| format!("{:04}", group(-power))).collect();
        text.push('.');
        text.push_str(&fraction[..usize::from(*scale)]);
    }
    Ok(text)
}

/// The epoch of PostgreSQL, 2000-01-01, counted from 1970-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_SECONDS: i64 = 10_957 * 86_400;

/// The bytes of a value of fixed width; `None` for NULL.
fn fixed<const N: usize>(portal: &Portal<PgStatement>, at: usize) -> PgWireResult<Option<[u8; N]>> {
    let bytes = portal.parameters[at].as_deref().map(<[u8; N]>::try_from).transpose();
    bytes.map_err(|_| invalid(at, &format!("expected {N} bytes")))
}

/// Casts a value to the type of its parameter.
fn convert(at: usize, value: &ArrayRef, to: &DataType) -> PgWireResult<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(value, to, &options).map_err(|error| invalid(at, &error.to_string()))
}

/// The Arrow type of a declared type. `None` for text and others, whose type is inferred from the statement.
pub(super) fn arrow_type(pg_type: &Type) -> Option<DataType> {
    Some(match *pg_type {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 | Type::NUMERIC => DataType::Float64,
        Type::DATE => DataType::Date32,
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::BOOL_ARRAY => list(DataType::Boolean),
        Type::INT2_ARRAY => list(DataType::Int16),
        Type::INT4_ARRAY => list(DataType::Int32),
        Type::INT8_ARRAY => list(DataType::Int64),
        Type::FLOAT4_ARRAY => list(DataType::Float32),
        Type::FLOAT8_ARRAY => list(DataType::Float64),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::NAME_ARRAY | Type::BPCHAR_ARRAY => list(DataType::Utf8),
        _ => return None,
    })
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

fn invalid(at: usize, message: &str) -> PgWireError {
    let message = format!("parameter ${}: {message}", at + 1);
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), "22P02".to_owned(), message)))
}
