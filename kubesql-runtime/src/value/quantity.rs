//! Kubernetes quantities (`100m`, `1.5Gi`, `129e6`) in exact decimal arithmetic.
//!
//! Values are the same as those of Kubernetes' own parser: fractions finer than 1e-9 are rounded away from zero, and the
//! magnitude of a number with a binary suffix is capped at 2^63 - 1.

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

/// A syntactically valid quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity<'t> {
    negative: bool,
    /// Digits before the point.
    whole: &'t str,
    /// Digits after the point.
    fraction: &'t str,
    /// The power of ten of the suffix or exponent, clamped to ±[`MAX_EXPONENT`].
    ten: i64,
    /// The power of two of a binary suffix; 0 without one.
    two: u32,
}

/// Larger exponents are equivalent: the value is beyond every double, or below 1e-9, however many digits there are (a
/// text has fewer than this).
const MAX_EXPONENT: i64 = 1 << 40;

/// The exponent of the finest fraction that Kubernetes keeps.
const NANO: i64 = -9;

/// The powers of ten that a double represents exactly.
const EXACT_TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Parses a quantity: `<sign>? <digits, with a point anywhere> <suffix>?`, with at least one digit and without
/// blanks. Suffixes are `n u m k M G T P E`, `Ki Mi Gi Ti Pi Ei` and decimal exponents (`e3`, `E-3`).
pub fn parse(text: &str) -> Option<Quantity<'_>> {
    let bytes = text.as_bytes();
    let digits_from = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let start = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole_end = digits_from(start);
    let (fraction_start, fraction_end) = if bytes.get(whole_end) == Some(&b'.') {
        (whole_end + 1, digits_from(whole_end + 1))
    } else {
        (whole_end, whole_end)
    };
    if whole_end == start && fraction_end == fraction_start {
        return None;
    }
    let (ten, two) = suffix(&text[fraction_end..])?;
    Some(Quantity {
        negative: bytes[0] == b'-',
        whole: &text[start..whole_end],
        fraction: &text[fraction_start..fraction_end],
        ten,
        two,
    })
}

/// The powers of ten and of two of a suffix.
fn suffix(text: &str) -> Option<(i64, u32)> {
    Some(match text {
        "" => (0, 0),
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        _ => {
            let exponent = text.strip_prefix(['e', 'E'])?;
            let (negative, digits) = match exponent.as_bytes().first()? {
                b'-' => (true, &exponent[1..]),
                b'+' => (false, &exponent[1..]),
                _ => (false, exponent),
            };
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            // There are only digits, so that parsing can only fail for numbers that are too large.
            let size = digits.parse::<i64>().unwrap_or(MAX_EXPONENT).min(MAX_EXPONENT);
            (if negative { -size } else { size }, 0)
        }
    })
}

