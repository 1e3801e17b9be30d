//! Single Arrow values as text or JSON, the same in every format.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};

use crate::failure::output_error;

/// RFC 3339. Timestamps without a zone are UTC.
const UTC: &str = "%Y-%m-%dT%H:%M:%S%.fZ";

/// JSON encoding: NULLs are written, times end in `Z`, and numbers that JSON cannot express are strings.
pub(crate) fn json_options() -> EncoderOptions {
    let options = EncoderOptions::default().with_explicit_nulls(true).with_timestamp_format(UTC.to_owned());
    options.with_encoder_factory(Arc::new(Floats))
}

/// Encodes `NaN` and the infinities as strings, as PostgreSQL does; NULL would be another value.
#[derive(Debug)]
struct Floats;

impl EncoderFactory for Floats {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        static PLAIN: LazyLock<EncoderOptions> = LazyLock::new(EncoderOptions::default);
        let special: Box<dyn Fn(usize) -> Option<&'static str> + 'a> = match array.data_type() {
            DataType::Float32 => Box::new(|row| special(array.as_primitive::<Float32Type>().value(row).into())),
            DataType::Float64 => Box::new(|row| special(array.as_primitive::<Float64Type>().value(row))),
            _ => return Ok(None),
        };
        let plain = make_encoder(field, array, &PLAIN)?;
        Ok(Some(NullableEncoder::new(Box::new(FloatEncoder { special, plain }), array.nulls().cloned())))
    }
}

fn special(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_nan() => Some("\"NaN\""),
        f64::INFINITY => Some("\"Infinity\""),
        f64::NEG_INFINITY => Some("\"-Infinity\""),
        _ => None,
    }
}

struct FloatEncoder<'a> {
    special: Box<dyn Fn(usize) -> Option<&'static str> + 'a>,
    plain: NullableEncoder<'a>,
}

impl Encoder for FloatEncoder<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        match (self.special)(row) {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => self.plain.encode(row, out),
        }
    }
}

/// An encoder of an array's values as JSON.
pub(crate) fn json_encoder<'a>(
    field: &'a FieldRef,
    array: &'a dyn Array,
    options: &'a EncoderOptions,
) -> io::Result<NullableEncoder<'a>> {
    make_encoder(field, array, options).map_err(output_error)
}

/// Whether values are lists, maps or structs, also inside of dictionaries.
pub(crate) fn is_nested(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_nested(values),
        other => other.is_nested(),
    }
}

/// Whether values are numbers, which tables align to the right.
pub(crate) fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_number(values),
        other => other.is_numeric(),
    }
}

/// Writes the values of one column as text; lists and maps as JSON.
pub(crate) enum TextWriter<'a> {
    Plain { nulls: Option<NullBuffer>, formatter: ArrayFormatter<'a> },
    Json(NullableEncoder<'a>),
}

impl<'a> TextWriter<'a> {
    pub(crate) fn new(field: &'a FieldRef, array: &'a ArrayRef, options: &'a EncoderOptions) -> io::Result<Self> {
        if is_nested(array.data_type()) {
            return Ok(Self::Json(json_encoder(field, array.as_ref(), options)?));
        }
        let format = FormatOptions::new()
            .with_display_error(true)
            .with_timestamp_format(Some(UTC))
            .with_duration_format(DurationFormat::Pretty);
        let formatter = ArrayFormatter::try_new(array.as_ref(), &format).map_err(output_error)?;
        // Logical nulls: the value of a dictionary's key may be NULL as well.
        Ok(Self::Plain { nulls: array.logical_nulls(), formatter })
    }

    /// Replaces `text` with the value's text; `None` for NULL.
    pub(crate) fn write<'t>(&mut self, row: usize, text: &'t mut String) -> Option<&'t str> {
        text.clear();
        match self {
            Self::Plain { nulls, .. } if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) => return None,
            // Writing to a String cannot fail; errors of values are part of the text.
            Self::Plain { formatter, .. } => _ = write!(text, "{}", formatter.value(row)),
            Self::Json(encoder) if encoder.is_null(row) => return None,
            Self::Json(encoder) => {
                let mut bytes = std::mem::take(text).into_bytes();
                encoder.encode(row, &mut bytes);
                *text = String::from_utf8(bytes).expect("JSON is UTF-8");
            }
        }
        Some(text)
    }
}
