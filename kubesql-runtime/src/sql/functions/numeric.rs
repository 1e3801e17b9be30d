//! Arithmetic that DataFusion does not have: division of decimal numbers, products of intervals, rounding to even.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, IntervalMonthDayNanoArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
    IntervalUnit, i256,
};
use arrow::error::ArrowError;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::{Doc, Function};
use crate::sql::error::invalid;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
const DAY: f64 = 86_400e9;

/// The digits of a quotient after the point. PostgreSQL computes 16 significant digits or more.
const QUOTIENT_SCALE: i8 = 16;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![divide(), scale_interval(), rint()]
}

/// The quotient of two decimal numbers.
pub(crate) fn divide() -> ScalarUDF {
    Function {
        name: "numeric_div",
        signature: Signature::any(2, Volatility::Immutable),
        returns: |arguments| {
            let scales: Vec<i8> = arguments.iter().filter_map(scale).collect();
            if scales.len() != arguments.len() {
                return Err("two numbers that are not floating-point");
            }
            let scale = scales.into_iter().fold(QUOTIENT_SCALE, i8::max);
            Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale))
        },
        run: |arguments| {
            let decimals: Vec<(ArrayRef, i8)> = arguments.iter().map(to_decimal).collect::<Result<_>>()?;
            let [(left, left_scale), (right, right_scale)] = &decimals[..] else {
                return invalid("22023", "two numbers are needed");
            };
            let scale = QUOTIENT_SCALE.max(*left_scale).max(*right_scale);
            let shift = i32::from(scale) - i32::from(*left_scale) + i32::from(*right_scale);
            let factor = i256::from_i128(10).wrapping_pow(shift.unsigned_abs());
            let (left, right) = (left.as_primitive::<Decimal128Type>(), right.as_primitive::<Decimal128Type>());
            let quotients = left.iter().zip(right).map(|(left, right)| match (left, right) {
                (Some(left), Some(right)) => quotient(left, right, factor).map(Some),
                _ => Ok(None),
            });
            let quotients: Decimal128Array = quotients.collect::<Result<Vec<_>>>()?.into();
            Ok(Arc::new(quotients.with_precision_and_scale(DECIMAL128_MAX_PRECISION, scale)?))
        },
        documentation: Doc {
            section: "Math Functions",
            description: "Returns the quotient of two decimal numbers, with 16 digits after the point. The operator `/` uses it implicitly.",
            syntax: "numeric_div(dividend, divisor)",
            example: "select numeric_div(10, 4.0)",
            arguments: &[("dividend", "a number"), ("divisor", "a number")],
        }
        .build(),
    }
    .udf()
}

/// Divides, and rounds half away from zero.
fn quotient(left: i128, right: i128, factor: i256) -> Result<i128> {
    if right == 0 {
        return Err(ArrowError::DivideByZero.into());
    }
    let (left, right) = (i256::from_i128(left).wrapping_mul(factor), i256::from_i128(right));
    let (mut whole, rest) = (left.wrapping_div(right), left.wrapping_rem(right));
    let double = rest.wrapping_abs().wrapping_mul(i256::from_i128(2));
    if double >= right.wrapping_abs() {
        let is_negative = (left < i256::ZERO) != (right < i256::ZERO);
        let one = i256::from_i128(if is_negative { -1 } else { 1 });
        whole = whole.wrapping_add(one);
    }
    match whole.to_i128() {
        Some(whole) if whole.unsigned_abs() < 10_u128.pow(u32::from(DECIMAL128_MAX_PRECISION)) => Ok(whole),
        _ => invalid("22003", "numeric out of range"),
    }
}

/// The digits after the point of an exact number.
fn scale(data_type: &DataType) -> Option<i8> {
    match data_type {
        DataType::Decimal128(_, scale) => Some(*scale),
        DataType::Null => Some(0),
        other => other.is_integer().then_some(0),
    }
}

fn to_decimal(array: &ArrayRef) -> Result<(ArrayRef, i8)> {
    let scale = scale(array.data_type()).unwrap_or_default();
    let decimals = cast(array, &DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale))?;
    Ok((decimals, scale))
}

/// The product of an interval and a number.
pub(crate) fn scale_interval() -> ScalarUDF {
    Function {
        name: "interval_mul",
        signature: Signature::one_of(vec![TypeSignature::Any(2)], Volatility::Immutable),
        returns: |arguments| match &arguments[0] {
            DataType::Interval(_) | DataType::Duration(_) | DataType::Null => Ok(INTERVAL),
            _ => Err("an interval and a number"),
        },
        run: |arguments| {
            let intervals = cast(&to_interval(&arguments[0])?, &INTERVAL)?;
            let factors = cast(&arguments[1], &DataType::Float64)?;
            let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
            let products = intervals.iter().zip(factors.as_primitive::<Float64Type>());
            let products = products.map(|(interval, factor)| match (interval, factor) {
                (Some(interval), Some(factor)) => scaled(interval, factor).map(Some),
                _ => Ok(None),
            });
            Ok(Arc::new(products.collect::<Result<IntervalMonthDayNanoArray>>()?))
        },
        documentation: Doc {
            section: "Time and Date Functions",
            description: "Returns the product of an interval and a number. The operators `*` and `/` of intervals use it implicitly.",
            syntax: "interval_mul(interval, number)",
            example: "select interval_mul(interval '1 day', 1.5)",
            arguments: &[("interval", "an interval"), ("number", "a number")],
        }
        .build(),
    }
    .udf()
}