impl Quantity<'_> {
    /// The value in cores, for `cpu`: the double nearest to the exact value, so that `100m` is 0.1.
    pub fn cores(&self) -> f64 {
        self.to_f64()
    }

    /// The double nearest to the exact value, at most the largest finite double.
    pub fn to_f64(&self) -> f64 {
        let size = self.short_f64().unwrap_or_else(|| self.long_f64());
        if self.negative { -size } else { size }
    }

    /// The value in base units, rounded away from zero to an integer as by Kubernetes' `Value()` (`1m` is 1, `-1500m` is
    /// -2), and capped at ±(2^63 - 1), the maximal magnitude that Kubernetes documents.
    pub fn base_units(&self) -> i64 {
        let size = self.short_units().unwrap_or_else(|| self.long_units());
        if self.negative { -size } else { size }
    }

    /// The exact value if it is an integer that fits, without rounding or capping.
    pub(crate) fn exact_i64(&self) -> Option<i64> {
        let (digits, scale) = self.decimal();
        let significant = digits.trim_end_matches('0');
        let scale = scale + i64::try_from(digits.len() - significant.len()).ok()?;
        if significant.is_empty() {
            return Some(0);
        }
        let power = u32::try_from(scale).ok()?;
        let size = significant.parse::<i128>().ok()?.checked_mul(10i128.checked_pow(power)?)?;
        i64::try_from(if self.negative { -size } else { size }).ok()
    }

    /// The digits as one number and its power of ten, if there are at most 18 digits.
    fn short(&self) -> Option<(u64, i64)> {
        if self.whole.len() + self.fraction.len() > 18 {
            return None;
        }
        let digits = self.whole.bytes().chain(self.fraction.bytes());
        let number = digits.fold(0u64, |n, digit| n * 10 + u64::from(digit - b'0'));
        Some((number, self.ten - i64::try_from(self.fraction.len()).ok()?))
    }

    /// The value as a double by one correctly rounded operation, if the number and the power are exact doubles.
    fn short_f64(&self) -> Option<f64> {
        let (number, scale) = self.short()?;
        // Below 2^53. Converted in two halves, since only 32-bit integers convert to doubles without a lossy cast.
        if number >= 1 << 53 || scale < NANO || self.two > 0 {
            return None;
        }
        let high = f64::from(u32::try_from(number >> 32).ok()?);
        let low = f64::from(u32::try_from(number & u64::from(u32::MAX)).ok()?);
        let number = high * 4_294_967_296.0 + low;
        let tens = EXACT_TENS.get(usize::try_from(scale.abs()).ok()?)?;
        Some(if scale < 0 { number / tens } else { number * tens })
    }

    fn short_units(&self) -> Option<i64> {
        let (number, scale) = self.short()?;
        let number = u128::from(number) << self.two;
        let power = 10u128.checked_pow(u32::try_from(scale.abs()).ok()?)?;
        let units = if scale < 0 { number.div_ceil(power) } else { number.checked_mul(power)? };
        Some(i64::try_from(units).unwrap_or(i64::MAX))
    }

    /// The decimal digits of the value, with the power of two applied and without leading zeros, and their power of ten.
    /// Neither rounded nor capped.
    fn decimal(&self) -> (String, i64) {
        let digits = [self.whole, self.fraction].concat();
        let mut digits: Vec<u8> = digits.trim_start_matches('0').bytes().rev().map(|digit| digit - b'0').collect();
        for _ in 0..self.two / 10 {
            let mut carry = 0u32;
            for digit in &mut digits {
                let product = u32::from(*digit) * 1024 + carry;
                *digit = (product % 10).to_le_bytes()[0];
                carry = product / 10;
            }
            while carry > 0 {
                digits.push((carry % 10).to_le_bytes()[0]);
                carry /= 10;
            }
        }
        let digits = digits.iter().rev().map(|digit| char::from(digit + b'0')).collect();
        (digits, self.ten - i64::try_from(self.fraction.len()).unwrap_or(MAX_EXPONENT))
    }

    /// The decimal, rounded away from zero to a multiple of 10^`finest`.
    fn rounded(&self, finest: i64) -> (String, i64) {
        let (digits, scale) = self.decimal();
        if scale >= finest || digits.is_empty() {
            return (digits, scale);
        }
        let cut = usize::try_from(finest - scale).unwrap_or(usize::MAX).min(digits.len());
        let (kept, dropped) = digits.split_at(digits.len() - cut);
        if dropped.bytes().all(|digit| digit == b'0') {
            return (kept.to_owned(), finest);
        }
        (increment(kept), finest)
    }

    fn long_f64(&self) -> f64 {
        let (digits, scale) = self.rounded(NANO);
        if digits.is_empty() {
            return 0.0;
        }
        let value = format!("{digits}e{scale}").parse().unwrap_or(f64::MAX).min(f64::MAX);
        if self.two > 0 { value.min(9_223_372_036_854_775_807.0) } else { value }
    }

    fn long_units(&self) -> i64 {
        let (digits, scale) = self.rounded(0);
        if digits.is_empty() {
            return 0;
        }
        let power = u32::try_from(scale).ok().and_then(|scale| 10i64.checked_pow(scale));
        let units = digits.parse::<i64>().ok().zip(power).and_then(|(number, power)| number.checked_mul(power));
        units.unwrap_or(i64::MAX)
    }
}

/// Adds one to a number in decimal digits.
fn increment(digits: &str) -> String {
    let kept = digits.trim_end_matches('9');
    let mut sum: Vec<char> = match kept.char_indices().next_back() {
        Some((at, last)) => {
            let next = char::from_digit(last.to_digit(10).unwrap_or(0) + 1, 10).unwrap_or('9');
            kept[..at].chars().chain([next]).collect()
        }
        None => vec!['1'],
    };
    sum.extend(std::iter::repeat_n('0', digits.len() - kept.len()));
    sum.into_iter().collect()
}
