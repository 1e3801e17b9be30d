//! Arrays of the values of all objects.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, IntervalMonthDayNanoArray, StringViewArray, TimestampMicrosecondArray};
use arrow::datatypes::IntervalMonthDayNano;

use super::fields::Fields;

const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;

pub(super) fn texts(object: &Fields<'_>, value: impl FnMut(usize) -> Option<String>) -> ArrayRef {
    Arc::new((0..object.rows()).map(value).collect::<StringViewArray>())
}

pub(super) fn integers(object: &Fields<'_>, value: impl FnMut(usize) -> Option<i64>) -> ArrayRef {
    Arc::new((0..object.rows()).map(value).collect::<Int64Array>())
}

/// Times in microseconds since 1970.
pub(super) fn times(object: &Fields<'_>, value: impl FnMut(usize) -> Option<i64>) -> ArrayRef {
    Arc::new((0..object.rows()).map(value).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// Lengths of time in microseconds, as days and seconds of a day. Most times of the API are whole seconds.
pub(super) fn intervals(object: &Fields<'_>, mut micros: impl FnMut(usize) -> Option<i64>) -> ArrayRef {
    let interval = |micros: i64| {
        let days = i32::try_from(micros / DAY).ok()?;
        Some(IntervalMonthDayNano::new(0, days, micros % DAY / SECOND * SECOND * 1000))
    };
    Arc::new((0..object.rows()).map(|row| interval(micros(row)?)).collect::<IntervalMonthDayNanoArray>())
}

/// The value that a field's type has where the field is absent: an empty text is no value.
pub(super) fn some_text(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}
