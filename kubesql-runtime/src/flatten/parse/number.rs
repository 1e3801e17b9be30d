//! Parsing of numbers and quantities.

use super::{Malformed, Parser, SyntaxError};
use crate::flatten::mismatch::Expected;
use crate::value::quantity;

impl Parser<'_> {
    /// Reads a 64-bit integer; `30.0` and `3e1` are integers. Another value is skipped, and the result is `None`.
    #[inline(always)]
    pub fn int64(&mut self) -> Result<Option<i64>, Malformed> {
        self.integer(Expected::Int64)
    }

    /// Reads a 32-bit integer.
    #[inline(always)]
    pub fn int32(&mut self) -> Result<Option<i32>, Malformed> {
        self.peek();
        let at = self.at;
        let Some(number) = self.integer(Expected::Int32)? else {
            return Ok(None);
        };
        let number = i32::try_from(number).ok();
        if number.is_none() {
            self.add_mismatch(at, Expected::Int32);
        }
        Ok(number)
    }

    #[inline(always)]
    fn integer(&mut self, expected: Expected) -> Result<Option<i64>, Malformed> {
        let negative = self.peek() == b'-';
        let start = self.at + usize::from(negative);
        let mut at = start;
        let mut number = 0i64;
        loop {
            let digit = self.byte(at).wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
            at += 1;
        }
        // Up to 18 digits cannot overflow.
        if at == start || at - start > 18 || matches!(self.byte(at), b'.' | b'e' | b'E') {
            return self.integer_slow(expected);
        }
        self.at = at;
        Ok(Some(if negative { -number } else { number }))
    }

    #[cold]
    #[inline(never)]
    fn integer_slow(&mut self, expected: Expected) -> Result<Option<i64>, Malformed> {
        if !matches!(self.peek(), b'-' | b'0'..=b'9') {
            return self.mismatch(expected);
        }
        let at = self.at;
        let number = quantity::parse(self.number()?).and_then(|number| number.exact_i64());
        if number.is_none() {
            self.add_mismatch(at, expected);
        }
        Ok(number)
    }

    /// Reads a number within the range of a double.
    pub fn float(&mut self) -> Result<Option<f64>, Malformed> {
        if !matches!(self.peek(), b'-' | b'0'..=b'9') {
            return self.mismatch(Expected::Number);
        }
        let at = self.at;
        let number = self.number()?.parse().ok().filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.add_mismatch(at, Expected::Number);
        }
        Ok(number)
    }

    /// Reads a Kubernetes quantity, which is text or a number, as a double.
    pub fn quantity(&mut self) -> Result<Option<f64>, Malformed> {
        let byte = self.peek();
        let at = self.at;
        let text = match byte {
            b'"' => self.string()?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return self.mismatch(Expected::Quantity),
        };
        let quantity = quantity::parse(text).map(|quantity| quantity.to_f64());
        if quantity.is_none() {
            self.add_mismatch(at, Expected::Quantity);
        }
        Ok(quantity)
    }

    /// Reads a quantity as it is written, without parsing it.
    #[inline]
    pub(crate) fn quantity_text(&mut self) -> Result<Option<&str>, Malformed> {
        match self.peek() {
            b'"' => self.string().map(Some),
            b'-' | b'0'..=b'9' => self.number().map(Some),
            _ => self.mismatch(Expected::Quantity),
        }
    }

    /// Reads a number as it is written.
    pub(super) fn number(&mut self) -> Result<&str, Malformed> {
        let start = self.at;
        self.at += usize::from(self.byte(self.at) == b'-');
        self.digits()?;
        if self.byte(self.at) == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(self.at), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(self.at), b'-' | b'+'));
            self.digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.byte(self.at).is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { self.malformed(SyntaxError::ExpectedDigit) } else { Ok(()) }
    }
}
