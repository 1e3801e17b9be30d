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

/// Returns a message in the words of PostgreSQL, and its SQLSTATE; `None` if it has none of the texts that show types and
/// expressions of the libraries.
pub(super) fn plain(message: &str) -> Option<(String, &'static str)> {
    let message = message.strip_prefix("internal error: ").unwrap_or(message);
    let message = message.strip_prefix("Execution error: ").unwrap_or(message);
    let after = |text: &str| message.split_once(text).map(|(_, rest)| rest);
    let between = |before: &str, end: &str| after(before)?.split_once(end).map(|(found, _)| found);
    let no_operator = |operation: String| (format!("operator does not exist: {operation}"), "42883");
    if let Some(operation) = between("Cannot coerce arithmetic expression ", " to valid types")
        .or_else(|| after("Cannot infer common argument type for comparison operation "))
    {
        return Some(no_operator(operation.to_owned()));
    }
    for (before, operator) in [("There isn't a common type to coerce ", "like"), ("Failed to coerce types ", "between")]
    {
        if let Some((left, right)) = after(before).and_then(|types| types.split_once(" and "))
            && let Some((right, _)) = right.rsplit_once(" in ")
        {
            return Some(no_operator(format!("{left} {operator} {right}")));
        }
    }
    if message.starts_with("Binary operator '") || message.starts_with("Unsupported binary operator") {
        return Some(("operator does not exist for these types".to_owned(), "42883"));
    }
    if let Some(call) = between("No function matches the given name and argument types '", "'") {
        return Some((format!("function {call} does not exist"), "42883"));
    }
    if let Some(name) = between("Function '", "' failed to match any signature") {
        return Some((format!("function {name} does not take these arguments"), "42883"));
    }
    if let Some((data_type, name)) = after("Unsupported data type ").and_then(|rest| rest.split_once(" for function "))
    {
        return Some((format!("function {name}({data_type}) does not exist"), "42883"));
    }
    if let Some((from, to)) = after("Unsupported CAST from ").and_then(|types| types.split_once(" to ")) {
        return Some((format!("cannot cast type {from} to {to}"), "42846"));
    }
    if let Some((first, second)) =
        between("Failed to coerce then (", ") to common types").and_then(|types| types.split_once(") and else ("))
    {
        return Some((format!("CASE types {first} and {second} cannot be matched"), "42804"));
    }
    if let Some(text) = between("Error parsing timestamp from '", "'") {
        let code = of_text(text, "Error");
        return Some((format!("invalid input syntax for type timestamp: \"{text}\""), code));
    }
    if let Some(data_type) = after("Cannot create filter with non-boolean predicate ")
        .and_then(|rest| rest.rsplit_once(" returning "))
        .map(|(_, data_type)| data_type)
    {
        return Some((format!("argument of WHERE must be type boolean, not type {data_type}"), "42804"));
    }
    if let Some(name) = after("Unsupported SQL type ") {
        return Some((format!("type \"{name}\" does not exist"), "42704"));
    }
    if let Some((unit, units)) =
        after("Unsupported date_trunc granularity: '").and_then(|rest| rest.split_once("'. Supported values are: "))
    {
        return Some((format!("unit \"{unit}\" not recognized; the units are {units}"), "22023"));
    }
    if let Some(data_type) = between("Min/Max accumulator not implemented for type ", ".") {
        return Some((format!("functions min and max do not exist for type {data_type}"), "42883"));
    }
    if let Some(column) = between("While expanding wildcard, column \"", "\"") {
        let rest = "must appear in the GROUP BY clause or be used in an aggregate function";
        return Some((format!("column \"{column}\" {rest}"), "42803"));
    }
    let texts = [
        ("Aggregate function calls cannot be nested", "aggregate function calls cannot be nested", "42803"),
        (
            "HAVING clause references",
            "columns in HAVING must appear in the GROUP BY clause or be used in an aggregate function",
            "42803",
        ),
        ("grouping function is not in grouping", "arguments of GROUPING must be in the GROUP BY clause", "42803"),
        ("Substring without for/from", "function substring needs a start or a length", "42883"),
        ("does not support logical expression Wildcard", "* is not allowed here", "42601"),
        ("to store in a Decimal", "numeric field overflow", "22003"),
        ("Uncomparable values", "values of this type cannot be compared", "42883"),
        ("cannot take square root of a negative number", "cannot take square root of a negative number", "2201F"),
        ("Assertion failed", "an expression has types that cannot be combined", "42804"),
    ];
    texts.iter().find(|(part, ..)| message.contains(part)).map(|(_, text, code)| ((*text).to_owned(), *code))
}

/// Removes the request to report a bug from the message of an internal error.
pub(super) fn without_report(message: &str) -> String {
    let message = message.split(" This issue was likely caused by a bug").next().unwrap_or(message);
    message.replacen("Internal error:", "internal error:", 1)
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