/// Durations become days and a rest of a day, as PostgreSQL shows the difference of timestamps.
fn to_interval(array: &ArrayRef) -> Result<ArrayRef> {
    if !matches!(array.data_type(), DataType::Duration(_)) {
        return Ok(Arc::clone(array));
    }
    let nanos = cast(array, &DataType::Duration(arrow::datatypes::TimeUnit::Nanosecond))?;
    let nanos = nanos.as_primitive::<arrow::datatypes::DurationNanosecondType>();
    const DAY: i64 = 86_400_000_000_000;
    let interval = |nanos: i64| {
        let days = i32::try_from(nanos / DAY).unwrap_or(i32::MAX);
        IntervalMonthDayNano::new(0, days, nanos % DAY)
    };
    Ok(Arc::new(nanos.iter().map(|nanos| nanos.map(interval)).collect::<IntervalMonthDayNanoArray>()))
}

/// Multiplies each part. Fractions of months become days, and fractions of days become hours, as in PostgreSQL.
fn scaled(interval: IntervalMonthDayNano, factor: f64) -> Result<IntervalMonthDayNano> {
    let months = f64::from(interval.months) * factor;
    let days = f64::from(interval.days) * factor;
    // PostgreSQL rounds these fractions to microseconds of a day.
    let rounded = |value: f64| (value * 86_400e6).round() / 86_400e6;
    let month_days = rounded(months.fract() * 30.0);
    let day_rest = rounded(days.fract() + month_days.fract());
    #[allow(clippy::cast_precision_loss)]
    let nanos = (interval.nanoseconds as f64).mul_add(factor, day_rest.fract() * DAY);
    let days = days.trunc() + month_days.trunc() + day_rest.trunc();
    let nanos = (nanos / 1e3).round() * 1e3;
    let fits = |value: f64| value.is_finite() && value.abs() < f64::from(i32::MAX);
    if !fits(months) || !fits(days) || !nanos.is_finite() || nanos.abs() >= 9.2e18 {
        return invalid("22008", "interval out of range");
    }
    #[allow(clippy::cast_possible_truncation)]
    Ok(IntervalMonthDayNano::new(months.trunc() as i32, days as i32, nanos as i64))
}

/// Rounds to the nearest whole number, and half to even.
pub(crate) fn rint() -> ScalarUDF {
    Function {
        name: "rint",
        signature: Signature::one_of(vec![TypeSignature::Any(1)], Volatility::Immutable),
        returns: |arguments| match &arguments[0] {
            DataType::Float32 | DataType::Float64 | DataType::Null => Ok(DataType::Float64),
            _ => Err("a floating-point number"),
        },
        run: |arguments| {
            let numbers = cast(&arguments[0], &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>();
            Ok(Arc::new(numbers.iter().map(|number| number.map(f64::round_ties_even)).collect::<Float64Array>()))
        },
        documentation: Doc {
            section: "Math Functions",
            description: "Returns the nearest whole number; of two, the even one. `round` of floating-point numbers and their casts to whole numbers use it implicitly, as in PostgreSQL.",
            syntax: "rint(number)",
            example: "select rint(2.5::float8)",
            arguments: &[("number", "a floating-point number")],
        }
        .build(),
    }
    .udf()
}

/// Rounds a decimal number to a constant number of digits after the point, which are those of the result's type.
pub(crate) fn round_decimal(digits: i8) -> ScalarUDF {
    ScalarUDF::new_from_impl(RoundDecimal { digits, signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RoundDecimal {
    digits: i8,
    signature: Signature,
}

impl ScalarUDFImpl for RoundDecimal {
    fn name(&self) -> &'static str {
        "round"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let operands: Vec<String> = args.iter().map(|operand| operand.schema_name().to_string()).collect();
        Ok(format!("round({},{})", operands.join(","), self.digits))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, self.digits.max(0)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = args.args[0].to_array(args.number_rows)?;
        let (decimals, scale) = to_decimal(&array)?;
        // The digits that are dropped, and those that the result has more.
        let dropped = i32::from(scale) - i32::from(self.digits);
        let power = |exponent: i32| 10_i128.checked_pow(exponent.unsigned_abs());
        let added = i32::from(self.digits.max(0)) - i32::from(self.digits.min(scale));
        let rounded = decimals.as_primitive::<Decimal128Type>().iter().map(|number| {
            let Some(number) = number else { return Ok(None) };
            let kept = match power(dropped) {
                _ if dropped <= 0 => number,
                Some(unit) => {
                    let (whole, rest) = (number / unit, number % unit);
                    let is_half = rest.unsigned_abs() >= unit.unsigned_abs() - rest.unsigned_abs();
                    whole + if is_half { number.signum() } else { 0 }
                }
                None => 0,
            };
            match power(added).and_then(|unit| kept.checked_mul(unit)) {
                Some(number) => Ok(Some(number)),
                None => invalid("22003", "numeric out of range"),
            }
        });
        let rounded: Decimal128Array = rounded.collect::<Result<Vec<_>>>()?.into();
        let rounded = rounded.with_precision_and_scale(DECIMAL128_MAX_PRECISION, self.digits.max(0))?;
        Ok(ColumnarValue::Array(Arc::new(rounded)))
    }
}
