//! Values of parameters from the wire, each as an array of one element.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit};
use kubesql_runtime::sql::Prepared;
use pgwire::api::Type;
use pgwire::api::portal::Portal;
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};

use super::{encode, failure};

/// The values that a client bound.
pub(super) fn decode(portal: &Portal<Prepared>) -> PgWireResult<Vec<ArrayRef>> {
    let statement = &portal.statement;
    let wanted = &statement.statement.parameters;
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

fn read(portal: &Portal<Prepared>, at: usize, of: &Type) -> PgWireResult<ArrayRef> {
    if portal.parameters.get(at).is_some_and(Option::is_none) {
        return Ok(new_null_array(&DataType::Utf8, 1));
    }
    if !portal.parameter_format.is_binary(at) {
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
        _ => return Err(invalid(at, &format!("binary values of type {} are not understood", of.name()))),
    })
}

/// PostgreSQL counts from 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_SECONDS: i64 = 10_957 * 86_400;

fn fixed<const N: usize>(portal: &Portal<Prepared>, at: usize) -> PgWireResult<Option<[u8; N]>> {
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
        _ => return None,
    })
}

fn invalid(at: usize, message: &str) -> PgWireError {
    let message = format!("parameter ${}: {message}", at + 1);
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), "22P02".to_owned(), message)))
}
