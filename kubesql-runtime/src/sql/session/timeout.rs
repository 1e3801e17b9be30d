//! Lengths of time of settings like `statement_timeout`, read and written as PostgreSQL does.

/// Microseconds of each unit, the largest first.
const UNITS: [(&str, f64); 6] = [("d", 86_400e6), ("h", 3_600e6), ("min", 60e6), ("s", 1e6), ("ms", 1e3), ("us", 1.0)];

/// PostgreSQL's maximum in milliseconds.
const LONGEST: f64 = 2_147_483_647.0;

/// Milliseconds of a number with or without a unit; a number without one is milliseconds.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = (text[..end].trim(), &text[end..]);
    let number: f64 = number.parse().ok()?;
    let micros = if unit.is_empty() { 1e3 } else { UNITS.iter().find(|(name, _)| *name == unit)?.1 };
    let millis = (number * micros / 1e3).round();
    (0.0..=LONGEST).contains(&millis).then_some(millis)
}

/// The number in the largest unit of which it is a whole number.
pub(crate) fn show(millis: f64) -> String {
    let whole = |(_, micros): &&(&str, f64)| millis > 0.0 && (millis * 1e3) % micros == 0.0;
    match UNITS.iter().find(whole) {
        Some((unit, micros)) => format!("{}{unit}", millis * 1e3 / micros),
        None => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_times_as_postgresql_does() {
        for (text, shown) in [
            ("0", "0"),
            ("100", "100ms"),
            ("5000", "5s"),
            ("90s", "90s"),
            ("60000", "1min"),
            ("1.5 s", "1500ms"),
            ("2h", "2h"),
            ("1d", "1d"),
            ("1500us", "2ms"),
        ] {
            assert_eq!(parse(text).map(show).as_deref(), Some(shown), "{text}");
        }
        for wrong in ["", "-1", "soon", "5 weeks", "s", "1e99", "NaN", "inf"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
