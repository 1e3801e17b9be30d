//! `similar_to_escape(pattern[, escape])`: the regular expression of a pattern of `SIMILAR TO`.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, Signature, TypeSignature, Volatility};

use super::{Doc, Function, is_text};
use crate::sql::error::invalid;

pub(super) fn function() -> ScalarUDF {
    Function {
        name: "similar_to_escape",
        signature: Signature::one_of(vec![TypeSignature::Any(1), TypeSignature::Any(2)], Volatility::Immutable),
        returns: |arguments| {
            if arguments.iter().all(is_text) { Ok(DataType::Utf8) } else { Err("a pattern and an escape character") }
        },
        run: |arguments| {
            let texts: Vec<_> = arguments.iter().map(|text| cast(text, &DataType::Utf8)).collect::<Result<_, _>>()?;
            let patterns = texts[0].as_string::<i32>();
            let escapes = texts.get(1).map(|escapes| escapes.as_string::<i32>());
            let mut converted = Vec::with_capacity(patterns.len());
            for row in 0..patterns.len() {
                let is_null = patterns.is_null(row) || escapes.is_some_and(|escapes| escapes.is_null(row));
                let escape = escapes.map_or("\\", |escapes| escapes.value(row));
                converted.push(if is_null { None } else { Some(to_regex(patterns.value(row), escape)?) });
            }
            Ok(Arc::new(StringArray::from(converted)))
        },
        documentation: Doc {
            section: "String Functions",
            description: "Returns the regular expression of a pattern of `SIMILAR TO`, which uses it implicitly.",
            syntax: "similar_to_escape(pattern[, escape])",
            example: "select 'abc' ~ similar_to_escape('a%')",
            arguments: &[("pattern", "a pattern"), ("escape", "the escape character, by default a backslash")],
        }
        .build(),
    }
    .udf()
}

/// Converts a pattern. `%` and `_` are wildcards; `|`, `*`, `+`, `?`, `{}`, `()` and `[]` mean the same as in regular
/// expressions; all other characters stand for themselves.
fn to_regex(pattern: &str, escape: &str) -> Result<String> {
    let mut characters = escape.chars();
    let (escape, None) = (characters.next(), characters.next()) else {
        return invalid("22025", "invalid escape string");
    };
    let mut regex = String::from("^(?s:");
    let mut chars = pattern.chars().peekable();
    let mut in_brackets = false;
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            match chars.next() {
                Some(literal) => push_literal(literal, &mut regex),
                None => return invalid("22025", "invalid escape sequence"),
            }
            continue;
        }
        match c {
            ']' if in_brackets => {
                in_brackets = false;
                regex.push(c);
            }
            // The same as in a regular expression, except that the regex crate nests brackets.
            '[' if in_brackets && !matches!(chars.peek(), Some(':')) => regex.push_str("\\["),
            '\\' | '&' | '~' if in_brackets => {
                regex.push('\\');
                regex.push(c);
            }
            _ if in_brackets => regex.push(c),
            '[' => {
                in_brackets = true;
                regex.push(c);
                if chars.next_if_eq(&'^').is_some() {
                    regex.push('^');
                }
            }
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            '(' => regex.push_str("(?:"),
            ')' | '|' | '*' | '+' | '?' | '{' | '}' => regex.push(c),
            literal => push_literal(literal, &mut regex),
        }
    }
    regex.push_str(")$");
    Ok(regex)
}

fn push_literal(c: char, regex: &mut String) {
    if c.is_ascii_punctuation() {
        regex.push('\\');
    }
    regex.push(c);
}
