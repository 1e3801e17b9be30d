//! `to_char(x, 'YYYY-MM-DD')` of PostgreSQL and `date_format(x, '%Y-%m-%d')` of Presto.
//!
//! DataFusion's `to_char` only supports patterns of strftime, so patterns are translated.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::functions::datetime::to_char;
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

use super::{Doc, invalid_value};

pub(super) fn functions() -> [ScalarUDF; 3] {
    let arguments = &[("expression", "a date or a timestamp"), ("pattern", "the pattern")];
    let postgres = Doc {
        section: "Time and Date Functions",
        description: "Formats a date or timestamp with a pattern of PostgreSQL (`YYYY-MM-DD HH24:MI:SS`) or, if it \
                      contains a %, of strftime.",
        syntax: "to_char(expression, pattern)",
        example: "select name, to_char(creationtimestamp, 'YYYY-MM-DD') from pods",
        arguments,
    };
    let presto = Doc {
        section: "Time and Date Functions",
        description: "Formats a date or timestamp with a pattern of MySQL, as in Presto: `%Y-%m-%d %H:%i:%s`.",
        syntax: "date_format(expression, pattern)",
        example: "select date_format(creationtimestamp, '%Y-%m'), count(*) from pods group by 1",
        arguments,
    };
    let joda = Doc {
        section: "Time and Date Functions",
        description: "Formats a date or timestamp with a pattern of Joda-Time, as in Presto: `yyyy-MM-dd HH:mm:ss`.",
        syntax: "format_datetime(expression, pattern)",
        example: "select format_datetime(creationtimestamp, 'yyyy-MM-dd') from pods",
        arguments,
    };
    [
        ("to_char", translate_postgres as Translate, postgres),
        ("date_format", translate_mysql, presto),
        ("format_datetime", translate_joda, joda),
    ]
    .map(|(name, translate, documentation)| {
        let signature = to_char().signature().clone();
        ScalarUDF::new_from_impl(Format { name, signature, translate, documentation: documentation.build() })
    })
}

/// Translates a pattern to strftime's.
type Translate = fn(&str) -> Result<String>;

