//! Names of Arrow types in the messages of libraries, replaced by their names in SQL.
//!
//! The names are replaced for display only. No decision depends on them.

/// Names of types without parameters, and of times. A name that contains another precedes it.
const NAMES: [(&str, &str); 18] = [
    ("Timestamp(µs, \"UTC\")", "timestamp with time zone"),
    ("Timestamp(ns, \"UTC\")", "timestamp with time zone"),
    ("Timestamp(µs)", "timestamp"),
    ("Timestamp(ns)", "timestamp"),
    ("Interval(MonthDayNano)", "interval"),
    ("Duration(ns)", "interval"),
    ("Duration(µs)", "interval"),
    ("Time64(ns)", "time"),
    ("LargeUtf8", "text"),
    ("Utf8View", "text"),
    ("Utf8", "text"),
    ("Boolean", "boolean"),
    ("Float64", "double precision"),
    ("UInt64", "bigint"),
    ("Int64", "bigint"),
    ("Int32", "integer"),
    ("Date32", "date"),
    ("BinaryView", "bytea"),
];

/// Types with parameters.
const COMPOSITE: [&str; 8] =
    ["LargeList(", "FixedSizeList(", "ListView(", "List(", "Map(", "Struct(", "Dictionary(", "Decimal128("];

/// Replaces names of Arrow types in a message by their names in SQL.
pub(crate) fn with_sql_types(message: &str) -> String {
    let message = NAMES.iter().fold(message.to_owned(), |message, (arrow, sql)| message.replace(arrow, sql));
    replace_composite(&message)
}

fn replace_composite(message: &str) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some((at, head)) = COMPOSITE.iter().filter_map(|head| Some((rest.find(head)?, *head))).min() {
        let Some(length) = closing(&rest[at + head.len()..]) else { break };
        let parameters = &rest[at + head.len()..at + head.len() + length];
        out.push_str(&rest[..at]);
        out.push_str(&match head {
            "Map(" => "map".to_owned(),
            "Struct(" => "record".to_owned(),
            "Decimal128(" => "numeric".to_owned(),
            "Dictionary(" => replace_composite(parameters.split_once(", ").map_or(parameters, |(_, value)| value)),
            _ => format!("{}[]", replace_composite(item_type(parameters))),
        });
        rest = &rest[at + head.len() + length + 1..];
    }
    out.push_str(rest);
    out
}

/// The length of the text before the parenthesis that closes one.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
        None
    })
}

/// The type of the items among the parameters of a list: `4 x non-null text, field: 'item'`.
fn item_type(parameters: &str) -> &str {
    let item = parameters.split(", field:").next().unwrap_or(parameters);
    let item = item.split_once(" x ").map_or(item, |(_, item)| item);
    item.trim_start_matches("nullable ").trim_start_matches("non-null ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_names_in_sql() {
        for (message, expected) in [
            ("cannot cast Utf8View to Timestamp(µs, \"UTC\")", "cannot cast text to timestamp with time zone"),
            ("List(non-null Int64, field: 'x') = Utf8", "bigint[] = text"),
            ("List(List(Utf8)) and Decimal128(38, 10)", "text[][] and numeric"),
            (
                "Map(\"entries\": non-null Struct(\"key\": non-null Utf8, \"value\": Utf8), unsorted) + Int64",
                "map + bigint",
            ),
            ("FixedSizeList(2 x Int32)", "integer[]"),
            ("Dictionary(Int32, Utf8)", "text"),
            ("the function f(x)", "the function f(x)"),
            ("List(", "List("),
        ] {
            assert_eq!(with_sql_types(message), expected, "{message}");
        }
    }
}
