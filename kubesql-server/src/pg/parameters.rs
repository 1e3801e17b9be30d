//! Values of parameters from the wire, each as an array of one element.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBuilder, Date32Array, Float32Array, Float32Builder, Float64Array, Float64Builder,
    Int16Array, Int16Builder, Int32Array, Int32Builder, Int64Array, Int64Builder, ListBuilder, StringArray,
    StringBuilder, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, TimeUnit};
use pgwire::api::Type;
use pgwire::api::portal::Portal;
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use postgres_types::Kind;

use super::execute::Planned;
use super::{encode, failure};

/// The values that a client bound.
pub(super) fn decode(portal: &Portal<Planned>) -> PgWireResult<Vec<ArrayRef>> {
    let statement = &portal.statement;
    let wanted = statement.statement.parameters();
    if portal.parameter_len() != wanted.len() {
        let message =
            format!("the statement has {} parameters, and {} are bound", wanted.len(), portal.parameter_len());
        return Err(failure::protocol(message));
    }
    let value = |(at, wanted): (usize, &DataType)| {
        // As the client declared it, or else as it was told that it is.
        let declared = statement.parameter_types.get(at).cloned().flatten().filter(|of| *of != Type::UNKNOWN);
        let of = declared.unwrap_or_else(|| encode::pg_type(wanted));
        convert(at, &read(portal, at, &of)?, wanted)
    };
    wanted.iter().enumerate().map(value).collect()
}

fn read(portal: &Portal<Planned>, at: usize, of: &Type) -> PgWireResult<ArrayRef> {
    if portal.parameters.get(at).is_some_and(Option::is_none) {
        return Ok(new_null_array(&DataType::Utf8, 1));
    }
    if !portal.parameter_format.is_binary(at) {
        if matches!(of.kind(), Kind::Array(_)) {
            return array(portal, at, of);
        }
        // Every type as text; what it means is known by the type that is wanted.
        let text = portal.parameter::<String>(at, &Type::TEXT)?;
        return Ok(Arc::new(StringArray::from(vec![text])));
    }
    Ok(match *of {
        Type::BOOL => Arc::new(BooleanArray::from(vec![portal.parameter::<bool>(at, of)?])),
        Type::INT2 => Arc::new(Int16Array::from(vec![portal.parameter::<i16>(at, of)?])),
        Type::INT4 => Arc::new(Int32Array::from(vec![portal.parameter::<i32>(at, of)?])),
        Type::INT8 => Arc::new(Int64Array::from(vec![portal.parameter::<i64>(at, of)?])),
        Type::FLOAT4 => Arc::new(Float32Array::from(vec![portal.parameter::<f32>(at, of)?])),
        Type::FLOAT8 => Arc::new(Float64Array::from(vec![portal.parameter::<f64>(at, of)?])),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
            Arc::new(StringArray::from(vec![portal.parameter::<String>(at, of)?]))
        }
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let micros = fixed(portal, at)?.map(i64::from_be_bytes);
            let micros = micros.map(|micros| micros.saturating_add(EPOCH_SECONDS * 1_000_000));
            let times = TimestampMicrosecondArray::from(vec![micros]);
            Arc::new(if *of == Type::TIMESTAMPTZ { times.with_timezone("UTC") } else { times })
        }
        Type::DATE => {
            let days = fixed(portal, at)?.map(i32::from_be_bytes);
            Arc::new(Date32Array::from(vec![days.map(|days| days.saturating_add(EPOCH_DAYS))]))
        }
        Type::JSON => Arc::new(StringArray::from(vec![text(portal, at)?])),
        // The version of the format comes first.
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
        ref of if matches!(of.kind(), Kind::Array(_)) => array(portal, at, of)?,
        _ => return Err(invalid(at, &format!("binary values of type {} are not understood", of.name()))),
    })
}

/// An array of values, in either format.
fn array(portal: &Portal<Planned>, at: usize, of: &Type) -> PgWireResult<ArrayRef> {
    macro_rules! list {
        ($value:ty, $builder:expr) => {{
            let mut list = ListBuilder::new($builder);
            match portal.parameter::<Vec<Option<$value>>>(at, of)? {
                Some(values) => {
                    values.into_iter().for_each(|value| list.values().append_option(value));
                    list.append(true);
                }
                None => list.append(false),
            }
            Arc::new(list.finish()) as ArrayRef
        }};
    }
    Ok(match *of {
        Type::BOOL_ARRAY => list!(bool, BooleanBuilder::new()),
        Type::INT2_ARRAY => list!(i16, Int16Builder::new()),
        Type::INT4_ARRAY => list!(i32, Int32Builder::new()),
        Type::INT8_ARRAY => list!(i64, Int64Builder::new()),
        Type::FLOAT4_ARRAY => list!(f32, Float32Builder::new()),
        Type::FLOAT8_ARRAY => list!(f64, Float64Builder::new()),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::NAME_ARRAY | Type::BPCHAR_ARRAY => {
            list!(String, StringBuilder::new())
        }
        _ => return Err(invalid(at, &format!("values of type {} are not understood", of.name()))),
    })
}

/// The bytes as text.
fn text(portal: &Portal<Planned>, at: usize) -> PgWireResult<&str> {
    let bytes = portal.parameters[at].as_deref().unwrap_or_default();
    std::str::from_utf8(bytes).map_err(|error| invalid(at, &error.to_string()))
}

/// A number of any size as text: groups of four decimal digits, the first of which counts 10000 to the `weight`.
fn numeric(portal: &Portal<Planned>, at: usize) -> PgWireResult<String> {
    const NEGATIVE: u16 = 0x4000;
    const NAN: u16 = 0xC000;
    let bytes = portal.parameters[at].as_deref().unwrap_or_default();
    let words: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let [count, weight, sign, scale, digits @ ..] = words.as_slice() else {
        return Err(invalid(at, "it is too short for a number"));
    };
    if usize::from(*count) != digits.len() || digits.iter().any(|group| *group > 9_999) {
        return Err(invalid(at, "it is no number"));
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
        let behind: String = (1..=groups).map(|power| format!("{:04}", group(-power))).collect();
        text.push('.');
        text.push_str(&behind[..usize::from(*scale)]);
    }
    Ok(text)
}

/// PostgreSQL counts from 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_SECONDS: i64 = 10_957 * 86_400;

fn fixed<const N: usize>(portal: &Portal<Planned>, at: usize) -> PgWireResult<Option<[u8; N]>> {
    let bytes = portal.parameters[at].as_deref().map(<[u8; N]>::try_from).transpose();
    bytes.map_err(|_| invalid(at, &format!("it should have {N} bytes")))
}

/// A value as one of another type, which it has to be.
fn convert(at: usize, value: &ArrayRef, to: &DataType) -> PgWireResult<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(value, to, &options).map_err(|error| invalid(at, &error.to_string()))
}

/// What a type that a client declares is here; none for text, which is whatever the statement wants.
pub(super) fn arrow_type(of: &Type) -> Option<DataType> {
    Some(match *of {
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
