//! `date(x)` of Presto.

use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use datafusion::logical_expr::{ScalarUDF, Signature, TypeSignature, Volatility};

use super::{Doc, Function};

pub(super) fn function() -> ScalarUDF {
    Function {
        name: "date",
        signature: Signature::one_of(vec![TypeSignature::Any(1)], Volatility::Immutable),
        returns: |arguments| match &arguments[0] {
            DataType::Utf8View | DataType::Utf8 | DataType::LargeUtf8 => Ok(DataType::Date32),
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) | DataType::Null => Ok(DataType::Date32),
            _ => Err("a text, a timestamp or a date"),
        },
        run: |arguments| {
            // Most texts are literals of the statement, so an invalid one is an error instead of NULL.
            let options = CastOptions { safe: false, ..CastOptions::default() };
            Ok(cast_with_options(&arguments[0], &DataType::Date32, &options)?)
        },
        documentation: Doc {
            section: "Time and Date Functions",
            description: "Returns the date of a text (`2020-05-12`) or of a timestamp in UTC. In comparisons with timestamps it is midnight.",
            syntax: "date(expression)",
            example: "select name from pods where creationtimestamp > date('2020-05-12')",
            arguments: &[("expression", "a text, a timestamp or a date")],
        }
        .build(),
    }
    .udf()
}
