//! Fuzz target: parses any text as a quantity, and compares it with slow decimal arithmetic.
#![allow(unreachable_pub, missing_docs, reason = "also used by the fuzz targets")]

use num_bigint::BigUint;

use crate::value::{quantity, time};

/// Runs the target on a text.
pub fn run(text: &str) {
    // Parsing a time must not panic either.
    let _ = time::parse(text);
    let parsed = quantity::parse(text);
    let expected = oracle(text);
    assert_eq!(parsed.is_some(), expected.is_some(), "{text}");
    let (Some(parsed), Some(expected)) = (parsed, expected) else { return };
    let (number, units) = (parsed.to_f64(), parsed.base_units());
    let Expected::Nanos { negative, nanos } = expected else { return };
    let billion = BigUint::from(1_000_000_000u32);
    let rounded = (&nanos + &billion - 1u32) / &billion;
    let size = i64::try_from(rounded).unwrap_or(i64::MAX);
    assert_eq!(units, if negative { -size } else { size }, "{text}");
    let size = format!("{nanos}e-9").parse::<f64>().expect("a number").min(f64::MAX);
    assert_eq!(number, if negative { -size } else { size }, "{text}");
}

enum Expected {
    /// In units of 1e-9.
    Nanos { negative: bool, nanos: BigUint },
    /// Too large or too small for this arithmetic.
    Extreme,
}

fn oracle(text: &str) -> Option<Expected> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || whole.len() + fraction.len() == 0 {
        return None;
    }
    let two = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().position(|known| *known == suffix);
    let ten = [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
    let ten = match ten.iter().find(|(known, _)| *known == suffix) {
        Some((_, ten)) => *ten,
        None if two.is_some() => 0,
        None => {
            let exponent = suffix.strip_prefix('e').or(suffix.strip_prefix('E'))?;
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return None;
            }
            match exponent.parse::<i64>() {
                Ok(exponent) if exponent.unsigned_abs() < 5000 => exponent,
                _ => return Some(Expected::Extreme),
            }
        }
    };
    let mut nanos: BigUint = format!("0{whole}{fraction}").parse().expect("digits");
    if let Some(two) = two {
        nanos <<= 10 * (two + 1);
    }
    let scale = ten + 9 - i64::try_from(fraction.len()).ok()?;
    let power = BigUint::from(10u32).pow(u32::try_from(scale.abs()).ok()?);
    nanos = if scale >= 0 { nanos * power } else { (nanos + &power - 1u32) / power };
    if two.is_some() {
        nanos = nanos.min(BigUint::from(i64::MAX as u64) * 1_000_000_000u32);
    }
    Some(Expected::Nanos { negative, nanos })
}
