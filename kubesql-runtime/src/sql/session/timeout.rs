//! Durations of settings such as `statement_timeout`, parsed and formatted as in PostgreSQL.

/// Units and their lengths in microseconds, the longest first.
const UNITS: [(&str, f64); 6] = [("d", 86_400e6), ("h", 3_600e6), ("min", 60e6), ("s", 1e6), ("ms", 1e3), ("us", 1.0)];

/// PostgreSQL's maximum in milliseconds.
const MAX_MILLIS: f64 = 2_147_483_647.0;

/// Parses a duration to milliseconds. A number without a unit is in milliseconds.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = (text[..end].trim(), &text[end..]);
    let number: f64 = number.parse().ok()?;
    let micros = if unit.is_empty() { 1e3 } else { UNITS.iter().find(|(name, _)| *name == unit)?.1 };
    let millis = (number * micros / 1e3).round();
    (0.0..=MAX_MILLIS).contains(&millis).then_some(millis)
}

/// Formats milliseconds in the largest unit that gives a whole number.
pub(crate) fn format_millis(millis: f64) -> String {
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
    fn parses_and_formats_durations_as_postgresql() {
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
            assert_eq!(parse(text).map(format_millis).as_deref(), Some(shown), "{text}");
        }
        for invalid in ["", "-1", "soon", "5 weeks", "s", "1e99", "NaN", "inf"] {
            assert_eq!(parse(invalid), None, "{invalid}");
        }
    }
}
