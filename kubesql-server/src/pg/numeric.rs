//! Decimal numbers in the binary format of PostgreSQL, with all their digits. `rust_decimal`, which pgwire uses, has 28.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use pgwire::api::Type;
use pgwire::types::ToSqlText;
use pgwire::types::format::FormatOptions;
use postgres_types::{IsNull, ToSql, accepts, to_sql_checked};

/// Decimal digits in one digit of the format.
const DIGITS: usize = 4;
const NEGATIVE: u16 = 0x4000;

/// A number as text, without an exponent.
#[derive(Debug)]
pub(super) struct Numeric<'a>(pub(super) &'a str);

impl ToSql for Numeric<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let (sign, number) = self.0.strip_prefix('-').map_or((0, self.0), |number| (NEGATIVE, number));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let groups_before = whole.len().div_ceil(DIGITS);
        let groups_after = fraction.len().div_ceil(DIGITS);
        let (before, after) = (groups_before * DIGITS, groups_after * DIGITS);
        let padded = format!("{whole:0>before$}{fraction:0<after$}");
        let groups = padded
            .as_bytes()
            .chunks(DIGITS)
            .map(|group| std::str::from_utf8(group)?.parse::<u16>().map_err(Into::into));
        let groups = groups.collect::<Result<Vec<u16>, Box<dyn Error + Sync + Send>>>()?;
        let leading = groups.iter().take_while(|group| **group == 0).count();
        let trailing = groups[leading..].iter().rev().take_while(|group| **group == 0).count();
        let groups = &groups[leading..groups.len() - trailing];
        let weight = i16::try_from(groups_before)? - i16::try_from(leading)? - 1;
        out.put_i16(i16::try_from(groups.len())?);
        out.put_i16(if groups.is_empty() { 0 } else { weight });
        out.put_u16(if groups.is_empty() { 0 } else { sign });
        out.put_i16(i16::try_from(fraction.len())?);
        groups.iter().for_each(|group| out.put_u16(*group));
        Ok(IsNull::No)
    }

    accepts!(NUMERIC);
    to_sql_checked!();
}

impl ToSqlText for Numeric<'_> {
    fn to_sql_text(
        &self,
        _: &Type,
        out: &mut BytesMut,
        _: &FormatOptions,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The bytes that PostgreSQL 15 sends.
    #[test]
    fn encodes_numbers_like_postgresql() {
        for (text, expected) in [
            ("-12.5", &[2, 0, 0x4000, 1, 12, 5000][..]),
            ("0.00", &[0, 0, 0, 2]),
            ("10000", &[1, 1, 0, 0, 1]),
            ("0.00001", &[1, 0xfffe, 0, 5, 1000]),
            ("123456789012345678901234567890", &[8, 7, 0, 0, 12, 3456, 7890, 1234, 5678, 9012, 3456, 7890]),
        ] {
            let mut bytes = BytesMut::new();
            Numeric(text).to_sql(&Type::NUMERIC, &mut bytes).expect("a number");
            let words: Vec<u16> = bytes.chunks(2).map(|word| u16::from_be_bytes([word[0], word[1]])).collect();
            assert_eq!(words, expected, "{text}");
        }
    }
}
