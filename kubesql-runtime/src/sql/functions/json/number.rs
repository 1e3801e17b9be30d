//! JSON numbers as decimal digits, with the rules of PostgreSQL's `numeric`.

use std::cmp::Ordering;

/// Maximum number of digits before and after the decimal point, as in PostgreSQL.
const MAX_DIGITS: i64 = 131_072;

/// Writes a JSON number without an exponent. Zeros after the decimal point are kept, and `-0` is `0`.
pub(super) fn normal(number: &str) -> String {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let negative = mantissa.starts_with('-');
    let (whole, fraction) =
        mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa.trim_start_matches('-'), ""));
    let limit = if exponent.starts_with('-') { -MAX_DIGITS } else { MAX_DIGITS };
    let exponent = exponent.trim_start_matches('+').parse::<i64>().unwrap_or(limit).clamp(-MAX_DIGITS, MAX_DIGITS);
    let digits = format!("{whole}{fraction}");
    let count = i64::try_from(whole.len()).unwrap_or(MAX_DIGITS);
    // The position of the decimal point in the digits.
    let point = count + exponent;
    let length = i64::try_from(digits.len()).unwrap_or(MAX_DIGITS);
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    let (whole, fraction) = if point <= 0 {
        ("0".to_owned(), format!("{}{digits}", zeros(-point)))
    } else if point >= length {
        (format!("{digits}{}", zeros(point - length)), String::new())
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        (whole.to_owned(), fraction.to_owned())
    };
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let is_zero = whole == "0" && fraction.bytes().all(|digit| digit == b'0');
    let sign = if negative && !is_zero { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// Compares two numbers without exponents.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    match (a.strip_prefix('-'), b.strip_prefix('-')) {
        (None, None) => compare_positive(a, b),
        (Some(a), Some(b)) => compare_positive(b, a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
    }
}

fn compare_positive(a: &str, b: &str) -> Ordering {
    let parts = |number: &'_ str| -> (usize, String) {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        (whole.len(), format!("{whole}{}", fraction.trim_end_matches('0')))
    };
    let ((a_length, a), (b_length, b)) = (parts(a), parts(b));
    a_length.cmp(&b_length).then_with(|| a.cmp(&b))
}

/// Rounds a number without exponent to a whole number, halves away from zero; `None` if it does not fit 64 bits.
pub(super) fn to_integer(number: &str) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let value: i64 = whole.parse().ok()?;
    if fraction.as_bytes().first().is_none_or(|digit| *digit < b'5') {
        return Some(value);
    }
    if number.starts_with('-') { value.checked_sub(1) } else { value.checked_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_integers() {
        for (number, expect) in [
            ("1.5", Some(2)),
            ("-1.5", Some(-2)),
            ("-0.4", Some(0)),
            ("-0.5", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775807.5", None),
            ("9223372036854775808", None),
        ] {
            assert_eq!(to_integer(number), expect, "{number}");
        }
    }

    #[test]
    fn numbers_are_compared_by_value() {
        for (a, b, expect) in [
            ("1.0", "1", Ordering::Equal),
            ("0.5", "0.25", Ordering::Greater),
            ("-2", "-10", Ordering::Greater),
            ("-1", "0", Ordering::Less),
            ("10", "9.99", Ordering::Greater),
        ] {
            assert_eq!(compare(a, b), expect, "{a} {b}");
        }
    }
}
