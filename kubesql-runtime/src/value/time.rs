//! RFC 3339 times.

/// Parses an RFC 3339 time into microseconds since 1970 in UTC.
///
/// Accepts any offset, any number of decimals (truncated to microseconds), lower-case `t` and `z`, and the leap second
/// 60, which equals the following second. Rejects everything else: invalid dates, hours above 23, blanks, and a missing
/// offset.
pub fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (head, rest) = bytes.split_at_checked(19)?;
    let marks = head[4] == b'-' && head[7] == b'-' && head[10] | 0x20 == b't' && head[13] == b':' && head[16] == b':';
    if !marks {
        return None;
    }
    let year = two(head, 0)? * 100 + two(head, 2)?;
    let (month, day) = (two(head, 5)?, two(head, 8)?);
    let (hour, minute, second) = (two(head, 11)?, two(head, 14)?, two(head, 17)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    let (micros, rest) = match rest.split_first()? {
        (b'.', decimals) => fraction(decimals)?,
        _ => (0, rest),
    };
    Some((seconds - offset(rest)?) * 1_000_000 + micros)
}

/// The two-digit number at an index.
#[inline(always)]
fn two(bytes: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (bytes[at].wrapping_sub(b'0'), bytes[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// The microseconds of one or more decimals, and the rest of the text.
fn fraction(decimals: &[u8]) -> Option<(i64, &[u8])> {
    let end = decimals.iter().position(|b| !b.is_ascii_digit())?;
    let mut unit = 100_000;
    let mut micros = 0;
    for digit in &decimals[..end] {
        micros += i64::from(digit - b'0') * unit;
        unit /= 10;
    }
    (end > 0).then_some((micros, &decimals[end..]))
}

/// An offset in seconds east of UTC.
fn offset(text: &[u8]) -> Option<i64> {
    match text {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (two(text, 1)?, two(text, 4)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3_600 + minutes * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, computed in years that begin in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    before + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn valid_times() {
        let table = [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:01z", 1_000_000),
            ("1969-12-31T23:59:59.5Z", -500_000),
            ("2020-05-12t01:02:03Z", 1_589_245_323_000_000),
            ("2020-05-12T01:02:03.123456Z", 1_589_245_323_123_456),
            ("2020-05-12T01:02:03.123456789Z", 1_589_245_323_123_456),
            ("2020-05-12T01:02:03.1Z", 1_589_245_323_100_000),
            ("2020-05-12T03:02:03+02:00", 1_589_245_323_000_000),
            ("2020-05-11T19:32:03-05:30", 1_589_245_323_000_000),
            ("2020-05-12T03:02:03.000001+02:00", 1_589_245_323_000_001),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
            ("0000-03-01T00:00:00Z", -62_162_035_200_000_000),
        ];
        for (text, micros) in table {
            assert_eq!(parse(text), Some(micros), "{text}");
        }
    }

    #[test]
    fn invalid_times() {
        let table = [
            "",
            "2020-05-12",
            "2020-05-12T01:02:03",
            "2020-05-12 01:02:03Z",
            "2020-13-12T01:02:03Z",
            "2020-00-12T01:02:03Z",
            "2020-02-30T01:02:03Z",
            "2021-02-29T01:02:03Z",
            "1900-02-29T01:02:03Z",
            "2020-04-31T01:02:03Z",
            "2020-05-00T01:02:03Z",
            "2020-05-12T24:02:03Z",
            "2020-05-12T01:60:03Z",
            "2020-05-12T01:02:61Z",
            "2020-05-12T01:02:03.Z",
            "2020-05-12T01:02:03.123",
            "2020-05-12T01:02:03+0200",
            "2020-05-12T01:02:03+24:00",
            "2020-05-12T01:02:03+02:60",
            "2020-05-12T01:02:03ZZ",
            "2020-05-12T01:02:03Z ",
            "+020-05-12T01:02:03Z",
            "2020/05/12T01:02:03Z",
            "２020-05-12T01:02:03Z",
            "202é-05-12T01:02:03Z",
        ];
        for text in table {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn days_are_consecutive() {
        let mut expected = super::days_since_1970(1600, 1, 1);
        for year in 1600..2400 {
            for month in 1..=12 {
                for day in 1..=super::days_in(year, month) {
                    assert_eq!(super::days_since_1970(year, month, day), expected, "{year}-{month}-{day}");
                    expected += 1;
                }
            }
        }
    }
}