/// DataFusion's `to_char` with another pattern language.
#[derive(Debug)]
struct Format {
    name: &'static str,
    signature: Signature,
    translate: Translate,
    documentation: Documentation,
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

impl Hash for Format {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Format {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        to_char().return_type(arguments)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let pattern = match args.args.pop() {
            Some(ColumnarValue::Scalar(ScalarValue::Utf8(Some(pattern)))) => {
                ColumnarValue::Scalar(ScalarValue::Utf8(Some((self.translate)(&pattern)?)))
            }
            Some(ColumnarValue::Array(patterns)) if patterns.data_type() == &DataType::Utf8 => {
                let patterns = patterns.as_string::<i32>().iter();
                let translated = patterns.map(|pattern| pattern.map(self.translate).transpose());
                ColumnarValue::Array(Arc::new(translated.collect::<Result<StringArray>>()?))
            }
            Some(other) => other,
            None => return internal_err!("{} was called without arguments", self.name),
        };
        args.args.push(pattern);
        to_char().invoke_with_args(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Case-insensitive patterns of PostgreSQL and their strftime equivalents. Longer patterns precede their prefixes.
const POSTGRES: [(&str, &str); 19] = [
    ("FMDD", "%-d"),
    ("FMMM", "%-m"),
    ("FMHH24", "%-H"),
    ("IYYY", "%G"),
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("IW", "%V"),
    ("ID", "%u"),
    ("MM", "%m"),
    ("MI", "%M"),
    ("MS", "%3f"),
    ("DDD", "%j"),
    ("DD", "%d"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("HH", "%I"),
    ("SS", "%S"),
    ("US", "%6f"),
    ("OF", "%:z"),
];

/// Patterns whose case determines the case of the output.
const CASE_SENSITIVE: [(&str, &str); 8] = [
    ("FMMonth", "%B"),
    ("FMDay", "%A"),
    ("Mon", "%b"),
    ("Dy", "%a"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("am", "%P"),
    ("pm", "%P"),
];

fn translate_postgres(pattern: &str) -> Result<String> {
    if pattern.contains('%') {
        return Ok(pattern.to_owned());
    }
    let mut translated = String::new();
    let mut rest = pattern;
    while let Some(next) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = quoted.split_once('"').unwrap_or((quoted, ""));
            translated.push_str(text);
            rest = after;
            continue;
        }
        let starts = |word: &str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let word = CASE_SENSITIVE.iter().find(|(word, _)| rest.starts_with(word));
        let found = word.or_else(|| POSTGRES.iter().find(|(word, _)| starts(word)));
        let length = match found {
            Some((word, meaning)) => {
                translated.push_str(meaning);
                word.len()
            }
            None if next.is_alphabetic() => {
                return invalid_value(format!(
                    "to_char: unknown pattern \"{rest}\" (put literal text in double quotes)"
                ));
            }
            None => {
                translated.push(next);
                next.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Ok(translated)
}

/// Translates a pattern of Joda-Time: a run of one letter is a field, and text in quotes is literal.
fn translate_joda(pattern: &str) -> Result<String> {
    let mut translated = String::new();
    let mut rest = pattern;
    while let Some(next) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('\'') {
            if let Some(after) = quoted.strip_prefix('\'') {
                translated.push('\'');
                rest = after;
                continue;
            }
            let Some((text, after)) = quoted.split_once('\'') else {
                return invalid_value("format_datetime: the pattern has an open quote");
            };
            translated.push_str(&text.replace('%', "%%"));
            rest = after;
            continue;
        }
        if !next.is_ascii_alphabetic() {
            translated.push_str(if next == '%' { "%%" } else { "" });
            translated.extend((next != '%').then_some(next));
            rest = &rest[next.len_utf8()..];
            continue;
        }
        let count = rest.chars().take_while(|c| *c == next).count();
        translated.push_str(match (next, count) {
            ('y' | 'Y', 2) => "%y",
            ('y' | 'Y', 1 | 4) => "%Y",
            ('x', 1 | 4) => "%G",
            ('w', 1) => "%-V",
            ('w', 2) => "%V",
            ('M', 1) => "%-m",
            ('M', 2) => "%m",
            ('M', 3) => "%b",
            ('M', 4..) => "%B",
            ('d', 1) => "%-d",
            ('d', 2) => "%d",
            ('D', 3) => "%j",
            ('D', 1) => "%-j",
            ('e', 1) => "%u",
            ('E', 1..=3) => "%a",
            ('E', 4..) => "%A",
            ('H', 1) => "%-H",
            ('H', 2) => "%H",
            ('h', 1) => "%-I",
            ('h', 2) => "%I",
            ('m', 1) => "%-M",
            ('m', 2) => "%M",
            ('s', 1) => "%-S",
            ('s', 2) => "%S",
            ('S', 3) => "%3f",
            ('S', 6) => "%6f",
            ('a', 1) => "%p",
            ('Z', 1) => "%z",
            ('Z', 2) => "%:z",
            ('z', 1..=3) => "UTC",
            _ => return invalid_value(format!("format_datetime: unknown pattern \"{}\"", &rest[..count])),
        });
        rest = &rest[count..];
    }
    Ok(translated)
}

fn translate_mysql(pattern: &str) -> Result<String> {
    let mut translated = String::new();
    let mut chars = pattern.chars();
    while let Some(next) = chars.next() {
        if next != '%' {
            translated.push(next);
            continue;
        }
        translated.push_str(match chars.next() {
            Some('Y') => "%Y",
            Some('y') => "%y",
            Some('m') => "%m",
            Some('c') => "%-m",
            Some('M') => "%B",
            Some('b') => "%b",
            Some('d') => "%d",
            Some('e') => "%-d",
            Some('j') => "%j",
            Some('H') => "%H",
            Some('k') => "%-H",
            Some('h' | 'I') => "%I",
            Some('l') => "%-I",
            Some('i') => "%M",
            Some('s' | 'S') => "%S",
            Some('f') => "%6f",
            Some('p') => "%p",
            Some('T') => "%H:%M:%S",
            Some('r') => "%I:%M:%S %p",
            Some('W') => "%A",
            Some('a') => "%a",
            Some('v') => "%V",
            Some('x') => "%G",
            Some('%') => "%%",
            Some(other) => return invalid_value(format!("date_format: unknown pattern \"%{other}\"")),
            None => return invalid_value("date_format: the pattern ends with \"%\""),
        });
    }
    Ok(translated)
}
