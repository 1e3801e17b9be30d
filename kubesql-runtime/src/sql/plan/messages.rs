//! SQLSTATEs of errors that DataFusion and Arrow report as text only.
//!
//! An error without an entry has the SQLSTATE of its kind. The tests against PostgreSQL fail if a text changes.

/// Parts of messages, and the SQLSTATE of errors whose message contains them. The first that fits counts.
const STATES: &[(&str, &str)] = &[
    ("must appear in the GROUP BY clause", "42803"),
    ("Aggregate functions are not allowed", "42803"),
    ("Aggregate function calls cannot be nested", "42803"),
    ("Cannot find column with position", "42P10"),
    ("Order by column out of bounds", "42P10"),
    ("Order by index starts at 1", "42P10"),
    ("For SELECT DISTINCT, ORDER BY", "42P10"),
    ("LIMIT must be >= 0", "2201W"),
    ("OFFSET must be >=0", "2201X"),
    ("queries have different number of columns", "42601"),
    ("Inconsistent data length across values list", "42601"),
    ("Cannot create filter with non-boolean predicate", "42804"),
    ("requires a boolean expression", "42804"),
    ("Unary operator '-' only supports", "42883"),
    ("Cannot coerce arithmetic expression", "42883"),
    ("Cannot infer common", "42883"),
    ("regex parse error", "2201B"),
    ("square root of a negative number", "2201F"),
    ("zero raised to a negative power", "2201F"),
    ("factorial of a negative number", "22003"),
    ("too large to store in a Decimal", "22003"),
    ("too small to store in a Decimal", "22003"),
    ("Can't cast value", "22003"),
    ("is out of range", "22003"),
    ("logical expression WindowFunction", "42P20"),
    ("logical expression AggregateFunction", "42803"),
    ("syntax for type interval", "22007"),
    ("Date part '", "22023"),
    ("Unsupported date_trunc granularity", "22023"),
    ("Unable to parse date from", "22008"),
    ("field position must not be zero", "22023"),
    ("negative count not allowed", "22011"),
    ("There is no built-in encoding", "22023"),
    ("Failed to decode value using", "22023"),
    ("Unsupported SQL type", "42704"),
];

/// Returns the SQLSTATE of a message.
pub(super) fn sqlstate(message: &str) -> Option<&'static str> {
    if let Some(rest) =
        message.strip_prefix("Cannot cast string '").or_else(|| message.strip_prefix("Error parsing timestamp from '"))
    {
        return Some(of_text(rest, message));
    }
    STATES.iter().find(|(part, _)| message.contains(part)).map(|(_, state)| *state)
}

/// The SQLSTATE of a text that is not a value of a type. `rest` begins with the text.
fn of_text(rest: &str, message: &str) -> &'static str {
    let text = rest.split('\'').next().unwrap_or_default().trim();
    let is_time = message.starts_with("Error") || message.ends_with("date type") || message.contains("Time64");
    let is_number = text.parse::<f64>().is_ok() && !text.contains('.');
    match (is_time, is_number) {
        (true, _) if text.starts_with(|c: char| c.is_ascii_digit()) => "22008",
        (true, _) => "22007",
        (false, true) => "22003",
        (false, false) => "22P02",
    }
}

/// Returns the text of an error whose message shows expressions of DataFusion.
pub(super) fn text(code: &str, message: &str) -> Option<&'static str> {
    match code {
        _ if !message.contains("logical expression") => None,
        "42P20" => Some("window functions are not allowed here"),
        "42803" => Some("aggregate functions are not allowed here"),
        _ => None,
    }
}
